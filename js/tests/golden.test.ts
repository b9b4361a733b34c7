import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';

import { Counts, STATES, type State, type Total } from '../src/core/counts';
import { decodeFrame } from '../src/core/frames';
import { GroupTable } from '../src/core/grouptable';
import { ProgressTable } from '../src/core/progress';
import { TaskLog } from '../src/core/tasks';
import { WorkerTable } from '../src/core/workers';

/** Written by Python (tests/make_golden_frames.py); its suite reads the same files. */
const FOLDER = join(import.meta.dirname, '../../tests/data/frames');

interface GoldenRecord {
  key_text: string;
  prefix: string;
  group: string;
  worker: string;
  worker_name: string;
  thread: number | null;
  status: string;
  startstops: { action: string; start: number; stop: number }[];
  nbytes?: number;
  typename?: string;
  exception_text?: string;
  traceback_text?: string;
}

interface GoldenWorkers {
  next: number;
  time: number;
  workers: Record<string, number | string>[];
}

interface GoldenCounts {
  next: number;
  columns: Record<Total, (number | null)[]>;
  prefixes: Record<string, Record<State, number>>;
}

interface GoldenGroups {
  next: number;
  n_groups: number;
  n_spans: number;
  groups: object[];
  spans: object[];
}

interface GoldenProgress {
  next: number;
  groups: { name: string; error: Record<string, string> | null }[];
}

/** Names that differ between the two languages. */
const IN_PYTHON: Record<string, string> = {
  net_read: 'netRead',
  net_write: 'netWrite',
  disk_read: 'diskRead',
  disk_write: 'diskWrite',
  last_seen: 'seen'
};

describe.runIf(existsSync(FOLDER))('golden frames', () => {
  const names = readdirSync(FOLDER).filter(name => name.endsWith('.frames'));

  it('are there', () => {
    expect(names.length).toBeGreaterThan(0);
  });

  const read = <T>(name: string): { frames: Uint8Array[]; wanted: T } => ({
    frames: decode(readFileSync(join(FOLDER, name))) as Uint8Array[],
    wanted: JSON.parse(readFileSync(join(FOLDER, name.replace(/frames$/, 'json')), 'utf8')) as T
  });
  const of = (stream: string): string[] => names.filter(name => name.startsWith(`${stream}-`));

  it('are of streams that are tested', () => {
    expect(['tasks', 'workers', 'counts', 'groups', 'system', 'progress'].flatMap(of).sort()).toEqual(
      [...names].sort()
    );
  });

  it.each(of('system'))('%s holds what Python put into it', name => {
    const { frames, wanted } = read<{ next: number; columns: Record<string, (number | null)[]> }>(name);
    const decoded = frames.map(frame => decodeFrame(frame));
    expect(decoded.at(-1)?.next).toBe(wanted.next);
    for (const [key, values] of Object.entries(wanted.columns)) {
      const got = decoded.flatMap(frame =>
        [...(frame.cols.get(key) ?? [])].map(value => value + (key === 'time' ? frame.base : 0))
      );
      expect(got, key).toEqual(values.map(value => value ?? NaN));
    }
  });

  it.each(of('workers'))('%s holds what Python put into it', name => {
    const { frames, wanted } = read<GoldenWorkers>(name);
    const table = new WorkerTable();
    for (const frame of frames) {
      expect(table.append(decodeFrame(frame))).toBe('taken');
    }
    expect([table.next, table.time]).toEqual([wanted.next, wanted.time]);
    const got = new Map(
      table.workers.map(worker => [worker.address, worker as unknown as Record<string, unknown>])
    );
    expect([...got.keys()].sort()).toEqual(wanted.workers.map(row => row.address).sort());
    for (const row of wanted.workers) {
      for (const [key, value] of Object.entries(row)) {
        expect(got.get(row.address as string)?.[IN_PYTHON[key] ?? key], `${row.address} ${key}`).toBe(value);
      }
    }
    expect(table.left.map(worker => worker.name)).toEqual(['<img src=x onerror=alert(1)>']);
  });

  it.each(of('groups'))('%s holds what Python put into it', name => {
    const { frames, wanted } = read<GoldenGroups>(name);
    const table = new GroupTable();
    for (const frame of frames) {
      expect(table.append(decodeFrame(frame))).toBe('taken');
    }
    expect([table.next, table.all]).toEqual([wanted.next, { group: wanted.n_groups, span: wanted.n_spans }]);
    const plain = (kind: 'group' | 'span'): object[] =>
      table
        .newest(kind)
        .map(({ name: called, ident, counts }) => ({ name: called, ident, ...counts }))
        .reverse();
    expect(plain('group')).toEqual(wanted.groups);
    expect(plain('span')).toEqual(wanted.spans);
  });

  it.each(of('counts'))('%s holds what Python put into it', name => {
    const { frames, wanted } = read<GoldenCounts>(name);
    const counts = new Counts();
    for (const frame of frames) {
      expect(counts.append(decodeFrame(frame))).toBe('taken');
    }
    expect([counts.next, counts.length]).toEqual([wanted.next, wanted.next]);
    for (const [key, values] of Object.entries(wanted.columns)) {
      expect(counts.column(key as Total), key).toEqual(values.map(value => value ?? NaN));
    }
    expect(Object.fromEntries(counts.prefixes)).toEqual(wanted.prefixes);
    expect(Object.keys(Object.values(wanted.prefixes)[0])).toEqual(STATES);
  });

  it.each(of('progress'))('%s holds what Python put into it', name => {
    const { frames, wanted } = read<GoldenProgress>(name);
    const table = new ProgressTable();
    for (const frame of frames) {
      expect(table.append(decodeFrame(frame))).toBe('taken');
    }
    const { groups, ...said } = wanted;
    expect(table).toMatchObject(said);
    expect(table.groups).toEqual(groups.map(({ error, ...group }) => ({ ...group, failure: error })));
  });

  it.each(of('tasks'))('%s holds what Python put into it', name => {
    const { frames, wanted } = read<{ records: GoldenRecord[]; n_records: number }>(name);
    const log = new TaskLog();
    for (const frame of frames) {
      expect(log.append(decodeFrame(frame)).kind).toBe('appended');
    }
    expect(log.nRecords).toBe(wanted.n_records);
    wanted.records.forEach((record, i) => {
      const got = log.record(i);
      expect(got).toMatchObject({
        key: record.key_text,
        prefix: record.prefix,
        group: record.group,
        worker: record.worker,
        thread: record.thread,
        status: record.status,
        nbytes: record.nbytes ?? null,
        typename: record.typename ?? '',
        exception: record.exception_text ?? null,
        traceback: record.traceback_text ?? null
      });
      if (record.worker_name) {
        expect(got.workerName).toBe(record.worker_name);
      }
      const spans = [...record.startstops].sort((a, b) => a.start - b.start);
      expect(got.startstops.map(({ action, start }) => ({ action, start }))).toEqual(
        spans.map(({ action, start }) => ({ action, start }))
      );
      got.startstops.forEach(({ stop }, k) => expect(Math.abs(stop - spans[k].stop)).toBeLessThan(1e-6));
    });
  });
});
