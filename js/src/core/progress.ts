/**
 * How far a set of tasks is, as the frames of the stream `progress` tell.
 * `python/dasklens/model/progress.py` is the twin.
 */

import { FrameError, type Frame } from './frames';
import { numbers, ofStream, whole, type Taken, type Taker } from './samplecolumns';

/** What a task may be, in the order in which a bar shows it. */
export const STATES = ['memory', 'released', 'erred', 'processing', 'waiting', 'cancelled'] as const;
export type State = (typeof STATES)[number];
export type ByState = Record<State, number>;

const STATUSES = ['waiting', 'running', 'finished', 'error', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number] | 'lost';

/** Why a task failed; all of it written by strangers. */
export interface Failure {
  readonly key: string;
  readonly blamed: string;
  readonly worker: string;
  readonly exception: string;
  readonly traceback: string;
}

export interface Group {
  readonly name: string;
  /** Tells groups of one name apart; empty where names do. */
  readonly ident: string;
  readonly place: number;
  readonly counts: ByState;
  readonly failure: Failure | null;
}

/** What there is to show, from whichever stream. */
export interface Progress {
  /** In the order of the graph. */
  readonly groups: readonly Group[];
  readonly total: ByState;
  readonly status: Status;
  /** Nothing more is going to happen. */
  readonly final: boolean;
  /** Tasks are still being found. */
  readonly counting: boolean;
  readonly tracked: number;
  /** Keys that the scheduler does not know (yet). */
  readonly unknown: number;
  readonly reason: string;
  /** Seconds; NaN when that cannot be said. */
  readonly elapsed: number;
  readonly eta: number;
}

const MOST_NAMES = 1e6;

export class ProgressTable implements Taker, Progress {
  id = '';
  next = 0;
  status: Status = 'waiting';
  final = false;
  counting = true;
  tracked = 0;
  unknown = 0;
  reason = '';
  elapsed = 0;
  eta = NaN;
  groups: readonly Group[] = [];
  private names: unknown[] = [];
  private readonly byId = new Map<number, Group>();

  get nNames(): number {
    return this.names.length;
  }

  get total(): ByState {
    return sum(this.groups);
  }

  append(frame: Frame): Taken {
    ofStream(frame, 'progress');
    const same = frame.log === this.id;
    if (frame.first > 0 && (!same || frame.first > this.next)) {
      return 'gap';
    }
    if (same && frame.next < this.next) {
      return 'duplicate';
    }
    const known = same ? this.names : [];
    if (frame.names0 > known.length) {
      return 'gap';
    }
    if (frame.names0 + frame.names.length > MOST_NAMES) {
      throw new FrameError('Expected fewer names in the frames of progress.');
    }
    const names = frame.names.length ? [...known.slice(0, frame.names0), ...frame.names] : known;
    const one = (name: string): number => numbers(frame, name, 1)[0];
    const reason = one('reason');
    const said = {
      status: STATUSES[one('status')] ?? 'waiting',
      final: one('final') !== 0,
      counting: one('counting') !== 0,
      tracked: one('tracked'),
      unknown: one('unknown'),
      reason: reason > 0 ? String(names[reason - 1] ?? '') : '',
      elapsed: one('elapsed'),
      eta: one('eta')
    };
    const changed = groupsOf(frame, names);
    if (!changed) {
      return 'gap';
    }
    if (!same) {
      this.byId.clear();
    }
    Object.assign(this, said);
    this.id = frame.log;
    this.next = frame.next;
    this.names = names;
    changed.forEach((group, id) => this.byId.set(id, group));
    this.groups = [...this.byId.values()].sort((a, b) => a.place - b.place);
    return 'taken';
  }
}

/** The groups of a frame by id; null when one has no name. */
function groupsOf(frame: Frame, names: readonly unknown[]): Map<number, Group> | null {
  const ids = whole(frame, 'group');
  const places = whole(frame, 'place', ids.length);
  const absent = new Uint8Array(ids.length);
  const some = (name: string): ArrayLike<number> =>
    frame.cols.has(name) ? whole(frame, name, ids.length) : absent;
  const columns = STATES.map(state => some(state));
  const failed = some('failed');
  const found = new Map<number, Group>();
  for (let i = 0; i < ids.length; i++) {
    const name = texts(names[ids[i]]);
    const failure = failed[i] > 0 ? texts(names[failed[i] - 1]) : [];
    if (name.length === 0 || (failed[i] > 0 && failure.length < 5)) {
      return null;
    }
    const [key, blamed, worker, exception, traceback] = failure;
    found.set(ids[i], {
      name: name[0],
      ident: name[1] ?? '',
      place: places[i],
      counts: Object.fromEntries(STATES.map((state, k) => [state, columns[k][i]])) as ByState,
      failure: failed[i] > 0 ? { key, blamed, worker, exception, traceback } : null
    });
  }
  return found;
}

function texts(entry: unknown): string[] {
  return Array.isArray(entry) ? entry.map(part => (typeof part === 'string' ? part : '?')) : [];
}

export function none(): ByState {
  return Object.fromEntries(STATES.map(state => [state, 0])) as ByState;
}

export function sum(groups: readonly Group[]): ByState {
  const total = none();
  for (const { counts } of groups) {
    STATES.forEach(state => (total[state] += counts[state]));
  }
  return total;
}

/** Number of tasks. */
export function allOf(counts: ByState): number {
  return STATES.reduce((n, state) => n + counts[state], 0);
}

/** Tasks whose result is, or was, there. */
export function doneOf(counts: ByState): number {
  return counts.memory + counts.released;
}

/** Tasks that run or are going to. */
export function leftOf(counts: ByState): number {
  return counts.processing + counts.waiting;
}

/** The first group whose own task failed, or else one that failed for it. */
export function failureOf(groups: readonly Group[]): Failure | null {
  const failed = groups.filter(group => group.failure?.key && group.counts.erred > 0);
  const own = failed.find(({ failure }) => failure?.key === failure?.blamed);
  return (own ?? failed[0])?.failure ?? null;
}

/** Seconds over which a rate is taken. */
const WINDOW = 10;

/** Tasks done a second, by group. */
export class Rates {
  private readonly past = new Map<string, { time: number; done: number }[]>();

  /** So many tasks of a group are done at a time in seconds. */
  note(group: string, time: number, done: number): void {
    const past = this.past.get(group) ?? [];
    this.past.set(group, past);
    const last = past.at(-1);
    // Results were lost, or let go: what was before says nothing any more.
    if (last && (done < last.done || time < last.time)) {
      past.length = 0;
    } else if (last && time - last.time < WINDOW / 40 && past.length > 1) {
      past.pop();
    }
    past.push({ time, done });
    while (past.length > 2 && time - past[0].time > WINDOW) {
      past.shift();
    }
  }

  /** Tasks a second; 0 when nothing was done of late. */
  of(group: string): number {
    const past = this.past.get(group) ?? [];
    const first = past[0];
    const last = past.at(-1);
    return first && last && last.time > first.time ? (last.done - first.done) / (last.time - first.time) : 0;
  }
}
