/**
 * Lays a call tree out as an icicle: a row a depth, the root on top, a node as wide as its samples, of
 * siblings the widest first. The rows are rows of a SpanTable, as the lanes of a task stream are: what
 * paints the one paints the other.
 */

import { NO_NAME } from './frames';
import type { FunctionInfo, Nodes } from './calltree';
import { COMPUTE } from './kinds';
import { changeColour, CHANGES, changeStep, libraryColour, shadeOf, SHADES } from './palette';
import { SpanTable, type Row } from './spantable';
import type { Slot } from './tasks';

/** Width of the picture of a comparison: there are no samples that both runs would have in common. */
export const COMPARED_WIDTH = 1e6;

export class Flame {
  readonly table = new SpanTable();
  /** Colours: of libraries in shades, or of changes; each twice, the second one stands back. */
  readonly slots: Slot[] = [];
  kinds = new Uint8Array(64);
  /** Rows on screen. */
  readonly lanes: { readonly length: number };
  /** Samples of the root, and of the run that is compared with. */
  readonly samples: number;
  readonly samplesBefore: number;
  readonly width: number;

  /** Per node: left edge, width, depth, and where its children are in `order`. */
  readonly start: Float64Array;
  readonly wide: Float64Array;
  readonly depth: Uint32Array;
  private readonly firstChild: Uint32Array;
  private readonly children: Uint32Array;
  private readonly slotIds = new Map<string, number>();

  constructor(
    readonly nodes: Nodes,
    readonly functions: readonly FunctionInfo[]
  ) {
    const { n, total, before } = nodes;
    this.samples = total[0];
    this.samplesBefore = before?.[0] ?? 0;
    this.wide = this.widths();
    this.width = this.wide[0];
    this.start = new Float64Array(n);
    this.depth = new Uint32Array(n);
    [this.firstChild, this.children] = this.adjacency();
    this.place();
    this.lanes = { length: this.fill() };
  }

  get compared(): boolean {
    return this.nodes.before !== null;
  }

  get nRecords(): number {
    return this.samples > 0 || this.samplesBefore > 0 ? this.nodes.n : 0;
  }

  /** The nodes that a node called, the widest first. */
  childrenOf(node: number): Uint32Array {
    return this.children.subarray(this.firstChild[node], this.firstChild[node + 1]);
  }

  /** The nodes from the root to a node. */
  pathTo(node: number): number[] {
    const path: number[] = [];
    for (let at = node; at !== NO_NAME; at = this.nodes.parent[at]) {
      path.push(at);
    }
    return path.reverse();
  }

  /** What a node is called; the root has no function. */
  functionOf(node: number): FunctionInfo {
    return this.functions[this.nodes.fn[node]];
  }

  /** Ids of the functions from below the root to a node: finds the same one in another tree. */
  idsOf(node: number): string[] {
    return this.pathTo(node)
      .slice(1)
      .map(each => this.functionOf(each).id);
  }

  /** The node with these ids, or the last one on the way that is still there. */
  find(ids: readonly string[]): number {
    let node = 0;
    for (const id of ids) {
      const next = this.childrenOf(node).find(child => this.functionOf(child).id === id);
      if (next === undefined) {
        break;
      }
      node = next;
    }
    return node;
  }

  /** Samples of a node that none of its children has. */
  own(node: number): number {
    const { total } = this.nodes;
    let rest = total[node];
    for (const child of this.childrenOf(node)) {
      rest -= total[child];
    }
    return Math.max(0, rest);
  }

  /** Change of a node's share of all samples, -1 to 1. */
  change(node: number): number {
    const { total, before } = this.nodes;
    return share(total[node], this.samples) - share(before?.[node] ?? 0, this.samplesBefore);
  }

  /** Nodes of a depth that lie between two points, both of the width's measure, and their width. */
  between(depth: number, from: number, to: number): { count: number; wide: number } {
    const row = this.table.rows[depth];
    let count = 0;
    let wide = 0;
    for (let i = row.firstReaching(from); i < row.length && row.start[i] < to; i++) {
      if (row.stop(i) > from) {
        count++;
        wide += row.duration[i];
      }
    }
    return { count, wide };
  }

  /**
   * Let the nodes stand out whose function is wanted; all do when none is given.
   *
   * @returns the share of all samples that is in them or in what they called.
   */
  light(wanted: Uint8Array | null): number {
    const { fn } = this.nodes;
    for (const row of this.table.rows) {
      for (let i = 0; i < row.length; i++) {
        const back = wanted !== null && wanted[fn[row.record[i]]] === 0 ? 1 : 0;
        row.slot[i] = (row.slot[i] & ~1) | back;
      }
      row.version++;
    }
    if (!wanted || this.width === 0) {
      return 0;
    }
    // Of a match within a match only the outer one counts.
    const stack = [0];
    let found = 0;
    while (stack.length > 0) {
      const node = stack.pop() as number;
      if (node > 0 && wanted[fn[node]]) {
        found += this.wide[node];
      } else {
        stack.push(...this.childrenOf(node));
      }
    }
    return found / this.width;
  }

