/** Where the lane axis writes the workers' names. */

import type { Lane } from '../core/tasks';

export interface LaneTick {
  readonly value: number;
  readonly text: string;
}

/**
 * A tick in the middle of each worker's lanes that are inside [top, bottom], at most `most`: where
 * there are more workers than lines of text, evenly chosen ones are named.
 */
export function workerTicks(
  lanes: readonly Lane[],
  top: number,
  bottom: number,
  most: number,
  letters: number
): LaneTick[] {
  const ticks: LaneTick[] = [];
  let first = 0;
  for (let end = 1; end <= lanes.length; end++) {
    if (end < lanes.length && lanes[end].worker === lanes[first].worker) {
      continue;
    }
    const from = Math.max(first, top);
    const to = Math.min(end, bottom);
    if (from < to) {
      ticks.push({ value: (from + to) / 2, text: nameOf(lanes[first], letters) });
    }
    first = end;
  }
  // The narrowest distance decides: with all workers alike that is lines a worker.
  const every = Math.max(1, Math.ceil(ticks.length / Math.max(1, most)));
  return ticks.filter((_, i) => i % every === 0);
}

/** Letters of the longest name, none longer than so many. */
export function longestName(lanes: readonly Lane[], letters: number): number {
  return lanes.reduce((most, lane) => Math.max(most, nameOf(lane, letters).length), 0);
}

/** A local cluster numbers its workers: a bare number on an axis could be anything. */
function nameOf(lane: Lane, letters: number): string {
  const { workerName } = lane;
  return shortened(/^\d+$/.test(workerName) ? `worker ${workerName}` : workerName, letters);
}

/** A name cut in its middle: addresses differ at both ends. */
export function shortened(name: string, letters: number): string {
  const text = name.replace(/^(tcp|tls|inproc|ws|wss|ucx):\/\//, '');
  const room = Math.max(4, letters);
  if (text.length <= room) {
    return text;
  }
  const tail = Math.ceil((room - 1) / 2);
  return `${text.slice(0, room - 1 - tail)}…${text.slice(text.length - tail)}`;
}
