/**
 * Workers, threads, memory and tasks of a scheduler, while somebody looks: of its recorder's counts where
 * there is one, else of what any scheduler says of itself, which has no tasks and costs it more, so seldom.
 */

import { Signal, type ISignal } from '@lumino/signaling';

import { FrameSocket } from '../connect/framesocket';
import { lastCounts, type Counts } from '../core/counts';
import type { Api, Scheduler } from './api';
import { onPageShown } from './looking';

/** What is known; `tasks` is null where nobody counts them. */
export interface Known {
  readonly workers: number;
  readonly threads: number;
  readonly memory: number;
  readonly limit: number | null;
  readonly tasks: Pick<Counts, 'done' | 'failed' | 'total'> | null;
}

interface Identity {
  readonly workers: Readonly<
    Record<string, { nthreads?: number; memory_limit?: number | null; metrics?: { memory?: number } }>
  >;
}

/** Milliseconds between two looks at the identity; longer where listing the workers costs more. */
const IDENTITY_EVERY = 5000;
const MANY_WORKERS = 100;

export class Facts {
  private readonly _changed = new Signal<this, void>(this);
  private readonly stopPage: () => void;
  private scheduler: Scheduler | null = null;
  private lookers = 0;
  private shown = true;
  private socket: FrameSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private _known: Known | null = null;
  private root = '';
  private rootUntil = 0;
  private noCounts = false;

  /** @param identify whether to ask a scheduler without counts what it says of itself. */
  constructor(
    private readonly api: Api,
    private readonly identify = true
  ) {
    this.stopPage = onPageShown(shown => {
      this.shown = shown;
      this.settle();
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get known(): Known | null {
    return this._known;
  }

  /** Of which scheduler; null leaves what was known last. */
  show(scheduler: Scheduler | null): void {
    const same =
      scheduler?.id === this.scheduler?.id &&
      scheduler?.state === this.scheduler?.state &&
      scheduler?.recorded === this.scheduler?.recorded;
    if (same) {
      return;
    }
    if (scheduler && scheduler.id !== this.scheduler?.id) {
      this._known = null;
      this.root = '';
      this.noCounts = false;
      this._changed.emit();
    }
    this.stop();
    this.scheduler = scheduler;
    this.settle();
  }

  look(): () => void {
    let looking = true;
    this.lookers++;
    this.settle();
    return () => {
      if (looking) {
        looking = false;
        this.lookers--;
        this.settle();
      }
    };
  }

  dispose(): void {
    this.stopPage();
    this.stop();
    Signal.clearData(this);
  }

  private settle(): void {
    const wanted = this.lookers > 0 && this.shown && this.scheduler?.state === 'reachable';
    if (!wanted) {
      this.socket?.look(false);
      clearTimeout(this.timer);
      this.timer = undefined;
    } else if (this.scheduler?.recorded && !this.noCounts) {
      this.count(this.scheduler.id);
    } else if (this.identify && this.timer === undefined) {
      this.ask();
    }
  }

  private stop(): void {
    this.socket?.close();
    this.socket = null;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private count(id: string): void {
    this.socket ??= new FrameSocket(() => this.api.frames(id, 'counts'), {
      frame: bytes => {
        const counts = lastCounts(bytes);
        if (counts) {
          const { done, failed, total } = counts;
          this.tell({ ...counts, tasks: { done, failed, total } });
        }
      },
      state: ({ phase, reason, retry_at }) => {
        // A recorder that is older than the stream.
        if (phase === 'lost' && retry_at === null && /stream/.test(reason)) {
          this.noCounts = true;
          queueMicrotask(() => {
            this.stop();
            this.settle();
          });
        }
      }
    });
    this.socket.look(true);
  }

  private ask(): void {
    const { scheduler } = this;
    if (!scheduler) {
      return;
    }
    const begin = Date.now();
    // Held while the answer is under way, too.
    this.timer = setTimeout(() => {}, 0);
    this.identity(scheduler.id)
      .then(
        ({ workers }) => {
          if (this.scheduler?.id === scheduler.id) {
            this.tell(summed(workers));
          }
          return Object.keys(workers).length;
        },
        () => MANY_WORKERS
      )
      .then(n => {
        if (this.scheduler !== scheduler || this.timer === undefined) {
          return;
        }
        const wait = IDENTITY_EVERY * Math.max(1, n / MANY_WORKERS) + (Date.now() - begin);
        this.timer = setTimeout(() => this.ask(), wait);
      })
      .catch(() => {});
  }

  private async identity(id: string): Promise<Identity> {
    if (!this.root || Date.now() / 1000 > this.rootUntil) {
      const { url, expires } = await this.api.page(id);
      this.root = url;
      this.rootUntil = expires - 60;
    }
    try {
      return await this.api.json<Identity>(this.root, 'json/identity.json');
    } catch (error) {
      this.root = '';
      throw error;
    }
  }

  private tell(known: Known): void {
    this._known = known;
    this._changed.emit();
  }
}

function summed(workers: Identity['workers']): Known {
  let threads = 0;
  let memory = 0;
  let limit = 0;
  for (const worker of Object.values(workers)) {
    threads += worker.nthreads ?? 0;
    memory += worker.metrics?.memory ?? 0;
    limit += worker.memory_limit ?? 0;
  }
  return { workers: Object.keys(workers).length, threads, memory, limit: limit || null, tasks: null };
}
