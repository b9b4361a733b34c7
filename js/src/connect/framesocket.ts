/**
 * One stream of one scheduler over a websocket of the Jupyter server: the frames as they come, from a
 * cursor on, and in which *phase* this is. Lost connections are tried again, ever more rarely, and go on
 * from where they were. While nobody looks there is no websocket.
 *
 * `python/dasklens/server/stream.py` is the other end and says what the messages are.
 */

import { framePosition } from '../core/frames';

export type Phase = 'connecting' | 'live' | 'paused' | 'lost' | 'finished';

export interface State {
  readonly phase: Phase;
  readonly reason: string;
  /** Seconds since the epoch. */
  readonly since: number;
  readonly retry_at: number | null;
}

/** Versions of both sides, at the beginning of each connection. */
export interface Hello {
  readonly dasklens: string;
  readonly scheduler: Readonly<Record<string, unknown>> | null;
  readonly recorded: boolean;
}

export interface Listener {
  frame(bytes: ArrayBuffer): void;
  state(state: State): void;
  hello?(hello: Hello): void;
  /** Where the scheduler's log stands. */
  end?(log: string, cursor: number): void;
}

/** Milliseconds before trying again, at first and at most. */
export const RETRY_FIRST = 500;
export const RETRY_MOST = 10_000;
/** Milliseconds that the websocket stays when nobody looks: folding a section is no reason to leave. */
export const LINGER = 5000;
/** Milliseconds in which a connection has to open; a proxy may swallow the attempt. */
export const OPEN_WITHIN = 10_000;

export const NOT_WATCHED = 'not on screen';

/** Where to go on: the reader has all records before `cursor` and all names before `names`. */
export interface Position {
  readonly cursor: number;
  readonly names: number;
  readonly log: string;
}

export class FrameSocket {
  private socket: WebSocket | null = null;
  private at: Position;
  private looked = false;
  private closed = false;
  private pause = RETRY_FIRST;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  private phase: Phase | null = null;

  /**
   * @param open makes the websocket; it may throw.
   * @param from where to begin; without cursors, at the oldest record.
   */
  constructor(
    private readonly open: () => WebSocket,
    private readonly listener: Listener,
    from: Position = { cursor: 0, names: 0, log: '' }
  ) {
    this.at = from;
  }

  get position(): Position {
    return this.at;
  }

  /** Whether there is a websocket, or an attempt at one is due. */
  get busy(): boolean {
    return this.socket !== null || this.timer !== undefined;
  }

  /** Somebody looks, or nobody any more. */
  look(looked: boolean): void {
    if (this.closed || looked === this.looked) {
      return;
    }
    this.looked = looked;
    clearTimeout(this.leaving);
    if (looked) {
      if (!this.busy && this.phase !== 'finished') {
        this.connect();
      }
    } else if (this.busy) {
      this.leaving = setTimeout(() => this.leave(NOT_WATCHED), LINGER);
    }
  }

  /** Close the websocket at once, and say why; `look` opens it again. */
  leave(reason: string): void {
    clearTimeout(this.leaving);
    this.looked = false;
    this.drop();
    if (!this.closed && this.phase !== 'finished') {
      this.say('paused', reason);
    }
  }

  /** The reader wants to go on from elsewhere: it missed something. */
  rewind(to: Position): void {
    const same = to.cursor === this.at.cursor && to.names === this.at.names && to.log === this.at.log;
    this.at = to;
    if (this.closed || !this.looked || (same && this.busy)) {
      return;
    }
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(to));
    } else if (!this.busy) {
      this.connect();
    }
  }

  /** The scheduler has gone: nothing will come any more. */
  finish(reason: string): void {
    this.drop();
    if (!this.closed && this.phase !== 'finished') {
      this.say('finished', reason);
    }
  }

  /** Try again now, also after the end: the scheduler may be there again. */
  again(): void {
    if (this.closed || !this.looked || this.socket) {
      return;
    }
    this.pause = RETRY_FIRST;
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.leaving);
    this.drop();
  }

  // --- the connection -------------------------------------------------------------------------------

  private connect(): void {
    this.drop();
    if (this.phase !== 'lost') {
      this.say('connecting', '');
    }
    let socket: WebSocket;
    try {
      socket = this.open();
    } catch (error) {
      this.lost(`no websocket: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    const late = setTimeout(() => socket.close(), OPEN_WITHIN);
    socket.onopen = () => {
      clearTimeout(late);
      socket.send(JSON.stringify(this.at));
    };
    socket.onmessage = ({ data }) => this.onMessage(data as string | ArrayBuffer);
    socket.onclose = ({ reason }) => {
      clearTimeout(late);
      if (this.socket === socket) {
        this.socket = null;
        if (this.phase !== 'finished') {
          this.lost(reason || 'the Jupyter server does not answer');
        }
      }
    };
  }

  private drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = null;
      socket.close();
    }
  }

  private lost(reason: string): void {
    const { pause } = this;
    this.pause = Math.min(RETRY_MOST, 2 * pause);
    this.say('lost', reason, (Date.now() + pause) / 1000);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  private onMessage(data: string | ArrayBuffer): void {
    if (typeof data !== 'string') {
      const next = framePosition(data);
      if (next) {
        this.at = next;
      }
      this.listener.frame(data);
      return;
    }
    const message = parsed(data);
    switch (message.type) {
      case 'hello':
        this.listener.hello?.(message as unknown as Hello);
        break;
      case 'state':
        this.onState(message as unknown as State);
        break;
      case 'end':
        this.listener.end?.(String(message.log), Number(message.end));
        break;
    }
  }

  private onState(state: State): void {
    if (state.phase === 'live') {
      this.pause = RETRY_FIRST;
    }
    this.phase = state.phase;
    this.listener.state({
      phase: state.phase,
      reason: String(state.reason ?? ''),
      since: Number(state.since),
      retry_at: typeof state.retry_at === 'number' ? state.retry_at : null
    });
  }

  private say(phase: Phase, reason: string, retry_at: number | null = null): void {
    this.phase = phase;
    this.listener.state({ phase, reason, since: Date.now() / 1000, retry_at });
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
