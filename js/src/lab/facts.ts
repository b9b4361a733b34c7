/**
 * Workers, threads, memory and tasks of a scheduler as its recorder counts them, while somebody looks. A
 * plain scheduler says none of it at a price that is right: its `json/counts.json` walks all tasks, and its
 * `json/identity.json` fails, with a traceback in the notebook, once tasks have been measured.
 */

import { Signal, type ISignal } from '@lumino/signaling';

import { FrameSocket } from '../connect/framesocket';
import { Counts } from '../core/counts';
import { decodeFrame } from '../core/frames';
import type { Api, Scheduler } from './api';
import { Lookers } from './lookers';

export interface Known {
  readonly workers: number;
  readonly threads: number;
  /** Bytes: processes of all workers, and their limit; null when there is none. */
  readonly memory: number;
  readonly limit: number | null;
  readonly done: number;
  readonly failed: number;
  readonly total: number;
}

export class Facts {
  private readonly _changed = new Signal<this, void>(this);
  private readonly lookers = new Lookers(() => this.settle());
  private scheduler: Scheduler | null = null;
  private socket: FrameSocket | null = null;
  private counts = new Counts();
  private _known: Known | null = null;

  constructor(private readonly api: Api) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get known(): Known | null {
    return this._known;
  }

  /** Of which scheduler; null leaves what was known last. */
  show(scheduler: Scheduler | null): void {
    const other = scheduler !== null && scheduler.id !== this.scheduler?.id;
    this.scheduler = scheduler ?? (this.scheduler && { ...this.scheduler, state: 'unreachable' });
    if (other) {
      this.socket?.close();
      this.socket = null;
      this.counts = new Counts();
      this._known = null;
      this._changed.emit();
    }
    this.settle();
  }

  look(): () => void {
    return this.lookers.look();
  }

  dispose(): void {
    this.lookers.dispose();
    this.socket?.close();
    Signal.clearData(this);
  }

  private settle(): void {
    const { scheduler } = this;
    const wanted = this.lookers.any && scheduler?.state === 'reachable' && scheduler.recorded;
    if (wanted) {
      const { id } = scheduler;
      this.socket ??= new FrameSocket(() => this.api.frames(id, 'counts'), {
        frame: bytes => this.take(bytes),
        // How the connection is, the figures say.
        state: () => {}
      });
      this.socket.look(true);
      this.socket.again();
    } else {
      this.socket?.look(false);
    }
  }

  private take(bytes: ArrayBuffer): void {
    const { counts } = this;
    const taken = counts.append(decodeFrame(bytes));
    if (taken === 'gap') {
      this.socket?.rewind({ cursor: counts.next, names: counts.nNames, log: counts.id });
    } else if (taken === 'taken') {
      this._known = knownOf(counts);
      this._changed.emit();
    }
  }
}

export function knownOf(counts: Counts): Known {
  const last = (name: Parameters<Counts['last']>[0]): number => counts.last(name) || 0;
  const failed = last('tasks_erred');
  const done = last('tasks_memory') + last('tasks_released') + failed;
  const open =
    last('tasks_waiting') + last('tasks_no_worker') + last('tasks_queued') + last('tasks_processing');
  return {
    workers: last('workers'),
    threads: last('threads'),
    memory: last('process'),
    limit: last('limit') || null,
    done,
    failed,
    total: done + open
  };
}
