/**
 * What a report holds: one JSON object, the same in `.json` and inside `.html`. What is missing, or is not what
 * it should be, is nothing here; only a document of another format or of a later version is refused.
 * `python/dasklens/report/document.py` is the twin.
 */

import type { PackedStream } from '../connect/filestream';
import { readCompared, type Compared } from '../core/compared';
import { cut, NAME, PARAGRAPH } from './cut';

/** Entries of what has a few: each is made into elements at once, and a file of a stranger may have millions. */
const MOST = 200;
/** The version of documents that this page writes about. */
export const VERSION = 1;

export type Unit = '' | 's' | 'B' | 'B/s' | '%' | 'n';
export type Value = string | number | null;

export interface Column {
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Value[])[];
  /** Why there are no rows. */
  readonly empty: string;
}

/** Where the time of the workers' threads went. */
export interface Spent {
  readonly name: string;
  readonly seconds: number;
  readonly share: number;
  readonly how: string;
}

export interface Expensive {
  readonly prefix: string;
  readonly tasks: number;
  readonly seconds: number;
  readonly share: number;
  readonly median: number;
}

export interface Finding {
  readonly severity: 'warning' | 'info';
  readonly title: string;
  readonly evidence: string;
  readonly remedy: string;
  /** Empty where it is no page of Dask's documentation. */
  readonly link: string;
}

export interface Summary {
  readonly verdict: string;
  readonly time: readonly Spent[];
  readonly prefixes: readonly Expensive[];
  readonly findings: readonly Finding[];
  /** What could not be looked for. */
  readonly notes: readonly string[];
  /** Whether anybody looked for what is wrong. */
  readonly looked: boolean;
  readonly figures: Readonly<Record<string, number>>;
}

export interface LogLine {
  readonly time: number | null;
  readonly level: string;
  readonly text: string;
}

export interface Report {
  readonly dasklens: string;
  readonly title: string;
  readonly created: number;
  readonly start: number;
  readonly stop: number;
  readonly endedEarly: string;
  readonly exception: { readonly type: string; readonly text: string; readonly traceback: string } | null;
  readonly code: { readonly text: string; readonly file: string; readonly line: number } | null;
  readonly redacted: readonly string[];
  /** Records that are not in it, by stream. */
  readonly missed: Readonly<Record<string, number>>;
  readonly cluster: {
    readonly scheduler: string;
    readonly workers: number;
    readonly threads: number;
    readonly memory: number;
    readonly versions: Readonly<Record<string, string>>;
  };
  readonly summary: Summary;
  readonly streams: Readonly<Record<string, PackedStream>>;
  readonly tables: Readonly<Record<string, Table>>;
  readonly logs: {
    readonly scheduler: readonly LogLine[];
    readonly workers: Readonly<Record<string, readonly LogLine[]>>;
    readonly empty: string;
  };
  /** What came of a comparison; null where the document is of one run. */
  readonly comparison: Compared | null;
}

/** A text that is no report of ours; the message says what was expected. */
export class ReportError extends Error {
  override name = 'ReportError';
}

/** Read a document. */
export function readReport(text: string): Report {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new ReportError('Expected the JSON of a dasklens report, got other text: the file is damaged.');
  }
  const map = mapOf(raw);
  if (map.format !== 'dasklens-report') {
    throw new ReportError('Expected a dasklens report, got another kind of document.');
  }
  if (!(numberOf(map.version) <= VERSION)) {
    throw new ReportError(
      `This page shows reports of version ${VERSION} and got version ${textOf(map.version)}: ` +
        'open it with a newer dasklens.'
    );
  }
  const exception = mapOf(map.exception);
  const code = mapOf(map.code);
  const cluster = mapOf(map.cluster);
  const logs = mapOf(map.logs);
  return {
    dasklens: nameOf(map.dasklens),
    title: nameOf(map.title),
    created: numberOf(map.created),
    start: numberOf(map.start),
    stop: numberOf(map.stop),
    endedEarly: saidOf(map.ended_early),
    exception: map.exception
      ? { type: nameOf(exception.type), text: saidOf(exception.text), traceback: textOf(exception.traceback) }
      : null,
    code: map.code
      ? { text: textOf(code.text), file: saidOf(code.file), line: numberOf(code.line) || 0 }
      : null,
    redacted: few(map.redacted).map(nameOf),
    missed: fewOf(map.missed, value => numberOf(value) || 0),
    cluster: {
      scheduler: nameOf(cluster.scheduler),
      workers: numberOf(cluster.workers),
      threads: numberOf(cluster.threads),
      memory: numberOf(cluster.memory),
      versions: fewOf(cluster.versions, nameOf)
    },
    summary: summaryOf(map.summary),
    streams: valuesOf(map.streams, streamOf),
    tables: valuesOf(map.tables, tableOf),
    logs: {
      scheduler: listOf(logs.scheduler).map(lineOf),
      workers: valuesOf(logs.workers, lines => listOf(lines).map(lineOf)),
      empty: saidOf(logs.empty)
    },
    comparison: readCompared(map.comparison)
  };
}

