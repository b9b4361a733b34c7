/**
 * A picture of a task stream, the slow and obvious way: every pixel asks every span. What the raster
 * paints, and what the hit test finds, has to be this.
 *
 * Words: *band* is compute or strip, as in kinds.ts; a *cell* is a pixel of a set of rows.
 */

import { ERROR, PERIOD, STRIP } from '../src/core/kinds';
import { Row } from '../src/core/spantable';
import type { Picture } from '../src/draw/geometry';
import type { Lanes } from '../src/draw/raster';

export interface Span {
  lane: number;
  strip: boolean;
  start: number;
  duration: number;
  slot: number;
}

/** Slots as the painters need them. */
export interface Look {
  kinds: Uint8Array;
  /** Per slot 0xbbggrr, and where its pattern has ink. */
  plain: Uint32Array;
  ink: Uint32Array;
  pattern: Uint16Array;
  dimmed: Uint8Array;
}

export interface Pixel {
  /** The slot that is seen first, or -1. */
  owner: number;
  /** Red, green, blue, alpha. */
  rgba: number[];
}

/** The rows that the spans make. */
export function lanesOf(spans: readonly Span[], n: number, kinds: Uint8Array): Lanes {
  const rows = Array.from({ length: 2 * n }, () => new Row());
  spans.forEach(({ lane, strip, start, duration, slot }, i) => {
    const row = rows[2 * lane + (strip ? 1 : 0)];
    row.push(start, duration, slot, i);
    if (kinds[slot] === ERROR) {
      row.errors++;
    }
  });
  rows.forEach(row => row.settle());
  return { length: n, kinds, compute: lane => rows[2 * lane], strip: lane => rows[2 * lane + 1] };
}

export function paintSlowly(picture: Picture, n: number, spans: readonly Span[], look: Look): Pixel[][] {
  const per = picture.height / (picture.lane1 - picture.lane0);
  const lanes = Array.from({ length: n }, (_, lane) => lane);
  const inLane = (lane: number, strip: boolean): Span[] =>
    spans.filter(span => span.lane === lane && span.strip === strip);
  return Array.from({ length: picture.height }, (_, y) => {
    if (per < 2) {
      const shown = lanes.filter(lane => Math.min(lane + 1, edge(y + 1)) - Math.max(lane, edge(y)) > 1e-6);
      const on = spans.filter(span => shown.includes(span.lane));
      return line(x => over([cell(x, on, shown.length)], x, y));
    }
    const lane = lanes.find(each => y >= box(each).top && y < box(each).bottom);
    if (lane === undefined) {
      return line(() => NOTHING);
    }
    const compute = inLane(lane, false);
    const strip = y < box(lane).stripBottom ? inLane(lane, true) : [];
    return line(x => over([cell(x, strip, 1), cell(x, compute, 1)], x, y));
  });

  function line(pixel: (x: number) => Pixel): Pixel[] {
    return Array.from({ length: picture.width }, (_, x) => pixel(x));
  }

  /** Lane coordinate of the upper edge of a line of pixels. */
  function edge(y: number): number {
    return picture.lane0 + y / per;
  }

  function box(lane: number): { top: number; bottom: number; stripBottom: number } {
    const top = Math.round((lane - picture.lane0) * per);
    const next = Math.round((lane + 1 - picture.lane0) * per);
    const bottom = per >= Math.max(4, 5 * picture.ratio) ? next - Math.round(picture.ratio) : next;
    return { top, bottom, stripBottom: top + Math.max(1, Math.round((bottom - top) * STRIP)) };
  }

  /** Who owns a pixel of some spans, and how much of it they cover. */
  function cell(x: number, among: readonly Span[], rows: number): { owner: number; share: number } {
    const perSecond = picture.width / (picture.t1 - picture.t0);
    const sums = new Map<number, number>();
    let error = -1;
    let total = 0;
    for (const { start, duration, slot } of among) {
      const a = (start - picture.t0) * perSecond;
      const b = a + duration * perSecond;
      if (look.kinds[slot] === ERROR) {
        const least = Math.floor(a) + Math.ceil(picture.ratio);
        if (x >= Math.floor(a) && x < Math.max(b, least) && (error < 0 || slot < error)) {
          error = slot;
        }
        continue;
      }
      const covered = Math.min(b, x + 1) - Math.max(a, x);
      if (covered > 0) {
        sums.set(slot, (sums.get(slot) ?? 0) + covered);
        total += covered;
      }
    }
    const [best] = [...sums].sort(([s, p], [t, q]) => q - p || s - t);
    return error >= 0
      ? { owner: error, share: 1 }
      : { owner: best ? best[0] : -1, share: Math.min(1, total / rows) };
  }

  /** Cells one above the other, the uppermost first. */
  function over(cells: { owner: number; share: number }[], x: number, y: number): Pixel {
    let rgb = [0, 0, 0];
    let alpha = 0;
    for (const { owner, share } of [...cells].reverse()) {
      if (owner < 0) {
        continue;
      }
      let a = Math.max(26, Math.floor(share * 255 + 0.5));
      if (look.dimmed[owner]) {
        a = Math.floor(a * 0.18);
      }
      const size = Math.max(1, 2 ** Math.round(Math.log2(picture.ratio)));
      const bit = PERIOD * (Math.floor(y / size) % PERIOD) + (Math.floor(x / size) % PERIOD);
      const packed = look.pattern[owner] & (1 << bit) ? look.ink[owner] : look.plain[owner];
      const colour = [packed & 0xff, (packed >> 8) & 0xff, (packed >> 16) & 0xff];
      const above = a / 255;
      const out = above + alpha * (1 - above);
      rgb = rgb.map((below, i) => (colour[i] * above + below * alpha * (1 - above)) / out);
      alpha = out;
    }
    const owner = cells.find(each => each.owner >= 0)?.owner ?? -1;
    return { owner, rgba: [...rgb, alpha * 255] };
  }
}

const NOTHING: Pixel = { owner: -1, rgba: [0, 0, 0, 0] };
