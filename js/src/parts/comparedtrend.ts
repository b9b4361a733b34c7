/** How runs went: the duration of each, and the medians of the most expensive prefixes against the first run's. */

import { ratioText, type Compared, type ComparedPrefix } from '../core/compared';
import { duration } from '../core/format';
import { roundTicks } from '../core/memory';
import { colourOf } from '../core/palette';
import { h } from './elements';
import { svg } from './svg';

/** Prefixes that have a line: more are not told apart. */
const LINES = 8;
const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [58, 12, 8, 22, 170];
const DASHES = ['', '6 3', '2 3', '8 3 2 3'];
const LONGEST = 60;

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashes: string;
  readonly values: readonly number[];
}

/** The two charts; they draw themselves anew when their width changes. */
export function trendCharts(compared: Compared, signal: AbortSignal): HTMLElement[] {
  const labels = compared.runs.map(({ label }) => label);
  const whole = compared.figures.find(({ name }) => name === 'duration');
  const charts: HTMLElement[] = [];
  if (whole) {
    const values = whole.values.map(value => value ?? NaN);
    const line = { name: 'duration', colour: 'var(--dasklens-brand)', dashes: '', values };
    charts.push(chart('Duration', labels, [line], duration, signal));
  }
  const lines = compared.prefixes.filter(relative).slice(0, LINES).map(lineOf);
  if (lines.length > 0) {
    charts.push(chart(`Median a task, times that of ${labels[0]}`, labels, lines, ratioText, signal));
  }
  return charts;
}

/** Whether there is a first median to compare with. */
function relative({ medians }: ComparedPrefix): boolean {
  return (medians[0] ?? 0) > 0 && medians.some((median, i) => i > 0 && median !== null);
}

function lineOf({ prefix, medians }: ComparedPrefix, i: number): Line {
  const first = medians[0] as number;
  return {
    name: prefix,
    colour: colourOf(prefix),
    // Prefixes may share a colour.
    dashes: DASHES[i % DASHES.length],
    values: medians.map(median => (median === null ? NaN : median / first))
  };
}

function chart(
  title: string,
  labels: readonly string[],
  lines: readonly Line[],
  text: (value: number) => string,
  signal: AbortSignal
): HTMLElement {
  const said = lines.map(
    ({ name, values }) => `${name}: ${values.map(v => (v === v ? text(v) : '–')).join(', ')}`
  );
  const plot = h('div', {
    class: 'dasklens-trendplot',
    role: 'img',
    'aria-label': `${title}. ${said.join('. ')}`
  });
  const legend = h('div', { class: 'dasklens-trendkey', 'aria-hidden': 'true' });
  if (lines.length > 1) {
    legend.append(...lines.map(keyOf));
  }
  const draw = (): void => {
    const width = plot.clientWidth;
    if (width > LEFT + RIGHT) {
      plot.replaceChildren(drawn(labels, lines, width, text));
    }
  };
  if (typeof ResizeObserver !== 'undefined') {
    const observer = new ResizeObserver(draw);
    observer.observe(plot);
    signal.addEventListener('abort', () => observer.disconnect());
  }
  return h('figure', { class: 'dasklens-trend' }, h('figcaption', {}, title), plot, legend);
}

function keyOf({ name, colour, dashes }: Line): HTMLElement {
  const sample = svg('svg', { width: '22', height: '8', 'aria-hidden': 'true' });
  sample.append(svg('line', { x1: '0', x2: '22', y1: '4', y2: '4', ...lookOf(colour, dashes) }));
  const text = name.length > LONGEST ? `${name.slice(0, LONGEST)}…` : name;
  return h('span', { title: text }, sample, h('bdi', { class: 'dasklens-cut' }, text));
}

function lookOf(colour: string, dashes: string): Record<string, string> {
  return {
    class: 'dasklens-trendline',
    style: `stroke:${colour}`,
    ...(dashes && { 'stroke-dasharray': dashes })
  };
}

function drawn(
  labels: readonly string[],
  lines: readonly Line[],
  width: number,
  text: (value: number) => string
): SVGElement {
  const most =
    lines.flatMap(({ values }) => values.filter(Number.isFinite)).reduce((a, b) => Math.max(a, b), 0) || 1;
  const top = most * 1.1;
  const bottom = HEIGHT - BOTTOM;
  const step = (width - LEFT - RIGHT) / Math.max(1, labels.length - 1);
  const x = (i: number): number => LEFT + i * step;
  const y = (value: number): number => bottom - (value / top) * (bottom - TOP);
  const all = svg('svg', { width: String(width), height: String(HEIGHT), 'aria-hidden': 'true' });
  for (const value of roundTicks(top, 4)) {
    const at = y(value).toFixed(1);
    all.append(
      svg('line', { class: 'grid', x1: String(LEFT), x2: String(width - RIGHT), y1: at, y2: at }),
      words(text(value), LEFT - 6, Number(at) + 4, 'end')
    );
  }
  const room = Math.max(1, Math.ceil(60 / step));
  labels.forEach((label, i) => {
    const last = i === labels.length - 1;
    if (i % room === 0 || last) {
      const short = label.length > 12 ? `${label.slice(0, 11)}…` : label;
      all.append(words(short, x(i), HEIGHT - 6, last ? 'end' : i === 0 ? 'start' : 'middle'));
    }
  });
  for (const { name, colour, dashes, values } of lines) {
    all.append(svg('path', { d: pathOf(values, x, y), fill: 'none', ...lookOf(colour, dashes) }));
    values.forEach((value, i) => {
      if (Number.isFinite(value)) {
        const point = svg('circle', {
          cx: x(i).toFixed(1),
          cy: y(value).toFixed(1),
          r: '3.5',
          style: `fill:${colour}`
        });
        const title = svg('title', {});
        title.textContent = `${name.slice(0, LONGEST)}, ${labels[i]}: ${text(value)}`;
        point.append(title);
        all.append(point);
      }
    });
  }
  return all;
}

function pathOf(values: readonly number[], x: (i: number) => number, y: (value: number) => number): string {
  let path = '';
  let down = false;
  values.forEach((value, i) => {
    if (Number.isFinite(value)) {
      path += `${down ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    }
    down = Number.isFinite(value);
  });
  return path;
}

function words(text: string, x: number, y: number, anchor: string): SVGElement {
  const element = svg('text', { x: x.toFixed(1), y: y.toFixed(1), 'text-anchor': anchor });
  element.textContent = text;
  return element;
}
