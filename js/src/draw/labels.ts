/** Names inside spans that are wide enough, only over pixels that the span owns. */

import type { Pixels } from '../core/coverage';
import type { Row } from '../core/spantable';
import type { LaneBox, Picture } from './geometry';
import { xOf } from './geometry';

/** Text size and least room, in CSS pixels. */
const SIZE = 11;
const LEAST_WIDTH = 30;
const LEAST_HEIGHT = 12;
/** More than this many nobody reads, and text is the slowest thing to draw. */
const MOST = 600;
const PADDING = 3;
/** A beginning that is shorter than this says nothing. */
const LEAST_LETTERS = 3;

export interface Label {
  readonly x: number;
  readonly width: number;
  readonly y: number;
  readonly slot: number;
  readonly text: string;
}

export class Labels {
  private readonly found: Label[] = [];
  private readonly widths = new Map<string, number>();

  /** From which width (device pixels) a span may carry a name; infinite if lanes are too low. */
  static wideAt(picture: Picture, laneHeight: number): number {
    return laneHeight >= LEAST_HEIGHT * picture.ratio ? LEAST_WIDTH * picture.ratio : Infinity;
  }

  clear(): void {
    this.found.length = 0;
  }

  get list(): readonly Label[] {
    return this.found;
  }

  /** Collect the names of a lane from its wide spans. */
  collect(
    picture: Picture,
    row: Row,
    box: LaneBox,
    compute: Pixels,
    strip: Pixels | null,
    wide: readonly number[],
    textOf: (row: Row, i: number) => string
  ): void {
    const least = LEAST_WIDTH * picture.ratio;
    for (const i of wide) {
      if (this.found.length >= MOST) {
        return;
      }
      const slot = row.slot[i];
      const a = Math.max(0, Math.ceil(xOf(picture, row.start[i])));
      const b = Math.min(picture.width, Math.floor(xOf(picture, row.stop(i))));
      const [from, to] = longestRun(compute.owner, slot, a, b);
      if (to - from < least) {
        continue;
      }
      // Below the strip if there is one over this span, and room below it.
      const room = box.bottom - box.stripBottom;
      const below = room >= LEAST_HEIGHT * picture.ratio && strip !== null && touches(strip, from, to);
      const top = below ? box.stripBottom : box.top;
      const y = (top + box.bottom) / 2;
      this.found.push({ x: from, width: to - from, y, slot, text: textOf(row, i) });
    }
  }

  draw(
    context: CanvasRenderingContext2D,
    picture: Picture,
    colours: { text: readonly string[]; dimmed: Uint8Array }
  ): void {
    const { ratio } = picture;
    context.font = `${SIZE * ratio}px sans-serif`;
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    for (const { x, width, y, slot, text: whole } of this.found) {
      if (colours.dimmed[slot]) {
        continue;
      }
      const text = this.fitting(context, whole, width / ratio - 2 * PADDING, ratio);
      if (text) {
        context.fillStyle = colours.text[slot];
        context.fillText(text, x + PADDING * ratio, y);
      }
    }
  }

  /** The text, cut if need be; empty if next to nothing would be left. Widths in CSS pixels. */
  private fitting(context: CanvasRenderingContext2D, text: string, room: number, ratio: number): string {
    let kept = text.length;
    let shown = text;
    for (;;) {
      const width = this.width(context, shown, ratio);
      if (width <= room) {
        return shown;
      }
      // Letters differ in width: what is kept of them may be wider than their part of the text.
      kept = Math.min(kept - 1, Math.floor((kept * room) / width));
      if (/[\uD800-\uDBFF]/.test(text.charAt(kept - 1))) {
        kept--;
      }
      if (kept < LEAST_LETTERS) {
        return '';
      }
      shown = `${text.slice(0, kept)}…`;
    }
  }

  private width(context: CanvasRenderingContext2D, text: string, ratio: number): number {
    let width = this.widths.get(text);
    if (width === undefined) {
      if (this.widths.size > 5000) {
        this.widths.clear();
      }
      width = context.measureText(text).width / ratio;
      this.widths.set(text, width);
    }
    return width;
  }
}

/** The longest run of pixels in [from, to) that a slot owns. */
export function longestRun(
  owner: Uint16Array,
  slot: number,
  from: number,
  to: number
): [from: number, to: number] {
  let best: [number, number] = [from, from];
  let begin = from;
  for (let x = from; x <= to; x++) {
    if (x === to || owner[x] !== slot) {
      if (x - begin > best[1] - best[0]) {
        best = [begin, x];
      }
      begin = x + 1;
    }
  }
  return best;
}

function touches(coverage: Pixels, from: number, to: number): boolean {
  for (let x = from; x < to; x++) {
    if (coverage.share[x] > 0) {
      return true;
    }
  }
  return false;
}
