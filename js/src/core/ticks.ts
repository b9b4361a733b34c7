/** Ticks of a time axis at round times of the clock on the wall. */

import { clock, day, isSinceStart } from './format';

export interface Tick {
  /** Seconds since the epoch. */
  readonly value: number;
  readonly text: string;
}

/** Steps from a second on that a clock has; below a second 1, 2, 5 times a power of ten. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

const FINEST = 1e-6;

/** How far to move what is `wide` and centred at `x`, so that it lies in [from, to]; from its start if too wide. */
export function shiftInto(x: number, wide: number, from: number, to: number): number {
  return Math.max(from - (x - wide / 2), Math.min(0, to - (x + wide / 2)));
}

/** The shortest round step, a microsecond or more, that fits `most` times or less into `long` seconds. */
export function stepFor(long: number, most: number): number {
  // Finer than the clock that measured them, times would all read the same.
  const least = Math.max(FINEST, long / Math.max(1, most));
  if (least > 86400) {
    return Math.ceil(least / 86400) * 86400;
  }
  if (least > 0.5) {
    return STEPS.find(step => step >= least) ?? 86400;
  }
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find(m => m * power >= least * (1 - 1e-9)) as number;
  return step * power;
}

/**
 * Ticks inside [start, stop], at most `most`.
 *
 * The text is the time of day. Below a second only the first tick says it in full, the others how
 * much later they are: eight times `12:03:04.000250` would not fit.
 */
export function timeTicks(start: number, stop: number, most: number): Tick[] {
  const long = stop - start;
  if (!(long > 0) || !Number.isFinite(long)) {
    return [];
  }
  const step = stepFor(long, most);
  // Steps of hours and days start at local midnight, not at that of Greenwich.
  const zone = step >= 1800 && !isSinceStart(start) ? -new Date(start * 1000).getTimezoneOffset() * 60 : 0;
  const first = Math.ceil((start + zone) / step - 1e-6);
  const last = Math.floor((stop + zone) / step + 1e-6);
  // Beyond what a number holds exactly there are no neighbours to go to (and no such dates).
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) {
    return [];
  }
  // One more would fit where both edges have a tick.
  return Array.from({ length: Math.min(most, last - first + 1) }, (_, k) => {
    const value = (first + k) * step - zone;
    return { value, text: tickText(value, step, k * step) };
  });
}

function tickText(value: number, step: number, later: number): string {
  if (isSinceStart(value)) {
    return clock(value, step >= 1 ? 0 : digitsOf(step));
  }
  if (step >= 86400) {
    return day(value);
  }
  if (step >= 60) {
    const text = clock(value).slice(0, 5);
    return text === '00:00' ? day(value) : text;
  }
  if (step >= 1) {
    return clock(value);
  }
  return later === 0 ? clock(value, digitsOf(step)) : `+${lateness(later, step)}`;
}

function digitsOf(step: number): number {
  return Math.min(6, Math.max(1, Math.ceil(-Math.log10(step) - 1e-9)));
}

function lateness(later: number, step: number): string {
  const [scale, unit] = step >= 1e-3 ? [1e3, 'ms'] : [1e6, 'µs'];
  return `${Math.round(later * scale)} ${unit}`;
}
