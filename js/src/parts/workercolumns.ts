/** The columns of the table of workers: what they show, how they sort, and which give way first. */

import { bytes, duration, thousands } from '../core/format';
import type { Worker } from '../core/workers';

/** A worker, or all of them in one row. */
export type Shown = Worker & { readonly total?: boolean };

/** Parts of a bar, from the left, each from 0 to 1 and named for its style. */
export type Bar = readonly { readonly kind: string; readonly part: number }[];

export interface WorkerColumn {
  readonly key: string;
  readonly title: string;
  /** The tooltip of the header. */
  readonly long: string;
  /** Least width in CSS pixels. */
  readonly width: number;
  /** The smaller, the longer it stays when there is little room. */
  readonly rank: number;
  readonly number: boolean;
  sort(worker: Worker): number | string;
  text(worker: Shown, now: number): string;
  /** What more is to be said when the pointer is on it. */
  titleOf?(worker: Shown, now: number): string;
  bar?(worker: Shown): Bar;
}

const rate = (n: number): string => `${bytes(n)}/s`;
const percent = (part: number): string => `${Math.round(100 * part)} %`;

/** How full its memory is; NaN without a limit. */
export const fullness = (worker: Worker): number => (worker.limit > 0 ? worker.process / worker.limit : NaN);
/** Part of its threads' time that it computes. */
export const busy = (worker: Worker): number => worker.cpu / (100 * Math.max(1, worker.threads));

function plain(
  key: keyof Worker & string,
  title: string,
  long: string,
  width: number,
  rank: number,
  text: (n: number) => string
): WorkerColumn {
  const value = (worker: Worker): number => worker[key] as number;
  return { key, title, long, width, rank, number: true, sort: value, text: worker => text(value(worker)) };
}

/** `0.31 / 3.92 GiB`: both in the unit of the limit, so that a glance compares them. */
export function ofLimit(size: number, limit: number): string {
  if (!(limit > 0)) {
    return bytes(size);
  }
  const [number, unit] = bytes(limit).split(' ');
  const scale = limit / Number(number);
  const value = size / scale;
  return `${value.toFixed(value < 10 ? 2 : 1)} / ${number} ${unit}`;
}

/** What the process' memory is made of, a line each. */
export function madeOf(worker: Worker): string {
  const lines = [
    `process ${bytes(worker.process)}`,
    ...(worker.limit > 0
      ? [`${percent(fullness(worker))} of the limit, ${bytes(worker.limit)}`]
      : ['no limit']),
    `managed ${bytes(worker.managed)}`,
    `unmanaged ${bytes(worker.unmanaged)}`,
    `unmanaged recent ${bytes(worker.recent)}`,
    `spilled to disk ${bytes(worker.spilled)}`
  ];
  return lines.join('\n');
}

const NAME: WorkerColumn = {
  key: 'name',
  title: 'Worker',
  long: 'Name of the worker',
  width: 96,
  rank: 0,
  number: false,
  sort: worker => worker.name,
  text: worker => worker.name,
  titleOf: worker =>
    worker.total ? '' : worker.address === worker.name ? worker.name : `${worker.name}\n${worker.address}`
};

const STATUS: WorkerColumn = {
  key: 'status',
  title: 'Status',
  long: 'What the worker says of itself: running, paused (too much memory in use), closing, …',
  width: 96,
  rank: 5,
  number: false,
  sort: worker => worker.status,
  text: (worker, now) => (worker.left === null ? worker.status : `left ${ago(now - worker.left)}`)
};

const CPU: WorkerColumn = {
  key: 'cpu',
  title: 'CPU',
  long: 'Processor time that the process uses; 100 % is one core',
  width: 62,
  rank: 2,
  number: true,
  sort: worker => worker.cpu,
  // Of all there is, where a thousand workers have 200,000 %.
  text: worker => (worker.total ? percent(busy(worker)) : `${Math.round(worker.cpu)} %`),
  titleOf: worker =>
    `${thousands(Math.round(worker.cpu))} % of ${thousands(100 * worker.threads)} % (${thousands(worker.threads)} threads)`,
  bar: worker => [{ kind: 'cpu', part: busy(worker) }]
};

const MEMORY: WorkerColumn = {
  key: 'process',
  title: 'Memory',
  long: 'Memory of the process and its limit: managed, unmanaged and (hatched) unmanaged recent',
  width: 116,
  rank: 1,
  number: true,
  sort: worker => worker.process,
  text: worker => ofLimit(worker.process, worker.limit),
  titleOf: madeOf,
  bar: worker =>
    worker.limit > 0
      ? [
          { kind: 'managed', part: worker.managed / worker.limit },
          { kind: 'unmanaged', part: worker.unmanaged / worker.limit },
          { kind: 'recent', part: worker.recent / worker.limit }
        ]
      : []
};

