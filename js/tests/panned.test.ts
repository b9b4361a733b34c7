import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Coverage, NOBODY, type Grid } from '../src/core/coverage';
import { ERROR } from '../src/core/kinds';
import { Panned } from '../src/core/panned';
import { Row } from '../src/core/spantable';
import { gridOf, onPixels, type Picture } from '../src/draw/geometry';

/** Slots 0 to 3 are work, 4 an error. */
const KINDS = Uint8Array.from([0, 0, 0, 0, ERROR]);
// As in coverage.test.ts: sums of multiples of a power of two are exact, in any order.
const UNIT = 1 / 64;
const time = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most }).map(n => n * UNIT);

const spans = fc.array(
  fc.record({
    start: time(3000),
    duration: fc.oneof(time(8), time(64), time(900)),
    slot: fc.integer({ min: 0, max: 4 })
  }),
  { minLength: 50, maxLength: 120 }
);
const steps = fc.array(
  fc.record({
    /** Pixels to the right. */
    pan: fc.integer({ min: -30, max: 30 }),
    zoom: fc.constantFrom(1, 1, 1, 1, 1, 2, 0.5),
    wideAt: fc.constantFrom(2, 2, 2, Infinity),
    more: fc.constantFrom(0, 0, 0, 3)
  }),
  { minLength: 1, maxLength: 12 }
);

function push(row: Row, { start, duration, slot }: { start: number; duration: number; slot: number }): void {
  row.push(start, duration, slot, row.length);
  row.errors += KINDS[slot] === ERROR ? 1 : 0;
}

function seen(coverage: Coverage, n: number): [owner: number, share: number][] {
  return Array.from({ length: n }, (_, x) => [coverage.owner[x], coverage.share[x]]);
}

describe('a line that moves', () => {
  it('shows what one shows that was made anew, with the same wide spans', () => {
    fc.assert(
      fc.property(spans, steps, fc.integer({ min: 1, max: 20 }), (all, moves, n) => {
        const row = new Row();
        const late = all.splice(0, 20);
        all.forEach(each => push(row, each));
        row.settle();
        const panned = new Panned();
        const fresh = new Coverage();
        let grid: Grid = { t0: 8, perSecond: 2, n, errorWidth: 2 };
        for (const { pan, zoom, wideAt, more } of moves) {
          late.splice(0, more).forEach(each => push(row, each));
          row.settle();
          const perSecond = Math.min(16, Math.max(0.25, grid.perSecond * zoom));
          grid = { ...grid, perSecond, t0: grid.t0 + pan / perSecond };
          const { coverage, wide } = panned.cover(row, grid, KINDS, wideAt);
          const wanted: number[] = [];
          fresh.cover(row, grid, KINDS, 0, n, wanted, wideAt);
          expect(seen(coverage, n)).toEqual(seen(fresh, n));
          expect(coverage.any).toBe(seen(fresh, n).some(([owner]) => owner !== NOBODY));
          // What ended just before the view may be among them or not.
          const inView = (i: number): boolean => {
            const a = (row.start[i] - grid.t0) * perSecond;
            return a < n && a + row.duration[i] * perSecond > 0;
          };
          expect(wide.filter(inView)).toEqual([...wanted].filter(inView).sort((i, j) => i - j));
        }
      }),
      { numRuns: 1500 }
    );
  });

  it('asks no more spans than come into view', () => {
    const row = new Row();
    for (let i = 0; i < 50_000; i++) {
      push(row, { start: i * UNIT, duration: UNIT / 2, slot: i & 1 });
    }
    row.settle();
    const panned = new Panned();
    const grid = { t0: 0, perSecond: 1, n: 500, errorWidth: 1 };
    panned.cover(row, grid, KINDS, 3);
    let asked = 0;
    row.duration = new Proxy(row.duration, {
      get: (of, name) => {
        asked++;
        return Reflect.get(of, name) as unknown;
      }
    });
    panned.cover(row, { ...grid, t0: 2 }, KINDS, 3);
    // 64 spans a pixel, and what may lie a block or a pixel beside the two.
    expect(asked).toBeLessThan(64 * 6);
    panned.cover(row, { ...grid, t0: 2.5 }, KINDS, 3);
    expect(asked).toBeGreaterThan(64 * 400);
  });
});

describe('pictures on whole pixels', () => {
  const picture = (t0: number, wide: number): Picture => ({
    width: 1000,
    height: 100,
    ratio: 1,
    t0,
    t1: t0 + wide,
    lane0: 0,
    lane1: 1
  });

  it('are moved by half a pixel at most, and keep their scale', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-2, max: 1e5, noNaN: true }),
        (t0, wide) => {
          const from = picture(t0, wide);
          const got = onPixels(from, null);
          const pixel = (from.t1 - from.t0) / 1000;
          expect(Math.abs(got.t0 - from.t0)).toBeLessThanOrEqual(pixel * 0.501);
          expect(got.t1 - got.t0).toBeCloseTo(from.t1 - from.t0, 6);
        }
      )
    );
  });

  it('are whole pixels apart as long as nobody zooms, whatever a scale in seconds since 1970 rounds', () => {
    let before: Picture | null = null;
    const BASE = 1.79e9;
    const origins: number[] = [];
    for (let step = 0; step < 300; step++) {
      const left = BASE + 500_000 + step * 0.0137;
      const right = BASE + 500_020 + step * 0.0137;
      before = onPixels({ ...picture(left - BASE, 20), t1: right - BASE }, before);
      const { t0, perSecond, n } = gridOf(before);
      expect(n).toBe(1000);
      origins.push(t0 * perSecond);
    }
    for (const origin of origins) {
      expect(Math.abs(origin - origins[0] - Math.round(origin - origins[0]))).toBeLessThan(1e-3);
    }
    const zoomed = onPixels(picture(before?.t0 ?? 0, 10), before);
    expect(gridOf(zoomed).perSecond).toBeCloseTo(100, 6);
  });
});
