/**
 * Where things lie on the canvas. All lengths are device pixels; lanes count from the top and may be
 * cut by the edges.
 */

import type { Grid } from '../core/coverage';
import { STRIP } from '../core/kinds';

/** What a view shows: which time and which lanes, on how many pixels. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Device pixels a CSS pixel. */
  readonly ratio: number;
  /** Time at the left and right edge, in seconds after the table's base. */
  readonly t0: number;
  readonly t1: number;
  /** Device pixels a second, where it matters that it is the same number as in another picture. */
  readonly perSecond?: number;
  /** Lane coordinate at the top and bottom edge: lane n reaches from n to n + 1. */
  readonly lane0: number;
  readonly lane1: number;
}

/** Lanes lower than this share lines of pixels and have no bands. */
const THIN = 2;
/** Lanes this high (in CSS pixels, and in device pixels at least) have a gap below them. */
const SPACED = 5;
const SPACED_PIXELS = 4;

export interface LaneBox {
  /** First line of pixels, and the one behind the last; not clipped to the canvas. */
  readonly top: number;
  readonly bottom: number;
  /** The line behind the last of the strip of input and output. */
  readonly stripBottom: number;
}

function perSecondOf({ t0, t1, width, perSecond }: Picture): number {
  return perSecond ?? width / (t1 - t0);
}

/** Pixels at the right edge by which two scales may differ and be one but for rounding. */
const DRIFT = 0.01;

/**
 * The picture, but if it was only panned since the one before: whole pixels away from that, half of one
 * at most from where it was wanted. It has the same pixels then, some further on.
 */
export function onPixels(picture: Picture, before: Picture | null): Picture {
  const { t0, width } = picture;
  const perSecond = perSecondOf(picture);
  const was = before?.width === width ? perSecondOf(before) : NaN;
  if (!before || !(Math.abs(was / perSecond - 1) * width < DRIFT)) {
    return { ...picture, perSecond };
  }
  const from = before.t0 + Math.round((t0 - before.t0) * was) / was;
  return { ...picture, t0: from, t1: from + width / was, perSecond: was };
}

export function gridOf(picture: Picture): Grid {
  return {
    t0: picture.t0,
    perSecond: perSecondOf(picture),
    n: picture.width,
    errorWidth: Math.ceil(picture.ratio)
  };
}

export function pixelsPerLane(picture: Picture): number {
  return picture.height / (picture.lane1 - picture.lane0);
}

export function isThin(picture: Picture): boolean {
  return pixelsPerLane(picture) < THIN;
}

export function laneBox(picture: Picture, lane: number): LaneBox {
  const per = pixelsPerLane(picture);
  const top = Math.round((lane - picture.lane0) * per);
  const end = Math.round((lane + 1 - picture.lane0) * per);
  // A line of background between lanes, once they are high enough to spare one: the strip and the
  // gap together must leave something of the other band.
  const gap = per >= Math.max(SPACED * picture.ratio, SPACED_PIXELS) ? Math.round(picture.ratio) : 0;
  const bottom = Math.max(top + 1, end - gap);
  return { top, bottom, stripBottom: top + Math.max(1, Math.round((bottom - top) * STRIP)) };
}

/** The lanes [first, end) of n that any line of the canvas shows. */
export function visibleLanes(picture: Picture, n: number): [first: number, end: number] {
  const first = Math.max(0, Math.floor(picture.lane0));
  return [first, Math.min(n, Math.ceil(picture.lane1))];
}

/** The lane whose box holds a line of pixels, or -1 for the background between two. */
export function laneAt(picture: Picture, y: number, n: number): number {
  const guess = Math.floor(picture.lane0 + (y + 0.5) / pixelsPerLane(picture));
  for (const lane of [guess, guess - 1, guess + 1]) {
    if (lane >= 0 && lane < n) {
      const box = laneBox(picture, lane);
      if (y >= box.top && y < box.bottom) {
        return lane;
      }
    }
  }
  return -1;
}

/** With thin lanes: the lanes [first, end) of n that a line of pixels shows. */
export function lanesOnLine(picture: Picture, y: number, n: number): [first: number, end: number] {
  const per = pixelsPerLane(picture);
  // A border between lanes that falls on one between lines must not lie beside it by a rounding.
  const first = Math.floor(picture.lane0 + y / per + 1e-9);
  const end = Math.ceil(picture.lane0 + (y + 1) / per - 1e-9);
  return [Math.max(0, first), Math.min(n, end)];
}

/** Left edge of a time in pixels. */
export function xOf(picture: Picture, time: number): number {
  return (time - picture.t0) * perSecondOf(picture);
}
