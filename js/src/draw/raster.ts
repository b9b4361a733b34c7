/**
 * Paints spans into pixels. A lane's pixels differ from line to line only by the pattern, so each
 * lane costs one pass over its visible spans (coverage.ts), four lines of pixels at most, and a copy
 * of those down the lane's height.
 */

import { alphaOf, NOBODY, type Grid, type Pixels } from '../core/coverage';
import { PERIOD } from '../core/kinds';
import { Panned } from '../core/panned';
import { SharedLine } from '../core/sharedline';
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
  compute: Pixels,
  strip: Pixels | null,
  wide: readonly number[]
) => void;

export class Raster {
  private readonly compute = new Panned();
  private readonly strip = new Panned();
  private lines = new Uint32Array(0);
  private readonly shared = new SharedLine();

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
    for (let lane = first; lane < end; lane++) {
      const box = laneBox(picture, lane);
      const { pixels: own, wide } = this.compute.cover(lanes.compute(lane), grid, lanes.kinds, wideAt);
      if (own.any) {
        this.spread(picture, own.owner, own.share, colours, pixels, box.top, box.bottom);
      }
      const stripRow = lanes.strip(lane);
      const strip =
        stripRow.length > 0 ? this.strip.cover(stripRow, grid, lanes.kinds, Infinity).pixels : null;
      if (strip?.any) {
        this.spread(picture, strip.owner, strip.share, colours, pixels, box.top, box.stripBottom, true);
      }
      visit?.(lane, box, own, strip?.any ? strip : null, wide);
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
    const shift = Math.max(0, Math.round(Math.log2(picture.ratio)));
    const lines = this.lines;
    const { plain, ink, pattern, dimmed } = colours;
    let patterned = 0;
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
      patterned |= pattern[s];
      lines[x] = plain[s] | (alpha << 24);
    }
    if (patterned) {
      lines.copyWithin(width, 0, width);
      lines.copyWithin(2 * width, 0, 2 * width);
      for (let x = 0; x < width; x++) {
        const s = owner[x];
        if (s === NOBODY || !pattern[s]) {
          continue;
        }
        const column = pattern[s] >> ((x >> shift) % PERIOD);
        const pixel = (lines[x] & 0xff000000) | ink[s];
        for (let row = 0; row < PERIOD; row++) {
          if (column & (1 << (PERIOD * row))) {
            lines[row * width + x] = pixel;
          }
        }
      }
    }
    for (let y = from; y < to; y++) {
      const row = patterned ? (y >> shift) % PERIOD : 0;
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
    const { shared } = this;
    for (let y = 0; y < picture.height; y++) {
      const [first, end] = lanesOnLine(picture, y, lanes.length);
      if (first < end && shared.cover(rowsOf(lanes, first, end), end - first, grid, lanes.kinds)) {
        this.spread(picture, shared.owner, shared.share, colours, pixels, y, y + 1);
      }
    }
  }
}

/** The rows of the lanes [first, end) that have spans, compute in front of the strip. */
export function rowsOf(lanes: Lanes, first: number, end: number): Row[] {
  const rows: Row[] = [];
  for (let lane = first; lane < end; lane++) {
    rows.push(lanes.compute(lane), lanes.strip(lane));
  }
  return rows.filter(row => row.length > 0);
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
    const b = below >>> 24;
    if (a === 255 || b === 0) {
      pixels[at + x] = above;
      continue;
    }
    const seen = b * (255 - a);
    const sum = 255 * a + seen;
    const part = (255 * a) / sum;
    const red = (below & 0xff) + ((above & 0xff) - (below & 0xff)) * part;
    const green = ((below >> 8) & 0xff) + (((above >> 8) & 0xff) - ((below >> 8) & 0xff)) * part;
    const blue = ((below >> 16) & 0xff) + (((above >> 16) & 0xff) - ((below >> 16) & 0xff)) * part;
    pixels[at + x] = ((sum / 255 + 0.5) << 24) | ((blue + 0.5) << 16) | ((green + 0.5) << 8) | (red + 0.5);
  }
}
