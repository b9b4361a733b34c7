/**
 * A comm whose other end is the Jupyter server's websocket instead of a kernel: what a receiver (a model
 * that takes frames) needs to be fed without a kernel. It gets the very messages that a kernel sends, so no
 * code of a figure knows where it is.
 *
 * The shape is that of `IClassicComm` of @jupyter-widgets/base; said here, because this room knows no page.
 */

import { FrameSocket, type Hello, type Phase, type State } from './framesocket';

/** Makes the websocket of a stream; of some, of one question to it. */
export type OpenStream = (stream: string, question: string) => WebSocket;

interface Callbacks {
  iopub?: { status?: (message: unknown) => void };
}

interface CommMessage {
  content: { comm_id: string; data: Record<string, unknown> };
  buffers: DataView[];
  metadata: Record<string, unknown>;
}

type Handler = (message: CommMessage) => void;

/** The worse comes first: what is said of several streams is the worst of them. */
const ORDER: readonly Phase[] = ['lost', 'connecting', 'paused', 'finished', 'live'];

export class ReceiverComm {
  readonly target_name = 'jupyter.widget';
  /** Told of the versions of both sides, and of each change of phase. */
  onHello: (hello: Hello) => void = () => {};
  onState: (state: State) => void = () => {};

  private readonly sockets = new Map<string, FrameSocket>();
  private readonly states = new Map<string, State>();
  /** What the sockets were opened to ask. */
  private readonly questions = new Map<string, string>();
  private handler: Handler = () => {};
  private looked = false;
  private held = '';
  private said = '';
  private sent = 0;

  constructor(
    readonly comm_id: string,
    streams: readonly string[],
    private readonly openStream: OpenStream
  ) {
    streams.forEach(stream => this.connect(stream, ''));
  }

  /** Somebody looks at what is fed, or nobody any more. */
  look(looked: boolean): void {
    this.looked = looked;
    if (!this.held) {
      this.sockets.forEach(socket => socket.look(looked));
    }
  }

  /** Leave the scheduler alone, with `reason`, until it is empty again. */
  hold(reason: string): void {
    this.held = reason;
    this.sockets.forEach(socket => (reason ? socket.leave(reason) : socket.look(this.looked)));
  }

  /** The scheduler has gone. */
  finish(reason: string): void {
    this.sockets.forEach(socket => socket.finish(reason));
  }

  /** Try again now. */
  again(): void {
    if (!this.held) {
      this.sockets.forEach(socket => socket.again());
    }
  }

  // --- IClassicComm ---------------------------------------------------------------------------------

  open(): string {
    return '';
  }

  send(data: unknown, callbacks?: Callbacks): string {
    const id = `${this.comm_id}-${this.sent++}`;
    const { method, content } = data as { method?: string; content?: Record<string, unknown> };
    if (method === 'custom' && content) {
      this.onAsked(content);
    }
    // Nobody computes anything here: whatever was said is settled.
    queueMicrotask(() => callbacks?.iopub?.status?.({ content: { execution_state: 'idle' } }));
    return id;
  }

  close(): string {
    this.sockets.forEach(socket => socket.close());
    this.handler = () => {};
    return '';
  }

  on_msg(handler: Handler): void {
    this.handler = handler;
  }

  /** The end of a scheduler is a phase: a comm that closed would take the model's picture along. */
  on_close(_handler: unknown): void {}

  // --- both ways --------------------------------------------------------------------------------------

  private connect(stream: string, question: string): FrameSocket {
    const socket = new FrameSocket(() => this.openStream(stream, question), {
      frame: bytes => this.deliver({ type: 'frames', n: 1 }, [new DataView(bytes)]),
      state: state => this.settle(stream, state),
      hello: hello => this.onHello(hello)
    });
    this.sockets.set(stream, socket);
    this.questions.set(stream, question);
    return socket;
  }

  /** Another question to a stream has a socket of its own. */
  private askAnew(stream: string, question: string): void {
    this.sockets.get(stream)?.close();
    const socket = this.connect(stream, question);
    if (this.held) {
      socket.leave(this.held);
    } else {
      socket.look(this.looked);
    }
  }

  private onAsked({ type, stream = 'tasks', cursor, names, log, question }: Record<string, unknown>): void {
    const socket = this.sockets.get(String(stream));
    if (
      type === 'read' &&
      socket &&
      typeof question === 'string' &&
      question !== this.questions.get(String(stream))
    ) {
      this.askAnew(String(stream), question);
    } else if (type === 'read' && !socket) {
      // One that is read only when asked for.
      this.askAnew(String(stream), '');
    } else if (type === 'unread') {
      socket?.close();
      for (const known of [this.sockets, this.states, this.questions]) {
        known.delete(String(stream));
      }
      this.sayWorst();
    } else if (type === 'read') {
      socket?.rewind({ cursor: Number(cursor) || 0, names: Number(names) || 0, log: String(log ?? '') });
    } else if (type === 'unwatched') {
      this.sockets.forEach(each => each.leave('nobody was looking'));
    }
  }

  private settle(stream: string, state: State): void {
    this.states.set(stream, state);
    this.sayWorst();
  }

  private sayWorst(): void {
    const all = [...this.states.values()].sort((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase));
    const worst = all[0];
    if (!worst) {
      return;
    }
    const { phase, reason, retry_at } = worst;
    const said = JSON.stringify([phase, reason, retry_at]);
    if (said !== this.said) {
      this.said = said;
      this.receive({ method: 'update', state: { phase, reason, retry_at }, buffer_paths: [] }, []);
      this.onState(worst);
    }
  }

  private deliver(content: Record<string, unknown>, buffers: DataView[]): void {
    this.receive({ method: 'custom', content }, buffers);
  }

  private receive(data: Record<string, unknown>, buffers: DataView[]): void {
    this.handler({ content: { comm_id: this.comm_id, data }, buffers, metadata: {} });
  }
}