const SEEN: WorkerColumn = {
  key: 'seen',
  title: 'Last seen',
  long: 'How long ago the last heartbeat came',
  width: 82,
  rank: 11,
  number: true,
  sort: worker => worker.seen,
  text: (worker, now) => (worker.total ? '' : ago(now - worker.seen))
};

const ADDRESS: WorkerColumn = {
  key: 'address',
  title: 'Address',
  long: 'Address of the worker',
  width: 160,
  rank: 17,
  number: false,
  sort: worker => worker.address,
  text: worker => worker.address
};

/** In the order in which they are shown. */
export const COLUMNS: readonly WorkerColumn[] = [
  NAME,
  STATUS,
  CPU,
  MEMORY,
  plain('managed', 'Managed', 'Results of tasks in memory, by Dask\u2019s own measure', 80, 7, bytes),
  plain(
    'unmanaged',
    'Unmanaged',
    'Memory that Dask did not allocate, for half a minute or longer',
    92,
    8,
    bytes
  ),
  plain(
    'recent',
    'Recent',
    'Unmanaged memory of the last half minute: mostly what running tasks use',
    80,
    9,
    bytes
  ),
  plain('spilled', 'Spilled', 'Results of tasks that were moved to disk', 80, 4, bytes),
  plain(
    'processing',
    'Processing',
    'Tasks that the scheduler sent to the worker and that are not done',
    88,
    3,
    thousands
  ),
  plain('executing', 'Executing', 'Tasks that run now', 80, 6, thousands),
  plain('ready', 'Ready', 'Tasks that could run and wait for a thread', 62, 10, thousands),
  plain('threads', 'Threads', 'Threads that run tasks', 66, 16, thousands),
  plain('netRead', 'Net in', 'What the worker\u2019s host receives', 92, 12, rate),
  plain('netWrite', 'Net out', 'What the worker\u2019s host sends', 92, 13, rate),
  plain('diskRead', 'Disk read', 'What the worker\u2019s host reads from disk', 92, 14, rate),
  plain('diskWrite', 'Disk write', 'What the worker\u2019s host writes to disk', 92, 15, rate),
  SEEN,
  ADDRESS
];

export const BY_KEY: ReadonlyMap<string, WorkerColumn> = new Map(COLUMNS.map(column => [column.key, column]));

/** The columns that fit into a width, the most telling ones; or those that were chosen. */
export function columnsFor(width: number, chosen: readonly string[]): readonly WorkerColumn[] {
  if (chosen.length > 0) {
    return COLUMNS.filter(column => column === NAME || chosen.includes(column.key));
  }
  let room = width;
  const fit = new Set<WorkerColumn>();
  for (const column of [...COLUMNS].sort((a, b) => a.rank - b.rank)) {
    room -= column.width;
    // One that has no room does not make room for a less telling one.
    if (room < 0 && fit.size > 1) {
      break;
    }
    fit.add(column);
  }
  return COLUMNS.filter(column => fit.has(column));
}

/** All workers in one row: sums, and the last heartbeat that is longest ago. */
export function totalOf(workers: readonly Worker[]): Shown {
  const sum = (key: keyof Worker): number =>
    workers.reduce((all, worker) => all + (worker[key] as number), 0);
  const statuses = new Map<string, number>();
  workers.forEach(({ status }) => statuses.set(status, (statuses.get(status) ?? 0) + 1));
  const unlimited = workers.some(worker => worker.limit === 0);
  return {
    total: true,
    address: '',
    name: `Total (${thousands(workers.length)})`,
    status: [...statuses]
      .sort((a, b) => b[1] - a[1])
      .map(([status, n]) => `${thousands(n)} ${status}`)
      .join(', '),
    threads: sum('threads'),
    limit: unlimited ? 0 : sum('limit'),
    cpu: sum('cpu'),
    process: sum('process'),
    managed: sum('managed'),
    unmanaged: sum('unmanaged'),
    recent: sum('recent'),
    spilled: sum('spilled'),
    processing: sum('processing'),
    executing: sum('executing'),
    ready: sum('ready'),
    netRead: sum('netRead'),
    netWrite: sum('netWrite'),
    diskRead: sum('diskRead'),
    diskWrite: sum('diskWrite'),
    seen: NaN,
    left: null
  };
}

function ago(seconds: number): string {
  return seconds < 1 ? 'now' : `${duration(Math.floor(seconds))} ago`;
}
