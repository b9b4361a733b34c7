// @vitest-environment jsdom

import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { stopwatch } from '../src/core/format';
import type { RecordingSaid, Scheduler } from '../src/lab/api';
import type { Recordings as R } from '../src/lab/recordings';
import type { Registry as All } from '../src/lab/registry';

// Lumino looks for them when it is loaded, and this page has none.
vi.stubGlobal('DragEvent', Event);
vi.stubGlobal('IntersectionObserver', class {});
const { ApiError } = await import('../src/lab/api');
const { Registry } = await import('../src/lab/registry');
const { Recordings } = await import('../src/lab/recordings');

const SAID: RecordingSaid = {
  phase: 'recording',
  seconds: 1,
  tasks: 0,
  missed: 0,
  full: false,
  trouble: '',
  lacks: '',
  progress: '',
  path: '',
  reason: '',
  again: false
};

/** What the websocket of changes says. */
class Socket {
  static last: Socket;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    Socket.last = this;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  close(): void {}
}

class Choice {
  readonly changed = new Signal<this, void>(this);
  scheduler: Partial<Scheduler> | null = { id: 'a', state: 'reachable' };
  ended = false;
}

let registry: All;
let choice: Choice;
let recordings: R;
let saved: string[];
const api = { record: vi.fn(), stopRecording: vi.fn(), discardRecording: vi.fn() };
const front = { document: { sessionContext: { path: 'work/x.ipynb' } } };

beforeEach(() => {
  registry = new Registry(() => new Socket() as unknown as WebSocket);
  registry.look();
  choice = new Choice();
  recordings = new Recordings(api as never, registry, choice as never, front as never);
  saved = [];
  recordings.saved.connect((_, path) => void saved.push(path));
  Object.values(api).forEach(each => each.mockReset());
});

afterEach(() => {
  recordings.dispose();
  registry.dispose();
});

test('a stopwatch', () => {
  expect([0, 12.9, 75, 3723, -1, NaN].map(stopwatch)).toEqual([
    '0:00',
    '0:12',
    '1:15',
    '1:02:03',
    '0:00',
    '0:00'
  ]);
});

test('what goes on is seen by a page that was just opened', () => {
  Socket.last.say({ schedulers: [], recordings: { a: { ...SAID, tasks: 7 }, b: SAID } });
  expect(recordings.current?.said.tasks).toBe(7);
  expect(recordings.canStart).toBe(false);
  expect(recordings.canStop).toBe(true);
  // Another page gave it up, while this one was away.
  Socket.last.say({ schedulers: [], recordings: { b: SAID } });
  expect(recordings.current).toBeNull();
  expect(recordings.canStart).toBe(true);
  Socket.last.say({ event: 'recording', id: 'a', recording: SAID });
  expect(recordings.canStop).toBe(true);
});

test('only the page that stopped it shows the file, in the folder of the notebook in front', async () => {
  Socket.last.say({ schedulers: [], recordings: { a: SAID } });
  api.stopRecording.mockResolvedValue({ ...SAID, phase: 'stopping' });
  await recordings.stop();
  expect(api.stopRecording).toHaveBeenCalledWith('a', 'work');
  expect(recordings.canStop).toBe(false);
  Socket.last.say({
    event: 'recording',
    id: 'a',
    recording: { ...SAID, phase: 'saved', path: 'work/r.html' }
  });
  expect(saved).toEqual(['work/r.html']);
  // A second one is stopped elsewhere.
  Socket.last.say({ event: 'recording', id: 'a', recording: SAID });
  Socket.last.say({ event: 'recording', id: 'a', recording: { ...SAID, phase: 'saved', path: 'x.html' } });
  expect(saved).toHaveLength(1);
  expect(recordings.current?.said.path).toBe('x.html');
  recordings.close();
  expect(recordings.current).toBeNull();
  Socket.last.say({ event: 'recording', id: 'a', recording: SAID });
  expect(recordings.current).not.toBeNull();
});

test('what is refused is said, until it is closed or works', async () => {
  api.record.mockRejectedValue(new ApiError('No.', 'Do that.'));
  await recordings.start();
  expect(recordings.error).toBe('No. Do that.');
  expect(recordings.canStart).toBe(true);
  recordings.close();
  expect(recordings.error).toBe('');
  api.record.mockResolvedValue(SAID);
  await recordings.start();
  expect(recordings.canStop).toBe(true);
});

test('one is asked for once', async () => {
  let answer = (_: RecordingSaid): void => {};
  api.record.mockReturnValue(new Promise<RecordingSaid>(resolve => (answer = resolve)));
  const asked = recordings.start();
  expect(recordings.canStart).toBe(false);
  answer(SAID);
  await asked;
  expect(recordings.canStop).toBe(true);
});

test('a scheduler that cannot be reached cannot be recorded, and one that has gone can be saved', () => {
  choice.scheduler = { id: 'a', state: 'unreachable' };
  expect(recordings.canStart).toBe(false);
  choice.scheduler = null;
  expect(recordings.id).toBe('');
  Socket.last.say({ schedulers: [], recordings: { z: { ...SAID, trouble: 'The scheduler has gone.' } } });
  expect(recordings.id).toBe('z');
  expect(recordings.canStop).toBe(true);
});

test('what is not saved yet is not recorded over', () => {
  expect(recordings.canStart).toBe(true);
  registry.putRecording('a', { ...SAID, phase: 'failed', again: true });
  expect(recordings.canStart).toBe(false);
  registry.putRecording('a', { ...SAID, phase: 'failed' });
  expect(recordings.canStart).toBe(true);
});

test('a stop that is refused shows no file of somebody else later', async () => {
  registry.putRecording('a', SAID);
  api.stopRecording.mockRejectedValueOnce(new ApiError('You may not.', '', 403));
  await recordings.stop();
  expect(recordings.error).toBe('You may not.');
  registry.putRecording('a', { ...SAID, phase: 'saved', path: 'theirs.html' });
  expect(saved).toEqual([]);
});
