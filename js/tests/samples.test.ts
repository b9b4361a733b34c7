import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Counts, MOST_SAMPLES } from '../src/core/counts';
import { decodeFrame } from '../src/core/frames';
import { REMEMBER_LEFT, WorkerTable } from '../src/core/workers';
import { CountsWriter, WorkersWriter } from './samples';

const names = (table: WorkerTable): string[] => table.workers.map(worker => worker.name);

describe('the table of workers', () => {
  it('takes all at first and then what changed', () => {
    const [table, writer] = [new WorkerTable(), new WorkersWriter()];
    expect(table.append(decodeFrame(writer.frame([{ name: 'b' }, { name: 'a' }])))).toBe('taken');
    expect(names(table)).toEqual(['a', 'b']);
    const generation = table.generation;
    expect(table.append(decodeFrame(writer.frame([{ name: 'b', cpu: 99 }])))).toBe('taken');
    expect(table.workers.map(worker => worker.cpu)).toEqual([50, 99]);
    expect(table.generation).toBe(generation);
    expect(table.next).toBe(2);
  });

  it('makes numbers that came at different times fit', () => {
    const [table, writer] = [new WorkerTable(), new WorkersWriter()];
    table.append(
      decodeFrame(
        writer.frame([
          { process: 100, managed: 80, unmanaged: 50 },
          { process: 10, managed: 80 }
        ])
      )
    );
    const parts = table.workers.map(({ managed, unmanaged, recent }) => [managed, unmanaged, recent]);
    expect(parts).toEqual([
      [80, 20, 0],
      [10, 0, 0]
    ]);
  });

  it('tells of those that left for a minute', () => {
    const [table, writer] = [new WorkerTable(), new WorkersWriter()];
    table.append(decodeFrame(writer.frame([{ name: 'a' }, { name: 'b' }])));
    table.append(decodeFrame(writer.frame([], { left: ['tcp://a'] })));
    expect(names(table)).toEqual(['b']);
    expect(table.left.map(({ name, status, left }) => [name, status, left])).toEqual([
      ['a', 'left', writer.time]
    ]);
    writer.time += REMEMBER_LEFT + 1;
    table.append(decodeFrame(writer.frame([])));
    expect(table.left).toEqual([]);
  });

  it('knows from a whole frame who is gone', () => {
    const [table, writer] = [new WorkerTable(), new WorkersWriter()];
    table.append(decodeFrame(writer.frame([{ name: 'a' }, { name: 'b' }])));
    writer.frame([], { left: ['tcp://a'] });
    expect(table.append(decodeFrame(writer.frame([{ name: 'b' }], { whole: true })))).toBe('taken');
    expect(names(table)).toEqual(['b']);
    expect(table.left.map(worker => worker.name)).toEqual(['a']);
  });

  it('forgets everybody when the scheduler began anew', () => {
    const table = new WorkerTable();
    table.append(decodeFrame(new WorkersWriter().frame([{ name: 'a' }])));
    expect(table.append(decodeFrame(new WorkersWriter('log-2').frame([{ name: 'c' }])))).toBe('taken');
    expect([names(table), table.left.length, table.id]).toEqual([['c'], 0, 'log-2']);
  });

  it('takes nothing after a gap, and nothing twice', () => {
    const [table, writer] = [new WorkerTable(), new WorkersWriter()];
    const first = writer.frame([{ name: 'a' }]);
    const second = writer.frame([{ name: 'a', cpu: 1 }]);
    const third = writer.frame([{ name: 'a', cpu: 2 }]);
    expect(table.append(decodeFrame(second))).toBe('gap');
    table.append(decodeFrame(first));
    expect(table.append(decodeFrame(third))).toBe('gap');
    expect(table.workers[0].cpu).toBe(50);
    expect(table.append(decodeFrame(second))).toBe('taken');
    expect(table.append(decodeFrame(second))).toBe('duplicate');
  });

  it('asks again for names that it has not', () => {
    const [table, writer] = [new WorkerTable(), new WorkersWriter()];
    table.append(decodeFrame(writer.frame([{ name: 'a' }])));
    const lost = decodeFrame(writer.frame([{ name: 'b' }]));
    expect(table.append({ ...lost, names: [], names0: lost.names0 })).toBe('gap');
    expect(table.append({ ...lost, names0: lost.names0 + 5 })).toBe('gap');
    expect(names(table)).toEqual(['a']);
  });

  it.each([
    ['another stream', { stream: 'tasks' }, /Expected a frame of the stream "workers", got one of "tasks"/],
    ['names that are none', { names: [1, 2] }, /in its column "worker" that is none/],
    ['too many names', { names0: 1e9 }, /Expected names below the id/]
  ])('refuses %s', (_, fields, message) => {
    const table = new WorkerTable();
    expect(() => table.append(decodeFrame(new WorkersWriter().frame([{}], { fields })))).toThrow(message);
    expect(table.workers).toEqual([]);
  });

  it('refuses columns of unequal length or without values', () => {
    const frame = decodeFrame(new WorkersWriter().frame([{}, {}]));
    for (const name of ['cpu', 'processing', 'status', 'seen', 'ready']) {
      const short = new Map(frame.cols).set(name, new Uint8Array(1));
      expect(() => new WorkerTable().append({ ...frame, cols: short })).toThrow(`"${name}"`);
      const none = new Map(frame.cols);
      none.delete(name);
      expect(() => new WorkerTable().append({ ...frame, cols: none })).toThrow(`"${name}"`);
    }
    const real = new Map(frame.cols).set('worker', new Float32Array(2));
    expect(() => new WorkerTable().append({ ...frame, cols: real })).toThrow('whole numbers');
  });
});

