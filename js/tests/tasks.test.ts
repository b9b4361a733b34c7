import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import { decodeFrame, FrameError } from '../src/core/frames';
import { DISK_READ, ERROR } from '../src/core/kinds';
import { TaskLog, type AppendResult } from '../src/core/tasks';
import { SlotColours } from '../src/draw/colours';
import { FrameWriter, type TaskSpec } from './build';

const span = (start: number, stop: number, action = 'compute') => ({ start, stop, action });
const task = (key: string, start = 0): TaskSpec => ({ key, spans: [span(start, start + 1)] });

let log: TaskLog;
let writer: FrameWriter;
const feed = (...args: Parameters<FrameWriter['frame']>): AppendResult => log.feed(writer.frame(...args));
const keys = (): string[] => Array.from({ length: log.nRecords }, (_, i) => log.record(i).key);

beforeEach(() => {
  log = new TaskLog();
  writer = new FrameWriter();
});

describe('records', () => {
  it('come back as they went in', () => {
    feed([
      {
        key: '-7',
        prefix: 'sum',
        group: 'sum-aa',
        worker: 'tcp://9',
        workerName: 'nine',
        thread: 140_130_857_973_440,
        nbytes: 2 ** 41,
        type: 'numpy.ndarray',
        error: ['ValueError()', 'File x'],
        spans: [span(1, 2, 'transfer'), span(2, 5)]
      }
    ]);
    expect(log.record(0)).toEqual({
      key: 'sum-aa-7',
      prefix: 'sum',
      group: 'sum-aa',
      worker: 'tcp://9',
      workerName: 'nine',
      thread: 140_130_857_973_440,
      status: 'error',
      nbytes: null,
      typename: 'numpy.ndarray',
      exception: 'ValueError()',
      traceback: 'File x',
      startstops: [
        { action: 'transfer', start: 1.7e9 + 1, stop: 1.7e9 + 2 },
        { action: 'compute', start: 1.7e9 + 2, stop: 1.7e9 + 5 }
      ],
      cursor: 0
    });
  });

  it('know sizes beyond four bytes, and unknown ones', () => {
    feed([{ nbytes: 2 ** 41 }, { nbytes: NaN }, { nbytes: 2 ** 32 - 1 }, { nbytes: 0 }]);
    expect([0, 1, 2, 3].map(i => log.record(i).nbytes)).toEqual([2 ** 41, null, 2 ** 32 - 1, 0]);
  });

  it('find their spans whatever lies between them', () => {
    const spec = fc.array(
      fc.record({
        thread: fc.integer({ min: 1, max: 3 }),
        spans: fc.array(
          fc.record({
            action: fc.constantFrom('compute', 'transfer', 'disk-read', 'walk'),
            start: fc.integer({ min: 0, max: 1_000_000 }).map(n => n / 8),
            long: fc.integer({ min: 0, max: 800 }).map(n => n / 8)
          }),
          { maxLength: 5 }
        )
      }),
      { minLength: 1, maxLength: 40 }
    );
    fc.assert(
      fc.property(spec, fc.integer({ min: 1, max: 7 }), (tasks, batch) => {
        const mine = new TaskLog();
        const from = new FrameWriter();
        for (let at = 0; at < tasks.length; at += batch) {
          mine.feed(
            from.frame(
              tasks.slice(at, at + batch).map(({ thread, spans }) => ({
                thread,
                spans: spans.map(({ action, start, long }) => span(start, start + long, action))
              }))
            )
          );
        }
        tasks.forEach(({ spans }, i) => {
          const order = (a: { start: number; action: string }, b: typeof a): number =>
            a.start - b.start || a.action.localeCompare(b.action);
          const got = mine.record(i).startstops.sort(order);
          const wanted = spans
            .map(({ action, start, long }) => span(1.7e9 + start, 1.7e9 + start + long, action))
            .sort(order);
          expect(got.map(each => each.action)).toEqual(wanted.map(each => each.action));
          expect(got.map(each => each.start)).toEqual(wanted.map(each => each.start));
        });
        for (const row of mine.table.rows) {
          expect([...row.start.subarray(0, row.length)]).toEqual(
            [...row.start.subarray(0, row.length)].sort((a, b) => a - b)
          );
        }
      }),
      { numRuns: 150 }
    );
  });

  it('keep starts to the bit, also in frames of another base', () => {
    const start = 1_795_431_048.8087008;
    log.feed(new FrameWriter('log-1', 0, 1_795_431_000.25).frame([task('-0')]));
    const other = new FrameWriter('log-1', 1, 1_795_430_999.123456);
    log.feed(other.frame([{ ...task('-1'), spans: [span(start - 1_795_430_999.123456, start)] }]));
    expect(log.record(1).startstops[0].start).toBe(1_795_430_999.123456 + (start - 1_795_430_999.123456));
  });

  it('stay right for long keys, over page borders, and for very many', () => {
    const specs = Array.from({ length: 3000 }, (_, i) => task(`-${i}-${'k'.repeat((i * 37) % 400)}`, i));
    feed(specs.slice(0, 1100));
    feed(specs.slice(1100));
    expect(keys()).toEqual(specs.map(spec => `inc${spec.key}`));
  });
});