  private widths(): Float64Array {
    const { total, before, n } = this.nodes;
    if (!before) {
      return total;
    }
    // Each run counts half, or all if the other one is empty: neither need have run as long.
    const runs = (total[0] > 0 ? 1 : 0) + (before[0] > 0 ? 1 : 0);
    const scale = COMPARED_WIDTH / Math.max(1, runs);
    return Float64Array.from(
      { length: n },
      (_, i) => scale * (share(total[i], total[0]) + share(before[i], before[0]))
    );
  }

  private adjacency(): [firstChild: Uint32Array, children: Uint32Array] {
    const { n, parent } = this.nodes;
    const { wide } = this;
    const first = new Uint32Array(n + 1);
    for (let i = 1; i < n; i++) {
      first[parent[i] + 1]++;
    }
    for (let i = 0; i < n; i++) {
      first[i + 1] += first[i];
    }
    const next = first.slice(0, n);
    const children = new Uint32Array(Math.max(0, n - 1));
    for (let i = 1; i < n; i++) {
      children[next[parent[i]]++] = i;
    }
    for (let i = 0; i < n; i++) {
      if (first[i + 1] - first[i] > 1) {
        children.subarray(first[i], first[i + 1]).sort((a, b) => wide[b] - wide[a] || a - b);
      }
    }
    return [first, children];
  }

  /** Callers stand in front of what they call, so one pass places all. */
  private place(): void {
    const { n } = this.nodes;
    const { start, wide, depth, firstChild, children } = this;
    for (let node = 0; node < n; node++) {
      let at = start[node];
      for (let k = firstChild[node]; k < firstChild[node + 1]; k++) {
        const child = children[k];
        start[child] = at;
        depth[child] = depth[node] + 1;
        at += wide[child];
      }
    }
  }

  /** Put the nodes into the table, from left to right; returns the number of rows. */
  private fill(): number {
    const { nodes, table, start, wide, depth } = this;
    const perRow: number[] = [];
    for (let i = 0; i < nodes.n; i++) {
      perRow[depth[i]] = (perRow[depth[i]] ?? 0) + 1;
    }
    perRow.forEach((n, row) => table.row(row).reserve(n));
    const slots = new Uint16Array(this.functions.length).fill(0xffff);
    const stack = [0];
    while (stack.length > 0) {
      const node = stack.pop() as number;
      if (wide[node] > 0) {
        table.push(depth[node], start[node], wide[node], this.slotOf(node, slots), node);
      }
      for (let k = this.firstChild[node + 1] - 1; k >= this.firstChild[node]; k--) {
        stack.push(this.children[k]);
      }
    }
    table.settle();
    return perRow.length;
  }

  private slotOf(node: number, known: Uint16Array): number {
    if (this.compared) {
      return this.slot(`change ${changeStep(this.change(node))}`, () => changeColour(this.change(node)));
    }
    const fn = this.nodes.fn[node];
    if (node === 0) {
      return this.slot('root', () => libraryColour('python'));
    }
    if (known[fn] === 0xffff) {
      const { library, id } = this.functions[fn];
      const shade = shadeOf(id);
      known[fn] = this.slot(`${library} ${shade}`, () => libraryColour(library, shade));
    }
    return known[fn];
  }

  private slot(name: string, colour: () => string): number {
    let id = this.slotIds.get(name);
    if (id === undefined) {
      // Two a colour, and as many colours as there is room for: beyond, they share the last one.
      id = Math.min(this.slots.length, MOST_SLOTS);
      this.slotIds.set(name, id);
      if (id === this.slots.length) {
        const own = colour();
        this.slots.push(
          { prefix: name, kind: COMPUTE, action: '', colour: own, dimmed: false },
          { prefix: name, kind: COMPUTE, action: '', colour: own, dimmed: true }
        );
        if (this.slots.length > this.kinds.length) {
          this.kinds = new Uint8Array(this.kinds.length * 2);
        }
      }
    }
    return id;
  }
}

/** Slots cost time where several share a pixel. */
const MOST_SLOTS = 2 * Math.max(SHADES * 60, CHANGES);

function share(part: number, all: number): number {
  return all > 0 ? part / all : 0;
}

/** The node that a span of the table stands for. */
export function nodeOf(row: Row, index: number): number {
  return row.record[index];
}
