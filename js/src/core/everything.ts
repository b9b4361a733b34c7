/** How far everything is that a scheduler runs, as the frames of the streams `counts` and `groups` tell. */

import type { Counts, State as CountedState } from './counts';
import type { GroupTable, Kind } from './grouptable';
import {
  allOf,
  leftOf,
  sum,
  type ByState,
  type Failure,
  type Group,
  type Progress,
  type Rates
} from './progress';

/** What a bar stands for. */
export type GroupBy = 'prefix' | Kind;

/** There are counters of the tasks that failed, not the tasks. */
const SOME_FAILED: Failure = {
  key: '',
  blamed: '',
  worker: '',
  exception: 'The task stream shows which tasks failed, and why: choose “failed” in its legend.',
  traceback: ''
};

/** Everything that a scheduler knows of; what it forgot does not count. */
export function ofEverything(
  counts: Counts,
  rates: Rates,
  table?: GroupTable,
  by: GroupBy = 'prefix'
): Progress {
  const prefixes = [...counts.prefixes].map(([name, counted], i) => groupOf(name, '', i, counted));
  const total = sum(prefixes);
  const groups =
    by === 'prefix'
      ? prefixes
      : (table?.newest(by) ?? []).map(({ name, ident, counts: counted }, i) =>
          groupOf(name, by === 'span' ? ident : '', i, counted)
        );
  const left = leftOf(total);
  const rate = rates.of('');
  const status =
    total.erred > 0 ? 'error' : left === 0 ? 'finished' : total.processing > 0 ? 'running' : 'waiting';
  return {
    groups: groups.filter(group => allOf(group.counts) > 0),
    total,
    status,
    final: false,
    counting: false,
    tracked: allOf(total),
    unknown: 0,
    reason: '',
    elapsed: left > 0 ? busySince(counts) : NaN,
    eta: left > 0 && rate > 0 ? left / rate : NaN
  };
}

function groupOf(
  name: string,
  ident: string,
  place: number,
  by: Readonly<Record<CountedState, number>>
): Group {
  const counts: ByState = {
    memory: by.memory,
    released: by.released,
    erred: by.erred,
    processing: by.processing,
    waiting: by.waiting + by.queued + by.no_worker,
    cancelled: 0
  };
  return { name, ident, place, counts, failure: by.erred > 0 ? SOME_FAILED : null };
}

/** Seconds for which there was always something to do, as far as samples reach back. */
function busySince(counts: Counts): number {
  const time = counts.column('time');
  const columns = (['waiting', 'no_worker', 'queued', 'processing'] as const).map(state =>
    counts.column(`tasks_${state}`)
  );
  let first = time.length - 1;
  while (first > 0 && columns.some(column => column[first - 1] > 0)) {
    first--;
  }
  return first >= 0 ? time[time.length - 1] - time[first] : NaN;
}
