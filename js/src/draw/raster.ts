/**
 * Paints spans into pixels. A lane's pixels differ from line to line only by the pattern, so each
 * lane costs one pass over its visible spans (coverage.ts), four lines of pixels at most, and a copy
 * of those down the lane's height.
 */

import { alphaOf, Coverage, NOBODY, type Grid } from '../core/coverage';
import { ERROR, PERIOD } from '../core/kinds';
import type { Row } from '../core/spantable';
import { DIMMED, type SlotColours } from './colours';
import { gridOf, isThin, laneBox, lanesOnLine, visibleLanes, type LaneBox, type Picture } from './geometry';

/** The two rows of each lane on screen, from the top. */
export interface Lanes {
  readonly length: number;
  readonly kinds: Uint8Array;
  compute(lane: number): Row;
  strip(lane: number): Row;
}

/** Gets every lane after it was covered, for labels: the coverages are valid during the call only. */
export type LaneVisitor = (
  lane: number,
  box: LaneBox,
  compute: Coverage,
  strip: Coverage | null,
  wide: readonly number[]
) => void;

export class Raster {
  private readonly compute = new Coverage();
  private readonly strip = new Coverage();
  private lines = new Uint32Array(0);
  private owners = new Uint16Array(0);
  private shares = new Float32Array(0);

  /**
   * Paint all that the picture shows.
   *
   * @param pixels - width x height pixels of ImageData; all are written.
   * @param wideAt - width from which spans are reported to `visit`.
   */
  paint(
    picture: Picture,
    lanes: Lanes,
    colours: SlotColours,
    pixels: Uint32Array,
    wideAt = Infinity,
    visit?: LaneVisitor
  ): void {
    pixels.fill(0);
    if (this.lines.length < picture.width * PERIOD) {
      this.lines = new Uint32Array(picture.width * PERIOD);
    }
    const grid = gridOf(picture);
    if (isThin(picture)) {
      this.paintThin(picture, grid, lanes, colours, pixels);
      return;
    }
    const [first, end] = visibleLanes(picture, lanes.length);
    const wide: number[] = [];
    for (let lane = first; lane < end; lane++) {
      const box = laneBox(picture, lane);
      wide.length = 0;
      this.compute.cover(lanes.compute(lane), grid, lanes.kinds, 0, grid.n, wide, wideAt);
      const stripRow = lanes.strip(lane);
      const strip = stripRow.length > 0 ? this.strip : null;
      strip?.cover(stripRow, grid, lanes.kinds);
      if (this.compute.any) {
        const { owner, share } = this.compute;
        this.spread(picture, owner, share, colours, pixels, box.top, box.bottom);
      }
      if (strip?.any) {
        const { owner, share } = strip;
        this.spread(picture, owner, share, colours, pixels, box.top, box.stripBottom, true);
      }
      visit?.(lane, box, this.compute, strip?.any ? strip : null, wide);
    }
  }

  /** Fill lines [top, bottom) of the canvas with owners in their colours and patterns. */
  private spread(
    picture: Picture,
    owner: Uint16Array,
    share: Float32Array,
    colours: SlotColours,
    pixels: Uint32Array,
    top: number,
    bottom: number,
    over = false
  ): void {
    const { width, height } = picture;
    const from = Math.max(0, top);
    const to = Math.min(height, bottom);
    if (from >= to) {
      return;
    }
    // Patterns keep their size for the eye on screens with more pixels.
    const scale = Math.max(1, Math.round(picture.ratio));
    const lines = this.lines;
    const { plain, ink, pattern, dimmed } = colours;
    let patterned = false;
    for (let x = 0; x < width; x++) {
      const s = owner[x];
      if (s === NOBODY) {
        lines[x] = 0;
        continue;
      }
      let alpha = alphaOf(share[x]);
      if (dimmed[s]) {
        alpha = (alpha * DIMMED) | 0;
      }
      if (pattern[s]) {
        patterned = true;
      }
      lines[x] = (plain[s] | (alpha << 24)) >>> 0;
    }
    if (patterned) {
      for (let row = PERIOD - 1; row >= 0; row--) {
        for (let x = 0; x < width; x++) {
          const s = owner[x];
          const bit = 1 << (PERIOD * row + (((x / scale) | 0) % PERIOD));
          const pixel = lines[x];
          lines[row * width + x] =
            s !== NOBODY && pattern[s] & bit ? ((pixel & 0xff000000) | ink[s]) >>> 0 : pixel;
        }
      }
    }
    for (let y = from; y < to; y++) {
      const row = patterned ? ((y / scale) | 0) % PERIOD : 0;
      const line = lines.subarray(row * width, row * width + width);
      if (over) {
        blend(line, pixels, y * width);
      } else {
        pixels.set(line, y * width);
      }
    }
  }

