import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ReceiverComm } from '../src/connect/comm';
import { FrameSocket, LINGER, RETRY_FIRST, RETRY_MOST, type State } from '../src/connect/framesocket';
import { FrameWriter } from './build';
import { FakeSocket, openFake } from './fakesocket';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  FakeSocket.all = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const START = { cursor: 0, names: 0, log: '' };

function fed() {
  const states: State[] = [];
  const frames: ArrayBuffer[] = [];
  const socket = new FrameSocket(openFake, {
    frame: bytes => frames.push(bytes),
    state: state => states.push(state)
  });
  return { socket, states, frames, phases: () => states.map(state => state.phase) };
}

test('nothing is connected before somebody looks', () => {
  const { socket } = fed();
  expect(FakeSocket.all).toHaveLength(0);
  socket.look(true);
  expect(FakeSocket.last.accept().sent).toEqual([START]);
});

test('a lost connection is tried again, ever more rarely, and goes on where it was', () => {
  const { socket, states, phases } = fed();
  socket.look(true);
  const writer = new FrameWriter();
  FakeSocket.last.accept();
  FakeSocket.last.state('live');
  FakeSocket.last.frame(writer.frame([{}, {}, {}]));
  const { position } = socket;
  expect(position.cursor).toBe(3);
  expect(position.names).toBeGreaterThan(0);

  FakeSocket.last.close();
  expect(phases()).toEqual(['connecting', 'live', 'lost']);
  expect(states[2].retry_at).toBeCloseTo((Date.now() + RETRY_FIRST) / 1000, 3);
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const n = FakeSocket.all.length;
    let waited = 0;
    while (FakeSocket.all.length === n) {
      vi.advanceTimersByTime(100);
      waited += 100;
    }
    waits.push(waited);
    FakeSocket.last.close();
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, RETRY_MOST, RETRY_MOST, RETRY_MOST]);
  vi.advanceTimersByTime(RETRY_MOST);
  expect(FakeSocket.last.accept().sent).toEqual([position]);
  FakeSocket.last.state('live');
  FakeSocket.last.close();
  vi.advanceTimersByTime(RETRY_FIRST);
  expect(FakeSocket.live).toHaveLength(1);
});

test('while nobody looks there is no websocket, after a moment', () => {
  const { socket, phases } = fed();
  socket.look(true);
  FakeSocket.last.accept().state('live');
  socket.look(false);
  vi.advanceTimersByTime(LINGER - 1);
  expect(FakeSocket.live).toHaveLength(1);
  socket.look(true);
  vi.advanceTimersByTime(LINGER);
  expect(FakeSocket.all).toHaveLength(1);
  socket.look(false);
  vi.advanceTimersByTime(LINGER);
  expect(FakeSocket.live).toHaveLength(0);
  expect(phases()).toEqual(['connecting', 'live', 'paused']);
  vi.advanceTimersByTime(10 * RETRY_MOST);
  expect(FakeSocket.live).toHaveLength(0);
  socket.look(true);
  expect(FakeSocket.live).toHaveLength(1);
});

test('an attempt that never opens is given up', () => {
  const { socket, phases } = fed();
  socket.look(true);
  vi.advanceTimersByTime(11_000);
  expect(phases()).toContain('lost');
  socket.close();
});

test('what a reader missed is asked for again', () => {
  const { socket } = fed();
  socket.look(true);
  FakeSocket.last.accept().state('live');
  socket.rewind(START);
  expect(FakeSocket.last.sent).toHaveLength(1);
  socket.rewind({ cursor: 2, names: 1, log: 'a' });
  expect(FakeSocket.last.sent).toEqual([START, { cursor: 2, names: 1, log: 'a' }]);
});

test('after the end nothing is tried, until somebody says so', () => {
  const { socket, phases } = fed();
  socket.look(true);
  FakeSocket.last.accept().state('finished', { reason: 'the scheduler was closed' });
  FakeSocket.last.close();
  vi.advanceTimersByTime(10 * RETRY_MOST);
  expect(FakeSocket.all).toHaveLength(1);
  expect(phases().pop()).toBe('finished');
  socket.again();
  expect(FakeSocket.all).toHaveLength(2);
});

