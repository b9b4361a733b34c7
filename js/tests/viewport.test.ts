import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  fitted,
  Follower,
  NARROWEST,
  panned,
  WIDEST,
  withinLanes,
  zoomed,
  type Range
} from '../src/core/viewport';

const NOW = 1.79e9;
/** Two steps of a float64 of seconds since the epoch. */
const FINE = 5e-7;

const ranges: fc.Arbitrary<Range> = fc
  .tuple(
    fc.double({ min: NOW - 1e6, max: NOW + 1e6, noNaN: true }),
    fc.double({ min: -3, max: Math.log10(WIDEST), noNaN: true })
  )
  .map(([start, power]): Range => [start, start + Math.max(NARROWEST, 10 ** power)]);
const part = fc.double({ min: 0, max: 1, noNaN: true });
const factor = fc.double({ min: -5, max: 5, noNaN: true }).map(power => 2 ** power);

const long = ([start, stop]: Range): number => stop - start;
/** Close as a part of what is shown: nobody sees less. */
const near = (range: Range, a: number, b: number): boolean => Math.abs(a - b) <= FINE + 1e-9 * long(range);

describe('zooming', () => {
  it('keeps its point, changes the length by its factor, and stays between the limits', () => {
    fc.assert(
      fc.property(ranges, factor, part, (range, by, at) => {
        const after = zoomed(range, by, at);
        const fixed = range[0] + long(range) * at;
        expect(near(after, after[0] + long(after) * at, fixed)).toBe(true);
        const wanted = Math.min(WIDEST, Math.max(NARROWEST, long(range) * by));
        expect(Math.abs(long(after) - wanted)).toBeLessThanOrEqual(2 * FINE);
      })
    );
  });

  it('is undone by the opposite, where no limit is in the way', () => {
    fc.assert(
      fc.property(ranges, factor, part, (range, by, at) => {
        const there = long(range) * by;
        fc.pre(there > 2 * NARROWEST && there < WIDEST / 2);
        const back = zoomed(zoomed(range, by, at), 1 / by, at);
        expect(Math.abs(back[0] - range[0])).toBeLessThanOrEqual(1e-6 * long(range) + 40 * FINE);
        expect(Math.abs(back[1] - range[1])).toBeLessThanOrEqual(1e-6 * long(range) + 40 * FINE);
      })
    );
  });

  it('is never empty, however often the wheel turns', () => {
    let range: Range = [NOW, NOW + 30];
    for (let i = 0; i < 500; i++) {
      range = zoomed(range, 0.8, 0.3);
    }
    expect(long(range)).toBeGreaterThan(0.99 * NARROWEST);
    for (let i = 0; i < 500; i++) {
      range = zoomed(range, 1.25, 0.3);
    }
    expect(long(range)).toBeCloseTo(WIDEST, 0);
  });
});

describe('panning', () => {
  it('keeps the length and moves by the part', () => {
    fc.assert(
      fc.property(ranges, fc.double({ min: -3, max: 3, noNaN: true }), (range, by) => {
        const after = panned(range, by);
        expect(near(range, long(after), long(range))).toBe(true);
        expect(near(range, after[0] - range[0], by * long(range))).toBe(true);
      })
    );
  });
});

describe('what fits everything', () => {
  it('holds it with a little air, and is not empty for a single instant', () => {
    fc.assert(
      fc.property(ranges, fc.boolean(), ([earliest, stop], instant) => {
        const latest = instant ? earliest : stop;
        const all = fitted(earliest, latest);
        expect(all[0]).toBeLessThan(earliest);
        expect(all[1]).toBeGreaterThan(latest);
        expect(long(all)).toBeLessThanOrEqual(1.05 * Math.max(latest - earliest, NARROWEST));
      })
    );
  });
});

describe('lanes', () => {
  it('stay inside what there is, whole ones at least, and as many as asked for', () => {
    const edge = fc.double({ min: -50, max: 150, noNaN: true });
    fc.assert(
      fc.property(edge, edge, fc.integer({ min: 1, max: 100 }), (a, b, n) => {
        const [top, bottom] = withinLanes([Math.min(a, b), Math.max(a, b)], n);
        expect(top).toBeGreaterThanOrEqual(0);
        expect(bottom).toBeLessThanOrEqual(n + 1e-9);
        expect(bottom - top).toBeCloseTo(Math.min(n, Math.max(1, Math.abs(a - b))), 6);
      })
    );
  });

  it('that fit already are left alone', () => {
    expect(withinLanes([2.5, 7.25], 8)).toEqual([2.5, 7.25]);
  });
});

describe('following', () => {
  const steps = fc.array(fc.double({ min: 0, max: 0.1, noNaN: true }), { minLength: 1, maxLength: 60 });
  const WINDOW = 30;
  const PIXEL = WINDOW / 1000;

  it('comes nearer with every step, never runs past, and comes to rest', () => {
    fc.assert(
      fc.property(steps, fc.double({ min: -WINDOW, max: WINDOW, noNaN: true }), (times, distance) => {
        const follower = new Follower();
        expect(follower.step(NOW, 0, WINDOW, PIXEL)).toEqual({ edge: NOW, arrived: true });
        const target = NOW + distance;
        let before = NOW;
        for (const seconds of times) {
          const { edge, arrived } = follower.step(target, seconds, WINDOW, PIXEL);
          expect(Math.abs(target - edge)).toBeLessThanOrEqual(Math.abs(target - before));
          expect((target - edge) * distance).toBeGreaterThanOrEqual(0);
          if (arrived) {
            expect(edge).toBe(target);
          }
          before = edge;
        }
        let rest = { edge: before, arrived: false };
        for (let i = 0; i < 200 && !rest.arrived; i++) {
          rest = follower.step(target, 1 / 60, WINDOW, PIXEL);
        }
        expect(rest).toEqual({ edge: target, arrived: true });
      })
    );
  });

  it('does not depend on how often the screen is drawn', () => {
    const [often, seldom] = [new Follower(), new Follower()];
    for (const follower of [often, seldom]) {
      follower.step(NOW, 0, WINDOW, PIXEL);
    }
    let edge = 0;
    for (let i = 0; i < 12; i++) {
      ({ edge } = often.step(NOW + 10, 1 / 120, WINDOW, PIXEL));
    }
    expect(edge).toBeCloseTo(seldom.step(NOW + 10, 0.1, WINDOW, PIXEL).edge, 5);
  });

  it('moves evenly while data comes in bursts', () => {
    const follower = new Follower();
    follower.step(NOW, 0, WINDOW, PIXEL);
    const moved: number[] = [];
    let before = NOW;
    for (let frame = 1; frame <= 300; frame++) {
      // A burst every fifth of a second, as frames of the wire come.
      const { edge } = follower.step(NOW + Math.floor(frame / 12) * 0.2, 1 / 60, WINDOW, 1e-6);
      moved.push(edge - before);
      before = edge;
    }
    const steady = moved.slice(120);
    expect(Math.max(...steady)).toBeLessThan(2.5 * Math.min(...steady));
  });

  it('jumps what is more than a window away, and after a reset', () => {
    const follower = new Follower();
    follower.step(NOW, 0, WINDOW, PIXEL);
    expect(follower.step(NOW + 31, 0.016, WINDOW, PIXEL)).toEqual({ edge: NOW + 31, arrived: true });
    expect(follower.step(NOW + 41, 0.016, WINDOW, PIXEL).arrived).toBe(false);
    follower.reset();
    expect(follower.step(NOW + 41, 0.016, WINDOW, PIXEL)).toEqual({ edge: NOW + 41, arrived: true });
  });
});
