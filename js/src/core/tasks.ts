/**
 * What the frames of the stream `tasks` said: records in columns, names, lanes, tallies, and the
 * spans in a SpanTable. One log for all views of a model.
 *
 * Words: *record* is a finished task, its number `i` counts from 0 in the order of arrival; *cursor*
 * is its position in the scheduler's log; *lane* is a worker thread. A lane's number is given at its
 * first task and never changes; its position on screen is its index in `lanes`, which are sorted.
 * The spans of lane n are in rows 2n (compute) and 2n + 1 (the strip) of the table.
 *
 * A record costs 17 bytes and its packed key; that is why a record's spans are looked for in the
 * table instead of being listed.
 */

import { Cursors } from './cursors';
import { decodeFrame, keyText, NO_NAME, type Column, type Frame } from './frames';
import { COMPUTE, ERROR, isStrip, kindOf } from './kinds';
import { Lanes, type Lane, type LaneName } from './lanes';
import { ByteStrings, Pages } from './pages';
import { SpanTable } from './spantable';
import { columnsOf, isTime, Names, type TaskColumns } from './taskcolumns';

export type { Lane } from './lanes';

export interface Prefix {
  readonly name: string;
  /** Finished tasks, erred ones included. */
  count: number;
  /** Time in `compute` (and in actions that we do not know), in seconds. */
  seconds: number;
  errors: number;
}

/** Colour and pattern of spans. */
export interface Slot {
  readonly prefix: string;
  readonly kind: number;
  readonly action: string;
  /** As `#rrggbb`, where it is not that of the prefix; and whether it stands back. */
  readonly colour?: string;
  readonly dimmed?: boolean;
}

export interface StartStop {
  action: string;
  /** Seconds since the epoch, on the worker's clock. */
  start: number;
  stop: number;
}

export interface TaskRecord {
  key: string;
  prefix: string;
  group: string;
  worker: string;
  workerName: string;
  thread: number | string | null;
  status: 'OK' | 'error';
  nbytes: number | null;
  typename: string;
  exception: string | null;
  traceback: string | null;
  startstops: StartStop[];
  /** Position in the scheduler's log. */
  cursor: number;
}

/**
 * - `appended`: `records` new records;
 * - `duplicate`: nothing new;
 * - `reset`: the scheduler began a new log; what was there is gone and the frame is taken;
 * - `gap`: something before this frame is missing; nothing was taken, and the carrier has to ask for
 *   records from `cursor` and names from `names` on.
 */
export type AppendResult =
  | { kind: 'appended' | 'duplicate' | 'reset'; records: number; lanesChanged: boolean }
  | { kind: 'gap'; cursor: number; names: number; log: string; why: string };

/** Most slots; the last one is shared by all that come after. NOBODY in coverage.ts is one more. */
const MOST_SLOTS = 0xfffe;
/** In columns of one, two and four bytes: the value is elsewhere. */
const MANY = 0xff;
const BIG = 0xffffffff;

export class TaskLog {
  readonly table = new SpanTable();
  /** Id of the scheduler's log; empty before the first frame. */
  id = '';
  /** Cursor of the record expected next. */
  next = 0;
  /** Records that the scheduler's log had dropped before we could read them. */
  missed = 0;
  nRecords = 0;
  nSpans = 0;
  nErrors = 0;
  readonly prefixes: Prefix[] = [];
  slots: Slot[] = [];
  /** Kind of each slot; may be longer than `slots`. */
  kinds = new Uint8Array(64);

  private names = new Names();
  private readonly cursors = new Cursors();
  private readonly laneTable = new Lanes();
  private readonly prefixIds = new Map<string, number>();
  private readonly slotIds = new Map<string, number>();

  private group = new Pages(Uint32Array);
  private lane = new Pages(Uint16Array);
  private type = new Pages(Uint16Array);
  private nbytes = new Pages(Uint32Array);
  private bigBytes = new Map<number, number>();
  /** Start of the first span, roughly: tells where in the table to look for the record's spans. */
  private begin = new Pages(Float32Array);
  private spans = new Pages(Uint8Array);
  private keys = new ByteStrings();
  private readonly types: string[] = [''];
  private readonly typeIds = new Map<string, number>([['', 0]]);
  private errors = new Map<number, number>();

  /** Read a frame's bytes and append it. Throws FrameError when they are not a frame. */
  feed(buffer: ArrayBuffer | Uint8Array | DataView): AppendResult {
    return this.append(decodeFrame(buffer));
  }

