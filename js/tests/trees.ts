/** Makes frames of the stream `profile` for tests. */

import { encode } from '@msgpack/msgpack';

import { CallTree } from '../src/core/calltree';

/** A node by its name, its samples and what it called; `before` for comparisons. */
export interface Spec {
  name?: string;
  file?: string;
  line?: number;
  library?: string;
  source?: string;
  count: number;
  before?: number;
  children?: Spec[];
}

const NO_NAME = 0xffffffff;

export function frameOf(root: Spec, about: object = {}, more: Record<string, unknown> = {}): Uint8Array {
  const names: unknown[] = [about];
  const ids = new Map<string, number>();
  const id = (name: unknown): number => {
    const text = JSON.stringify(name);
    if (!ids.has(text)) {
      ids.set(text, names.push(name) - 1);
    }
    return ids.get(text) as number;
  };
  const cols: Record<string, number[]> = {
    parent: [],
    function: [],
    line: [],
    source: [],
    count: [],
    before: []
  };
  const stack: [number, Spec][] = [[NO_NAME, root]];
  while (stack.length > 0) {
    const [parent, node] = stack.pop() as [number, Spec];
    const at = cols.parent.push(parent) - 1;
    cols.function.push(id([node.name ?? 'f', node.file ?? '', node.line ?? 0, node.library ?? 'python']));
    cols.line.push(node.line ?? 0);
    cols.source.push(node.source ? id(node.source) : NO_NAME);
    cols.count.push(node.count);
    cols.before.push(node.before ?? 0);
    [...(node.children ?? [])].reverse().forEach(child => stack.push([at, child]));
  }
  if (root.before === undefined) {
    delete cols.before;
  }
  const u4 = (values: number[]): [string, Uint8Array] => [
    'u4',
    new Uint8Array(Uint32Array.from(values).buffer)
  ];
  return encode({
    v: 1,
    stream: 'profile',
    log: Math.random().toString(36),
    first: 0,
    next: cols.parent.length,
    missed: 0,
    names0: 0,
    names,
    base: 1.7e9,
    cols: {
      ...Object.fromEntries(Object.entries(cols).map(([name, values]) => [name, u4(values)])),
      about: u4([0]),
      samples: u4([root.count]),
      time: ['f8', new Uint8Array(Float64Array.of(1).buffer)]
    },
    ...more
  });
}

export function treeOf(root: Spec, about: object = {}): CallTree {
  return CallTree.read(frameOf(root, about));
}

/** A chain of one function in another, as deep as that. */
export function chain(depth: number, count = 1): Spec {
  let node: Spec = { name: `f${depth}`, count };
  for (let at = depth - 1; at >= 0; at--) {
    node = { name: `f${at}`, count, children: [node] };
  }
  return node;
}
