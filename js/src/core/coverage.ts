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

/** What a line of pixels shows. */
export type Pixels = Pick<Coverage, 'owner' | 'share' | 'any'>;

export class Coverage {
  /** Per pixel of the grid: its slot, or NOBODY. */
  owner = new Uint16Array(0);
  /** Per pixel of the grid: its share, 0 to 1. */
  share = new Float32Array(0);
  /** Whether any pixel of the last `cover` has an owner. */
  any = false;

  /** Per slot the time covered in the pixel at hand; zero for all between pixels. */
  private sums = new Float64Array(64);
  private slots = 0;
  /** Spans that reach beyond the pixel at hand. */
  private runSlot = new Uint16Array(16);
  private runStop = new Float64Array(16);

  /**
   * Work out the pixels [from, to) of a row.
   *
   * @param kinds - kind of each slot.
   * @param wide - gets the indices of spans of at least `wideAt` pixels (more than one), for labels.
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
    this.fit(grid.n, kinds.length);
    const { owner, share, sums } = this;
    const { t0, perSecond } = grid;
    const { start, duration, slot } = row;
    const hasErrors = row.errors > 0;
    const look = hasErrors ? grid.errorWidth : 0;
    const i0 = row.firstReaching(t0 + (from - look - 1) / perSecond);
    const i1 = row.lowerBound(t0 + (to + 1) / perSecond);
    const widest = wide ? wideAt : Infinity;
    let errors: number[] | null = null;

    owner.fill(NOBODY, from, to);
    share.fill(0, from, to);
    this.any = false;

    // What began earlier only runs on; the loop below, which is the hot one, then need not ask for it.
    let running = 0;
    let i = i0;
    for (; i < i1; i++) {
      const a = (start[i] - t0) * perSecond;
      if (a >= from) {
        break;
      }
      const b = a + duration[i] * perSecond;
      const s = slot[i];
      if (hasErrors && kinds[s] === ERROR) {
        (errors ??= []).push(i);
      } else if (b > from) {
        running = this.startRun(running, s, b);
      }
      if (b > from && b - a >= widest) {
        wide?.push(i);
      }
    }

    let pixel = from;
    let edge = from;
    /** Bit k is set when a slot of remainder k modulo 32 has a sum: says where to look, branch-free. */
    let mask = 0;
    for (; i < i1; i++) {
      const a = (start[i] - t0) * perSecond;
      const b = a + duration[i] * perSecond;
      const s = slot[i];
      if (hasErrors && kinds[s] === ERROR) {
        if (a >= to) {
          break;
        }
        (errors ??= []).push(i);
        if (b - a >= widest) {
          wide?.push(i);
        }
        continue;
      }
      if (a >= edge) {
        if (a >= to) {
          break;
        }
        if (mask !== 0) {
          this.finish(pixel, mask);
        }
        mask = 0;
        pixel = Math.floor(a);
        if (running > 0) {
          running = this.run(edge, pixel, running);
        }
        edge = pixel + 1;
        if (running > 0) {
          const { runSlot, runStop } = this;
          let kept = 0;
          for (let k = 0; k < running; k++) {
            const rs = runSlot[k];
            const stop = runStop[k];
            const w = (stop < edge ? stop : edge) - pixel;
            sums[rs] += w;
            mask |= 1 << (rs & 31);
            if (stop > edge) {
              runSlot[kept] = rs;
              runStop[kept++] = stop;
            }
          }
          running = kept;
        }
      }
      let w = b - a;
      if (b > edge) {
        if (w >= widest) {
          wide?.push(i);
        }
        w = edge - a;
        running = this.startRun(running, s, b);
      }
      sums[s] += w;
      mask |= 1 << (s & 31);
    }
    if (mask !== 0) {
      this.finish(pixel, mask);
    }
    this.run(edge, to, running);
    if (errors) {
      this.coverErrors(row, grid, errors, from, to);
    }
  }

  /** Give a pixel to the slot with the largest sum, and clear the sums. */
  private finish(pixel: number, mask: number): void {
    const { sums, slots } = this;
    let best = 0;
    let owner = NOBODY;
    let total = 0;
    for (let rest = mask; rest !== 0;) {
      const bit = 31 - Math.clz32(rest);
      rest &= ~(1 << bit);
      for (let s = bit; s < slots; s += 32) {
        const sum = sums[s];
        sums[s] = 0;
        total += sum;
        if (sum > best || (sum === best && sum > 0 && s < owner)) {
          best = sum;
          owner = s;
        }
      }
    }
    if (total > 0) {
      this.owner[pixel] = owner;
      this.share[pixel] = total < 1 ? total : 1;
      this.any = true;
    }
  }

  /**
   * Pixels [from, to), in which no span starts: only the running ones cover them.
   *
   * @returns how many of them reach beyond `to`.
   */
  private run(from: number, to: number, running: number): number {
    const { owner, share, sums, runSlot, runStop } = this;
    let pixel = from;
    while (pixel < to && running > 0) {
      if (running === 1) {
        const full = Math.min(to, Math.floor(runStop[0]));
        if (full > pixel) {
          owner.fill(runSlot[0], pixel, full);
          share.fill(1, pixel, full);
          this.any = true;
          pixel = full;
          running = runStop[0] > pixel ? 1 : 0;
          continue;
        }
      }
      let mask = 0;
      let kept = 0;
      for (let k = 0; k < running; k++) {
        const s = runSlot[k];
        const stop = runStop[k];
        const w = (stop < pixel + 1 ? stop : pixel + 1) - pixel;
        sums[s] += w;
        mask |= 1 << (s & 31);
        if (stop > pixel + 1) {
          runSlot[kept] = s;
          runStop[kept++] = stop;
        }
      }
      running = kept;
      this.finish(pixel, mask);
      pixel++;
    }
    return running;
  }

  private fit(pixels: number, slots: number): void {
    if (this.owner.length < pixels) {
      this.owner = new Uint16Array(pixels);
      this.share = new Float32Array(pixels);
    }
    if (this.sums.length < slots) {
      this.sums = new Float64Array(slots);
    }
    this.slots = slots;
  }

  private startRun(running: number, slot: number, stop: number): number {
    if (running === this.runSlot.length) {
      this.growRuns();
    }
    this.runSlot[running] = slot;
    this.runStop[running] = stop;
    return running + 1;
  }

  private growRuns(): void {
    const size = this.runSlot.length * 2;
    const [slots, stops] = [new Uint16Array(size), new Float64Array(size)];
    slots.set(this.runSlot);
    stops.set(this.runStop);
    this.runSlot = slots;
    this.runStop = stops;
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
  if (share <= 0) {
    return 0;
  }
  const alpha = (share * 255 + 0.5) | 0;
  return alpha < FAINTEST ? FAINTEST : alpha;
}