describe('what an erred task shows', () => {
  const kinds = (): number[] =>
    log.table.rows.flatMap(row => [...row.slot.subarray(0, row.length)].map(s => log.kinds[s]));

  it('is its last compute', () => {
    feed([{ error: ['e', 't'], spans: [span(0, 1), span(1, 2), span(2, 3, 'disk-read')] }]);
    expect(kinds()).toEqual([0, ERROR, DISK_READ]);
    expect(log.nErrors).toBe(1);
  });

  it('is the last it did when it never got to compute', () => {
    feed([{ error: ['e', 't'], spans: [span(0, 1, 'transfer')] }]);
    expect(kinds()).toEqual([ERROR]);
    expect(log.record(0).startstops.map(each => each.action)).toEqual(['transfer']);
  });

  it('is a mark when it did nothing at all', () => {
    feed([task('-0', 5), { error: ['KilledWorker', ''], worker: '', workerName: '' }]);
    feed([{ error: ['e', ''], stimulus: 1.7e9 + 3 }]);
    expect(kinds()).toContain(ERROR);
    expect(log.record(1).startstops).toEqual([]);
    expect(log.nSpans).toBe(1);
    expect(log.lanes.map(lane => lane.workerName)).toContain('(no worker)');
  });
});

describe('tallies and lanes', () => {
  it('count tasks, seconds of work and errors of each prefix', () => {
    feed([
      { prefix: 'a', spans: [span(0, 2), span(2, 9, 'transfer'), span(9, 10, 'walk')] },
      { prefix: 'b', spans: [span(0, 1)], error: ['', ''] },
      { prefix: 'a', spans: [span(3, 4)] }
    ]);
    expect(log.prefixes).toEqual([
      { name: 'a', count: 2, seconds: 4, errors: 0 },
      { name: 'b', count: 1, seconds: 1, errors: 1 }
    ]);
  });

  it('sort by worker with numbers as numbers, then by thread, and keep their rows', () => {
    const at = (workerName: string, thread: number): TaskSpec => ({
      worker: `tcp://${workerName}`,
      workerName,
      thread,
      spans: [span(0, 1)]
    });
    expect(feed([at('10', 2), at('2', 1)])).toMatchObject({ lanesChanged: true });
    expect(feed([at('10', 1), at('2', 1)])).toMatchObject({ lanesChanged: true });
    expect(feed([at('2', 1)])).toMatchObject({ lanesChanged: false });
    expect(log.lanes.map(lane => [lane.workerName, lane.thread, lane.id])).toEqual([
      ['2', 1, 1],
      ['10', 1, 2],
      ['10', 2, 0]
    ]);
    expect(log.lanes.map(lane => log.position(lane.id))).toEqual([0, 1, 2]);
    expect(log.table.rows[2 * 1].length).toBe(3);
  });
});

