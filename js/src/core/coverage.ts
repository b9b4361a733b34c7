/**
 * Which span a pixel shows: the rule, exact, that the raster, the hit test and the labels follow.
 *
 * Of a row and a line of pixels, each pixel has
 *
 * - an *owner*: the slot with the most covered time inside the pixel (of equals the smallest slot);
 * - a *share*: the time covered by all spans inside the pixel over the pixel's width, at most 1.
 *
 * An erred span owns every pixel that it touches, with a share of 1, and touches at least
 * `errorWidth` pixels from the one that it starts in (of several the smallest slot). Times are
 * compared in pixels: `a = (start - t0) * perSecond`, `b = a + duration * perSecond`.
 *
 * Spans are sorted by start, so one pass does it: what starts in a pixel is added to its slot's sum;
 * what reaches beyond the pixel waits in a short list of *running* spans. A stretch of pixels that a
 * single running span fills is written at once. With lanes that do not overlap (the usual case) this
 * is about five nanoseconds a span.
 */

import { ERROR } from './kinds';
import type { Row } from './spantable';

/** A line of n pixels over time. */
export interface Grid {
  /** Left edge of pixel 0, in seconds after the table's base. */
  readonly t0: number;
  /** Pixels a second. */
  readonly perSecond: number;
  /** Number of pixels. */
  readonly n: number;
  /** Least width of an erred span, in pixels. */
  readonly errorWidth: number;
}

/** In `owner`: nothing covers this pixel. */
export const NOBODY = 0xffff;

export class Coverage {
  /** Per pixel of the grid: its slot, or NOBODY. */
  owner = new Uint16Array(0);
  /** Per pixel of the grid: its share, 0 to 1. */
  share = new Float32Array(0);
  /** Whether any pixel of the last `cover` has an owner. */
  any = false;

  private sums = new Float64Array(64);
  /** Per slot the number of the pixel that its sum belongs to: saves clearing the sums. */
  private stamps = new Float64Array(64);
  private stamp = 0;
  private readonly runSlot: number[] = [];
  private readonly runStop: number[] = [];

  /**
   * Work out the pixels [from, to) of a row.
   *
   * @param kinds - kind of each slot.
   * @param wide - gets the indices of spans of at least `wideAt` pixels, for labels.
   */
  cover(
    row: Row,
    grid: Grid,
    kinds: Uint8Array,
    from = 0,
    to = grid.n,
    wide?: number[],
    wideAt = Infinity
  ): void {
    if (this.owner.length < grid.n) {
      this.owner = new Uint16Array(grid.n);
      this.share = new Float32Array(grid.n);
    }
    if (this.sums.length < kinds.length) {
      this.sums = new Float64Array(kinds.length * 2);
      this.stamps = new Float64Array(kinds.length * 2);
      this.stamp = 0;
    }
    const { owner, share, sums, stamps, runSlot, runStop } = this;
    const { t0, perSecond } = grid;
    const { start, duration, slot } = row;
    const look = row.errors > 0 ? grid.errorWidth : 0;
    const i0 = row.firstReaching(t0 + (from - look - 1) / perSecond);
    const i1 = row.lowerBound(t0 + (to + 1) / perSecond);
    const hasErrors = row.errors > 0;

    owner.fill(NOBODY, from, to);
    share.fill(0, from, to);
    this.any = false;
    runSlot.length = 0;
    runStop.length = 0;
    let errors: number[] | null = null;

    let pixel = from;
    let stamp = ++this.stamp;
    let best = 0;
    let bestSlot = NOBODY;
    let total = 0;

    for (let i = i0; i < i1; i++) {
      const from0 = (start[i] - t0) * perSecond;
      const b = from0 + duration[i] * perSecond;
      const s = slot[i];
      if (wide && b - from0 >= wideAt && b > from && from0 < to) {
        wide.push(i);
      }
      if (hasErrors && kinds[s] === ERROR) {
        (errors ??= []).push(i);
        continue;
      }
      if (b <= from || from0 >= to) {
        continue;
      }
      const a = from0 > from ? from0 : from;
      if (a >= pixel + 1) {
        // Finish the pixels up to the one that this span starts in.
        const at = Math.floor(a);
        if (total > 0) {
          owner[pixel] = bestSlot;
          share[pixel] = total < 1 ? total : 1;
          this.any = true;
        }
        if (runSlot.length > 0) {
          this.stamp = stamp;
          this.run(pixel + 1, at);
          stamp = this.stamp;
        }
        pixel = at;
        stamp++;
        total = 0;
        best = 0;
        bestSlot = NOBODY;
        for (let k = 0; k < runSlot.length; k++) {
          const rs = runSlot[k];
          const w = (runStop[k] < pixel + 1 ? runStop[k] : pixel + 1) - pixel;
          const sum = stamps[rs] === stamp ? sums[rs] + w : w;
          stamps[rs] = stamp;
          sums[rs] = sum;
          total += w;
          if (sum > best || (sum === best && rs < bestSlot)) {
            best = sum;
            bestSlot = rs;
          }
          if (runStop[k] <= pixel + 1) {
            this.dropRun(k--);
          }
        }
      }
      let w: number;
      if (b <= pixel + 1) {
        w = b - a;
      } else {
        w = pixel + 1 - a;
        runSlot.push(s);
        runStop.push(b);
      }
      if (w > 0) {
        const sum = stamps[s] === stamp ? sums[s] + w : w;
        stamps[s] = stamp;
        sums[s] = sum;
        total += w;
        if (sum > best || (sum === best && s < bestSlot)) {
          best = sum;
          bestSlot = s;
        }
      }
    }
    if (total > 0) {
      owner[pixel] = bestSlot;
      share[pixel] = total < 1 ? total : 1;
      this.any = true;
    }
    this.stamp = stamp;
    if (runSlot.length > 0) {
      this.run(pixel + 1, to);
    }
    if (errors) {
      this.coverErrors(row, grid, errors, from, to);
    }
  }

