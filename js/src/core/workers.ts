/**
 * What the frames of the stream `workers` said: every worker as it is now.
 * `python/dasklens/model/samples.py` is the twin.
 */

import { FrameError, type Frame } from './frames';
import { numbers, ofStream, whole, type Taken, type Taker } from './samplecolumns';
import { byName } from './order';

export interface Worker {
  readonly address: string;
  readonly name: string;
  readonly threads: number;
  /** Memory limit in bytes, 0 for none. */
  readonly limit: number;
  status: string;
  /** Per cent, 100 is one core. */
  cpu: number;
  /** Memory in bytes: `process` is `managed + unmanaged + recent`, `spilled` is on disk. */
  process: number;
  managed: number;
  unmanaged: number;
  recent: number;
  spilled: number;
  /** Tasks. */
  processing: number;
  executing: number;
  ready: number;
  /** Of the worker's host, bytes a second. */
  netRead: number;
  netWrite: number;
  diskRead: number;
  diskWrite: number;
  /** When its last heartbeat came, in seconds since the epoch on the scheduler's clock. */
  seen: number;
  /** When it was found to have left, on the same clock; null while it is there. */
  left: number | null;
}

interface Row extends Worker {
  /** As they came, to be made to fit. */
  rawManaged: number;
  rawUnmanaged: number;
}

/** How long a worker that left is still told of, in seconds. */
export const REMEMBER_LEFT = 60;
/** Ids that a log may come to: more would be a frame that wants the page's memory. */
const MOST_NAMES = 1e6;

export class WorkerTable implements Taker {
  id = '';
  next = 0;
  /** When the last sample was taken, in seconds since the epoch on the scheduler's clock. */
  time = 0;
  /** Changes whenever a worker came or went. */
  generation = 0;

  private names: unknown[] = [];
  private readonly rows = new Map<number, Row>();
  private readonly gone: Row[] = [];
  private order: Worker[] | null = null;

  /** Workers in the order of their names, numbers as numbers. */
  get workers(): readonly Worker[] {
    this.order ??= inOrder([...this.rows.values()]);
    return this.order;
  }

  /** Workers that left within the last minute, the last one first. */
  get left(): readonly Worker[] {
    return this.gone;
  }

  get nNames(): number {
    return this.names.length;
  }

  append(frame: Frame): Taken {
    ofStream(frame, 'workers');
    const fresh = frame.first === 0;
    const same = frame.log === this.id;
    if (!fresh && (!same || frame.first > this.next)) {
      return 'gap';
    }
    if (!fresh && frame.next <= this.next) {
      return 'duplicate';
    }
    const names = this.laid(frame, same);
    if (!names) {
      return 'gap';
    }
    const told = {
      beats: whole(frame, 'worker'),
      loads: whole(frame, 'load_worker'),
      left: whole(frame, 'left')
    };
    const beats = beatsOf(frame, told.beats.length);
    const loads = loadsOf(frame, told.loads.length);
    for (const id of [...told.beats, ...told.loads]) {
      if (names[id] === undefined) {
        return 'gap';
      }
      checkWorker(names[id]);
    }
    for (const id of loads.status) {
      if (typeof names[id] !== 'string') {
        return names[id] === undefined ? 'gap' : refuse('status');
      }
    }
    // Nothing was taken so far: from here on, all of it is.
    const before = fresh ? new Map(this.rows) : null;
    if (fresh) {
      this.rows.clear();
      if (!same) {
        before?.clear();
        this.gone.length = 0;
      }
    }
    this.id = frame.log;
    this.next = frame.next;
    this.time = frame.base;
    this.names = names;
    told.beats.forEach((id, i) => this.beat(this.row(id, before), beats, i, frame.base));
    told.loads.forEach((id, i) => {
      const row = this.row(id, before);
      row.status = names[loads.status[i]] as string;
      row.rawManaged = loads.managed[i];
      row.processing = loads.processing[i];
      fit(row);
    });
    before?.forEach((row, id) => !this.rows.has(id) && this.leave(row));
    told.left.forEach(id => {
      const row = this.rows.get(id);
      if (row) {
        this.rows.delete(id);
        this.leave(row);
      }
    });
    while (this.gone.length > 0 && (this.gone[this.gone.length - 1].left ?? 0) < this.time - REMEMBER_LEFT) {
      this.gone.pop();
      this.generation++;
    }
    if (before) {
      this.changed();
    }
    return 'taken';
  }

