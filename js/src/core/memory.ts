/** Memory of workers and cluster as the arrays that a figure draws. */

import { QUANTILES, type Counts } from './counts';
import { bytes, counted, thousands } from './format';
import type { Worker } from './workers';

/** What memory is used for, from the bottom of a stack up. The first three are the process' memory. */
export const PARTS = ['managed', 'unmanaged', 'recent', 'spilled'] as const;
export type Part = (typeof PARTS)[number];
/** Where a worker does something about its memory; the last is what it may use. */
export const THRESHOLDS = ['target', 'spill', 'pause', 'limit'] as const;
export type Threshold = (typeof THRESHOLDS)[number];

/** More workers than this are shown by quantiles and a histogram. */
export const MOST_BARS = 100;
/** Points of a line, and seconds without a sample that break it. */
const MOST_POINTS = 600;
const GAP = 5;
const BINS = 24;

export interface Unit {
  readonly name: string;
  readonly size: number;
}

/** The unit in which numbers up to `most` bytes read well. */
export function unitFor(most: number): Unit {
  const units = ['MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  while (power < units.length - 1 && most >= 0.75 * 1024 ** (power + 3)) {
    power++;
  }
  return { name: units[power], size: 1024 ** (power + 2) };
}

/** Upper end of an axis for values up to `most`, with some air. */
export function roomFor(most: number): number {
  return most > 0 && Number.isFinite(most) ? most * 1.06 : 1;
}

/** Round numbers from 0 to `most`, some `n` of them. */
export function roundTicks(most: number, n: number): number[] {
  if (!(most > 0) || !Number.isFinite(most)) {
    return [0];
  }
  const least = most / Math.max(1, n);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = ([1, 2, 2.5, 5, 10].find(m => m * power >= least * (1 - 1e-9)) ?? 10) * power;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) =>
    Number((i * step).toPrecision(12))
  );
}

export interface OverTime {
  /** Numbers of the samples that stand for all, by their index in `Counts`; -1 where the line breaks. */
  readonly at: readonly number[];
  readonly time: Float64Array;
  /** 0, and the upper edge of each of `PARTS`, in bytes. */
  readonly edges: readonly Float64Array[];
  /** NaN where a worker has no limit. */
  readonly limit: Float64Array;
  readonly quantiles: readonly Float64Array[];
  /** The largest of all but the limit. */
  readonly most: number;
}

/** The last `seconds` of the totals, thinned out to some hundred points: the peaks stay. */
export function overTime(counts: Counts, seconds: number): OverTime {
  const at = thinned(counts, seconds);
  const column = (name: Parameters<Counts['column']>[0]): Float64Array => {
    const values = counts.column(name);
    return Float64Array.from(at, i => (i < 0 ? NaN : values[i]));
  };
  const time = column('time');
  // A line breaks in between, at no time of its own.
  at.forEach((i, k) => i < 0 && (time[k] = time[k - 1]));
  const edges = [Float64Array.from(time, (_, k) => (at[k] < 0 ? NaN : 0))];
  for (const part of PARTS) {
    const below = edges[edges.length - 1];
    edges.push(column(part).map((value, k) => below[k] + value));
  }
  const limit = column('limit').map(value => (value > 0 ? value : NaN));
  const quantiles = QUANTILES.map(q => column(`memory_${q}`));
  return { at, time, edges, limit, quantiles, most: largest(edges[edges.length - 1]) };
}

function thinned(counts: Counts, seconds: number): number[] {
  const time = counts.column('time');
  const process = counts.column('process');
  const n = time.length;
  let first = n;
  while (first > 0 && time[first - 1] >= time[n - 1] - seconds) {
    first--;
  }
  const size = Math.max(1, Math.ceil((n - first) / MOST_POINTS));
  const found: number[] = [];
  // By number since the log began: a sample that stood for its neighbours goes on to do so.
  const number = counts.next - n;
  let bucket = NaN;
  for (let i = first; i < n; i++) {
    const mine = Math.floor((i + number) / size);
    if (i > first && time[i] - time[i - 1] > Math.max(GAP, (3 * (time[n - 1] - time[first])) / n)) {
      found.push(-1, i);
    } else if (mine !== bucket) {
      found.push(i);
    } else if (process[i] > process[found[found.length - 1]]) {
      found[found.length - 1] = i;
    }
    bucket = mine;
  }
  return found;
}

/** Lines at a share of each worker's limit, as the ends of pieces: one for neighbours of the same limit. */
export interface Pieces {
  /** In bytes. */
  readonly value: readonly number[];
  /** From the middle between two workers to the middle between two others, by their index. */
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export function piecesOf(workers: readonly Worker[], share: number): Pieces {
  const value: number[] = [];
  const from: number[] = [];
  const to: number[] = [];
  if (!(share > 0)) {
    return { value, from, to };
  }
  workers.forEach(({ limit }, i) => {
    const last = value.length - 1;
    if (last >= 0 && value[last] === limit * share && to[last] === i - 0.5) {
      to[last] = i + 0.5;
    } else if (limit > 0) {
      value.push(limit * share);
      from.push(i - 0.5);
      to.push(i + 0.5);
    }
  });
  return { value, from, to };
}

/** Shares of its limit at which a worker does something, as the scheduler is configured; NaN for off. */
export function sharesOf(counts: Counts): Record<Threshold, number> {
  return {
    target: counts.last('target'),
    spill: counts.last('spill'),
    pause: counts.last('pause'),
    limit: 1
  };
}

/** Upper end of the axis of the workers' memory: all that is in use, and the limits. */
export function mostOf(workers: readonly Worker[]): number {
  return workers.reduce((most, { process, spilled, limit }) => Math.max(most, process + spilled, limit), 0);
}

export interface Histogram {
  /** Width of a bin in bytes; the first begins at 0. */
  readonly width: number;
  readonly counts: Float64Array;
}

export function histogramOf(workers: readonly Worker[], most: number): Histogram {
  const width = most / BINS || 1;
  const counts = new Float64Array(BINS);
  for (const { process } of workers) {
    counts[Math.min(BINS - 1, Math.floor(process / width))]++;
  }
  return { width, counts };
}

/** How it is now, in words: for the line above the figures and for who does not see them. */
export function describeMemory(counts: Counts): string {
  if (counts.length === 0) {
    return '';
  }
  const [process, limit, spilled] = [counts.last('process'), counts.last('limit'), counts.last('spilled')];
  const share = limit > 0 ? ` of ${bytes(limit)} (${Math.round((100 * process) / limit)} %)` : '';
  const paused = counts.last('workers') - counts.last('running');
  return [
    `${bytes(process)}${share} in use`,
    ...(spilled > 0 ? [`${bytes(spilled)} spilled`] : []),
    counted(counts.last('workers'), 'worker'),
    ...(paused > 0 ? [`${thousands(paused)} not running`] : [])
  ].join(', ');
}

/** The parts of some memory, a line each, the topmost of a stack first. */
export function partsOf(sizes: Readonly<Record<Part, number>>): string[] {
  return [...PARTS].reverse().map(part => `${part} ${bytes(sizes[part])}`);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => (value > most ? value : most), 0);
}