test('closing leaves no timer and no socket, whatever was going on', () => {
  for (const act of ['open', 'live', 'lost', 'leaving']) {
    const { socket } = fed();
    socket.look(true);
    if (act !== 'open') {
      FakeSocket.last.accept().state('live');
    }
    if (act === 'lost') {
      FakeSocket.last.close();
    }
    if (act === 'leaving') {
      socket.look(false);
    }
    socket.close();
  }
  vi.advanceTimersByTime(11_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(FakeSocket.live).toHaveLength(0);
});

function comm(streams = ['tasks']) {
  const received: { data: Record<string, unknown>; buffers: DataView[] }[] = [];
  const made = new ReceiverComm('3', streams, openFake);
  made.on_msg(({ content, buffers }) => received.push({ data: content.data, buffers }));
  return { made, received, phase: () => received.filter(m => m.data.method === 'update').pop()?.data.state };
}

test('a model gets from the comm what a kernel would send', () => {
  const { made, received } = comm();
  made.look(true);
  FakeSocket.last.accept().state('live');
  const frame = new FrameWriter().frame([{}]);
  FakeSocket.last.frame(frame);
  const [connecting, live, frames] = received;
  expect(connecting.data.state).toMatchObject({ phase: 'connecting' });
  expect(live.data).toEqual({
    method: 'update',
    state: { phase: 'live', reason: '', retry_at: null },
    buffer_paths: []
  });
  expect(frames.data).toEqual({ method: 'custom', content: { type: 'frames', n: 1 } });
  expect(new Uint8Array(frames.buffers[0].buffer)).toEqual(new Uint8Array(frame));
});

test('what a model saves is settled at once', async () => {
  const { made } = comm();
  const status = vi.fn();
  made.send({ method: 'update', state: { follow: false } }, { iopub: { status } });
  await Promise.resolve();
  expect(status).toHaveBeenCalledWith({ content: { execution_state: 'idle' } });
});

test('a model that nobody looks at leaves the scheduler alone and can come back', () => {
  const { made, phase } = comm();
  made.look(true);
  FakeSocket.last.accept().state('live');
  made.send({ method: 'custom', content: { type: 'unwatched' } });
  expect(FakeSocket.live).toHaveLength(0);
  expect(phase()).toMatchObject({ phase: 'paused' });
});

test('held, it stays away from the scheduler however much is asked', () => {
  const { made, phase } = comm();
  made.look(true);
  FakeSocket.last.accept().state('live');
  made.hold('paused here');
  // This is what the mark does when it hears of the pause.
  made.send({ method: 'custom', content: { type: 'read', cursor: 5, names: 1, log: 'a' } });
  made.look(false);
  made.look(true);
  expect(FakeSocket.live).toHaveLength(0);
  expect(phase()).toMatchObject({ phase: 'paused', reason: 'paused here' });
  made.hold('');
  expect(FakeSocket.last.accept().sent).toEqual([{ cursor: 5, names: 1, log: 'a' }]);
});

test('another question to a stream has a socket of its own', () => {
  const asked: string[] = [];
  const comm = new ReceiverComm('m', ['profile'], (stream, question) => {
    asked.push(`${stream} ${question}`);
    return openFake();
  });
  const read = (question?: string): string =>
    comm.send({ method: 'custom', content: { type: 'read', stream: 'profile', question, cursor: 0 } });
  comm.look(true);
  FakeSocket.last.accept().state('live');
  read('{"kind":"server"}');
  expect(asked).toEqual(['profile ', 'profile {"kind":"server"}']);
  expect(FakeSocket.live).toHaveLength(1);
  expect(FakeSocket.last.accept().sent).toEqual([START]);
  // The same again is the same socket, and so is a read that does not say what of.
  read('{"kind":"server"}');
  read();
  expect(FakeSocket.all).toHaveLength(2);
  comm.hold('paused');
  read('');
  expect(FakeSocket.live).toHaveLength(0);
  comm.hold('');
  FakeSocket.last.accept();
  expect(asked[2]).toBe('profile ');
  comm.close();
  expect(FakeSocket.live).toHaveLength(0);
});

test('a stream that no model names is read while it is asked for', () => {
  const asked: string[] = [];
  const comm = new ReceiverComm('m', ['counts'], stream => {
    asked.push(stream);
    return openFake();
  });
  const phases: string[] = [];
  comm.onState = ({ phase }) => phases.push(phase);
  const say = (type: string): string => comm.send({ method: 'custom', content: { type, stream: 'groups' } });
  comm.look(true);
  FakeSocket.last.accept().state('live');
  say('read');
  expect(asked).toEqual(['counts', 'groups']);
  FakeSocket.last.accept().state('lost');
  expect(phases.at(-1)).toBe('lost');
  say('unread');
  expect(FakeSocket.live).toHaveLength(1);
  expect(phases.at(-1)).toBe('live');
  say('unread');
  say('read');
  expect(asked).toEqual(['counts', 'groups', 'groups']);
  comm.close();
  expect(FakeSocket.live).toHaveLength(0);
});

test('of several streams the worst is said', () => {
  const { made, phase } = comm(['tasks', 'counts']);
  made.look(true);
  const [tasks, counts] = FakeSocket.all;
  tasks.accept().state('live');
  expect(phase()).toMatchObject({ phase: 'connecting' });
  counts.accept().state('live');
  expect(phase()).toMatchObject({ phase: 'live' });
  counts.close();
  expect(phase()).toMatchObject({ phase: 'lost' });
});
