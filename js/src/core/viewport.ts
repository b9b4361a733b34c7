/**
 * Which stretch of time a view shows: pan, zoom, and following the newest span. Pure arithmetic on
 * [start, stop] in seconds.
 */

export type Range = readonly [start: number, stop: number];

/** Narrowest and widest stretch: the clock of the workers has steps of 0.24 microseconds. */
export const NARROWEST = 1e-3;
export const WIDEST = 366 * 86400;

/** Move by a part of what is shown; 1 is a whole width to the right. */
export function panned([start, stop]: Range, part: number): Range {
  const by = (stop - start) * part;
  return [start + by, stop + by];
}

/**
 * Make the stretch `factor` times as long (below 1 zooms in), with the point at `at` (0 left, 1
 * right) staying where it is.
 */
export function zoomed([start, stop]: Range, factor: number, at = 0.5): Range {
  const long = stop - start;
  const wanted = Math.min(WIDEST, Math.max(NARROWEST, long * factor));
  const fixed = start + long * at;
  return [fixed - wanted * at, fixed + wanted * (1 - at)];
}

/** Everything, with a little air on both sides. */
export function fitted(earliest: number, latest: number): Range {
  const long = Math.max(latest - earliest, NARROWEST);
  return [earliest - long * 0.02, earliest + long * 1.02];
}

/** Keep a stretch of lanes inside [0, n]. */
export function withinLanes([top, bottom]: Range, n: number): Range {
  const tall = Math.min(n, Math.max(1, bottom - top));
  const from = Math.min(Math.max(0, top), n - tall);
  return [from, from + tall];
}

/**
 * The right edge of a view that follows: runs after the newest stop without jumping.
 *
 * Frames come several times a second, the screen is drawn sixty times. The edge closes the distance
 * to the newest stop by a constant part a second, so it moves evenly while data comes evenly and
 * comes to rest when none does. A distance of more than a window is not run through but jumped.
 */
export class Follower {
  private edge = NaN;

  /** Seconds in which the distance shrinks to a third. */
  constructor(private readonly lag = 0.25) {}

  /** Start over: the next step jumps to the target. */
  reset(): void {
    this.edge = NaN;
  }

  /**
   * The edge after `seconds` more.
   *
   * @returns the edge, and whether it has arrived: then nothing needs drawing until data comes.
   *   Half of `tolerance` counts as arrived.
   */
  step(
    target: number,
    seconds: number,
    window: number,
    tolerance: number
  ): { edge: number; arrived: boolean } {
    const distance = target - this.edge;
    if (Number.isNaN(distance) || Math.abs(distance) > window || Math.abs(distance) < tolerance / 2) {
      this.edge = target;
      return { edge: target, arrived: true };
    }
    this.edge += distance * (1 - Math.exp(-Math.max(0, seconds) / this.lag));
    return { edge: this.edge, arrived: false };
  }
}
