/** A flame graph in words: what the pointer is on, and the text alternative. */

import type { CallTree } from './calltree';
import { clock, counted, duration, thousands } from './format';
import type { Flame } from './flame';

/** What the pointer is on, and what is kept of a click. Shares are 0 to 1. */
export interface HoveredFrame {
  readonly node: number;
  readonly name: string;
  readonly file: string;
  /** Where it was seen first, or where it begins; 0 when unknown. */
  readonly line: number;
  readonly source: string;
  readonly library: string;
  readonly samples: number;
  readonly own: number;
  /** NaN when unknown. */
  readonly seconds: number;
  readonly share: number;
  readonly parentShare: number;
  /** Of a comparison: the samples before, and the change of the share. */
  readonly before: number | null;
  readonly change: number | null;
  /** Frames that share the pixel with it, and the share of them all. */
  readonly together: { readonly count: number; readonly share: number } | null;
  readonly path: readonly string[];
}

/** Longest text shown: names may be a page long. */
const LONGEST = 300;
const LONGEST_SOURCE = 160;

export function frameOf(flame: Flame, tree: CallTree, node: number): HoveredFrame {
  const { nodes, samples } = flame;
  const fn = flame.functionOf(node);
  const origin = nodes.origin[node];
  const total = nodes.total[node];
  const parent = node === 0 ? 0 : nodes.parent[node];
  const above = nodes.total[parent];
  const root = node === 0;
  return {
    node,
    name: root ? 'all' : fn.name,
    file: root ? '' : fn.file,
    line: root ? 0 : tree.lineOf(origin) || fn.line,
    source: root ? '' : tree.sourceOf(origin),
    library: root ? '' : fn.library,
    samples: total,
    own: flame.own(node),
    seconds: tree.about.interval > 0 ? total * tree.about.interval : NaN,
    share: samples > 0 ? total / samples : 0,
    parentShare: above > 0 ? total / above : 0,
    before: nodes.before ? nodes.before[node] : null,
    change: nodes.before ? flame.change(node) : null,
    together: null,
    path: flame.pathTo(node).map(each => (each === 0 ? 'all' : flame.functionOf(each).name))
  };
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 99.95 || value < 0.005 ? value.toFixed(0) : value.toPrecision(value < 1 ? 2 : 3)} %`;
}

/** A change of a share, with its sign, in percent points. */
export function points(change: number): string {
  const value = change * 100;
  const size = Math.abs(value);
  const text = size < 0.005 ? '0' : size < 1 ? size.toPrecision(2) : size.toPrecision(3);
  return `${text === '0' ? '±' : value > 0 ? '+' : '−'}${text} %`;
}

export function placeOf({ file, line }: { file: string; line: number }): string {
  return file ? `${file}${line > 0 ? `:${line}` : ''}` : '';
}

export function linesOf(frame: HoveredFrame): string[] {
  const cut = (text: string, most = LONGEST): string =>
    text.length > most ? `${text.slice(0, most)}…` : text;
  const lines = [cut(flat(frame.name))];
  const place = placeOf(frame);
  if (place) {
    // The end of a path says more than its beginning.
    const where = place.length > LONGEST ? `…${place.slice(-LONGEST)}` : place;
    lines.push(frame.library ? `${flat(where)} (${cut(frame.library, 60)})` : flat(where));
  }
  if (frame.source) {
    lines.push(cut(flat(frame.source), LONGEST_SOURCE));
  }
  lines.push(...numbersOf(frame));
  if (frame.together) {
    const { count, share } = frame.together;
    lines.push(
      `and ${counted(count - 1, 'other frame')} in this pixel, together ${percent(share)}; zoom in to see them`
    );
  }
  return lines;
}

/** How much, in lines. */
export function numbersOf(frame: HoveredFrame): string[] {
  if (frame.change !== null) {
    const before = thousands(frame.before ?? 0);
    const verdict = changeInWords(frame.change);
    return [
      `${points(frame.change)} of all samples: ${verdict}`,
      `${counted(frame.samples, 'sample')}, before ${before}`
    ];
  }
  const seconds = Number.isFinite(frame.seconds) ? `, ${duration(frame.seconds)}` : '';
  const own = frame.own > 0 ? `, ${thousands(frame.own)} in itself` : '';
  const shares = [`${percent(frame.share)} of all`];
  if (frame.path.length > 2) {
    shares.push(`${percent(frame.parentShare)} of ${flat(frame.path[frame.path.length - 2]).slice(0, 60)}`);
  }
  return [`${counted(frame.samples, 'sample')}${seconds}${own}`, shares.join(', ')];
}

function changeInWords(change: number): string {
  return Math.abs(change) < 5e-5 ? 'as before' : change > 0 ? 'more than before' : 'less than before';
}

/** Names may hold line ends. */
export function flat(text: string): string {
  return text.replace(/\s+/g, ' ');
}

/** Functions named. */
const NAMED = 3;

export function describeFlame(flame: Flame, tree: CallTree, view: string, zoom: number): string {
  const what = tree.before
    ? 'Comparison of two profiles'
    : view === 'inverted'
      ? 'Inverted profile'
      : 'Profile';
  const widest = Array.from(flame.childrenOf(zoom))
    .slice(0, NAMED)
    .map(
      node => `${flat(flame.functionOf(node).name).slice(0, 60)} ${percent(flame.wide[node] / flame.width)}`
    );
  const { time } = tree.timeline;
  const until = time.length > 0 ? ` until ${clock(time[time.length - 1])}` : '';
  const inside = zoom > 0 ? ` Zoomed to ${flat(flame.functionOf(zoom).name).slice(0, 60)}.` : '';
  const called = widest.length > 0 ? ` Widest: ${widest.join(', ')}.` : '';
  return `${what}: ${counted(flame.samples, 'sample')}${until}, ${counted(flame.lanes.length - 1, 'frame')} deep.${inside}${called}`;
}
