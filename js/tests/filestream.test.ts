import { describe, expect, test, vi } from 'vitest';

import { ReceiverComm } from '../src/connect/comm';
import {
  FileStreamError,
  framesOf,
  MOST_PIECE,
  openFile,
  type PackedStream
} from '../src/connect/filestream';
import type { State } from '../src/connect/framesocket';
import { Counts } from '../src/core/counts';
import { decodeFrame } from '../src/core/frames';
import { TaskLog } from '../src/core/tasks';
import { readReport } from '../src/report/document';
import { FrameWriter } from './build';
import { joined, packed, packedBytes, SAMPLE } from './packed';
import { CountsWriter } from './samples';

interface Message {
  content: { data: { method: string; content?: { type: string } } };
  buffers: DataView[];
}

/** What a model gets that is fed from a file. */
async function fedFrom(streams: Record<string, PackedStream>, wanted: string[]) {
  const comm = new ReceiverComm('model', wanted, openFile(streams));
  const frames: DataView[] = [];
  const states: State[] = [];
  comm.on_msg((message: unknown) => {
    const { content, buffers } = message as Message;
    if (content.data.content?.type === 'frames') {
      frames.push(...buffers);
    }
  });
  comm.onState = state => states.push(state);
  comm.look(true);
  await vi.waitFor(() => expect(states.at(-1)?.phase).toBe('finished'));
  return { comm, frames, states };
}

const all = async (stream: PackedStream): Promise<Uint8Array[]> => {
  const frames: Uint8Array[] = [];
  for await (const some of framesOf(stream)) {
    frames.push(...some);
  }
  return frames;
};

test('a file gives every frame in its order, and says that it is finished', async () => {
  const writer = new FrameWriter();
  const [a, b, c] = [writer.frame([{}, {}]), writer.frame([{}]), writer.frame([{}, {}, {}])];
  const { frames, states } = await fedFrom({ tasks: packed([a, b], [c]) }, ['tasks']);
  const log = new TaskLog();
  expect(frames.map(frame => log.feed(frame).kind)).toEqual(['appended', 'appended', 'appended']);
  expect(log.nRecords).toBe(6);
  expect(states.map(({ phase }) => phase)).toEqual(['connecting', 'finished']);
  // A frame owns its bytes: those of its piece are not kept for it.
  expect(frames[0].buffer.byteLength).toBe(a.length);
});

test('a stream that is not in the file is finished at once', async () => {
  const { frames, states } = await fedFrom({}, ['tasks']);
  expect(frames).toEqual([]);
  expect(states.at(-1)).toMatchObject({ phase: 'finished', reason: '' });
});

test('asked again, a file says nothing twice, and closed it says nothing', async () => {
  const open = openFile({ tasks: packed([new FrameWriter().frame([{}])]) });
  const got: unknown[] = [];
  const socket = open('tasks', '');
  await new Promise<void>(resolve => (socket.onopen = () => resolve()));
  await new Promise<void>(resolve => {
    socket.onmessage = ({ data }) => {
      got.push(data);
      if (typeof data === 'string') {
        resolve();
      }
    };
    socket.send('{}');
    socket.send('{}');
  });
  expect(got).toHaveLength(2);
  const closed = open('tasks', '');
  closed.close();
  const opened = vi.fn();
  closed.onopen = opened;
  await Promise.resolve();
  expect(opened).not.toHaveBeenCalled();
});

test('each kind of profile is a stream of its own', async () => {
  const tasks = new FrameWriter();
  const streams = { 'profile:worker': packed([tasks.frame([{}])]), 'profile:server': packed([]) };
  const count = async (question: string): Promise<number> => {
    const got: unknown[] = [];
    const socket = openFile(streams)('profile', question);
    socket.onopen = () => socket.send('{}');
    socket.onmessage = ({ data }) => got.push(data);
    await vi.waitFor(() => expect(got.some(data => typeof data === 'string')).toBe(true));
    return got.length - 1;
  };
  expect(await count('')).toBe(1);
  expect(await count('{"kind":"server"}')).toBe(0);
  expect(await count('{"kind":"scheduler"}')).toBe(0);
});

test('samples from the middle of a history are taken for its beginning', async () => {
  const writer = new CountsWriter();
  writer.frame([{}, {}, {}]);
  const stream = packed([writer.frame([{ time: 3 }, { time: 4 }])], [writer.frame([{ time: 5 }])]);
  const counts = new Counts();
  for (const frame of await all(stream)) {
    expect(counts.append(decodeFrame(frame))).toBe('taken');
  }
  expect(counts.length).toBe(3);
  expect(counts.missed).toBe(0);
});

test('what was recorded of a real run is read whole', async () => {
  const { streams } = readReport(SAMPLE);
  for (const [name, stream] of Object.entries(streams)) {
    const frames = (await all(stream)).map(frame => decodeFrame(frame));
    expect(frames.length, name).toBe(stream.frames);
  }
  const log = new TaskLog();
  for (const frame of await all(streams.tasks)) {
    expect(log.feed(frame).kind).toBe('appended');
  }
  expect(log.nRecords).toBe(streams.tasks.records);
  expect(log.nErrors).toBe(1);
});

test('of a stream that unpacks to more than any does the rest is not read', async () => {
  const frame = new FrameWriter().frame([{}]);
  const got: Uint8Array[][] = [];
  const read = async (): Promise<void> => {
    for await (const frames of framesOf(packed([frame], [frame], [frame]), 2 * (4 + frame.length))) {
      got.push(frames);
    }
  };
  await expect(read()).rejects.toThrow(/^Expected streams of at most \d+ bytes, got more\.$/);
  expect(got).toHaveLength(2);
});

describe('a damaged file', () => {
  const frame = new FrameWriter().frame([{}]);
  const data = (piece: string): PackedStream => ({ records: 1, frames: 1, data: [piece] });

  test.each([
    ['no base64', data('%%%'), /base64/],
    ['no gzip', data(Buffer.from('nothing').toString('base64')), /gzip/],
    ['cut off', data(packedBytes(joined([frame]).subarray(0, -1))), /middle of a frame/],
    ['cut off in a length', data(packedBytes(joined([frame]).subarray(0, 3))), /middle of a frame/]
  ])('says what is wrong: %s', async (_, stream, why) => {
    await expect(all(stream)).rejects.toThrow(FileStreamError);
    await expect(all(stream)).rejects.toThrow(why);
    const { states } = await fedFrom({ tasks: stream }, ['tasks']);
    expect(states.at(-1)?.reason).toMatch(why);
  });

  test('does not take the memory of the page', async () => {
    await expect(all(data(packedBytes(new Uint8Array(MOST_PIECE + 1))))).rejects.toThrow(/at most/);
  });
});
