/** The functions of a call tree, wherever they were called: their own samples and all of theirs. */

import type { Flame } from './flame';

export interface FunctionRow {
  readonly fn: number;
  /** Samples in itself. */
  own: number;
  /** Samples in itself or in what it called; where a function calls itself they count once. */
  total: number;
  /** The same of the run that is compared with. */
  ownBefore: number;
  totalBefore: number;
}

export function functionsOf(flame: Flame): FunctionRow[] {
  const { nodes } = flame;
  const { fn, total, before, n } = nodes;
  const rows = new Map<number, FunctionRow>();
  const open = new Uint32Array(flame.functions.length);
  // What is below zero is the end of what was called by its node.
  const stack = Array.from(flame.childrenOf(0)).reverse();
  while (stack.length > 0) {
    const at = stack.pop() as number;
    if (at < 0) {
      open[fn[-at]]--;
      continue;
    }
    const f = fn[at];
    let row = rows.get(f);
    if (!row) {
      row = { fn: f, own: 0, total: 0, ownBefore: 0, totalBefore: 0 };
      rows.set(f, row);
    }
    const children = flame.childrenOf(at);
    let own = total[at];
    let ownBefore = before?.[at] ?? 0;
    stack.push(-at);
    for (let k = children.length - 1; k >= 0; k--) {
      const child = children[k];
      own -= total[child];
      ownBefore -= before?.[child] ?? 0;
      stack.push(child);
    }
    row.own += Math.max(0, own);
    row.ownBefore += Math.max(0, ownBefore);
    if (open[f] === 0) {
      row.total += total[at];
      row.totalBefore += before?.[at] ?? 0;
    }
    open[f]++;
  }
  return n > 0 ? [...rows.values()] : [];
}