  /** Lanes lower than two pixels: each line of pixels shows what fills most of the lanes on it. */
  private paintThin(
    picture: Picture,
    grid: Grid,
    lanes: Lanes,
    colours: SlotColours,
    pixels: Uint32Array
  ): void {
    if (this.owners.length < grid.n) {
      this.owners = new Uint16Array(grid.n);
      this.shares = new Float32Array(grid.n);
    }
    for (let y = 0; y < picture.height; y++) {
      const [first, end] = lanesOnLine(picture, y, lanes.length);
      if (first < end && this.coverLine(grid, lanes, first, end, 0, grid.n)) {
        this.spread(picture, this.owners, this.shares, colours, pixels, y, y + 1);
      }
    }
  }

  /**
   * The owners of a line that several lanes share: of their owners the one with the largest share
   * (of equals the first lane's, compute before the strip), errors before all; the share is the mean
   * of the lanes'.
   */
  private coverLine(grid: Grid, lanes: Lanes, first: number, end: number, from: number, to: number): boolean {
    const { owners, shares } = this;
    owners.fill(NOBODY, from, to);
    shares.fill(0, from, to);
    const best = new Float32Array(to - from);
    let any = false;
    for (let lane = first; lane < end; lane++) {
      for (const row of [lanes.compute(lane), lanes.strip(lane)]) {
        if (row.length === 0) {
          continue;
        }
        this.compute.cover(row, grid, lanes.kinds, from, to);
        const { owner, share } = this.compute;
        for (let x = from; x < to; x++) {
          const s = owner[x];
          if (s === NOBODY) {
            continue;
          }
          any = true;
          const rank = lanes.kinds[s] === ERROR ? 2 : share[x];
          if (rank > best[x - from]) {
            best[x - from] = rank;
            owners[x] = s;
          }
          shares[x] += share[x] / (end - first);
        }
      }
    }
    for (let x = from; x < to; x++) {
      shares[x] = best[x - from] === 2 ? 1 : Math.min(1, shares[x]);
    }
    return any;
  }

  /** The owner of a single pixel of a line of thin lanes, for the hit test. */
  ownerOnThinLine(picture: Picture, lanes: Lanes, x: number, y: number): number {
    const grid = gridOf(picture);
    if (this.owners.length < grid.n) {
      this.owners = new Uint16Array(grid.n);
      this.shares = new Float32Array(grid.n);
    }
    const [first, end] = lanesOnLine(picture, y, lanes.length);
    return first < end && this.coverLine(grid, lanes, first, end, x, x + 1) ? this.owners[x] : NOBODY;
  }
}

/** Put a line of pixels over those that are there, both with straight (not premultiplied) alpha. */
function blend(line: Uint32Array, pixels: Uint32Array, at: number): void {
  for (let x = 0; x < line.length; x++) {
    const above = line[x];
    const a = above >>> 24;
    if (a === 0) {
      continue;
    }
    const below = pixels[at + x];
    const b = ((below >>> 24) * (255 - a)) / 255;
    if (b === 0) {
      pixels[at + x] = above;
      continue;
    }
    const sum = a + b;
    const mix = (shift: number): number =>
      Math.round((((above >>> shift) & 0xff) * a + ((below >>> shift) & 0xff) * b) / sum) << shift;
    pixels[at + x] = ((Math.round(sum) << 24) | mix(16) | mix(8) | mix(0)) >>> 0;
  }
}
