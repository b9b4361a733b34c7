/** Makes frames and tables for tests. */

import { encode } from '@msgpack/msgpack';

import type { Grid } from '../src/core/coverage';
import { Row } from '../src/core/spantable';

export interface SpanSpec {
  action?: string;
  start: number;
  stop: number;
}

export interface TaskSpec {
  key?: string;
  group?: string;
  prefix?: string;
  worker?: string;
  workerName?: string;
  thread?: number;
  nbytes?: number;
  type?: string;
  error?: [string, string];
  stimulus?: number;
  spans?: SpanSpec[];
}

/** Writes tasks as a scheduler does: names once, ids in columns. */
export class FrameWriter {
  readonly names: unknown[] = [];
  private readonly ids = new Map<string, number>();
  cursor: number;

  constructor(
    readonly log = 'log-1',
    first = 0,
    private readonly base = 1.7e9
  ) {
    this.cursor = first;
  }

  frame(tasks: TaskSpec[], more: Record<string, unknown> = {}): Uint8Array {
    const names0 = this.names.length;
    const cols: Record<string, number[]> = {};
    const put = (name: string, value: number): void => {
      (cols[name] ??= []).push(value);
    };
    for (const name of ['group', 'lane', 'type', 'error', 'stimulus', 'nbytes', 'spans', 'key_len']) {
      cols[name] = [];
    }
    cols.action = [];
    cols.start = [];
    cols.stop = [];
    const keys: number[] = [];
    for (const task of tasks) {
      const prefix = task.prefix ?? 'inc';
      const group = task.group ?? prefix;
      const worker = task.worker ?? 'tcp://1';
      put('group', this.id([group, prefix, null, []]));
      put('lane', this.id([worker, task.thread ?? 1, task.workerName ?? worker]));
      put('type', this.id([task.type ?? 'int', new Uint8Array([1, 2])]));
      put('error', task.error ? this.id(task.error) : 0xffffffff);
      put('stimulus', task.stimulus ?? NaN);
      put('nbytes', task.nbytes ?? 28);
      const packed = [2, ...new TextEncoder().encode(task.key ?? '-1')];
      put('key_len', packed.length);
      keys.push(...packed);
      const spans = task.spans ?? [];
      put('spans', spans.length);
      for (const span of spans) {
        put('action', this.id(span.action ?? 'compute'));
        put('start', span.start);
        put('stop', span.stop);
      }
    }
    const first = this.cursor;
    this.cursor += tasks.length;
    return encode({
      v: 1,
      stream: 'tasks',
      log: this.log,
      first,
      next: this.cursor,
      missed: 0,
      names0,
      names: this.names.slice(names0),
      base: this.base,
      cols: {
        ...Object.fromEntries(
          ['group', 'lane', 'type', 'error', 'spans', 'key_len', 'action'].map(name => [
            name,
            ['u4', bytes(Uint32Array.from(cols[name]))]
          ])
        ),
        ...Object.fromEntries(
          ['stimulus', 'nbytes', 'start', 'stop'].map(name => [
            name,
            ['f8', bytes(Float64Array.from(cols[name]))]
          ])
        ),
        key: ['u1', Uint8Array.from(keys)]
      },
      ...more
    });
  }

  private id(name: unknown): number {
    const text = JSON.stringify(name);
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.names.push(name) - 1;
      this.ids.set(text, id);
    }
    return id;
  }
}

function bytes(values: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer);
}

export interface RowSpan {
  start: number;
  duration: number;
  slot: number;
}

/** A row; spans of slots in `errors` are erred. */
export function rowOf(spans: RowSpan[], errors: ReadonlySet<number> = new Set()): Row {
  const row = new Row();
  spans.forEach(({ start, duration, slot }, i) => {
    row.push(start, duration, slot, i);
    if (errors.has(slot)) {
      row.errors++;
    }
  });
  row.settle();
  return row;
}

export interface Painted {
  owner: number;
  share: number;
}

/** The coverage rule, the slow and obvious way: every span against every pixel. */
export function bruteForce(row: Row, grid: Grid, errors: ReadonlySet<number>): Painted[] {
  const pixels: Painted[] = [];
  for (let x = 0; x < grid.n; x++) {
    const sums = new Map<number, number>();
    let total = 0;
    let error = -1;
    for (let i = 0; i < row.length; i++) {
      const slot = row.slot[i];
      const a = (row.start[i] - grid.t0) * grid.perSecond;
      const b = a + row.duration[i] * grid.perSecond;
      if (errors.has(slot)) {
        const first = Math.floor(a);
        const touches = x === first || (b > x && a < x + 1) || (x > first && x < first + grid.errorWidth);
        if (touches && (error < 0 || slot < error)) {
          error = slot;
        }
        continue;
      }
      const covered = Math.min(b, x + 1) - Math.max(a, x);
      if (covered > 0) {
        sums.set(slot, (sums.get(slot) ?? 0) + covered);
        total += covered;
      }
    }
    const ranked = [...sums].sort(([s, a], [t, b]) => b - a || s - t);
    pixels.push(
      error >= 0
        ? { owner: error, share: 1 }
        : ranked.length > 0
          ? { owner: ranked[0][0], share: Math.min(1, total) }
          : { owner: 0xffff, share: 0 }
    );
  }
  return pixels;
}
