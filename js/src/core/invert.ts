/**
 * A call tree from its other end: functions by the samples of their own, below each one who called it,
 * with what they called it for.
 *
 * That tree may be far larger than the one it comes from (every node once per caller above it), so a
 * group of callers that is too small to be seen is not taken further.
 */

import { NO_NAME } from './frames';
import type { Nodes } from './calltree';

/** Groups below this part of all samples keep their samples, but not their callers. */
export const LEAST_SHARE = 1 / 20_000;

/** Nodes of one function below one other: where its callers stand, by the node that they came with. */
type Group = { at: number[]; from: number[] };
const NOBODY: Group = { at: [], from: [] };

export function invert(nodes: Nodes, least = LEAST_SHARE): Nodes {
  const { n, parent, fn, total, before } = nodes;
  const own = ownOf(total, parent);
  const ownBefore = before ? ownOf(before, parent) : new Float64Array(n);
  const out = {
    parent: [NO_NAME],
    fn: [fn[0]],
    total: [total[0]],
    before: [before?.[0] ?? 0],
    origin: [0]
  };
  const groups: Group[] = [NOBODY];

  const open = (under: number, { at, from }: Group): void => {
    const byFunction = new Map<number, number>();
    const first = out.fn.length;
    for (let k = 0; k < at.length; k++) {
      const node = at[k];
      let group = byFunction.get(fn[node]);
      if (group === undefined) {
        group = out.fn.length;
        byFunction.set(fn[node], group);
        out.parent.push(under);
        out.fn.push(fn[node]);
        out.total.push(0);
        out.before.push(0);
        out.origin.push(node);
        groups.push({ at: [], from: [] });
      }
      out.total[group] += own[from[k]];
      out.before[group] += ownBefore[from[k]];
      groups[group].at.push(node);
      groups[group].from.push(from[k]);
    }
    for (let group = first; group < out.fn.length; group++) {
      if (out.total[group] < least * total[0] && out.before[group] <= least * out.before[0]) {
        groups[group] = NOBODY;
      }
    }
  };

  const ends: number[] = [];
  for (let i = 1; i < n; i++) {
    if (own[i] > 0 || ownBefore[i] > 0) {
      ends.push(i);
    }
  }
  open(0, { at: ends, from: ends });
  for (let group = 1; group < out.fn.length; group++) {
    const { at, from } = groups[group];
    groups[group] = NOBODY;
    const callers: Group = { at: [], from: [] };
    for (let k = 0; k < at.length; k++) {
      if (parent[at[k]] !== 0) {
        callers.at.push(parent[at[k]]);
        callers.from.push(from[k]);
      }
    }
    if (callers.at.length > 0) {
      open(group, callers);
    }
  }
  return {
    n: out.fn.length,
    parent: Uint32Array.from(out.parent),
    fn: Uint32Array.from(out.fn),
    total: Float64Array.from(out.total),
    before: before ? Float64Array.from(out.before) : null,
    origin: Uint32Array.from(out.origin)
  };
}

function ownOf(total: Float64Array, parent: Uint32Array): Float64Array {
  const own = total.slice();
  for (let i = 1; i < total.length; i++) {
    own[parent[i]] -= total[i];
  }
  return own;
}
