import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { alphaOf, Coverage, NOBODY, type Grid } from '../src/core/coverage';
import { ERROR } from '../src/core/kinds';
import { HitTest, spanOf } from '../src/draw/hit';
import { bruteForce, rowOf, type RowSpan } from './build';

/** Slots 0 to 5 are work, 6 and 7 errors. */
const KINDS = Uint8Array.from([0, 0, 0, 0, 0, 0, ERROR, ERROR]);
const ERRORS = new Set([6, 7]);

// Times are multiples of a power of two and so are pixels: sums are then exact, in any order, and a
// difference between painter and brute force is a difference in the rule.
const UNIT = 1 / 64;
const time = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most }).map(n => n * UNIT);

const overlapping = fc.array(
  fc.record({
    start: time(2000),
    duration: fc.oneof(time(4), time(64), time(2500), fc.constant(0)),
    slot: fc.integer({ min: 0, max: 7 })
  }),
  { maxLength: 60 }
);

/** As on a worker thread: one span behind the other. */
const disjoint = fc
  .array(fc.record({ gap: time(40), duration: time(80), slot: fc.integer({ min: 0, max: 5 }) }), {
    maxLength: 80
  })
  .map(items => {
    let at = 0;
    return items.map(({ gap, duration, slot }): RowSpan => {
      const start = at + gap;
      at = start + duration;
      return { start, duration, slot };
    });
  });

const grids: fc.Arbitrary<Grid> = fc.record({
  t0: fc.integer({ min: -500, max: 2500 }).map(n => n * UNIT),
  perSecond: fc.constantFrom(0.25, 1, 2, 8, 32, 64, 512),
  n: fc.integer({ min: 1, max: 70 }),
  errorWidth: fc.constantFrom(1, 2)
});

function expectRule(spans: RowSpan[], grid: Grid): void {
  const row = rowOf(spans, ERRORS);
  const coverage = new Coverage();
  // Used before: what an earlier row left behind must not show.
  coverage.cover(rowOf([{ start: 0, duration: 1000, slot: 3 }]), grid, KINDS);
  coverage.cover(row, grid, KINDS);
  const wanted = bruteForce(row, grid, ERRORS);
  const got = wanted.map((_, x) => ({ owner: coverage.owner[x], share: coverage.share[x] }));
  expect(got).toEqual(wanted.map(({ owner, share }) => ({ owner, share: Math.fround(share) })));
  expect(coverage.any).toBe(wanted.some(({ owner }) => owner !== NOBODY));
}

describe('the coverage rule', () => {
  it('holds for any spans at any zoom, overlaps and errors included', () => {
    fc.assert(fc.property(overlapping, grids, expectRule), { numRuns: 1500 });
  });

  it('holds for the spans of a thread', () => {
    fc.assert(fc.property(disjoint, grids, expectRule), { numRuns: 1500 });
  });

  it('is the same for a part of the line', () => {
    fc.assert(
      fc.property(overlapping, grids, fc.nat(), fc.nat(), (spans, grid, a, b) => {
        const row = rowOf(spans, ERRORS);
        const [from, to] = [a % grid.n, b % grid.n].sort((p, q) => p - q);
        const whole = new Coverage();
        whole.cover(row, grid, KINDS);
        const part = new Coverage();
        part.cover(row, grid, KINDS, from, to + 1);
        for (let x = from; x <= to; x++) {
          expect([part.owner[x], part.share[x]]).toEqual([whole.owner[x], whole.share[x]]);
        }
      }),
      { numRuns: 800 }
    );
  });

  it('finds for every owned pixel a span of its slot that touches it', () => {
    fc.assert(
      fc.property(overlapping, grids, (spans, grid) => {
        const row = rowOf(spans, ERRORS);
        const coverage = new Coverage();
        coverage.cover(row, grid, KINDS);
        for (let x = 0; x < grid.n; x++) {
          if (coverage.owner[x] !== NOBODY) {
            const i = spanOf(row, grid, KINDS, coverage.owner[x], x);
            expect(row.slot[i]).toBe(coverage.owner[x]);
          }
        }
      }),
      { numRuns: 800 }
    );
  });

  it('takes tiny floating-point spans in the millions for what they are', () => {
    const spans: RowSpan[] = [];
    for (let i = 0; i < 200_000; i++) {
      spans.push({ start: i * 1e-3, duration: 0.5e-3, slot: i % 10 < 6 ? 1 : 2 });
    }
    const coverage = new Coverage();
    const grid = { t0: 0, perSecond: 5, n: 1000, errorWidth: 1 };
    coverage.cover(rowOf(spans), grid, KINDS);
    for (let x = 1; x < 999; x++) {
      expect(coverage.owner[x]).toBe(1);
      expect(coverage.share[x]).toBeCloseTo(0.5, 2);
    }
  });

  it('reports wide spans, clipped ones too', () => {
    const row = rowOf([
      { start: 0, duration: 100, slot: 0 },
      { start: 101, duration: 1, slot: 1 },
      { start: 110, duration: 20, slot: 2 }
    ]);
    const wide: number[] = [];
    new Coverage().cover(row, { t0: 50, perSecond: 1, n: 70, errorWidth: 1 }, KINDS, 0, 70, wide, 10);
    expect(wide).toEqual([0, 2]);
  });
});

describe('alpha', () => {
  it('is nothing for nothing, never less than visible, and grows with the share', () => {
    expect(alphaOf(0)).toBe(0);
    expect(alphaOf(1e-9)).toBeGreaterThan(15);
    expect(alphaOf(1)).toBe(255);
    expect(alphaOf(0.5)).toBe(128);
  });
});

describe('the hit test', () => {
  it('agrees with the coverage of each band, at every pixel', () => {
    fc.assert(
      fc.property(overlapping, disjoint, (compute, strip) => {
        const rows = [rowOf(compute, ERRORS), rowOf(strip)];
        const lanes = { length: 1, kinds: KINDS, compute: () => rows[0], strip: () => rows[1] };
        const picture = { width: 40, height: 20, ratio: 1, t0: 2, t1: 22, lane0: 0, lane1: 1 };
        const grid = { t0: 2, perSecond: 2, n: 40, errorWidth: 1 };
        const [own, over] = [new Coverage(), new Coverage()];
        own.cover(rows[0], grid, KINDS);
        over.cover(rows[1], grid, KINDS);
        const test = new HitTest();
        for (let x = 0; x < 40; x++) {
          const low = test.at(picture, lanes, x, 15);
          const high = test.at(picture, lanes, x, 1);
          const slot = (hit: ReturnType<HitTest['at']>): number => (hit ? hit.row.slot[hit.index] : NOBODY);
          expect(slot(low)).toBe(own.owner[x]);
          expect(slot(high)).toBe(over.owner[x] !== NOBODY ? over.owner[x] : own.owner[x]);
        }
      }),
      { numRuns: 200 }
    );
  });
});
