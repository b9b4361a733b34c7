/**
 * A call tree as it comes in a frame of the stream `profile`, in columns; `wire/calltree.py` writes it.
 *
 * Words: a *node* is a function as it was called along one path from the root, its number counts
 * callers first, 0 is the root; its *total* is the samples in it and in what it called, its *own* those
 * in itself alone.
 */

import { FrameError, NO_NAME, decodeFrame, type Frame } from './frames';
import { isSliced } from './treeslices';

export interface FunctionInfo {
  readonly name: string;
  readonly file: string;
  /** Where it begins; 0 when unknown. */
  readonly line: number;
  readonly library: string;
  /** `name;file;line`, as distributed names functions. */
  readonly id: string;
}

/** What a tree covers. Everything may be missing: a file of another tool says nothing of it. */
export interface About {
  readonly kind: 'worker' | 'server' | 'scheduler' | '';
  /** Seconds between two samples, or 0. */
  readonly interval: number;
  readonly cycle: number;
  readonly enabled: boolean;
  readonly deadlock: boolean;
  readonly dropped: boolean;
  readonly threads: number;
  readonly workers: readonly string[];
  readonly missing: readonly (readonly [worker: string, why: string])[];
  readonly prefixes: readonly (readonly [prefix: string, samples: number])[];
}

/** Nodes in columns, callers in front of what they call: what is laid out and drawn. */
export interface Nodes {
  readonly n: number;
  /** The node that called; NO_NAME of the root. */
  readonly parent: Uint32Array;
  /** Index in `functions` of the tree. */
  readonly fn: Uint32Array;
  /** Samples in it and in what it called; never less than what its children have together. */
  readonly total: Float64Array;
  /** The same of the run that is compared with, or null. */
  readonly before: Float64Array | null;
  /** The node of the call tree that it stands for, or the first of several. */
  readonly origin: Uint32Array;
}

export interface Timeline {
  /** Seconds since the epoch at which each step ends. */
  readonly time: Float64Array;
  readonly samples: Float64Array;
}

export class CallTree implements Nodes {
  readonly n: number;
  readonly parent: Uint32Array;
  readonly fn: Uint32Array;
  readonly total: Float64Array;
  readonly before: Float64Array | null;
  readonly origin: Uint32Array;
  readonly functions: FunctionInfo[] = [];
  readonly about: About;
  readonly timeline: Timeline;
  /** Whether trees of parts of the time can be had from where it came from. */
  readonly sliced: boolean;
  /** Tells one tree from another. */
  readonly id: string;

  private readonly line: Uint32Array;
  private readonly source: Uint32Array;
  private readonly names: readonly unknown[];

  constructor(frame: Frame) {
    if (frame.stream !== 'profile') {
      throw new FrameError(`Expected a frame of the stream "profile", got "${frame.stream}".`);
    }
    const n = (this.n = frame.next - frame.first);
    this.id = frame.log;
    this.sliced = isSliced(frame);
    this.names = frame.names;
    this.parent = this.column(frame, 'parent', n);
    this.line = this.column(frame, 'line', n);
    this.source = this.column(frame, 'source', n);
    this.total = Float64Array.from(this.column(frame, 'count', n));
    this.before = frame.cols.has('before') ? Float64Array.from(this.column(frame, 'before', n)) : null;
    this.origin = Uint32Array.from({ length: n }, (_, i) => i);
    this.fn = this.functionsOf(this.column(frame, 'function', n));
    this.check();
    this.about = aboutOf(frame.names[(frame.cols.get('about') ?? [])[0] ?? NO_NAME]);
    const time = frame.cols.get('time') ?? new Float64Array(0);
    const samples = frame.cols.get('samples') ?? new Uint32Array(0);
    this.timeline = {
      time: Float64Array.from(time, t => frame.base + t),
      samples: Float64Array.from({ length: time.length }, (_, i) => samples[i] ?? 0)
    };
  }

  static read(buffer: ArrayBuffer | Uint8Array | DataView): CallTree {
    return new CallTree(decodeFrame(buffer));
  }

  /** Where in its function a node was sampled, when it was seen first. */
  lineOf(node: number): number {
    return this.line[node];
  }

  /** The text of that line; empty when unknown. */
  sourceOf(node: number): string {
    const text = this.names[this.source[node]];
    return typeof text === 'string' ? text : '';
  }

  private column(frame: Frame, name: string, n: number): Uint32Array {
    const column = frame.cols.get(name);
    if (!(column instanceof Uint32Array) || column.length !== n) {
      throw new FrameError(`Column "${name}" of a profile is broken: expected ${n} values of dtype u4.`);
    }
    return column;
  }

  /** Names that say the same are one function. */
  private functionsOf(ids: Uint32Array): Uint32Array {
    const known = new Map<number, number>();
    return ids.map(id => {
      let fn = known.get(id);
      if (fn === undefined) {
        const entry = this.names[id];
        if (!Array.isArray(entry)) {
          throw new FrameError('A profile speaks of a function that it does not carry.');
        }
        const [name, file, line, library] = entry as unknown[];
        const words = [name, file, library].map(each => (typeof each === 'string' ? each : ''));
        const at = typeof line === 'number' && line > 0 ? line : 0;
        fn = this.functions.push({
          name: words[0] || '(unknown)',
          file: words[1],
          line: at,
          library: words[2],
          id: `${words[0]};${words[1]};${at}`
        });
        known.set(id, --fn);
      }
      return fn;
    });
  }

  /** Callers come first; and no node has less than what it called, whatever the frame says. */
  private check(): void {
    const { n, parent, total, before } = this;
    if (n === 0 || parent[0] !== NO_NAME) {
      throw new FrameError('Expected a profile with a root, got one without.');
    }
    const below = new Float64Array(n);
    const belowBefore = new Float64Array(n);
    for (let i = n - 1; i >= 0; i--) {
      const p = parent[i];
      if (i > 0 && p >= i) {
        throw new FrameError('A profile has a frame in front of the one that called it.');
      }
      total[i] = Math.max(total[i], below[i]);
      if (before) {
        before[i] = Math.max(before[i], belowBefore[i]);
      }
      if (i > 0) {
        below[p] += total[i];
        belowBefore[p] += before?.[i] ?? 0;
      }
    }
  }
}

function aboutOf(raw: unknown): About {
  const map = (typeof raw === 'object' && raw !== null ? raw : {}) as Record<string, unknown>;
  const number = (name: string): number => {
    const value = map[name];
    return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0;
  };
  const list = (name: string): unknown[] => (Array.isArray(map[name]) ? (map[name] as unknown[]) : []);
  const pairs = (name: string): unknown[][] => list(name).filter(each => Array.isArray(each)) as unknown[][];
  const kind = map.kind;
  return {
    kind: kind === 'worker' || kind === 'server' || kind === 'scheduler' ? kind : '',
    interval: number('interval'),
    cycle: number('cycle'),
    enabled: map.enabled !== false,
    deadlock: map.deadlock === true,
    dropped: map.dropped === true,
    threads: number('threads'),
    workers: list('workers').map(String),
    missing: pairs('missing').map(([worker, why]) => [String(worker), String(why)] as const),
    prefixes: pairs('prefixes').map(([prefix, samples]) => [String(prefix), Number(samples) || 0] as const)
  };
}
