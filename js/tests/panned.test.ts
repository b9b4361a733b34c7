import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Coverage, NOBODY, type Grid, type Pixels } from '../src/core/coverage';
import { Flame } from '../src/core/flame';
import { ERROR } from '../src/core/kinds';
import { Panned } from '../src/core/panned';
import { Row } from '../src/core/spantable';
import { search } from '../src/core/search';
import { gridOf, onPixels, type Picture } from '../src/draw/geometry';
import { treeOf } from './trees';

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

function seen(coverage: Pixels, n: number): [owner: number, share: number][] {
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
          const { pixels, wide } = panned.cover(row, grid, KINDS, wideAt);
          const wanted: number[] = [];
          fresh.cover(row, grid, KINDS, 0, n, wanted, wideAt);
          expect(seen(pixels, n)).toEqual(seen(fresh, n));
          expect(pixels.any).toBe(seen(fresh, n).some(([owner]) => owner !== NOBODY));
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

  it('shows an error at the seam on one side of it, whatever is rounded', () => {
    const found = fc.property(
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.integer({ min: -5, max: 5 }).filter(pan => pan !== 0),
      (perSecond, t0, pan) => {
        const row = new Row();
        // At the edge of what there was.
        push(row, { start: pan > 0 ? t0 + 10 / perSecond : t0, duration: 0, slot: 4 });
        for (let i = 0; i < 100; i++) {
          push(row, { start: t0 + (10 + i) / perSecond, duration: 0, slot: 0 });
        }
        row.settle();
        const panned = new Panned();
        const grid = { t0, perSecond, n: 10, errorWidth: 1 };
        panned.cover(row, grid, KINDS, Infinity);
        const moved = { ...grid, t0: t0 + pan / perSecond };
        const { owner } = panned.cover(row, moved, KINDS, Infinity).pixels;
        expect([...owner].filter(slot => slot === 4)).toHaveLength(1);
      }
    );
    fc.assert(found, { numRuns: 3000 });
  });

  it('is made anew when a flame graph lights what was looked for', () => {
    const children = Array.from({ length: 300 }, (_, i) => ({ name: `f${i}`, count: 1 }));
    const tree = treeOf({ name: 'all', count: 300, children });
    const flame = new Flame(tree, tree.functions);
    const row = flame.table.rows[1];
    const grid = { t0: 0, perSecond: 0.1, n: 30, errorWidth: 1 };
    const panned = new Panned();
    const kinds = new Uint8Array(1024);
    const shown = (): number[] => [...panned.cover(row, grid, kinds, Infinity).pixels.owner];
    const before = shown();
    flame.light(search(tree.functions, 'f299')?.wanted ?? null);
    expect(shown()).not.toEqual(before);
    flame.light(null);
    expect(shown()).toEqual(before);
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
    expect(asked).toBeLessThan(64 * 8);
    panned.cover(row, { ...grid, t0: 2.5 }, KINDS, 3);
    expect(asked).toBeGreaterThan(64 * 400);
  });
});

describe('pictures on whole pixels', () => {
  const BASE = 1.79e9;
  const picture = (t0: number, t1: number): Picture => ({
    ...{ width: 1000, height: 100, ratio: 1, lane0: 0, lane1: 1 },
    ...{ t0, t1 }
  });
  /** As a scale has them: in seconds since 1970, rounded there. */
  const panned = (by: number): Picture => picture(BASE + 500_000.3 + by - BASE, BASE + 500_020.3 + by - BASE);

  it('are as they were wanted until one is panned', () => {
    expect(onPixels(panned(0), null)).toEqual({ ...panned(0), perSecond: 50 });
    const other = picture(3, 5);
    expect(onPixels(other, onPixels(panned(0), null))).toEqual({ ...other, perSecond: 500 });
    const narrower = { ...panned(0.0137), width: 999 };
    expect(onPixels(narrower, onPixels(panned(0), null))).toMatchObject(narrower);
  });

  it('are whole pixels apart as long as nobody zooms, and half of one at most from where they were wanted', () => {
    let before: Picture | null = null;
    const origins: number[] = [];
    for (let step = 0; step < 2000; step++) {
      const wanted = panned(step * 0.0137);
      before = onPixels(wanted, before);
      const { t0, perSecond } = gridOf(before);
      expect(perSecond).toBe(50);
      expect(Math.abs(t0 - wanted.t0) * 50).toBeLessThan(0.501);
      expect(Math.abs(before.t1 - wanted.t1) * 50).toBeLessThan(0.502);
      origins.push(t0 * perSecond);
    }
    for (const origin of origins) {
      const by = origin - origins[0];
      expect(Math.abs(by - Math.round(by))).toBeLessThan(1e-3);
    }
    expect(Math.round((origins.at(-1) ?? 0) - origins[0])).toBe(Math.round(1999 * 0.0137 * 50));
  });
});
