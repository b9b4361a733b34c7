/** The lanes of a log, which are worker threads: numbered as they come, and in the order on screen. */

import { byName } from './order';

export interface Lane {
  readonly id: number;
  readonly worker: string;
  readonly workerName: string;
  readonly thread: number | string | null;
}

/** What frames call a lane. */
export type LaneName = [worker: string, thread: number | string | null, workerName: string];

/** The lane of tasks that failed without having been on a worker. */
const NO_WORKER = '(no worker)';

export class Lanes {
  /** In the order on screen, as of the last `sort`: by worker (numbers in names as numbers), then thread. */
  sorted: Lane[] = [];

  private readonly byId: Lane[] = [];
  private readonly ids = new Map<string, number>();
  private positions: Int32Array | null = null;

  get length(): number {
    return this.byId.length;
  }

  /** Number of a lane, given at first sight; it never changes. */
  idOf([worker, thread, workerName]: LaneName): number {
    const name = `${worker}\n${String(thread)}`;
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.byId.length;
      this.ids.set(name, id);
      this.byId.push({ id, worker, thread, workerName: String(workerName ?? '') || worker || NO_WORKER });
    }
    return id;
  }

  get(id: number): Lane {
    return this.byId[id];
  }

  /** Position on screen. */
  position(id: number): number {
    if (!this.positions) {
      this.positions = new Int32Array(this.byId.length);
      for (const [at, lane] of this.sorted.entries()) {
        this.positions[lane.id] = at;
      }
    }
    return this.positions[id];
  }

  /** Put those that came into their places. */
  sort(): void {
    this.sorted = [...this.byId].sort(
      (a, b) =>
        byName(a.workerName, b.workerName) ||
        byName(a.worker, b.worker) ||
        byName(String(a.thread), String(b.thread)) ||
        a.id - b.id
    );
    this.positions = null;
  }

  clear(): void {
    this.sorted = [];
    this.byId.length = 0;
    this.ids.clear();
    this.positions = null;
  }
}