  append(frame: Frame): AppendResult {
    const fresh = this.id === '' || frame.log !== this.id;
    const names = fresh ? new Names() : this.names;
    // Whoever starts late, or reads a part of the log, gets first cursors that are not 0 rightly.
    if (!fresh && frame.first - frame.missed > this.next) {
      return this.gap(frame, fresh, names.length, 'records');
    }
    const columns = columnsOf(frame);
    if (!names.suffice(frame, columns)) {
      return this.gap(frame, fresh, 0, 'names');
    }
    const replaced = fresh && this.id !== '';
    if (fresh) {
      this.reset(frame.log);
      this.next = frame.first - frame.missed;
    }
    this.names = names;
    names.take(frame);
    const skip = this.next - frame.first;
    const records = frame.next - frame.first;
    if (frame.next <= this.next) {
      return { kind: replaced ? 'reset' : 'duplicate', records: 0, lanesChanged: replaced };
    }
    if (skip < 0) {
      this.missed -= skip;
    }
    if (this.nRecords === 0 || skip < 0) {
      this.cursors.jump(this.nRecords, Math.max(frame.first, this.next));
    }
    const lanes = this.laneTable.length;
    this.take(columns, frame, Math.max(0, skip));
    this.next = frame.next;
    this.table.settle();
    const lanesChanged = replaced || this.laneTable.length > lanes;
    if (lanesChanged) {
      this.laneTable.sort();
    }
    const added = records - Math.max(0, skip);
    return { kind: replaced ? 'reset' : 'appended', records: added, lanesChanged };
  }

  /** Number of entries of names that we have: frames may speak of them. */
  get nNames(): number {
    return this.names.length;
  }

  record(i: number): TaskRecord {
    const [group, prefix] = this.names.get(this.group.get(i)) as [string, string];
    const lane = this.laneOf(i);
    const errorId = this.errors.get(i);
    const error = errorId === undefined ? null : (this.names.get(errorId) as [string, string]);
    const nbytes = this.nbytes.get(i);
    return {
      key: keyText(group, this.keys.get(i)),
      prefix,
      group,
      worker: lane.worker,
      workerName: lane.workerName,
      thread: lane.thread,
      status: error ? 'error' : 'OK',
      // A task that failed has no result; its frame says 0.
      nbytes: error ? null : nbytes === BIG ? (this.bigBytes.get(i) ?? null) : nbytes,
      typename: this.types[this.type.get(i)],
      exception: error ? error[0] : null,
      traceback: error ? error[1] : null,
      startstops: this.startstops(i),
      cursor: this.cursorOf(i)
    };
  }

  /** Lanes in the order on screen. */
  get lanes(): Lane[] {
    return this.laneTable.sorted;
  }

  /** Position of a lane on screen. */
  position(laneId: number): number {
    return this.laneTable.position(laneId);
  }

  /** Lane of a record. */
  laneOf(i: number): Lane {
    return this.laneTable.get(this.lane.get(i));
  }

  cursorOf(i: number): number {
    return this.cursors.of(i);
  }

  /** Number of the record with this cursor, or -1. */
  recordAt(cursor: number): number {
    return this.cursors.recordAt(cursor, this.nRecords);
  }

  /** Bytes kept in columns; names and tallies, which do not grow with the spans, are not counted. */
  get bytes(): number {
    const columns = [this.group, this.lane, this.type, this.nbytes, this.begin, this.spans, this.keys];
    return this.table.bytes + columns.reduce((sum, column) => sum + column.bytes, 0);
  }

  private gap(frame: Frame, fresh: boolean, names: number, why: string): AppendResult {
    return { kind: 'gap', cursor: fresh ? 0 : this.next, names, log: frame.log, why };
  }

  private reset(log: string): void {
    this.table.clear();
    this.id = log;
    this.next = this.missed = this.nRecords = this.nSpans = this.nErrors = 0;
    this.laneTable.clear();
    this.cursors.clear();
    this.prefixes.length = 0;
    // Another array: whoever has colours for the slots there were sees that.
    this.slots = [];
    this.names = new Names();
    for (const map of [this.prefixIds, this.slotIds, this.errors, this.bigBytes]) {
      map.clear();
    }
    this.group = new Pages(Uint32Array);
    this.lane = new Pages(Uint16Array);
    this.type = new Pages(Uint16Array);
    this.nbytes = new Pages(Uint32Array);
    this.begin = new Pages(Float32Array);
    this.spans = new Pages(Uint8Array);
    this.keys = new ByteStrings();
  }