describe('cursors', () => {
  it('drop what comes twice and slice what overlaps', () => {
    const first = writer.frame([task('-0'), task('-1')]);
    log.feed(first);
    expect(log.feed(first)).toMatchObject({ kind: 'duplicate' });
    const again = new FrameWriter();
    again.frame([task('-0')]);
    const overlap = again.frame([task('-1'), task('-2'), task('-3')]);
    expect(log.feed(overlap)).toMatchObject({ kind: 'appended', records: 2 });
    expect(keys()).toEqual(['inc-0', 'inc-1', 'inc-2', 'inc-3']);
  });

  it('report a gap, take nothing, and go on when it is filled', () => {
    feed([task('-0')]);
    const lost = writer.frame([task('-1')]);
    expect(feed([task('-2')])).toMatchObject({ kind: 'gap', cursor: 1, log: 'log-1' });
    expect(log.nRecords).toBe(1);
    expect(log.feed(lost)).toMatchObject({ kind: 'appended' });
    expect(log.next).toBe(2);
  });

  it('report names that never came', () => {
    const other = new FrameWriter();
    other.frame([task('-0')]);
    const frame = other.frame([{ ...task('-1'), prefix: 'new' }]);
    expect(log.feed(frame)).toMatchObject({ kind: 'gap', cursor: 0, names: 0 });
    feed([task('-0')]);
    expect(feed([task('-1')], { names: [], names0: 0 })).toMatchObject({ kind: 'appended' });
    writer.frame([{ prefix: 'x' }]);
    writer.cursor = 2;
    expect(feed([{ prefix: 'x' }], { names0: 2 })).toMatchObject({ kind: 'gap', names: 0, cursor: 2 });
  });

  it('begin where the log begins, when it has dropped its oldest names too', () => {
    const long = new FrameWriter('log-1');
    long.frame([{ ...task('-0'), prefix: 'dropped' }]);
    const dropped = long.names.length;
    long.names.splice(0, dropped, ...Array.from({ length: dropped }, () => null));
    const chunk = new FrameWriter('log-1', 5);
    chunk.names.push(...long.names);
    expect(log.feed(chunk.frame([task('-5')], { missed: 5 }))).toMatchObject({ kind: 'appended' });
    expect([log.missed, log.nRecords]).toEqual([5, 1]);
    // A later chunk may follow a hole in the names too.
    chunk.names.push(null, null, null);
    expect(log.feed(chunk.frame([{ ...task('-6'), prefix: 'later' }]))).toMatchObject({ kind: 'appended' });
    expect(keys()).toEqual(['inc-5', 'later-6']);
  });

  it('fill a hole in the names once somebody speaks of them', () => {
    feed([task('-0')]);
    const lost = writer.frame([{ ...task('-1'), prefix: 'new' }]);
    writer.cursor = 1;
    const use = writer.frame([{ ...task('-1'), prefix: 'new' }]);
    expect(log.feed(use)).toMatchObject({ kind: 'gap', names: 0, cursor: 1 });
    expect(log.feed(lost)).toMatchObject({ kind: 'appended' });
    expect(keys()).toEqual(['inc-0', 'new-1']);
  });

  it('count what the scheduler had dropped', () => {
    feed([task('-0')]);
    writer.cursor = 10;
    expect(feed([task('-10')], { missed: 9 })).toMatchObject({ kind: 'appended' });
    expect(log.missed).toBe(9);
    expect([log.record(0).cursor, log.record(1).cursor]).toEqual([0, 10]);
    expect([log.recordAt(0), log.recordAt(5), log.recordAt(10), log.recordAt(11)]).toEqual([0, -1, 1, -1]);
  });

  it('begin anywhere when a part of the log is asked for', () => {
    const late = new FrameWriter('log-1', 500);
    expect(log.feed(late.frame([task('-0')]))).toMatchObject({ kind: 'appended' });
    expect(log.missed).toBe(0);
    expect(log.record(0).cursor).toBe(500);
  });

  it('start over with another log', () => {
    feed([task('-0'), task('-1')]);
    const other = new FrameWriter('log-2');
    expect(log.feed(other.frame([task('-9')]))).toMatchObject({ kind: 'reset', lanesChanged: true });
    expect([keys(), log.table.count, log.lanes.length]).toEqual([['inc-9'], 1, 1]);
    const third = new FrameWriter('log-3');
    third.frame([task('-0')]);
    expect(log.feed(third.frame([task('-1')]))).toMatchObject({ kind: 'gap', cursor: 0, names: 0 });
    expect(keys()).toEqual(['inc-9']);
  });

  it('start over with other colours, however many there are', () => {
    feed([{ ...task('-0'), error: ['E()', ''] }]);
    const colours = new SlotColours();
    colours.update(log.slots, {}, [], '#ff0000');
    const was = colours.plain[0];
    const other = new FrameWriter('log-2');
    log.feed(other.frame([task('-0'), { ...task('-1'), prefix: 'sum' }]));
    colours.update(log.slots, {}, [], '#ff0000');
    const fresh = new SlotColours();
    fresh.update(log.slots, {}, [], '#ff0000');
    expect(colours.plain[0]).toBe(fresh.plain[0]);
    expect(colours.plain[0]).not.toBe(was);
  });

  it('take an empty frame for what it is', () => {
    expect(feed([])).toMatchObject({ kind: 'duplicate' });
    expect(feed([task('-0')])).toMatchObject({ kind: 'appended' });
  });
});

describe('a broken frame', () => {
  it.each([
    ['bytes', Uint8Array.from([0xc1]), /not msgpack/],
    ['another thing', Uint8Array.from([1]), /a map with its version/]
  ])('of %s is said to be one', (_, bytes, message) => {
    expect(() => decodeFrame(bytes)).toThrow(FrameError);
    expect(() => decodeFrame(bytes)).toThrow(message);
  });

  it.each([
    [{ v: 99 }, /version 1 and got version 99/],
    [{ stream: 1 }, /its stream should be text/],
    [{ first: 5, next: 2 }, /back to 2/],
    [{ stream: 'counts' }, /stream "tasks"/],
    [{ cols: { group: ['u4', Uint8Array.from([1, 2])] } }, /"group" of a frame is broken/],
    [{ cols: {} }, /"spans" of a frame of tasks/]
  ])('with %j is said to be one', (more, message) => {
    expect(() => feed([task('-0')], more)).toThrow(message);
    expect(log.nRecords).toBe(0);
  });
});

it('keeps at most 60 bytes a span, with typical keys', () => {
  const hex = (n: number): string => n.toString(16).padStart(16, '0');
  for (let batch = 0; batch < 20; batch++) {
    feed(
      Array.from({ length: 5000 }, (_, k) => {
        const i = batch * 5000 + k;
        return { key: hex(i), thread: i % 64, spans: [span(i * 1e-3, i * 1e-3 + 5e-4)] };
      })
    );
  }
  expect(log.nSpans).toBe(100_000);
  expect(log.bytes / log.nSpans).toBeLessThan(60);
});