/** Whether a part was taken out on purpose. */
export function isRedacted({ redacted }: Report, part: string): boolean {
  return redacted.includes(part);
}

// --- parts -------------------------------------------------------------------------------------------

/** A summary, of whoever says it. */
export function summaryOf(raw: unknown): Summary {
  const map = mapOf(raw);
  return {
    verdict: saidOf(map.verdict),
    looked: Array.isArray(map.findings),
    time: few(map.time).map(each => {
      const { name, seconds, share, how } = mapOf(each);
      return { name: nameOf(name), seconds: numberOf(seconds), share: shareOf(share), how: saidOf(how) };
    }),
    prefixes: few(map.prefixes).map(each => {
      const { prefix, tasks, seconds, share, median } = mapOf(each);
      return {
        prefix: textOf(prefix),
        tasks: numberOf(tasks),
        seconds: numberOf(seconds),
        share: shareOf(share),
        median: numberOf(median)
      };
    }),
    findings: few(map.findings).map(each => {
      const { severity, title, evidence, remedy, link } = mapOf(each);
      return {
        severity: severity === 'info' ? 'info' : 'warning',
        title: saidOf(title),
        evidence: saidOf(evidence),
        remedy: saidOf(remedy),
        link: linkOf(link)
      };
    }),
    notes: few(map.notes).map(saidOf).filter(Boolean),
    figures: valuesOf(map.figures, numberOf)
  };
}

function tableOf(raw: unknown): Table {
  const { title, columns, rows, empty } = mapOf(raw);
  const made = few(columns).map(each => {
    const column = mapOf(each);
    const name = textOf(column.name);
    return {
      name,
      title: cut(textOf(column.title) || name, NAME),
      unit: UNITS.find(u => u === column.unit) ?? ''
    };
  });
  return {
    title: nameOf(title),
    columns: made,
    rows: listOf(rows).map(row => made.map((_, i) => valueOf(listOf(row)[i]))),
    empty: saidOf(empty)
  };
}

function streamOf(raw: unknown): PackedStream {
  const { records, frames, data } = mapOf(raw);
  return {
    records: numberOf(records) || 0,
    frames: numberOf(frames) || 0,
    data: listOf(data).filter(piece => typeof piece === 'string')
  };
}

function lineOf(raw: unknown): LogLine {
  const [time, level, text] = listOf(raw);
  return { time: typeof time === 'number' ? time : null, level: textOf(level), text: textOf(text) };
}

// --- values of the right type ---------------------------------------------------------------------------

const DOCUMENTATION = ['https://docs.dask.org', 'https://distributed.dask.org'];
const UNITS: readonly Unit[] = ['', 's', 'B', 'B/s', '%', 'n'];

function mapOf(raw: unknown): Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
    ? (raw as Record<string, unknown>)
    : {};
}

function valuesOf<T>(raw: unknown, of: (value: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(mapOf(raw)).map(([name, value]) => [name, of(value)]));
}

function listOf(raw: unknown): unknown[] {
  return Array.isArray(raw) ? raw : [];
}

function few(raw: unknown): unknown[] {
  return listOf(raw).slice(0, MOST);
}

function fewOf<T>(raw: unknown, of: (value: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(valuesOf(raw, of)).slice(0, MOST));
}

function textOf(raw: unknown): string {
  return typeof raw === 'string' ? raw : typeof raw === 'number' ? String(raw) : '';
}

/** What is shown as soon as its section is: a paragraph, or a name. */
function saidOf(raw: unknown): string {
  return cut(textOf(raw), PARAGRAPH);
}

function nameOf(raw: unknown): string {
  return cut(textOf(raw), NAME);
}

function numberOf(raw: unknown): number {
  return typeof raw === 'number' ? raw : NaN;
}

function shareOf(raw: unknown): number {
  return Math.min(1, Math.max(0, numberOf(raw) || 0));
}

function valueOf(raw: unknown): Value {
  return typeof raw === 'number' || typeof raw === 'string'
    ? raw
    : raw === null || raw === undefined
      ? null
      : JSON.stringify(raw);
}

/** Who calls a link Dask's documentation leads there: a file of a stranger may name any address. */
function linkOf(raw: unknown): string {
  try {
    const url = new URL(textOf(raw));
    return url.username === '' && DOCUMENTATION.includes(url.origin) ? url.href : '';
  } catch {
    return '';
  }
}
