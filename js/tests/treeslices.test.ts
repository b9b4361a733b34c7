import { decode, encode } from '@msgpack/msgpack';
import { expect, test } from 'vitest';

import { openFile } from '../src/connect/filestream';
import { CallTree } from '../src/core/calltree';
import { FrameError } from '../src/core/frames';
import { sliced } from '../src/core/treeslices';
import { packed } from './packed';
import { frameOf } from './trees';

/** all(9): a(6): b(4); c(3). The numbers of nodes are those in this order. */
const TREE = {
  name: 'all',
  count: 9,
  children: [
    { name: 'a', count: 6, children: [{ name: 'b', count: 4 }] },
    { name: 'c', count: 3 }
  ]
};

const u4 = (values: number[]): [string, Uint8Array] => [
  'u4',
  new Uint8Array(Uint32Array.from(values).buffer)
];

/** Slices that end at 10, 20 and 30; nothing was sampled in the third. */
function withSlices(more: Record<string, unknown> = {}): Uint8Array {
  const raw = decode(frameOf(TREE, { kind: 'worker' })) as { cols: object };
  return encode({
    ...raw,
    log: 'x',
    cols: {
      ...raw.cols,
      slice_time: ['f8', new Uint8Array(Float64Array.of(10, 20, 30).buffer)],
      slice_rows: u4([3, 4, 0]),
      slice_node: u4([0, 1, 2, 0, 1, 2, 3]),
      slice_count: u4([4, 4, 3, 5, 2, 1, 3]),
      ...more
    }
  });
}

function samplesOf(tree: CallTree): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: tree.n }, (_, i) => [tree.functions[tree.fn[i]].name, tree.total[i]])
  );
}

test.each([
  ['the first', [0, 10], { all: 4, a: 4, b: 3 }],
  ['the second', [12, 19], { all: 5, a: 2, b: 1, c: 3 }],
  ['most of both', [4, 16], { all: 9, a: 6, b: 4, c: 3 }],
  ['a moment', [14, 14.1], { all: 5, a: 2, b: 1, c: 3 }],
  ['where nothing was sampled', [21, 29], { all: 0 }],
  ['what was not recorded', [100, 200], { all: 0 }]
])('%s of the slices is a tree', (_, range, samples) => {
  const bytes = withSlices();
  expect(CallTree.read(bytes).sliced).toBe(true);
  const tree = CallTree.read(sliced(bytes, range as [number, number]));
  expect(samplesOf(tree)).toEqual(samples);
  expect(tree.sliced).toBe(true);
  // What it covers, and the samples over time, stay.
  expect(tree.about.kind).toBe('worker');
  expect(tree.timeline.time).toEqual(CallTree.read(bytes).timeline.time);
  expect(tree.id).not.toBe('x');
});

test('a tree without slices stays whole', () => {
  const bytes = frameOf(TREE);
  expect(CallTree.read(bytes).sliced).toBe(false);
  expect(sliced(bytes, [0, 1])).toBe(bytes);
});

test.each([
  ['a node that there is not', { slice_node: u4([0, 1, 2, 0, 1, 2, 4]) }],
  ['more rows than values', { slice_rows: u4([3, 4, 1]) }],
  ['fewer counts than nodes', { slice_count: u4([1]) }],
  ['fewer rows than slices', { slice_rows: u4([7]) }],
  ['a frame without who called it', { slice_node: u4([0, 2, 2, 0, 1, 2, 3]) }]
])('%s is refused', (_, columns) => {
  expect(() => sliced(withSlices(columns), [0, 10])).toThrow(FrameError);
});

test('a file answers for a stretch of time', async () => {
  const open = openFile({ 'profile:worker': packed([withSlices()]) });
  const asked = (question: object): Promise<CallTree> =>
    new Promise(resolve => {
      const socket = open('profile', JSON.stringify(question));
      socket.onmessage = ({ data }) => data instanceof ArrayBuffer && resolve(CallTree.read(data));
      socket.onopen = (): void => socket.send('');
    });
  expect((await asked({ kind: 'worker' })).total[0]).toBe(9);
  expect((await asked({ start: 0, stop: 10 })).total[0]).toBe(4);
});
