/** Histories out of the streams of a report: totals over time, and tasks as they finished. */

import { framesOf, type PackedStream } from '../connect/filestream';
import { Counts } from '../core/counts';
import { decodeFrame, type Frame } from '../core/frames';
import type { Taker } from '../core/samplecolumns';

/** Steps in which finished tasks are counted. */
const STEPS = 400;

export async function readCounts(packed: PackedStream): Promise<Counts> {
  const counts = new Counts();
  await feed(counts, packed);
  return counts;
}

export interface Finished {
  readonly time: number[];
  /** Tasks finished until then, by prefix, the most first. */
  readonly prefixes: readonly { readonly name: string; readonly counts: number[] }[];
}

/** How many tasks of each prefix had finished when. */
export async function readFinished(packed: PackedStream, start: number, stop: number): Promise<Finished> {
  const long = Math.max(1e-3, stop - start) / STEPS;
  const names: unknown[] = [];
  let log = '';
  const steps = new Map<string, Float64Array>();
  for await (const frames of framesOf(packed)) {
    for (const frame of frames.map(bytes => decodeFrame(bytes))) {
      if (frame.log !== log) {
        // Another scheduler has names of its own.
        names.length = 0;
        log = frame.log;
      }
      frame.names.forEach((name, i) => (names[frame.names0 + i] = name));
      countFinished(frame, names, steps, time => Math.ceil((time - start) / long));
    }
  }
  const prefixes = [...steps].map(([name, per]) => {
    let sum = 0;
    return { name, counts: Array.from(per, n => (sum += n)) };
  });
  prefixes.sort((a, b) => b.counts[STEPS] - a.counts[STEPS]);
  return { time: Array.from({ length: STEPS + 1 }, (_, i) => start + i * long), prefixes };
}

function countFinished(
  frame: Frame,
  names: readonly unknown[],
  steps: Map<string, Float64Array>,
  stepOf: (time: number) => number
): void {
  const group = frame.cols.get('group') ?? [];
  const stimulus = frame.cols.get('stimulus') ?? [];
  let last = 0;
  for (let i = 0; i < group.length; i++) {
    const entry = names[group[i]];
    const prefix = Array.isArray(entry) && typeof entry[1] === 'string' ? entry[1] : '(unknown)';
    let per = steps.get(prefix);
    if (!per) {
      per = new Float64Array(STEPS + 1);
      steps.set(prefix, per);
    }
    // A worker that said no time: when the one before it finished.
    const step = stepOf(stimulus[i]);
    last = Number.isFinite(step) ? Math.min(STEPS, Math.max(0, step)) : last;
    per[last]++;
  }
}

/** Give a stream's frames to what takes them, and act on each that was taken. */
export async function feed(taker: Taker, packed: PackedStream, act: () => void = () => {}): Promise<void> {
  for await (const frames of framesOf(packed)) {
    for (const frame of frames) {
      if (taker.append(decodeFrame(frame)) === 'taken') {
        act();
      }
    }
  }
}
