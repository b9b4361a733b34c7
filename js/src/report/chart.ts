/** Lines over time in SVG: totals of a cluster, with what they are at the pointer. */

import { clock } from '../core/format';
import { roundTicks } from '../core/memory';
import { timeTicks } from '../core/ticks';
import { h, say } from '../parts/elements';
import { svg } from '../parts/svg';
import { cut, NAME, named } from './cut';
import type { Unit } from './document';
import { inUnit } from './values';

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
  /** The lower edge of a band; without one it is a line. */
  readonly low?: readonly number[];
  readonly dashed?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly unit: Unit;
  /** Seconds since the epoch, growing. */
  readonly time: readonly number[];
  readonly series: readonly Series[];
  /** What the width shows. */
  readonly from: number;
  readonly to: number;
  /** In words, below it. */
  readonly note?: string;
  readonly height?: number;
  /** Whether its lines are named beside its title; they are unless something else names them. */
  readonly legend?: boolean;
}

const HEIGHT = 132;
const LEFT = 72;
const RIGHT = 10;
const TOP = 6;
const BOTTOM = 20;
/** Points of a line: more than pixels would only cost. */
const MOST_POINTS = 1200;

/** A chart's element; it draws itself whenever its width changes. */
export function chartOf(whole: Chart): HTMLElement {
  const chart = within(whole);
  const tall = chart.height ?? HEIGHT;
  const readout = h('span', { class: 'readout', 'aria-live': 'off' });
  const plot = h('div', { class: 'plot', role: 'img', 'aria-label': spoken(chart) });
  const names = chart.legend === false ? [] : legendOf(chart);
  const legend = h('div', { class: 'legend', 'aria-hidden': 'true' }, ...names);
  plot.style.height = `${tall}px`;
  const caption = h('figcaption', {}, h('b', {}, chart.title), legend, readout);
  const figure = h('figure', { class: 'chart' }, caption, plot);
  if (chart.note) {
    figure.append(h('p', { class: 'note' }, chart.note));
  }
  let cursor: SVGElement | null = null;
  const draw = (): void => {
    const width = plot.clientWidth;
    if (width > LEFT + RIGHT) {
      const drawn = drawnOf(chart, width);
      cursor = svg('line', { class: 'cursor', y1: String(TOP), y2: String(tall - BOTTOM) });
      drawn.append(cursor);
      plot.replaceChildren(drawn);
    }
  };
  if (typeof ResizeObserver !== 'undefined') {
    new ResizeObserver(draw).observe(plot);
  }
  plot.addEventListener('pointermove', event => {
    const { left, width } = plot.getBoundingClientRect();
    const part = (event.clientX - left - LEFT) / Math.max(1, width - LEFT - RIGHT);
    const at = nearest(chart.time, chart.from + part * (chart.to - chart.from));
    if (at >= 0 && cursor) {
      const x = String(placeOf(chart, width)(chart.time[at]));
      cursor.setAttribute('x1', x);
      cursor.setAttribute('x2', x);
      cursor.classList.add('shown');
      say(readout, `${clock(chart.time[at], 1)}: ${valuesAt(chart, at)}`);
    }
  });
  plot.addEventListener('pointerleave', () => {
    cursor?.classList.remove('shown');
    say(readout, '');
  });
  return figure;
}

/** What lies within the stretch; a line that leads out of it ends at its edge. */
function within(chart: Chart): Chart {
  const { time, from, to } = chart;
  const inside = time.flatMap((t, i) => (t >= from && t <= to ? [i] : []));
  if (inside.length === time.length || inside.length === 0) {
    return chart;
  }
  const [first, last] = [inside[0], inside[inside.length - 1]];
  const places = [
    ...(first > 0 ? [{ at: first - 1, edge: from }] : []),
    ...inside.map(at => ({ at, edge: NaN })),
    ...(last + 1 < time.length ? [{ at: last, edge: to }] : [])
  ];
  const of = (values: readonly number[]): number[] =>
    places.map(({ at, edge }) => {
      const part = Number.isNaN(edge) ? 0 : (edge - time[at]) / (time[at + 1] - time[at]);
      return part === 0 ? values[at] : values[at] + part * (values[at + 1] - values[at]);
    });
  return {
    ...chart,
    time: of(time),
    series: chart.series.map(each => ({
      ...each,
      values: of(each.values),
      ...(each.low && { low: of(each.low) })
    }))
  };
}

