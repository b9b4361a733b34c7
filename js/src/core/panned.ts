/**
 * Coverage that is kept while its line of pixels only moves: of a row that is as it was, a pan works
 * out the pixels that come into view, however many spans lie in the others.
 *
 * A line has moved if its pixels are those of the one before, some further on: as many a second, and
 * an edge at a whole number of them. Whoever makes the pictures sees to that (geometry.ts).
 */

import { Coverage, NOBODY, type Grid } from './coverage';
import type { Row } from './spantable';

/** Spans of a row for each pixel up to which it is gone through anew: less work than to keep anything. */
const FEW = 2;
/** Part of a pixel that an edge may be off by rounding. */
const ROUNDING = 1e-3;

export interface Covered {
  /** Valid until the next call. */
  readonly coverage: Coverage;
  /** Indices of the spans in view that are at least as wide as was asked for, in order. */
  readonly wide: readonly number[];
}

interface Kept {
  readonly coverage: Coverage;
  readonly grid: Grid;
  readonly version: number;
  readonly wideAt: number;
  wide: number[];
  /** Pixels from time 0 to the left edge. */
  origin: number;
}

export class Panned {
  private readonly kept = new WeakMap<Row, Kept>();
  private readonly spare = new Coverage();

  /** Work out all pixels of a row. */
  cover(row: Row, grid: Grid, kinds: Uint8Array, wideAt: number): Covered {
    const wide: number[] = [];
    if (row.length <= FEW * grid.n) {
      this.spare.cover(row, grid, kinds, 0, grid.n, wide, wideAt);
      return { coverage: this.spare, wide };
    }
    const kept = this.kept.get(row);
    const by = kept ? movedBy(kept, row, grid, wideAt) : NaN;
    if (kept && Math.abs(by) < grid.n) {
      if (by !== 0) {
        move(kept, by, row, kinds);
      }
      return kept;
    }
    const coverage = kept?.coverage ?? new Coverage();
    coverage.cover(row, grid, kinds, 0, grid.n, wide, wideAt);
    const made = { coverage, grid, version: row.version, wideAt, wide, origin: originOf(grid) };
    this.kept.set(row, made);
    return made;
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

function move(kept: Kept, by: number, row: Row, kinds: Uint8Array): void {
  const { coverage, wideAt } = kept;
  kept.origin += by;
  const { perSecond, n } = kept.grid;
  const grid = { ...kept.grid, t0: kept.origin / perSecond };
  const { owner, share } = coverage;
  owner.copyWithin(Math.max(0, -by), Math.max(0, by), n + Math.min(0, by));
  share.copyWithin(Math.max(0, -by), Math.max(0, by), n + Math.min(0, by));
  const [from, to] = by > 0 ? [n - by, n] : [0, -by];
  const wide: number[] = [];
  coverage.cover(row, grid, kinds, from, to, wide, wideAt);
  coverage.any = owner.subarray(0, n).some(each => each !== NOBODY);
  const both = [...new Set([...kept.wide, ...wide])].sort((i, j) => i - j);
  kept.wide = both.filter(i => {
    const a = (row.start[i] - grid.t0) * perSecond;
    return a < n && a + row.duration[i] * perSecond > 0;
  });
}
