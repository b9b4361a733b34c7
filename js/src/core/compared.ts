/**
 * A comparison of runs: the field of that name of a document, and what a widget is given. What is missing, or is
 * not what it should be, is nothing here. `python/dasklens/report/comparing.py` makes it.
 */

import { bytes, duration } from './format';

export type Verdict = 'slower' | 'faster' | 'no difference' | 'too few tasks' | 'only in a' | 'only in b';
export type Kind = 'pair' | 'trend';
/** A number that is not known. */
export type Maybe = number | null;

export interface ComparedRun {
  readonly label: string;
  readonly title: string;
  readonly start: number;
  readonly stop: number;
}

/** Something of whole runs, a value a run. */
export interface ComparedFigure {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly values: readonly Maybe[];
}

export interface ComparedPrefix {
  readonly prefix: string;
  readonly tasks: readonly number[];
  /** Seconds; null without tasks. */
  readonly medians: readonly Maybe[];
  readonly seconds: readonly number[];
  /** The last median over the first; infinite where the first is nothing, NaN where they were not compared. */
  readonly ratio: number;
  /** Of 95 %, and the one that the verdict needs. */
  readonly interval: readonly [number, number] | null;
  readonly surely: readonly [number, number] | null;
  readonly verdict: Verdict;
}

/** A function whose own share of the samples changed. */
export interface MovedFunction {
  readonly name: string;
  readonly place: string;
  readonly library: string;
  readonly before: number;
  readonly after: number;
}

export interface Compared {
  readonly kind: Kind;
  readonly verdict: string;
  readonly runs: readonly ComparedRun[];
  readonly figures: readonly ComparedFigure[];
  readonly prefixes: readonly ComparedPrefix[];
  readonly functions: readonly MovedFunction[];
  readonly peaks: readonly { readonly worker: string; readonly values: readonly Maybe[] }[];
  /** What both task streams show at first, in seconds since the start of each. */
  readonly extent: readonly [number, number];
  readonly notes: readonly string[];
  readonly method: string;
}

/** Entries and letters that are kept: a file of a stranger may have any number. */
const MOST = { runs: 200, rows: 1000, few: 200, name: 200, text: 2000 };
const VERDICTS: readonly Verdict[] = [
  'slower',
  'faster',
  'no difference',
  'too few tasks',
  'only in a',
  'only in b'
];

/** Read a comparison; null when it is none, or of fewer than two runs. */
export function readCompared(raw: unknown): Compared | null {
  const map = mapOf(raw);
  const runs = listOf(map.runs).slice(0, MOST.runs).map(runOf);
  if (runs.length < 2) {
    return null;
  }
  const values = (list: unknown): Maybe[] => runs.map((_, i) => maybe(listOf(list)[i]));
  const counts = (list: unknown): number[] => values(list).map(value => value ?? 0);
  return {
    kind: map.kind === 'trend' || runs.length > 2 ? 'trend' : 'pair',
    verdict: cut(map.verdict, MOST.text),
    runs,
    figures: few(map.figures).map(each => {
      const { name, title, unit, values: all } = mapOf(each);
      return { name: cut(name), title: cut(title), unit: cut(unit), values: values(all) };
    }),
    prefixes: listOf(map.prefixes)
      .slice(0, MOST.rows)
      .map(each => prefixOf(mapOf(each), values, counts)),
    functions: few(map.functions).map(each => {
      const [name, file, line, library, before, after] = listOf(each);
      const place = cut(file, MOST.text) + (maybe(line) ? `:${maybe(line)}` : '');
      return {
        name: cut(name),
        place,
        library: cut(library),
        before: maybe(before) ?? 0,
        after: maybe(after) ?? 0
      };
    }),
    peaks: few(map.peaks).map(each => {
      const { worker, values: all } = mapOf(each);
      return { worker: cut(worker), values: values(all) };
    }),
    extent: extentOf(map.extent),
    notes: few(map.notes)
      .map(note => cut(note, MOST.text))
      .filter(Boolean),
    method: cut(map.method, MOST.text)
  };
}

function runOf(raw: unknown): ComparedRun {
  const { label, title, start, stop } = mapOf(raw);
  return {
    label: cut(label) || '?',
    title: cut(title),
    start: maybe(start) ?? NaN,
    stop: maybe(stop) ?? NaN
  };
}

