import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { shiftInto, stepFor, timeTicks } from '../src/core/ticks';

const DAY = 86400;
const NOW = 1.79e9;

const starts = fc.oneof(
  fc.double({ min: 0, max: 4e9, noNaN: true }),
  fc.integer({ min: 0, max: 4e9 }),
  fc.integer({ min: 0, max: 40_000 }).map(days => days * DAY)
);
const lengths = fc.oneof(
  fc.double({ min: -7, max: 9, noNaN: true }).map(power => 10 ** power),
  fc.constantFrom(1e-6, 1e-3, 0.5, 1, 10, 30, 60, 3600, DAY, 7 * DAY)
);

describe('ticks', () => {
  it('are inside the range, evenly increasing, told apart, up to both ends, and not too many', () => {
    fc.assert(
      fc.property(starts, lengths, fc.integer({ min: 1, max: 30 }), (start, long, most) => {
        const stop = start + long;
        const ticks = timeTicks(start, stop, most);
        expect(ticks.length).toBeLessThanOrEqual(most);
        const slack = 1e-5 * long + 1e-6;
        ticks.forEach(({ value }) => {
          expect(value).toBeGreaterThanOrEqual(start - slack);
          expect(value).toBeLessThanOrEqual(stop + slack);
        });
        const steps = ticks.slice(1).map(({ value }, i) => value - ticks[i].value);
        steps.forEach(step => {
          expect(step).toBeGreaterThan(0);
          expect(Math.abs(step - steps[0])).toBeLessThan(slack);
        });
        if (steps.length > 0) {
          expect(ticks[0].value - steps[0]).toBeLessThan(start + slack);
          expect(ticks[ticks.length - 1].value + steps[0]).toBeGreaterThan(stop - slack);
        }
        // Over several days an hour comes again, but midnight between says which day begins.
        ticks.slice(1).forEach(({ text }, i) => expect(text).not.toBe(ticks[i].text));
      }),
      { numRuns: 1000 }
    );
  });

  it('are as close as there is room, down to what clocks tell apart', () => {
    fc.assert(
      fc.property(starts, lengths, fc.integer({ min: 4, max: 30 }), (start, long, most) => {
        fc.pre(long > 1e-4 && long < 20 * DAY);
        // Round steps are at most three times apart, and an edge may cost one.
        expect(timeTicks(start, start + long, most).length).toBeGreaterThanOrEqual(Math.floor(most / 4));
      }),
      { numRuns: 2000 }
    );
  });

  it.each([
    [5, 5],
    [5, 4],
    [NaN, 5],
    [5, NaN],
    [-Infinity, 5],
    [5, Infinity]
  ])('of the range from %d to %d are none', (start, stop) => {
    expect(timeTicks(start, stop, 8)).toEqual([]);
  });

  it.each([
    [NOW, NOW + 3e-7],
    [NOW, NOW + 1e-6],
    [1e15, 1e15 + 1],
    [0, 1e300],
    [-1e300, 1e300]
  ])('of the odd range from %d to %d come to an end', (start, stop) => {
    expect(timeTicks(start, stop, 8).length).toBeLessThanOrEqual(8);
  });

  it('read as a clock', () => {
    const texts = (start: number, stop: number): string[] =>
      timeTicks(start, stop, 8).map(({ text }) => text);
    const noon = new Date(2026, 0, 2, 12).getTime() / 1000;
    expect(texts(noon, noon + 30)).toEqual([
      '12:00:00',
      '12:00:05',
      '12:00:10',
      '12:00:15',
      '12:00:20',
      '12:00:25',
      '12:00:30'
    ]);
    expect(texts(noon + 0.1, noon + 0.12)).toEqual(['12:00:00.100', '+5 ms', '+10 ms', '+15 ms', '+20 ms']);
    expect(texts(noon - 5, noon + 36000).slice(0, 2)).toEqual(['12:00', '14:00']);
    expect(texts(noon, noon + 5 * DAY)).toContain('2026-01-03');
  });
});

describe('the step', () => {
  it('is the shortest round one that is long enough', () => {
    const cases: [long: number, most: number, step: number][] = [
      [30, 8, 5],
      [60, 6, 10],
      [3600, 8, 600],
      [0.008, 8, 0.001],
      [3, 8, 0.5],
      [10 * DAY, 5, 2 * DAY]
    ];
    for (const [long, most, step] of cases) {
      expect(stepFor(long, most)).toBeCloseTo(step, 9);
    }
  });
});

describe('a label', () => {
  it('is moved no more than it has to be', () => {
    expect(shiftInto(50, 20, 0, 100)).toBe(0);
    expect(shiftInto(4, 20, 0, 100)).toBe(6);
    expect(shiftInto(4, 20, -4, 100)).toBe(2);
    expect(shiftInto(95, 20, 0, 100)).toBe(-5);
  });

  it('that fits nowhere begins where there is room', () => {
    expect(shiftInto(50, 200, 0, 100)).toBe(50);
    expect(shiftInto(90, 200, 0, 100)).toBe(10);
  });
});
