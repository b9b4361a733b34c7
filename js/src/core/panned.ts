/**
 * Coverage that is kept while its line of pixels only moves: of a row that is as it was, a pan works
 * out the pixels that come into view, however many spans lie in the others.
 *
 * A line has moved if its pixels are those of the one before, some further on: as many a second, and
 * whole pixels away. Whoever makes the pictures sees to that (geometry.ts).
 */

import { Coverage, NOBODY, type Grid, type Pixels } from './coverage';
import type { Row } from './spantable';

/** Spans of a row for each pixel up to which it is gone through anew: less work than to keep anything. */
const FEW = 2;
/** Part of a pixel that an edge may be off by rounding. */
const ROUNDING = 1e-3;

export interface Covered {
  /** Valid until the next call. */
  readonly pixels: Pixels;
  /** Indices of the spans in view that are at least as wide as was asked for, in order. */
  readonly wide: readonly number[];
}

interface Kept {
  readonly pixels: Pixels;
  readonly grid: Grid;
  readonly version: number;
  readonly wideAt: number;
  wide: number[];
  /** Pixels from time 0 to the left edge. */
  origin: number;
}

export class Panned {
  private readonly kept = new WeakMap<Row, Kept>();
  private readonly coverage = new Coverage();

  /** Work out all pixels of a row. */
  cover(row: Row, grid: Grid, kinds: Uint8Array, wideAt: number): Covered {
    const { coverage } = this;
    const kept = this.kept.get(row);
    const by = kept ? movedBy(kept, row, grid, wideAt) : NaN;
    if (kept && Math.abs(by) < grid.n) {
      if (by !== 0) {
        this.move(kept, by, row, kinds);
      }
      return kept;
    }
    const wide: number[] = [];
    coverage.cover(row, grid, kinds, 0, grid.n, wide, wideAt);
    if (row.length <= FEW * grid.n) {
      this.kept.delete(row);
      return { pixels: coverage, wide };
    }
    const pixels = {
      owner: coverage.owner.slice(0, grid.n),
      share: coverage.share.slice(0, grid.n),
      any: coverage.any
    };
    const made = { pixels, grid, version: row.version, wideAt, wide, origin: originOf(grid) };
    this.kept.set(row, made);
    return made;
  }

  private move(kept: Kept, by: number, row: Row, kinds: Uint8Array): void {
    const { pixels, wideAt } = kept;
    const { owner, share } = pixels;
    kept.origin += by;
    const { perSecond, n, errorWidth } = kept.grid;
    const grid = { ...kept.grid, t0: kept.origin / perSecond };
    for (const line of [owner, share]) {
      line.copyWithin(Math.max(0, -by), Math.max(0, by), n + Math.min(0, by));
    }
    // An error at the seam that began a rounding away from it is on one side of it, not on none.
    const seam = errorWidth + 1;
    const [from, to] = by > 0 ? [Math.max(0, n - by - seam), n] : [0, Math.min(n, seam - by)];
    const wide: number[] = [];
    const { coverage } = this;
    coverage.cover(row, grid, kinds, from, to, wide, wideAt);
    owner.set(coverage.owner.subarray(from, to), from);
    share.set(coverage.share.subarray(from, to), from);
    pixels.any = owner.some(each => each !== NOBODY);
    const both = [...new Set([...kept.wide, ...wide])].sort((i, j) => i - j);
    kept.wide = both.filter(i => {
      const a = (row.start[i] - grid.t0) * perSecond;
      return a < n && a + row.duration[i] * perSecond > 0;
    });
  }
}

function originOf({ t0, perSecond }: Grid): number {
  return t0 * perSecond;
}

/** Whole pixels that a line has moved to the right since; NaN if there is more to it. */
function movedBy(kept: Kept, row: Row, grid: Grid, wideAt: number): number {
  const { perSecond, n, errorWidth } = kept.grid;
  const same =
    kept.version === row.version &&
    kept.wideAt === wideAt &&
    perSecond === grid.perSecond &&
    n === grid.n &&
    errorWidth === grid.errorWidth;
  const by = originOf(grid) - kept.origin;
  const whole = Math.round(by);
  return same && Math.abs(by - whole) < ROUNDING ? whole : NaN;
}
