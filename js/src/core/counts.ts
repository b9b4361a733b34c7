/** The newest totals of the stream `counts`; `python/dasklens/scheduler/counts.py` writes it. */

import { decodeFrame } from './frames';

export interface Counts {
  readonly workers: number;
  readonly threads: number;
  /** Bytes: process memory of all workers, and their limit; null when there is none. */
  readonly memory: number;
  readonly limit: number | null;
  /** Tasks that are done (in memory, released or forgotten by nobody), that failed, and all of them. */
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly processing: number;
}

const TO_DO = ['tasks_waiting', 'tasks_no_worker', 'tasks_queued', 'tasks_processing'];

/** The last record of a frame, or null when it has none. */
export function lastCounts(buffer: ArrayBuffer | Uint8Array): Counts | null {
  const { stream, cols } = decodeFrame(buffer);
  const at = (cols.get('time')?.length ?? 0) - 1;
  if (stream !== 'counts' || at < 0) {
    return null;
  }
  const value = (name: string): number => {
    const found = cols.get(name)?.[at];
    return found !== undefined && Number.isFinite(found) ? found : 0;
  };
  const failed = value('tasks_erred');
  const done = value('tasks_memory') + value('tasks_released') + failed;
  return {
    workers: value('workers'),
    threads: value('threads'),
    memory: value('process'),
    limit: value('limit') || null,
    done,
    failed,
    total: done + TO_DO.reduce((sum, name) => sum + value(name), 0),
    processing: value('tasks_processing')
  };
}