  private row(id: number, before: ReadonlyMap<number, Row> | null): Row {
    let row = this.rows.get(id);
    if (!row) {
      row = before?.get(id) ?? newRow(this.names[id] as Name);
      this.rows.set(id, row);
      this.changed();
    }
    return row;
  }

  private beat(row: Row, beats: Beats, i: number, base: number): void {
    row.seen = base + beats.seen[i];
    row.cpu = beats.cpu[i];
    row.process = beats.process[i];
    row.rawUnmanaged = beats.unmanaged[i];
    row.spilled = beats.spilled[i];
    row.executing = beats.executing[i];
    row.ready = beats.ready[i];
    row.netRead = beats.net_read[i];
    row.netWrite = beats.net_write[i];
    row.diskRead = beats.disk_read[i];
    row.diskWrite = beats.disk_write[i];
    fit(row);
  }

  private leave(row: Row): void {
    row.left = this.time;
    row.status = 'left';
    this.gone.unshift(row);
    this.changed();
  }

  private changed(): void {
    this.order = null;
    this.generation++;
  }

  /** The names known together with those of the frame; null when some in between are missing. */
  private laid(frame: Frame, same: boolean): unknown[] | null {
    const { names0, names } = frame;
    if (names0 + names.length > MOST_NAMES) {
      throw new FrameError(
        `Expected names below the id ${MOST_NAMES}, got some up to ${names0 + names.length}.`
      );
    }
    const known = same ? this.names : [];
    if (names0 > known.length) {
      return null;
    }
    return names.length === 0 ? known : [...known.slice(0, names0), ...names];
  }
}

const BEATS = [
  'seen',
  'cpu',
  'process',
  'unmanaged',
  'spilled',
  'net_read',
  'net_write',
  'disk_read',
  'disk_write'
] as const;

type Beats = Record<(typeof BEATS)[number] | 'executing' | 'ready', ArrayLike<number>>;

function beatsOf(frame: Frame, n: number): Beats {
  const found = Object.fromEntries(BEATS.map(name => [name, numbers(frame, name, n)]));
  return {
    ...found,
    executing: whole(frame, 'executing', n),
    ready: whole(frame, 'ready', n)
  } as unknown as Beats;
}

function loadsOf(
  frame: Frame,
  n: number
): { status: Uint32Array; managed: ArrayLike<number>; processing: ArrayLike<number> } {
  return {
    status: Uint32Array.from(whole(frame, 'status', n)),
    managed: numbers(frame, 'managed', n),
    processing: whole(frame, 'processing', n)
  };
}

type Name = readonly [address: string, name: string, threads: number, limit: number];

function checkWorker(entry: unknown): void {
  const [address, name, threads, limit] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const good =
    typeof address === 'string' &&
    typeof name === 'string' &&
    typeof threads === 'number' &&
    typeof limit === 'number';
  if (!good) {
    refuse('worker');
  }
}

function refuse(column: string): never {
  throw new FrameError(`A frame of workers names something in its column "${column}" that is none.`);
}

function newRow([address, name, threads, limit]: Name): Row {
  const tasks = { processing: 0, executing: 0, ready: 0 };
  const memory = {
    process: 0,
    managed: 0,
    unmanaged: 0,
    recent: 0,
    spilled: 0,
    rawManaged: 0,
    rawUnmanaged: 0
  };
  const rates = { netRead: 0, netWrite: 0, diskRead: 0, diskWrite: 0 };
  return {
    address,
    name,
    threads,
    limit,
    status: '',
    cpu: 0,
    ...memory,
    ...tasks,
    ...rates,
    seen: 0,
    left: null
  };
}

/** What came at different times, made to fit as `distributed.scheduler.MemoryState` does it. */
function fit(row: Row): void {
  row.managed = Math.min(row.rawManaged, row.process);
  row.unmanaged = Math.min(row.rawUnmanaged, row.process - row.managed);
  row.recent = row.process - row.managed - row.unmanaged;
}

function inOrder(workers: Worker[]): Worker[] {
  return workers.sort((a, b) => byName(a.name, b.name) || byName(a.address, b.address));
}
