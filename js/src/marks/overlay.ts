/** What is drawn over the spans: borders between workers, the brushed interval, the selection. */

import { isStrip, kindOf } from '../core/kinds';
import type { TaskLog, TaskRecord } from '../core/tasks';
import { isThin, laneBox, pixelsPerLane, visibleLanes, xOf, type Picture } from '../draw/geometry';
import type { Theme } from './theme';
import { lanesOf } from './workerlanes';

/** What is taken away of other lanes when a worker is chosen. */
const DIM = 0.75;

export interface OverlayState {
  readonly selected: Partial<TaskRecord> | null;
  /** Seconds since the epoch. */
  readonly interval: readonly [number, number] | null;
  /** Address of the worker that stands out. */
  readonly worker: string | null;
}

export function drawOverlay(
  context: CanvasRenderingContext2D,
  picture: Picture,
  log: TaskLog,
  state: OverlayState,
  theme: Theme
): void {
  dimOthers(context, picture, log, state.worker);
  drawSeparators(context, picture, log, theme);
  if (state.interval) {
    drawInterval(context, picture, log, state.interval, theme);
  }
  const record = typeof state.selected?.cursor === 'number' ? log.recordAt(state.selected.cursor) : -1;
  if (record >= 0) {
    outline(context, picture, log, record, theme);
  }
}

/** Take away most of what is painted in the lanes of all workers but one: fits light and dark pages. */
function dimOthers(
  context: CanvasRenderingContext2D,
  picture: Picture,
  log: TaskLog,
  worker: string | null
): void {
  const lanes = lanesOf(log.lanes, worker);
  if (!lanes) {
    return;
  }
  const top = Math.max(0, Math.min(picture.height, laneBox(picture, lanes[0]).top));
  const bottom = Math.max(0, Math.min(picture.height, laneBox(picture, lanes[1]).top));
  context.save();
  context.globalCompositeOperation = 'destination-out';
  context.globalAlpha = DIM;
  context.fillRect(0, 0, picture.width, top);
  context.fillRect(0, bottom, picture.width, picture.height - bottom);
  context.restore();
}

/** Lanes of one worker belong together: a line where the next one begins. */
function drawSeparators(
  context: CanvasRenderingContext2D,
  picture: Picture,
  log: TaskLog,
  theme: Theme
): void {
  // Nothing to see where a worker's lanes are only a few pixels.
  if (pixelsPerLane(picture) < 3) {
    return;
  }
  const [first, end] = visibleLanes(picture, log.lanes.length);
  const thick = Math.max(1, Math.round(picture.ratio));
  context.fillStyle = theme.separator;
  context.globalAlpha = 0.6;
  for (let lane = Math.max(1, first); lane < end; lane++) {
    if (log.lanes[lane].worker !== log.lanes[lane - 1].worker) {
      context.fillRect(0, laneBox(picture, lane).top - thick, picture.width, thick);
    }
  }
  context.globalAlpha = 1;
}

function drawInterval(
  context: CanvasRenderingContext2D,
  picture: Picture,
  log: TaskLog,
  [start, stop]: readonly [number, number],
  theme: Theme
): void {
  const a = Math.max(-1, xOf(picture, start - log.table.base));
  const b = Math.min(picture.width + 1, xOf(picture, stop - log.table.base));
  if (a >= b) {
    return;
  }
  context.fillStyle = theme.selection;
  context.globalAlpha = 0.15;
  context.fillRect(a, 0, b - a, picture.height);
  context.globalAlpha = 0.9;
  const thick = Math.max(1, Math.round(picture.ratio));
  context.fillRect(Math.round(a), 0, thick, picture.height);
  context.fillRect(Math.round(b) - thick, 0, thick, picture.height);
  context.globalAlpha = 1;
}

/** A frame around each span of a record, wide enough to be found. */
function outline(
  context: CanvasRenderingContext2D,
  picture: Picture,
  log: TaskLog,
  record: number,
  theme: Theme
): void {
  const lane = log.position(log.laneOf(record).id);
  const box = laneBox(picture, lane);
  const least = 4 * picture.ratio;
  context.strokeStyle = theme.selection;
  context.lineWidth = 2 * picture.ratio;
  for (const { action, start, stop } of log.record(record).startstops) {
    const a = xOf(picture, start - log.table.base);
    const b = xOf(picture, stop - log.table.base);
    const more = Math.max(0, least - (b - a)) / 2;
    // Far outside the canvas the numbers grow beyond what it can stroke.
    const left = Math.max(-100, a - more);
    const right = Math.min(picture.width + 100, b + more);
    const bottom = isStrip(kindOf(action)) && !isThin(picture) ? box.stripBottom : box.bottom;
    if (left < right) {
      context.strokeRect(left, box.top, right - left, bottom - box.top);
    }
  }
}

/** A frame around one rectangle of a row, wide enough to be found. */
export function outlineFrame(
  context: CanvasRenderingContext2D,
  picture: Picture,
  start: number,
  stop: number,
  row: number,
  theme: Theme
): void {
  const box = laneBox(picture, row);
  const [a, b] = [xOf(picture, start), xOf(picture, stop)];
  const more = Math.max(0, 4 * picture.ratio - (b - a)) / 2;
  const thick = 2 * picture.ratio;
  const left = Math.max(-100, a - more) + thick / 2;
  const right = Math.min(picture.width + 100, b + more) - thick / 2;
  if (left < right) {
    context.strokeStyle = theme.text;
    context.lineWidth = thick;
    context.strokeRect(left, box.top + thick / 2, right - left, box.bottom - box.top - thick);
  }
}

/** A text in the middle of the plot, in as many lines as its width needs. */
export function drawMessage(
  context: CanvasRenderingContext2D,
  picture: Picture,
  text: string,
  theme: Theme
): void {
  const size = 13 * picture.ratio;
  context.font = `${size}px sans-serif`;
  context.fillStyle = theme.text;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const wrapped: string[] = [];
  for (const word of text.split(' ')) {
    const line = wrapped.length > 0 ? `${wrapped[wrapped.length - 1]} ${word}` : word;
    if (wrapped.length > 0 && context.measureText(line).width <= picture.width * 0.9) {
      wrapped[wrapped.length - 1] = line;
    } else {
      wrapped.push(word);
    }
  }
  wrapped.forEach((line, i) => {
    const y = picture.height / 2 + (i - (wrapped.length - 1) / 2) * size * 1.5;
    context.fillText(line, picture.width / 2, y);
  });
}
