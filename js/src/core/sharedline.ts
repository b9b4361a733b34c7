/**
 * The rule of coverage.ts for a line of pixels that several rows share, as where lanes are lower than
 * pixels: the sums of a pixel go over all rows, and its share is a part of all lanes' time.
 */

import { errorPixels, NOBODY, type Grid } from './coverage';
import { ERROR } from './kinds';
import type { Row } from './spantable';

/** Most sums kept at a time, eight bytes each: with very many slots a line is made in pieces. */
const MOST_SUMS = 1 << 20;

export class SharedLine {
  /** Per pixel of the grid: its slot, or NOBODY. */
  owner = new Uint16Array(0);
  /** Per pixel of the grid: its share, 0 to 1. */
  share = new Float32Array(0);

  /** Per slot and pixel the time covered; zero for all between two calls. */
  private sums = new Float64Array(0);
  /** Per pixel the largest sum, and all of them together. */
  private best = new Float64Array(0);
  private total = new Float64Array(0);

  /**
   * Work out the pixels [from, to).
   *
   * @param lanes - how many lanes share the line; they have two rows each, of which empty ones may
   *   be left out.
   * @returns false if no pixel has an owner.
   */
  cover(rows: readonly Row[], lanes: number, grid: Grid, kinds: Uint8Array, from = 0, to = grid.n): boolean {
    const cells = kinds.length * (to - from);
    if (cells > MOST_SUMS && to - from > 1) {
      const middle = (from + to) >> 1;
      const left = this.cover(rows, lanes, grid, kinds, from, middle);
      return this.cover(rows, lanes, grid, kinds, middle, to) || left;
    }
    this.fit(grid.n, cells);
    this.owner.fill(NOBODY, from, to);
    this.share.fill(0, from, to);
    const slots = new Set<number>();
    const errors: [row: Row, i: number][] = [];
    for (const row of rows) {
      this.add(row, grid, kinds, from, to, slots, errors);
    }
    this.choose(
      [...slots].sort((s, t) => s - t),
      lanes,
      from,
      to
    );
    this.coverErrors(errors, grid, from, to);
    return slots.size > 0 || errors.length > 0;
  }

  /** Add what the spans of a row cover to the sums; erred ones are put aside. */
  private add(
    row: Row,
    grid: Grid,
    kinds: Uint8Array,
    from: number,
    to: number,
    slots: Set<number>,
    errors: [row: Row, i: number][]
  ): void {
    const { sums } = this;
    const { t0, perSecond } = grid;
    const { start, duration, slot } = row;
    const n = to - from;
    const look = row.errors > 0 ? grid.errorWidth : 0;
    const end = row.lowerBound(t0 + (to + 1) / perSecond);
    let last = -1;
    for (let i = row.firstReaching(t0 + (from - look - 1) / perSecond); i < end; i++) {
      const a = (start[i] - t0) * perSecond;
      const b = a + duration[i] * perSecond;
      const s = slot[i];
      if (kinds[s] === ERROR) {
        errors.push([row, i]);
        continue;
      }
      if (b <= from || a >= to || b <= a) {
        continue;
      }
      if (s !== last) {
        slots.add(s);
        last = s;
      }
      const line = s * n - from;
      const stop = b < to ? b : to;
      let at = a > from ? a : from;
      for (let x = Math.floor(at); at < stop; x++) {
        const next = stop < x + 1 ? stop : x + 1;
        sums[line + x] += next - at;
        at = next;
      }
    }
  }

  /** Give each pixel to the slot with the largest sum, and clear the sums. */
  private choose(slots: readonly number[], lanes: number, from: number, to: number): void {
    const { owner, share, sums, best, total } = this;
    const n = to - from;
    best.fill(0, 0, n);
    total.fill(0, 0, n);
    for (const s of slots) {
      for (let x = 0; x < n; x++) {
        const sum = sums[s * n + x];
        total[x] += sum;
        if (sum > best[x]) {
          best[x] = sum;
          owner[from + x] = s;
        }
      }
      sums.fill(0, s * n, (s + 1) * n);
    }
    for (let x = 0; x < n; x++) {
      share[from + x] = Math.min(1, total[x] / lanes);
    }
  }

  private coverErrors(errors: readonly [row: Row, i: number][], grid: Grid, from: number, to: number): void {
    const taken = new Set<number>();
    for (const [row, i] of errors) {
      const slot = row.slot[i];
      const [first, end] = errorPixels(row, grid, i);
      for (let x = Math.max(first, from); x < Math.min(end, to); x++) {
        if (!taken.has(x) || slot < this.owner[x]) {
          taken.add(x);
          this.owner[x] = slot;
          this.share[x] = 1;
        }
      }
    }
  }

  private fit(pixels: number, cells: number): void {
    if (this.owner.length < pixels) {
      this.owner = new Uint16Array(pixels);
      this.share = new Float32Array(pixels);
      this.best = new Float64Array(pixels);
      this.total = new Float64Array(pixels);
    }
    if (this.sums.length < cells) {
      this.sums = new Float64Array(cells);
    }
  }
}
