import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Counts } from '../src/core/counts';
import { decodeFrame } from '../src/core/frames';
import { describeMemory, histogramOf, overTime, piecesOf, roundTicks, unitFor } from '../src/core/memory';
import { WorkerTable, type Worker } from '../src/core/workers';
import { CountsWriter, WorkersWriter, type WorkerSpec } from './samples';

function counted(records: Record<string, number>[]): Counts {
  const counts = new Counts();
  counts.append(decodeFrame(new CountsWriter().frame(records)));
  return counts;
}

function workersOf(specs: WorkerSpec[]): readonly Worker[] {
  const table = new WorkerTable();
  table.append(decodeFrame(new WorkersWriter().frame(specs)));
  return table.workers;
}

describe('memory over time', () => {
  it('is a stack of what it is used for', () => {
    const past = overTime(counted([{ managed: 1, unmanaged: 2, recent: 4, spilled: 8, process: 7 }]), 60);
    expect(past.edges.map(edge => [...edge])).toEqual([[0], [1], [3], [7], [15]]);
    expect(past.most).toBe(15);
    expect([...past.limit]).toEqual([NaN]);
  });

  it('is the last seconds, thinned out without losing a peak', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 6000 }),
        fc.nat(),
        (n, seconds, at) => {
          const peak = at % n;
          const counts = counted(
            Array.from({ length: n }, (_, i) => ({
              time: i,
              managed: i === peak ? 100 : 1,
              process: i === peak ? 100 : 1
            }))
          );
          const past = overTime(counts, seconds);
          expect(past.time.length).toBeLessThanOrEqual(602);
          expect(past.time.at(-1)).toBeGreaterThan(1.7e9 + n - 1 - n / 500 - 1);
          expect(past.time[0]).toBeGreaterThanOrEqual(1.7e9 + n - 1 - seconds);
          const inside = peak >= n - 1 - seconds;
          expect(past.most).toBe(inside ? 100 : 1);
          expect([...past.time]).toEqual([...past.time].sort((a, b) => a - b));
        }
      ),
      { numRuns: 40 }
    );
  });

  it('breaks where nobody looked', () => {
    const times = [0, 1, 2, 100, 101];
    const past = overTime(counted(times.map(time => ({ time, process: 5, managed: 5 }))), 1000);
    expect(past.at).toEqual([0, 1, 2, -1, 3, 4]);
    expect([...past.edges[1]]).toEqual([5, 5, 5, NaN, 5, 5]);
  });
});

describe('lines at shares of the limits', () => {
  it('are in one piece for neighbours of the same limit', () => {
    const limits = [4, 4, 8, 0, 8].map((limit, i) => ({ name: `w${i}`, limit }));
    expect(piecesOf(workersOf(limits), 0.5)).toEqual({
      value: [2, 4, 4],
      from: [-0.5, 1.5, 3.5],
      to: [1.5, 2.5, 4.5]
    });
    for (const off of [NaN, 0]) {
      expect(piecesOf(workersOf(limits), off).value).toEqual([]);
    }
  });
});

it('the histogram holds every worker once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 50 }), sizes => {
      const workers = workersOf(sizes.map((process, i) => ({ name: `w${i}`, process })));
      const { counts } = histogramOf(workers, Math.max(...sizes));
      expect(counts.reduce((a, b) => a + b)).toBe(sizes.length);
    })
  );
});

it('ticks are round, from nought, within the axis, and as many as asked for', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-6, max: 1e15, noNaN: true }),
      fc.integer({ min: 2, max: 10 }),
      (most, n) => {
        const ticks = roundTicks(most, n);
        expect(ticks[0]).toBe(0);
        expect(ticks.at(-1)).toBeLessThanOrEqual(most * (1 + 1e-9));
        expect(ticks.length).toBeLessThanOrEqual(n + 1);
        expect(ticks.length).toBeGreaterThanOrEqual(Math.floor(n / 2.5));
      }
    )
  );
  expect(roundTicks(2.12, 5)).toEqual([0, 0.5, 1, 1.5, 2]);
  expect(roundTicks(0, 5)).toEqual([0]);
});

it.each([
  [0, 'MiB'],
  [500 * 2 ** 20, 'MiB'],
  [2 ** 30, 'GiB'],
  [1000 * 2 ** 30, 'TiB'],
  [2 ** 60, 'PiB']
])('%d bytes are in %s', (size, unit) => {
  expect(unitFor(size).name).toBe(unit);
});

it('it is said in words', () => {
  expect(describeMemory(new Counts())).toBe('');
  const totals = { process: 2 ** 30, limit: 2 ** 32, spilled: 2 ** 20, workers: 3, running: 2 };
  expect(describeMemory(counted([totals]))).toBe(
    '1.00 GiB of 4.00 GiB (25 %) in use, 1.00 MiB spilled, 3 workers, 1 not running'
  );
  expect(describeMemory(counted([{ process: 2 ** 30, workers: 1, running: 1 }]))).toBe(
    '1.00 GiB in use, 1 worker'
  );
});
