/**
 * A call tree of a part of the time, out of a frame that has its samples in slices (`wire/treeslices.py`
 * writes them): another frame of the same stream, as if it had been asked for live.
 */

import { decode, encode } from '@msgpack/msgpack';

import { decodeFrame, FrameError, NO_NAME, type Column, type Frame } from './frames';
import type { Range } from './viewport';

/** Columns that have a value for each node. */
const OF_NODES = ['function', 'line', 'source'] as const;

/** Whether a frame has its samples in slices. */
export function isSliced(frame: Frame): boolean {
  return (frame.cols.get('slice_time')?.length ?? 0) > 0;
}

/**
 * The frame of a stretch of time in seconds since the epoch: of the slices whose middle lies in it, or of the
 * one that it lies in. A frame without slices is given back as it is.
 *
 * @throws FrameError when the slices do not hold together.
 */
export function sliced(bytes: Uint8Array, range: Range): Uint8Array {
  const frame = decodeFrame(bytes);
  if (!isSliced(frame)) {
    return bytes;
  }
  const n = frame.next - frame.first;
  const chosen = slicesIn(column(frame, 'slice_time'), range);
  const counts = samplesOf(frame, n, chosen);
  // Callers come first, and have a sample wherever what they called has one; the root is always there.
  const kept = Array.from({ length: n }, (_, i) => i).filter(i => i === 0 || counts[i] > 0);
  const place = new Map(kept.map((node, at) => [node, at]));
  const parents = column(frame, 'parent', n);
  const parent = kept.map(node => (node === 0 ? NO_NAME : (place.get(parents[node]) ?? NO_NAME)));
  if (parent.slice(1).includes(NO_NAME)) {
    throw new FrameError('A slice of a profile has a frame without the one that called it.');
  }
  const raw = decode(bytes) as { cols: Record<string, [string, Uint8Array]> };
  const u4 = (values: readonly number[]): [string, Uint8Array] => [
    'u4',
    new Uint8Array(Uint32Array.from(values).buffer)
  ];
  const { time, samples, about, slice_time } = raw.cols;
  const columns = OF_NODES.map(name => {
    const values = column(frame, name, n);
    return [name, u4(kept.map(node => values[node]))];
  });
  return encode({
    ...raw,
    log: `${frame.log}:${chosen.join(',')}`,
    first: 0,
    next: kept.length,
    cols: {
      ...Object.fromEntries(columns),
      ...{ time, samples, about, slice_time },
      parent: u4(parent),
      count: u4(kept.map(node => counts[node]))
    }
  });
}

/** Numbers of the slices of a stretch of time. */
function slicesIn(ends: Column, [from, to]: Range): number[] {
  const all = Array.from(ends, (_, i) => i);
  const first = ends.length > 1 ? ends[0] - (ends[1] - ends[0]) : from;
  const begin = (i: number): number => (i > 0 ? ends[i - 1] : first);
  const inside = all.filter(i => {
    const middle = (begin(i) + ends[i]) / 2;
    return middle >= from && middle <= to;
  });
  const middle = (from + to) / 2;
  return inside.length > 0 ? inside : all.filter(i => begin(i) < middle && middle <= ends[i]);
}

/** Samples of each node in these slices. */
function samplesOf(frame: Frame, n: number, chosen: readonly number[]): Float64Array {
  const rows = column(frame, 'slice_rows', column(frame, 'slice_time').length);
  const nodes = column(frame, 'slice_node');
  const counts = column(frame, 'slice_count', nodes.length);
  const wanted = new Set(chosen);
  const found = new Float64Array(n);
  let at = 0;
  rows.forEach((length, i) => {
    for (let k = at; k < Math.min(at + length, nodes.length); k++) {
      if (nodes[k] >= n) {
        throw new FrameError('A slice of a profile has a frame that its tree has not.');
      }
      found[nodes[k]] += wanted.has(i) ? counts[k] : 0;
    }
    at += length;
  });
  if (at !== nodes.length) {
    throw new FrameError(`The slices of a profile should have ${at} values, and have ${nodes.length}.`);
  }
  return found;
}

function column(frame: Frame, name: string, length?: number): Column {
  const found = frame.cols.get(name);
  if (!found || (length !== undefined && found.length !== length)) {
    throw new FrameError(`Column "${name}" of a profile in slices is broken.`);
  }
  return found;
}