function drawnOf(chart: Chart, width: number): SVGElement {
  const { series, unit, from, to, height = HEIGHT } = chart;
  const most = Math.max(0, ...series.map(({ values }) => largest(values))) || 1;
  const top = most * 1.08;
  const bottom = height - BOTTOM;
  const x = placeOf(chart, width);
  const y = (value: number): number => bottom - (value / top) * (bottom - TOP);
  const all = svg('svg', { width: String(width), height: String(height), 'aria-hidden': 'true' });
  for (const value of ticksOf(top, unit, height)) {
    const at = y(value).toFixed(1);
    all.append(
      svg('line', { class: 'grid', x1: String(LEFT), x2: String(width - RIGHT), y1: at, y2: at }),
      text(inUnit(value, unit), LEFT - 6, Number(at) + 4, 'end')
    );
  }
  const room = Math.max(2, Math.floor((width - LEFT) / 95));
  for (const tick of timeTicks(from, to, room)) {
    const at = x(tick.value);
    all.append(
      svg('line', {
        class: 'tick',
        x1: String(at),
        x2: String(at),
        y1: String(bottom),
        y2: String(bottom + 4)
      })
    );
    // A label that would leave the picture is left out.
    if (at + 60 < width) {
      all.append(text(tick.text, at + 3, height - 5, 'start'));
    }
  }
  for (const { values, low, colour, dashed } of series) {
    const points = thinned(values, chart.time.length);
    const at = (list: readonly number[]) => (i: number) =>
      `${x(chart.time[i]).toFixed(1)} ${y(list[i]).toFixed(1)}`;
    if (low) {
      const there = points.filter(i => Number.isFinite(values[i]) && Number.isFinite(low[i]));
      const back = [...there].reverse();
      const d = `M${[...there.map(at(values)), ...back.map(at(low))].join('L')}Z`;
      if (there.length > 1) {
        all.append(svg('path', { class: 'band', d, style: `fill:${colour}` }));
      }
    } else {
      const d = linesOf(points, values, at(values));
      all.append(svg('path', { class: 'stroke', d, ...lookOf(colour, dashed) }));
    }
  }
  all.append(
    svg('line', {
      class: 'base',
      x1: String(LEFT),
      x2: String(width - RIGHT),
      y1: String(bottom),
      y2: String(bottom)
    })
  );
  return all;
}

/** As a style: a colour may be a variable of the theme. */
function lookOf(colour: string, dashed = false): Record<string, string> {
  return { style: `stroke:${colour}`, ...(dashed && { 'stroke-dasharray': '5 4' }) };
}

function linesOf(points: readonly number[], values: readonly number[], at: (i: number) => string): string {
  let path = '';
  let down = false;
  for (const i of points) {
    if (Number.isFinite(values[i])) {
      path += `${down ? 'L' : 'M'}${at(i)}`;
      down = true;
    } else {
      down = false;
    }
  }
  return path;
}

function text(words: string, x: number, y: number, anchor: string): SVGElement {
  const element = svg('text', { x: String(x), y: String(y), 'text-anchor': anchor });
  element.textContent = words;
  return element;
}

function placeOf({ from, to }: Chart, width: number): (time: number) => number {
  return time => LEFT + ((time - from) / Math.max(1e-9, to - from)) * (width - LEFT - RIGHT);
}

/** Round sizes are powers of two, not of ten. */
function ticksOf(top: number, unit: Unit, height: number): number[] {
  const n = Math.round(height / 44);
  if (unit !== 'B' && unit !== 'B/s') {
    return roundTicks(top, n).filter(value => unit !== 'n' || Number.isInteger(value));
  }
  const size = 1024 ** Math.max(0, Math.floor(Math.log(top) / Math.log(1024)));
  // Half of a byte is none.
  return roundTicks(top / size, n)
    .filter(value => size > 1 || Number.isInteger(value))
    .map(value => value * size);
}

/** Of many points, the highest of each few. */
function thinned(values: readonly number[], n: number): number[] {
  const step = Math.max(1, Math.ceil(n / MOST_POINTS));
  const points: number[] = [];
  for (let i = 0; i < n; i += step) {
    let best = i;
    for (let k = i + 1; k < Math.min(n, i + step); k++) {
      best = values[k] > values[best] ? k : best;
    }
    points.push(best);
  }
  return points;
}

function nearest(time: readonly number[], wanted: number): number {
  let [low, high] = [0, time.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time[middle] < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 && wanted - time[low - 1] < time[low] - wanted ? low - 1 : high;
}

function valuesAt({ series, unit }: Chart, at: number): string {
  return series
    .filter(({ values }) => Number.isFinite(values[at]))
    .map(({ name, values, low }) =>
      low
        ? `${named(name)} ${inUnit(low[at], unit)} to ${inUnit(values[at], unit)}`
        : `${series.length > 1 ? `${named(name)} ` : ''}${inUnit(values[at], unit)}`
    )
    .join(', ');
}

/** The names of lines and bands beside how they look; none where there is only one. */
export function legendOf({ series }: Pick<Chart, 'series'>): HTMLElement[] {
  if (series.length < 2) {
    return [];
  }
  return series.map(({ name, colour, low, dashed }) => {
    const sample = low
      ? svg('rect', { width: '18', height: '10', y: '1', class: 'band', style: `fill:${colour}` })
      : svg('line', {
          class: 'stroke',
          x2: '18',
          y1: '6',
          y2: '6',
          ...lookOf(colour, dashed)
        });
    const words = h('span', { class: 'name', title: cut(name, NAME) }, cut(name, NAME));
    return h('span', {}, svg('svg', { width: '18', height: '12' }, sample), words);
  });
}

/** For who does not see it. */
function spoken({ title, series, unit }: Chart): string {
  const said = series.map(({ name, values }) => {
    const last = values.findLast(Number.isFinite) ?? NaN;
    return `${named(name)}: at most ${inUnit(largest(values), unit)}, at the end ${inUnit(last, unit)}`;
  });
  return `${title} over time. ${said.join('. ')}.`;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => (value > most ? value : most), 0);
}
