/** A websocket as the code under test sees it; the test is the server. */

export class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];

  readyState = 0;
  binaryType = '';
  readonly sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;

  constructor(readonly url = '') {
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1];
  }

  /** Sockets that are neither closed nor closing. */
  static get live(): FakeSocket[] {
    return FakeSocket.all.filter(socket => socket.readyState < 2);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    if (this.readyState < 2) {
      this.readyState = 3;
      this.onclose?.({ reason: '' });
    }
  }

  /** The server takes the connection. */
  accept(): this {
    this.readyState = 1;
    this.onopen?.();
    return this;
  }

  say(message: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  state(phase: string, more: Record<string, unknown> = {}): void {
    this.say({ type: 'state', phase, reason: '', since: 1, retry_at: null, ...more });
  }

  frame(bytes: Uint8Array): void {
    this.onmessage?.({ data: bytes.slice().buffer });
  }
}

export function openFake(): WebSocket {
  return new FakeSocket() as unknown as WebSocket;
}
