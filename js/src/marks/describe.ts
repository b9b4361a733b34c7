/** A task stream in words: its text alternative, and what the pointer is on. */

import { bytes, clock, counted, day, duration, isSinceStart, thousands } from '../core/format';
import type { TaskLog } from '../core/tasks';
import type { Range } from '../core/viewport';
import type { HoveredTask } from './spansmodel';

/** Prefixes named. */
const NAMED = 3;

export const EMPTY_TEXT = 'No tasks yet. Run something on the cluster, e.g. x.sum().compute().';

/** What an empty plot says. */
export function emptyText(phase: string): string {
  switch (phase) {
    case 'connecting':
      return 'Connecting to the scheduler…';
    case 'finished':
      return 'No tasks ran.';
    default:
      return EMPTY_TEXT;
  }
}

export function describe(log: TaskLog, time: Range, phase: string): string {
  if (log.nRecords === 0) {
    return `Task stream. ${emptyText(phase)}`;
  }
  const workers = new Set(log.lanes.map(lane => lane.worker)).size;
  const errors = log.nErrors > 0 ? `, ${thousands(log.nErrors)} of them erred` : '';
  const dropped =
    log.missed > 0 ? ` Showing ${thousands(log.nRecords)} of ${thousands(log.nRecords + log.missed)}.` : '';
  const most = [...log.prefixes]
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, NAMED)
    .map(prefix => `${prefix.name} ${duration(prefix.seconds)}`);
  return (
    `Task stream: ${counted(log.nRecords, 'task')}${errors}, on ${counted(log.lanes.length, 'thread')} ` +
    `of ${counted(workers, 'worker')}.${dropped} ` +
    `Shown: ${isSinceStart(time[0]) ? '' : `${day(time[0])}, `}${clock(time[0], 1)} to ${clock(time[1], 1)}. ` +
    `Most time: ${most.join(', ')}.`
  );
}

/** Longest key shown: a key may be a page long. */
const LONGEST = 300;

/** A hovered task, a line each. */
export function linesOf(task: HoveredTask): string[] {
  const { span } = task;
  const key = task.key.length > LONGEST ? `${task.key.slice(0, LONGEST)}…` : task.key;
  const text = [
    key,
    `${span.action || 'failed'}, ${duration(span.stop - span.start)}, from ${clock(span.start, 3)}`,
    [`worker ${task.workerName}`, resultOf(task)].filter(Boolean).join(', ')
  ];
  if (task.exception !== null) {
    text.push(`error: ${task.exception.slice(0, LONGEST)}`);
  }
  return text;
}

/** A task that failed has none. */
function resultOf({ nbytes, typename }: HoveredTask): string {
  return [nbytes === null ? '' : bytes(nbytes), typename].filter(Boolean).join(' ');
}