function prefixOf(
  map: Record<string, unknown>,
  values: (list: unknown) => Maybe[],
  counts: (list: unknown) => number[]
): ComparedPrefix {
  const interval = intervalOf(map.interval);
  return {
    // Whole: it is looked for in the task stream by its name.
    prefix: typeof map.prefix === 'string' ? map.prefix : '',
    tasks: counts(map.tasks),
    medians: values(map.medians),
    seconds: counts(map.seconds),
    ratio: interval ? (maybe(map.ratio) ?? Infinity) : NaN,
    interval,
    surely: intervalOf(map.surely),
    verdict: VERDICTS.find(verdict => verdict === map.verdict) ?? 'no difference'
  };
}

/** JSON has no word for what is without end: it says null. */
function intervalOf(raw: unknown): [number, number] | null {
  return Array.isArray(raw) ? [maybe(raw[0]) ?? Infinity, maybe(raw[1]) ?? Infinity] : null;
}

function extentOf(raw: unknown): [number, number] {
  const [from, to] = listOf(raw).map(maybe);
  return typeof from === 'number' && typeof to === 'number' && from < to ? [from, to] : [0, 1];
}

function mapOf(raw: unknown): Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
    ? (raw as Record<string, unknown>)
    : {};
}

function listOf(raw: unknown): unknown[] {
  return Array.isArray(raw) ? raw : [];
}

function few(raw: unknown): unknown[] {
  return listOf(raw).slice(0, MOST.few);
}

function maybe(raw: unknown): Maybe {
  return typeof raw === 'number' && Number.isFinite(raw) ? raw : null;
}

function cut(raw: unknown, most = MOST.name): string {
  const text = typeof raw === 'string' ? raw : '';
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

// --- as people read it --------------------------------------------------------------------------------

/** A value of a figure. */
export function figureText(value: Maybe, unit: string): string {
  if (value === null) {
    return '–';
  }
  return unit === 's' ? duration(value) : unit === 'B' ? bytes(value) : whole(value);
}

function whole(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 0 });
}

/** How much the last is more than the first, as `+12 %`; empty where that says nothing. */
export function changeText(first: Maybe, last: Maybe): string {
  if (first === null || last === null || first <= 0) {
    return '';
  }
  const part = 100 * (last / first - 1);
  if (Math.abs(part) < 0.05) {
    return '=';
  }
  const size = Math.abs(part);
  const digits = size < 9.95 ? 1 : 0;
  const text = size.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${part > 0 ? '+' : '−'}${text} %`;
}

/** A ratio with three digits. */
export function ratioText(ratio: number): string {
  if (Number.isNaN(ratio)) {
    return '';
  }
  if (ratio === Infinity) {
    return '∞';
  }
  return ratio < 1000 ? String(Number(ratio.toPrecision(3))) : whole(ratio);
}

/** A verdict with the runs' own names, and a mark for who sees no colours. */
export function verdictText(verdict: Verdict, runs: readonly ComparedRun[]): string {
  switch (verdict) {
    case 'slower':
      return '▲ slower';
    case 'faster':
      return '▼ faster';
    case 'only in a':
      return `only in ${runs[0].label}`;
    case 'only in b':
      return `only in ${runs[runs.length - 1].label}`;
    default:
      return verdict;
  }
}

/**
 * Where a ratio lies between 0 and 1 on a scale of logarithms with 1 in the middle, `edge` and its inverse at the
 * ends.
 */
export function placeOf(ratio: number, edge: number): number {
  const part = Math.log(Math.max(ratio, 1e-9)) / Math.log(edge);
  return (Math.min(1, Math.max(-1, part)) + 1) / 2;
}

const EDGES = [1.25, 1.5, 2, 4, 10];

/** The ratio at the ends of the scale: the least that has room for every interval. */
export function edgeOf(prefixes: readonly ComparedPrefix[]): number {
  const far = prefixes.flatMap(({ interval }) =>
    interval ? interval.map(end => Math.abs(Math.log(end))) : []
  );
  const most = far.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 0);
  return EDGES.find(edge => Math.log(edge) >= most) ?? EDGES[EDGES.length - 1];
}
