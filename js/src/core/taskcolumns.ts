/** The columns of a frame of the stream `tasks`, checked against `docs/frames.md`. */

import { FrameError, NO_NAME, type Column, type Frame } from './frames';

export interface TaskColumns {
  readonly group: Column;
  readonly lane: Column;
  readonly type: Column;
  /** Absent when every task of the frame succeeded. */
  readonly error: Column | null;
  readonly stimulus: Column | null;
  readonly nbytes: Column;
  readonly spans: Column;
  readonly keyLength: Column;
  readonly key: Uint8Array;
  readonly action: Column;
  readonly start: Column;
  readonly stop: Column;
}

/** Throws FrameError when a column is missing or of the wrong length. */
export function columnsOf(frame: Frame): TaskColumns {
  if (frame.stream !== 'tasks') {
    throw new FrameError(`Expected a frame of the stream "tasks", got one of "${frame.stream}".`);
  }
  const records = frame.next - frame.first;
  const spans = column(frame, 'spans', records);
  const keyLength = column(frame, 'key_len', records);
  const nSpans = total(spans);
  const key = column(frame, 'key', total(keyLength));
  if (!(key instanceof Uint8Array)) {
    throw new FrameError('Expected the column "key" of a frame of tasks to be of dtype u1.');
  }
  return {
    group: column(frame, 'group', records),
    lane: column(frame, 'lane', records),
    type: column(frame, 'type', records),
    error: frame.cols.has('error') ? column(frame, 'error', records) : null,
    stimulus: frame.cols.has('stimulus') ? column(frame, 'stimulus', records) : null,
    nbytes: column(frame, 'nbytes', records),
    spans,
    keyLength,
    key,
    action: column(frame, 'action', nSpans),
    start: column(frame, 'start', nSpans),
    stop: column(frame, 'stop', nSpans)
  };
}

/** Whether the columns speak of a name that is not among the first `names`. */
export function unknownName(columns: TaskColumns, names: number): boolean {
  const { group, lane, type, error, action } = columns;
  return (
    [group, lane, type, action].some(ids => ids.some((id: number) => id >= names)) ||
    (error?.some((id: number) => id >= names && id !== NO_NAME) ?? false)
  );
}

function column(frame: Frame, name: string, length: number): Column {
  const found = frame.cols.get(name);
  // A frame without records may leave its columns out.
  if (!found && length === 0) {
    return new Uint8Array(0);
  }
  if (!found || found.length !== length) {
    throw new FrameError(
      `Expected ${length} values in the column "${name}" of a frame of tasks, ` +
        `got ${found ? found.length : 'no such column'}.`
    );
  }
  return found;
}

function total(values: Column): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
  }
  return sum;
}
