/** The columns and names of a frame of the stream `tasks`, checked against `docs/frames.md`. */

import { FrameError, NO_NAME, type Column, type Frame } from './frames';

export interface TaskColumns {
  readonly group: Column;
  readonly lane: Column;
  readonly type: Column;
  /** Absent when every task of the frame succeeded. */
  readonly error: Column | null;
  readonly stimulus: Float64Array | null;
  readonly nbytes: Float64Array;
  readonly spans: Column;
  readonly keyLength: Column;
  readonly key: Uint8Array;
  readonly action: Column;
  readonly start: Float64Array;
  readonly stop: Float64Array;
}

/** Throws FrameError when a column is missing, or of the wrong length or dtype. */
export function columnsOf(frame: Frame): TaskColumns {
  if (frame.stream !== 'tasks') {
    throw new FrameError(`Expected a frame of the stream "tasks", got one of "${frame.stream}".`);
  }
  const records = frame.next - frame.first;
  const spans = whole(frame, 'spans', records);
  const keyLength = whole(frame, 'key_len', records);
  const nSpans = total(spans);
  return {
    group: whole(frame, 'group', records),
    lane: whole(frame, 'lane', records),
    type: whole(frame, 'type', records),
    error: frame.cols.has('error') ? whole(frame, 'error', records) : null,
    stimulus: frame.cols.has('stimulus') ? real(frame, 'stimulus', records) : null,
    nbytes: real(frame, 'nbytes', records),
    spans,
    keyLength,
    key: column(frame, 'key', total(keyLength), 'u1', [Uint8Array]),
    action: whole(frame, 'action', nSpans),
    start: real(frame, 'start', nSpans),
    stop: real(frame, 'stop', nSpans)
  };
}

/** Ids and counts. Narrower than documented is good: a signed or broken number cannot come of it. */
function whole(frame: Frame, name: string, length: number): Unsigned {
  return column<Unsigned>(frame, name, length, 'u4', [Uint32Array, Uint16Array, Uint8Array]);
}

function real(frame: Frame, name: string, length: number): Float64Array {
  return column(frame, name, length, 'f8', [Float64Array]);
}

type Unsigned = Uint8Array | Uint16Array | Uint32Array;

function column<T extends Column>(
  frame: Frame,
  name: string,
  length: number,
  dtype: string,
  good: readonly (new (length: number) => T)[]
): T {
  const found = frame.cols.get(name);
  // A frame without records may leave its columns out.
  if (!found && length === 0) {
    return new good[0](0);
  }
  if (!found || found.length !== length) {
    throw new FrameError(
      `Expected ${length} values in the column "${name}" of a frame of tasks, ` +
        `got ${found ? found.length : 'no such column'}.`
    );
  }
  if (!good.some(each => found instanceof each)) {
    throw new FrameError(`Expected the column "${name}" of a frame of tasks to be of dtype ${dtype}.`);
  }
  return found as T;
}

function total(values: Column): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
  }
  return sum;
}

/** Seconds (after a base) beyond which a time is none: some three thousand years. */
const FAR = 1e11;

/** Whether a worker's clock can have said so; NaN and the infinite are far as well. */
export function isTime(seconds: number): boolean {
  return Math.abs(seconds) <= FAR;
}

/** What a name can be used as, as bits: `["a", "b"]` can be all but an action. */
const GROUP = 1;
const LANE = 2;
const TYPE = 4;
const ERROR = 8;
const ACTION = 16;
/** Nobody has sent this name yet. */
const HOLE = 128;
/** Ids that a log may come to: more would be a frame that wants the page's memory. */
const MOST_NAMES = 1e8;

/**
 * The names of a log. What a name can be used as is found out once, when it comes in, so that a
 * column is checked by one look at a byte for each of its values.
 */
export class Names {
  /** Frames may speak of names below this id. */
  length = 0;
  private readonly entries: unknown[] = [];
  private shapes = new Uint8Array(64);

  get(id: number): unknown {
    return this.entries[id];
  }

  /**
   * Whether the columns speak of no name but those we have and those of the frame. Throws FrameError
   * when they use one as what it is not. Takes nothing: `length` tells what is known.
   */
  suffice(frame: Frame, columns: TaskColumns): boolean {
    const end = this.lay(frame);
    const { group, lane, type, error, action } = columns;
    return (
      this.fit('group', group, GROUP, end) &&
      this.fit('lane', lane, LANE, end) &&
      this.fit('type', type, TYPE, end) &&
      (error === null || this.fit('error', error, ERROR, end)) &&
      this.fit('action', action, ACTION, end)
    );
  }

  /** Take the frame's names. One that we have stays what it is: records speak of it. */
  take(frame: Frame): void {
    this.length = this.lay(frame);
  }

  /** Put names of a frame behind those that we have; returns the id behind the last. */
  private lay(frame: Frame): number {
    const { names0, names } = frame;
    const last = names0 + names.length;
    if (last > MOST_NAMES) {
      throw new FrameError(`Expected names below the id ${MOST_NAMES}, got some up to ${last}.`);
    }
    const end = Math.max(this.length, last);
    if (end > this.shapes.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.shapes);
      this.shapes = grown;
    }
    // The log has dropped what came before these names, or a frame got lost: who speaks of them shows it.
    this.shapes.fill(HOLE, this.length, Math.max(this.length, names0));
    for (let id = names0; id < last; id++) {
      if (id >= this.length || this.shapes[id] === HOLE) {
        const name = slim(names[id - names0]);
        this.entries[id] = name;
        this.shapes[id] = shapeOf(name);
      }
    }
    return end;
  }

  private fit(column: string, ids: Column, shape: number, end: number): boolean {
    const { shapes } = this;
    for (let k = 0; k < ids.length; k++) {
      const id = ids[k];
      if (id < end) {
        if (shapes[id] === HOLE) {
          return false;
        }
        if ((shapes[id] & shape) === 0) {
          throw new FrameError(`A frame of tasks names something in its column "${column}" that is none.`);
        }
      } else if (id !== NO_NAME || shape !== ERROR) {
        return false;
      }
    }
    return true;
  }
}

/** A name as it is kept: without bytes, which would hold the whole message, and only if somebody reads it. */
function slim(name: unknown): unknown {
  if (Array.isArray(name)) {
    return name.filter(part => !(part instanceof Uint8Array));
  }
  return typeof name === 'string' ? name : null;
}

function shapeOf(name: unknown): number {
  if (typeof name === 'string') {
    return ACTION;
  }
  if (!Array.isArray(name) || !isText(name[0])) {
    return 0;
  }
  const [, second, third] = name as unknown[];
  const isLane = (second === null || isText(second) || isNumber(second)) && isPlain(third);
  return TYPE | (isText(second) ? GROUP | ERROR : 0) | (isLane ? LANE : 0);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/** Something that `String` makes text of without asking it. */
function isPlain(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}
