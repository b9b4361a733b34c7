/** What each worker used over time, out of the stream `workers`: a line each of a few, quantiles of many. */

import type { PackedStream } from '../connect/filestream';
import { QUANTILES } from '../core/counts';
import { WorkerTable, type Worker } from '../core/workers';
import { feed } from './histories';

/** More workers than these are shown by quantiles: so many lines can still be told apart. */
export const MOST_LINES = 8;

/** What is shown of a worker; memory in bytes, rates in bytes a second, CPU in per cent of one core. */
const VALUES = {
  cpu: worker => worker.cpu,
  managed: worker => worker.managed,
  unmanaged: worker => worker.unmanaged + worker.recent,
  spilled: worker => worker.spilled,
  netRead: worker => worker.netRead,
  netWrite: worker => worker.netWrite,
  diskRead: worker => worker.diskRead,
  diskWrite: worker => worker.diskWrite
} satisfies Record<string, (worker: Worker) => number>;
export type Quantity = keyof typeof VALUES;
const QUANTITIES = Object.keys(VALUES) as Quantity[];

type Columns = Readonly<Record<Quantity, number[]>>;

export interface EachWorker {
  readonly time: readonly number[];
  /** Workers that were there at some time. */
  readonly workers: number;
  /** By worker, in the order in which they came; null where there were too many. Gaps are NaN. */
  readonly lines: readonly { readonly name: string; readonly values: Columns }[] | null;
  /** Of the workers that there were at each time: one column for each of `QUANTILES`. */
  readonly quantiles: Readonly<Record<Quantity, readonly number[][]>>;
  readonly sums: Columns;
}

export async function readEachWorker(packed: PackedStream): Promise<EachWorker> {
  const table = new WorkerTable();
  const time: number[] = [];
  const known = new Set<string>();
  const lines = new Map<string, { readonly name: string; readonly values: Columns }>();
  const quantiles = eachQuantity(() => QUANTILES.map((): number[] => []));
  const sums = eachQuantity((): number[] => []);
  await feed(table, packed, () => {
    const { workers } = table;
    if (workers.length === 0) {
      return;
    }
    const at = time.push(table.time) - 1;
    for (const worker of workers) {
      known.add(worker.address);
      if (known.size > MOST_LINES) {
        lines.clear();
        continue;
      }
      const line = lines.get(worker.address) ?? { name: nameOf(worker), values: eachQuantity(() => []) };
      lines.set(worker.address, line);
      for (const what of QUANTITIES) {
        const values = line.values[what];
        while (values.length < at) {
          values.push(NaN);
        }
        values.push(VALUES[what](worker) || 0);
      }
    }
    for (const what of QUANTITIES) {
      const values = Float64Array.from(workers, worker => VALUES[what](worker) || 0);
      sums[what].push(values.reduce((sum, value) => sum + value, 0));
      values.sort();
      QUANTILES.forEach((q, k) => quantiles[what][k].push(quantileOf(values, q)));
    }
  });
  for (const { values } of lines.values()) {
    for (const what of QUANTITIES) {
      // Who left has no more values.
      values[what].push(...Array<number>(time.length - values[what].length).fill(NaN));
    }
  }
  const few = known.size <= MOST_LINES;
  return { time, workers: known.size, lines: few ? [...lines.values()] : null, quantiles, sums };
}

/** A quantile of values in order, between two of them where it falls there. */
export function quantileOf(values: ArrayLike<number>, percent: number): number {
  const place = ((values.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, values.length - 1);
  return values[below] + (place - below) * (values[above] - values[below]);
}

function eachQuantity<T>(make: () => T): Record<Quantity, T> {
  return Object.fromEntries(QUANTITIES.map(what => [what, make()])) as Record<Quantity, T>;
}

/** As the lanes of the task stream are called: LocalCluster's workers are numbers. */
function nameOf({ name, address }: Worker): string {
  return /^\d+$/.test(name) ? `worker ${name}` : name || address;
}
