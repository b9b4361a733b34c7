/**
 * Which schedulers there are, and what is being recorded of them, as the server says it over a websocket; only
 * while somebody looks.
 */

import { Signal, type ISignal } from '@lumino/signaling';

import { LINGER, RETRY_FIRST, RETRY_MOST } from '../connect/framesocket';
import type { RecordingSaid, Scheduler } from './api';
import { Lookers } from './lookers';

export interface Change {
  readonly event: 'added' | 'changed' | 'gone';
  readonly scheduler: Scheduler;
}

interface Message {
  readonly schedulers?: readonly Scheduler[];
  readonly recordings?: Readonly<Record<string, RecordingSaid>>;
  readonly event?: Change['event'] | 'recording';
  readonly scheduler?: Scheduler;
  readonly id?: string;
  readonly recording?: RecordingSaid | null;
}

/** What was said of a recording, and when. */
export interface Recorded {
  readonly said: RecordingSaid;
  /** By `performance.now()`. */
  readonly at: number;
}

export class Registry {
  private readonly known = new Map<string, Scheduler>();
  private readonly recorded = new Map<string, Recorded>();
  private readonly _changed = new Signal<this, Change | null>(this);
  private readonly _recordingChanged = new Signal<this, string>(this);
  private readonly lookers = new Lookers(() => this.settle());
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  private pause = RETRY_FIRST;
  private _loaded = false;
  private _lost = false;
  private disposed = false;

  constructor(private readonly open: () => WebSocket) {}

  /** Something is otherwise; null when that is the connection or the whole list. */
  get changed(): ISignal<this, Change | null> {
    return this._changed;
  }

  /** Something else is said of the recording of the scheduler of this id. */
  get recordingChanged(): ISignal<this, string> {
    return this._recordingChanged;
  }

  /** Recordings by the scheduler's id: those that go on, and the last of each. */
  get recordings(): ReadonlyMap<string, Recorded> {
    return this.recorded;
  }

  /** Take what a request answered, or the websocket said. */
  putRecording(id: string, said: RecordingSaid | null): void {
    if (said) {
      this.recorded.set(id, { said, at: performance.now() });
    } else {
      this.recorded.delete(id);
    }
    this._recordingChanged.emit(id);
  }

  /** All, in the order in which they came. */
  get schedulers(): readonly Scheduler[] {
    return [...this.known.values()];
  }

  /** Whether the list has been here since the page was made. */
  get loaded(): boolean {
    return this._loaded;
  }

  /** Whether the Jupyter server does not answer. */
  get lost(): boolean {
    return this._lost;
  }

  get(id: string): Scheduler | undefined {
    return this.known.get(id);
  }

  /** Take what a request answered before the websocket says the same. */
  put(scheduler: Scheduler): void {
    const event = this.known.has(scheduler.id) ? 'changed' : 'added';
    this.known.set(scheduler.id, scheduler);
    this._changed.emit({ event, scheduler });
  }

  /** Keep the list up to date until the returned function is called. */
  look(): () => void {
    return this.lookers.look();
  }

  dispose(): void {
    this.disposed = true;
    this.lookers.dispose();
    this.drop();
    clearTimeout(this.leaving);
    Signal.clearData(this);
  }

  private settle(): void {
    clearTimeout(this.leaving);
    if (this.disposed) {
      return;
    }
    if (this.lookers.any) {
      if (!this.socket && this.timer === undefined) {
        this.connect();
      }
    } else {
      this.leaving = setTimeout(() => this.drop(), LINGER);
    }
  }

  private connect(): void {
    this.drop();
    let socket: WebSocket;
    try {
      socket = this.open();
    } catch {
      this.later();
      return;
    }
    this.socket = socket;
    socket.onmessage = ({ data }) => this.onMessage(JSON.parse(String(data)) as Message);
    socket.onclose = () => {
      if (this.socket === socket) {
        this.socket = null;
        this.later();
      }
    };
  }

  private later(): void {
    if (!this._lost) {
      this._lost = true;
      this._changed.emit(null);
    }
    this.timer = setTimeout(() => this.connect(), this.pause);
    this.pause = Math.min(RETRY_MOST, 2 * this.pause);
  }

  private drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.onmessage = null;
      socket.close();
    }
  }

  private onMessage({ schedulers, recordings, event, scheduler, id, recording }: Message): void {
    this.pause = RETRY_FIRST;
    if (schedulers) {
      this._lost = false;
      this._loaded = true;
      const ids = new Set(schedulers.map(each => each.id));
      const gone = [...this.known.values()].filter(each => !ids.has(each.id));
      this.known.clear();
      schedulers.forEach(each => this.known.set(each.id, each));
      gone.forEach(each => this._changed.emit({ event: 'gone', scheduler: each }));
      this._changed.emit(null);
      const before = [...this.recorded.keys()];
      Object.entries(recordings ?? {}).forEach(([each, said]) => this.putRecording(each, said));
      before.filter(each => !recordings?.[each]).forEach(each => this.putRecording(each, null));
    } else if (event === 'recording') {
      this.putRecording(id ?? '', recording ?? null);
    } else if (event && scheduler) {
      if (event === 'gone') {
        this.known.delete(scheduler.id);
      } else {
        this.known.set(scheduler.id, scheduler);
      }
      this._changed.emit({ event, scheduler });
    }
  }
}
