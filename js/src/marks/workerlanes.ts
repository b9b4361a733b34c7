/** The lanes of one worker, and how to bring them into sight. */

import type { Lane } from '../core/tasks';
import type { Range } from '../core/viewport';

/** Lanes that are shown at most when a worker's are looked for: among more it would be a thin line. */
const MOST = 40;

/** Where the lanes of a worker are on screen, as first and end; they lie side by side. */
export function lanesOf(lanes: readonly Lane[], address: string | null): Range | null {
  const first = address === null ? -1 : lanes.findIndex(lane => lane.worker === address);
  if (first < 0) {
    return null;
  }
  let end = first;
  while (end < lanes.length && lanes[end].worker === address) {
    end++;
  }
  return [first, end];
}

/** The stretch of lanes to show so that these are in sight; null when they are. */
export function inSight([top, bottom]: Range, [first, end]: Range): Range | null {
  const shown = bottom - top;
  const most = Math.max(MOST, end - first);
  if (shown > most) {
    return around((first + end) / 2, most);
  }
  if (first >= top && end <= bottom) {
    return null;
  }
  return around((first + end) / 2, Math.max(shown, end - first));
}

function around(centre: number, long: number): Range {
  const top = Math.max(0, Math.round(centre - long / 2));
  return [top, top + long];
}
