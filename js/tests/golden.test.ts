import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';

import { decodeFrame } from '../src/core/frames';
import { TaskLog } from '../src/core/tasks';

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

describe.runIf(existsSync(FOLDER))('golden frames', () => {
  const names = readdirSync(FOLDER).filter(name => name.endsWith('.frames'));

  it('are there', () => {
    expect(names.length).toBeGreaterThan(0);
  });

  it.each(names)('%s holds what Python put into it', name => {
    const frames = decode(readFileSync(join(FOLDER, name))) as Uint8Array[];
    const wanted = JSON.parse(readFileSync(join(FOLDER, name.replace(/frames$/, 'json')), 'utf8')) as {
      records: GoldenRecord[];
      n_records: number;
    };
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
