/** A line of background at the left edge of spans that are wide enough: neighbours of one colour part. */

import type { Row } from '../core/spantable';
import { xOf, type LaneBox, type Picture } from './geometry';

/** From which width in CSS pixels a span has an edge. */
export const EDGED = 3;

/** Clear the edges of these spans of a row in the picture's pixels. */
export function clearEdges(
  picture: Picture,
  row: Row,
  box: LaneBox,
  spans: readonly number[],
  pixels: Uint32Array
): void {
  const { width, height } = picture;
  const thick = Math.max(1, Math.round(picture.ratio));
  const top = Math.max(0, box.top);
  const bottom = Math.min(height, box.bottom);
  for (const i of spans) {
    const x = Math.round(xOf(picture, row.start[i]));
    const end = Math.min(width, x + thick);
    for (let at = Math.max(0, x); at < end; at++) {
      for (let y = top; y < bottom; y++) {
        pixels[y * width + at] = 0;
      }
    }
  }
}
