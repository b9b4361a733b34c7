/** Which span a pixel shows. Asks the same coverage rule as the raster, for one pixel. */

import { Coverage, errorPixels, NOBODY, type Grid } from '../core/coverage';
import { ERROR } from '../core/kinds';
import { SharedLine } from '../core/sharedline';
import type { Row } from '../core/spantable';
import { gridOf, isThin, laneAt, laneBox, lanesOnLine, type Picture } from './geometry';
import { rowsOf, type Lanes } from './raster';

export interface Hit {
  /** Lane on screen, counted from the top. */
  readonly lane: number;
  readonly row: Row;
  /** Index in the row. */
  readonly index: number;
}

export class HitTest {
  private readonly coverage = new Coverage();
  private readonly shared = new SharedLine();

  /** The span that owns the pixel (x, y) of the canvas, or null where there is none. */
  at(picture: Picture, lanes: Lanes, x: number, y: number): Hit | null {
    if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) {
      return null;
    }
    const grid = gridOf(picture);
    return isThin(picture)
      ? this.onThinLine(picture, grid, lanes, x, y)
      : this.inLane(picture, grid, lanes, x, y);
  }

  private inLane(picture: Picture, grid: Grid, lanes: Lanes, x: number, y: number): Hit | null {
    const lane = laneAt(picture, y, lanes.length);
    if (lane < 0) {
      return null;
    }
    const strip = lanes.strip(lane);
    const inStrip = y < laneBox(picture, lane).stripBottom && strip.length > 0;
    for (const row of inStrip ? [strip, lanes.compute(lane)] : [lanes.compute(lane)]) {
      const owner = this.owner(row, grid, lanes, x);
      if (owner !== NOBODY) {
        return { lane, row, index: spanOf(row, grid, lanes.kinds, owner, x) };
      }
    }
    return null;
  }

  private onThinLine(picture: Picture, grid: Grid, lanes: Lanes, x: number, y: number): Hit | null {
    const [first, end] = lanesOnLine(picture, y, lanes.length);
    this.shared.cover(rowsOf(lanes, first, end), end - first, grid, lanes.kinds, x, x + 1);
    const owner = this.shared.owner[x];
    let hit: Hit | null = null;
    let most = -1;
    for (let lane = first; lane < end && owner !== NOBODY; lane++) {
      for (const row of [lanes.compute(lane), lanes.strip(lane)]) {
        const { index, covered } = mostOf(row, grid, lanes.kinds, owner, x);
        if (covered > most) {
          most = covered;
          hit = { lane, row, index };
        }
      }
    }
    return hit;
  }

  private owner(row: Row, grid: Grid, lanes: Lanes, x: number): number {
    if (row.length === 0) {
      return NOBODY;
    }
    this.coverage.cover(row, grid, lanes.kinds, x, x + 1);
    return this.coverage.owner[x];
  }
}

/** Of the spans of a slot that touch pixel x, the one that covers most of it (of equals the first). */
export function spanOf(row: Row, grid: Grid, kinds: Uint8Array, slot: number, x: number): number {
  return mostOf(row, grid, kinds, slot, x).index;
}

/** That span, and how much of the pixel it covers; -1 of both where there is none. */
function mostOf(
  row: Row,
  grid: Grid,
  kinds: Uint8Array,
  slot: number,
  x: number
): { index: number; covered: number } {
  const error = kinds[slot] === ERROR;
  const look = error ? grid.errorWidth : 0;
  const i0 = row.firstReaching(grid.t0 + (x - look - 1) / grid.perSecond);
  const i1 = row.lowerBound(grid.t0 + (x + 2) / grid.perSecond);
  let index = -1;
  let most = -1;
  for (let i = i0; i < i1; i++) {
    if (row.slot[i] !== slot) {
      continue;
    }
    const a = (row.start[i] - grid.t0) * grid.perSecond;
    const b = a + row.duration[i] * grid.perSecond;
    let covered = Math.min(b, x + 1) - Math.max(a, x);
    if (error) {
      const [first, end] = errorPixels(row, grid, i);
      if (x < first || x >= end) {
        continue;
      }
      covered = Math.max(0, covered);
    } else if (covered <= 0) {
      continue;
    }
    if (covered > most) {
      most = covered;
      index = i;
    }
  }
  return { index, covered: most };
}
