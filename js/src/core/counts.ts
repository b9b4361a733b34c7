/**
 * What the frames of the stream `counts` said: totals of the scheduler over time, and its tasks by
 * prefix. `python/dasklens/model/samples.py` is the twin.
 */

import { FrameError, type Frame } from './frames';
import { numbers, ofStream, whole, type Taken, type Taker } from './samplecolumns';

export const STATES = [
  'released',
  'waiting',
  'no_worker',
  'queued',
  'processing',
  'memory',
  'erred',
  'forgotten'
] as const;
export type State = (typeof STATES)[number];
/** Quantiles of the workers' process memory that each sample has, in per cent. */
export const QUANTILES = [0, 25, 50, 75, 100] as const;

const COLUMNS = [
  'time',
  'workers',
  'running',
  'threads',
  ...STATES.map(state => `tasks_${state}` as const),
  'cpu',
  'occupancy',
  'limit',
  'process',
  'managed',
  'unmanaged',
  'recent',
  'spilled',
  ...QUANTILES.map(q => `memory_${q}` as const),
  'target',
  'spill',
  'pause'
] as const;
export type Total = (typeof COLUMNS)[number];

/** Samples that are kept: two hours of them. */
export const MOST_SAMPLES = 7200;
const MOST_NAMES = 1e6;

export class Counts implements Taker {
  id = '';
  next = 0;
  /** Samples that were gone before they could be read. */
  missed = 0;
  /** Tasks by prefix and state, now. */
  readonly prefixes = new Map<string, Record<State, number>>();

  private names: string[] = [];
  private columns = empty();

  /** Number of samples. */
  get length(): number {
    return this.columns.time.length;
  }

  /** A total over time; times in seconds since the epoch on the scheduler's clock. */
  column(name: Total): readonly number[] {
    return this.columns[name];
  }

  /** The newest value of a total; NaN before the first sample. */
  last(name: Total): number {
    return this.columns[name].at(-1) ?? NaN;
  }

  get nNames(): number {
    return this.names.length;
  }

  append(frame: Frame): Taken {
    ofStream(frame, 'counts');
    const same = frame.log === this.id;
    const asked = frame.first - frame.missed;
    if (same ? asked > this.next : asked > 0) {
      return 'gap';
    }
    const names = this.laid(frame, same);
    if (!names) {
      return 'gap';
    }
    const records = frame.next - frame.first;
    const totals = COLUMNS.map(name => numbers(frame, name, records));
    const prefix = whole(frame, 'prefix');
    const counts = STATES.map(state => whole(frame, `prefix_${state}`, prefix.length));
    for (const id of prefix) {
      if (id >= names.length) {
        return 'gap';
      }
    }
    if (same && frame.next <= this.next) {
      return 'duplicate';
    }
    if (!same) {
      this.columns = empty();
      this.prefixes.clear();
      this.next = this.missed = 0;
    }
    this.id = frame.log;
    this.names = names;
    this.missed += Math.max(0, frame.first - this.next);
    this.extend(totals, Math.max(0, this.next - frame.first), frame.base);
    prefix.forEach((id, i) => {
      const by = Object.fromEntries(STATES.map((state, k) => [state, counts[k][i]]));
      this.prefixes.set(names[id], by as Record<State, number>);
    });
    this.next = frame.next;
    return 'taken';
  }

  private extend(totals: ArrayLike<number>[], skip: number, base: number): void {
    COLUMNS.forEach((name, k) => {
      const to = this.columns[name];
      const from = totals[k];
      const plus = name === 'time' ? base : 0;
      for (let i = skip; i < from.length; i++) {
        to.push(from[i] + plus);
      }
      // In steps: taking one off the front for each that comes would move all the others each time.
      if (to.length > 1.1 * MOST_SAMPLES) {
        to.splice(0, to.length - MOST_SAMPLES);
      }
    });
  }

  private laid(frame: Frame, same: boolean): string[] | null {
    const known = same ? this.names : [];
    const { names0, names } = frame;
    if (names0 + names.length > MOST_NAMES || names.some(name => typeof name !== 'string')) {
      throw new FrameError('Expected the names of a frame of counts to be prefixes, got something else.');
    }
    if (names0 > known.length) {
      return null;
    }
    return names.length === 0 ? known : [...known.slice(0, names0), ...(names as string[])];
  }
}

function empty(): Record<Total, number[]> {
  return Object.fromEntries(COLUMNS.map(name => [name, []])) as unknown as Record<Total, number[]>;
}