  /** Pixels [from, to), in which no span starts: only running spans cover them. */
  private run(from: number, to: number): void {
    const { owner, share, sums, stamps, runSlot, runStop } = this;
    let pixel = from;
    while (pixel < to && runSlot.length > 0) {
      if (runSlot.length === 1) {
        const full = Math.min(to, Math.floor(runStop[0]));
        if (full > pixel) {
          owner.fill(runSlot[0], pixel, full);
          share.fill(1, pixel, full);
          this.any = true;
          pixel = full;
          if (runStop[0] <= pixel) {
            this.dropRun(0);
          }
          continue;
        }
      }
      const stamp = ++this.stamp;
      let best = 0;
      let bestSlot = NOBODY;
      let total = 0;
      for (let k = 0; k < runSlot.length; k++) {
        const s = runSlot[k];
        const w = (runStop[k] < pixel + 1 ? runStop[k] : pixel + 1) - pixel;
        const sum = stamps[s] === stamp ? sums[s] + w : w;
        stamps[s] = stamp;
        sums[s] = sum;
        total += w;
        if (sum > best || (sum === best && s < bestSlot)) {
          best = sum;
          bestSlot = s;
        }
        if (runStop[k] <= pixel + 1) {
          this.dropRun(k--);
        }
      }
      if (total > 0) {
        owner[pixel] = bestSlot;
        share[pixel] = total < 1 ? total : 1;
        this.any = true;
      }
      pixel++;
    }
  }

  private dropRun(k: number): void {
    const last = this.runSlot.length - 1;
    this.runSlot[k] = this.runSlot[last];
    this.runStop[k] = this.runStop[last];
    this.runSlot.length = last;
    this.runStop.length = last;
  }

  private coverErrors(row: Row, grid: Grid, errors: number[], from: number, to: number): void {
    const { owner, share } = this;
    // A share of 2 marks a pixel that an error has taken already; put right at the end.
    for (const i of errors) {
      const [first, end] = errorPixels(row, grid, i);
      const s = row.slot[i];
      for (let x = Math.max(first, from); x < Math.min(end, to); x++) {
        if (share[x] < 2 || s < owner[x]) {
          owner[x] = s;
          share[x] = 2;
        }
        this.any = true;
      }
    }
    for (const i of errors) {
      const [first, end] = errorPixels(row, grid, i);
      for (let x = Math.max(first, from); x < Math.min(end, to); x++) {
        share[x] = 1;
      }
    }
  }
}

/** The pixels [first, end) that erred span i touches, not clipped to the grid. */
export function errorPixels(row: Row, grid: Grid, i: number): [first: number, end: number] {
  const a = (row.start[i] - grid.t0) * grid.perSecond;
  const b = a + row.duration[i] * grid.perSecond;
  const first = Math.floor(a);
  return [first, Math.max(Math.ceil(b), first + grid.errorWidth)];
}

/** Faintest alpha of a pixel that anything covers: below it a lone short task could not be seen. */
const FAINTEST = 26;

/** Alpha (0 to 255) that a share is drawn with. */
export function alphaOf(share: number): number {
  return share <= 0 ? 0 : Math.max(FAINTEST, Math.round(share * 255));
}