describe('the totals', () => {
  const record = fc.record({ process: fc.integer({ min: 0, max: 1e9 }), workers: fc.nat(1000) });

  it('are the same however they were cut', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), fc.array(fc.nat(40)), (records, cuts) => {
        const [counts, writer] = [new Counts(), new CountsWriter()];
        const ends = [...new Set([...cuts.filter(cut => cut < records.length), records.length])].sort(
          (a, b) => a - b
        );
        let done = 0;
        for (const end of ends) {
          const frame = decodeFrame(
            writer.frame(records.slice(done, end).map((each, i) => ({ ...each, time: done + i })))
          );
          if (end > done) {
            expect(counts.append(frame)).toBe('taken');
            expect(counts.append(frame)).toBe('duplicate');
          }
          done = end;
        }
        expect(counts.column('process')).toEqual(records.map(each => each.process));
        expect(counts.column('time')).toEqual(records.map((_, i) => 1.7e9 + i));
        expect(counts.next).toBe(records.length);
      })
    );
  });

  it('count what was gone before it could be read', () => {
    const [counts, writer] = [new Counts(), new CountsWriter()];
    counts.append(decodeFrame(writer.frame([{}], { missed: 10 })));
    counts.append(decodeFrame(writer.frame([{}])));
    counts.append(decodeFrame(writer.frame([{}], { missed: 5 })));
    expect([counts.missed, counts.length]).toEqual([15, 3]);
    writer.next += 1;
    expect(counts.append(decodeFrame(writer.frame([{}])))).toBe('gap');
  });

  it('keep two hours', () => {
    const [counts, writer] = [new Counts(), new CountsWriter()];
    for (let i = 0; i < 20; i++) {
      counts.append(
        decodeFrame(writer.frame(Array.from({ length: 1000 }, (_, k) => ({ time: 1000 * i + k }))))
      );
    }
    expect(counts.length).toBeLessThanOrEqual(1.1 * MOST_SAMPLES);
    expect(counts.length).toBeGreaterThanOrEqual(MOST_SAMPLES);
    expect(counts.last('time')).toBe(1.7e9 + 19_999);
  });

  it('begin anew with another log, at its beginning only', () => {
    const counts = new Counts();
    counts.append(decodeFrame(new CountsWriter().frame([{ process: 1 }])));
    const other = new CountsWriter('log-2');
    const first = other.frame([{ process: 2 }]);
    expect(counts.append(decodeFrame(other.frame([{ process: 3 }])))).toBe('gap');
    expect(counts.append(decodeFrame(first))).toBe('taken');
    expect(counts.column('process')).toEqual([2]);
  });

  it.each([
    [{ stream: 'workers' }, /stream "counts"/],
    [{ names: [1] }, /to be prefixes/],
    [{ cols: {} }, /Expected 1 values in the column "time"/]
  ])('refuse %j', (fields, message) => {
    expect(() => new Counts().append(decodeFrame(new CountsWriter().frame([{}], fields)))).toThrow(message);
  });
});