  private take(columns: TaskColumns, frame: Frame, skip: number): void {
    const clock = isTime(frame.base);
    const base = clock ? frame.base : (columns.stimulus?.find(isTime) ?? 0);
    if (this.nRecords === 0) {
      this.table.base = base;
    }
    const { group, lane, type, error, stimulus, nbytes, spans, keyLength, key } = columns;
    const { action, start, stop } = columns;
    const n = frame.next - frame.first;
    let keyAt = 0;
    let spanAt = 0;
    for (let k = 0; k < n; k++) {
      const nSpans = spans[k];
      const keyEnd = keyAt + keyLength[k];
      if (k >= skip) {
        const i = this.nRecords++;
        const prefix = this.prefixId(group[k]);
        const laneId = this.laneId(lane[k]);
        const erred = error !== null && error[k] !== NO_NAME;
        this.group.push(group[k]);
        this.lane.push(laneId);
        this.type.push(this.typeId(type[k]));
        const size = nbytes[k];
        const small = size >= 0 && size < BIG && Number.isInteger(size);
        this.nbytes.push(small ? size : BIG);
        if (!small && Number.isFinite(size)) {
          this.bigBytes.set(i, size);
        }
        this.keys.push(key.subarray(keyAt, keyEnd));
        const tally = this.prefixes[prefix];
        tally.count++;
        if (erred) {
          tally.errors++;
          this.nErrors++;
          this.errors.set(i, error[k]);
        }
        let begin = Infinity;
        // An error shows on the work that failed: the last compute, or whatever came last.
        const failed = erred ? this.failedSpan(action, spanAt, nSpans) : -1;
        for (let j = spanAt; j < spanAt + nSpans; j++) {
          // To the epoch and back: both steps are exact, so that base + start is the worker's float.
          // One bad clock must not stretch the time of all: its spans are marks without length.
          const sound = clock && isTime(start[j]) && isTime(stop[j]);
          const from = sound ? base + start[j] - this.table.base : this.aboutNow(base);
          const long = sound ? Math.max(0, stop[j] - start[j]) : 0;
          const name = this.names.get(action[j]) as string;
          const kind = j === failed ? ERROR : kindOf(name);
          if (from < begin) {
            begin = from;
          }
          if (kindOf(name) === COMPUTE) {
            tally.seconds += long;
          }
          const row = 2 * laneId + (isStrip(kind) ? 1 : 0);
          this.table.push(row, from, long, this.slotId(prefix, kind, name), i, kind === ERROR);
        }
        if (erred && nSpans === 0) {
          // It failed before any work began: still to be seen, as a mark without length.
          const heard = stimulus?.[k] ?? NaN;
          begin = isTime(heard) ? heard - this.table.base : this.aboutNow(base);
          this.table.push(2 * laneId, begin, 0, this.slotId(prefix, ERROR, ''), i, true);
        }
        this.begin.push(begin);
        this.spans.push(Math.min(nSpans, MANY));
        this.nSpans += nSpans;
      }
      keyAt = keyEnd;
      spanAt += nSpans;
    }
  }

  /**
   * When something happened that carries no time (a task died with its worker, a worker's clock is
   * broken), in seconds after the table's base: about when we had last heard of anything.
   */
  private aboutNow(frameBase: number): number {
    const { base, latest } = this.table;
    return Math.max(latest, frameBase - base);
  }

  private failedSpan(action: Column, at: number, n: number): number {
    for (let j = at + n - 1; j >= at; j--) {
      if (kindOf(this.names.get(action[j]) as string) === COMPUTE) {
        return j;
      }
    }
    return at + n - 1;
  }

  private prefixId(groupName: number): number {
    const name = (this.names.get(groupName) as [string, string])[1];
    let id = this.prefixIds.get(name);
    if (id === undefined) {
      id = this.prefixes.length;
      this.prefixIds.set(name, id);
      this.prefixes.push({ name, count: 0, seconds: 0, errors: 0 });
    }
    return id;
  }

  private laneId(laneName: number): number {
    const id = this.laneTable.idOf(this.names.get(laneName) as LaneName);
    this.table.row(2 * id + 1);
    return id;
  }

  private typeId(typeName: number): number {
    const name = (this.names.get(typeName) as [string])[0];
    let id = this.typeIds.get(name);
    if (id === undefined) {
      // Beyond what two bytes can count a type goes unnamed: nobody has that many classes.
      id = this.types.length < 0xffff ? this.types.push(name) - 1 : 0;
      this.typeIds.set(name, id);
    }
    return id;
  }

  private slotId(prefix: number, kind: number, action: string): number {
    const name = `${prefix} ${kind} ${action}`;
    let id = this.slotIds.get(name);
    if (id === undefined) {
      id = Math.min(this.slots.length, MOST_SLOTS);
      this.slotIds.set(name, id);
      if (id === this.slots.length) {
        this.slots.push({ prefix: this.prefixes[prefix].name, kind, action });
        if (this.kinds.length <= id) {
          const grown = new Uint8Array(this.kinds.length * 2);
          grown.set(this.kinds);
          this.kinds = grown;
        }
        this.kinds[id] = kind;
      }
    }
    return id;
  }

  private startstops(i: number): StartStop[] {
    const found: StartStop[] = [];
    const wanted = this.spans.get(i);
    if (wanted === 0) {
      return found;
    }
    const begin = this.begin.get(i);
    const lane = this.lane.get(i);
    // `begin` is a float32: step back by more than it can be off.
    const from = begin - 1e-6 - Math.abs(begin) * 2.5e-7;
    const { base, rows } = this.table;
    for (const row of [rows[2 * lane], rows[2 * lane + 1]]) {
      for (let k = row.lowerBound(from); k < row.length; k++) {
        if (row.record[k] === i) {
          const start = base + row.start[k];
          const { action } = this.slots[row.slot[k]];
          found.push({ action, start, stop: start + row.duration[k] });
          if (wanted !== MANY && found.length === wanted) {
            return found.sort((a, b) => a.start - b.start);
          }
        }
      }
    }
    return found.sort((a, b) => a.start - b.start);
  }
}
