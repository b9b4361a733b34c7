// Reports as files, and what a test says of their pages.

import { expect, type Locator, type Page, type TestInfo } from '@playwright/test';
import { decode, encode } from '../js/node_modules/@msgpack/msgpack';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const ROOT = resolve(__dirname, '..');

export const SECTIONS = [
  'summary',
  'task-stream',
  'progress',
  'profile',
  'system',
  'bandwidth',
  'fine-metrics',
  'exceptions',
  'logs',
  'workers'
] as const;

export type Raw = Record<string, any>;

/** The document of a real run. */
export function sample(): Raw {
  return JSON.parse(readFileSync(join(ROOT, 'tests/data/reports/sample.json'), 'utf8')) as Raw;
}

/** What is no text for people. */
const KEPT = ['format', 'name', 'unit', 'severity', 'redacted', 'link', 'data'];

/** The same with something behind every text for people, those of its streams too. */
export function lengthened(document: Raw, more: string): Raw {
  const each = (value: unknown, name = ''): unknown =>
    Array.isArray(value)
      ? value.map(one => each(one, name))
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one, key)]))
        : typeof value === 'string' && !KEPT.includes(name)
          ? value + more
          : value;
  const streams = Object.entries(document.streams as Raw).map(([name, stream]) => [
    name,
    {
      ...stream,
      data: (stream.data as string[]).map(piece => repacked(piece, names => each(names) as unknown[]))
    }
  ]);
  return { ...(each({ ...document, streams: {} }) as Raw), streams: Object.fromEntries(streams) };
}

/** The same with its profile of the tasks in two slices: where a stack ended says which one it is in. */
export function slicedProfile(document: Raw): Raw {
  const name = 'profile:worker';
  const stream = document.streams[name] as Raw;
  const raw = gunzipSync(Buffer.from((stream.data as string[])[0], 'base64'));
  const frame = decode(raw.subarray(4)) as Raw;
  const u4 = (column: Uint8Array): Uint32Array => new Uint32Array(Uint8Array.from(column).buffer);
  const [parent, count] = [u4(frame.cols.parent[1]), u4(frame.cols.count[1])];
  const own = Float64Array.from(count);
  parent.forEach((above, i) => i > 0 && (own[above] -= count[i]));
  const slices = [0, 1].map(slice => {
    const total = own.map((n, i) => (i % 2 === slice ? n : 0));
    for (let i = total.length - 1; i > 0; i--) {
      total[parent[i]] += total[i];
    }
    return Array.from(total, (n, i) => [i, n]).filter(([, n]) => n > 0);
  });
  const column = (values: number[]): [string, Buffer] => ['u4', Buffer.from(Uint32Array.from(values).buffer)];
  const time = new Float64Array(Uint8Array.from(frame.cols.time[1] as Uint8Array).buffer);
  const ends = [time[time.length >> 1], time[time.length - 1]].map(at => Number(frame.base) + at);
  Object.assign(frame.cols, {
    slice_time: ['f8', Buffer.from(Float64Array.from(ends).buffer)],
    slice_rows: column(slices.map(({ length }) => length)),
    slice_node: column(slices.flat().map(([node]) => node)),
    slice_count: column(slices.flat().map(([, n]) => n))
  });
  const bytes = encode(frame);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  const data = [gzipSync(Buffer.concat([length, bytes])).toString('base64')];
  return { ...document, streams: { ...document.streams, [name]: { ...stream, data } } };
}

/** A piece of a stream with other names in its frames. */
function repacked(piece: string, of: (names: unknown[]) => unknown[]): string {
  const raw = gunzipSync(Buffer.from(piece, 'base64'));
  const made: Uint8Array[] = [];
  for (let at = 0; at < raw.length;) {
    const size = raw.readUInt32LE(at);
    const frame = decode(raw.subarray(at + 4, at + 4 + size)) as Raw;
    const bytes = encode({ ...frame, names: of(frame.names as unknown[]) });
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    made.push(length, bytes);
    at += 4 + size;
  }
  return gzipSync(Buffer.concat(made)).toString('base64');
}

const RENDER = `
import sys
from pathlib import Path
from dasklens.report.pages import render
Path(sys.argv[2]).write_bytes(render(Path(sys.argv[1]).read_bytes()))`;

/** Write a report; its address. */
export function written(document: Raw, info: TestInfo): string {
  const [json, html] = [info.outputPath('report.json'), info.outputPath('report.html')];
  writeFileSync(json, JSON.stringify(document));
  execFileSync(join(ROOT, '.venv/bin/python'), ['-c', RENDER, json, html]);
  return `file://${html}`;
}

/** Have a page without a network; what it asked for elsewhere, and what went wrong in it. */
export async function watched(page: Page): Promise<{ asked: string[]; problems: string[] }> {
  const asked: string[] = [];
  const problems: string[] = [];
  await page.route(/^(https?|wss?):/, route => route.abort());
  page.on('request', request => {
    if (!/^(file|blob|data):/.test(request.url())) {
      asked.push(request.url());
    }
  });
  page.on('pageerror', error => problems.push(error.message));
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) {
      problems.push(message.text());
    }
  });
  return { asked, problems };
}

export function panel(page: Page, name: string): Locator {
  return page.locator(`#panel-${name}`);
}

export async function go(page: Page, name: string): Promise<void> {
  await page.locator(`#tab-${name}`).click();
  await expect(panel(page, name)).toBeVisible();
  await expect(panel(page, name).locator('.waiting, [aria-busy]')).toHaveCount(0);
}

/** Wait until a canvas has something on it. */
export async function expectDrawn(canvas: Locator): Promise<void> {
  await expect
    .poll(() =>
      canvas.evaluate(element => {
        const { width, height } = element as HTMLCanvasElement;
        const context = (element as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
        const { data } = context.getImageData(0, 0, Math.max(1, width), Math.max(1, height));
        return data.some((value, i) => i % 4 === 3 && value > 0);
      })
    )
    .toBe(true);
}

/** The canvas of the task stream, once it is drawn. */
export async function drawn(page: Page): Promise<Locator> {
  const canvas = page.locator('.hosted-task-stream canvas');
  await expectDrawn(canvas);
  return canvas;
}

/** Seconds since the beginning that the address says. */
export async function rangeOf(page: Page): Promise<[number, number] | null> {
  const values = new URLSearchParams(new URL(page.url()).hash.slice(1));
  return values.has('from') ? [Number(values.get('from')), Number(values.get('to'))] : null;
}
