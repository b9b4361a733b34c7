// Reports as files, and what a test says of their pages.

import { expect, type Locator, type Page, type TestInfo } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

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

/** The canvas of the task stream, once it is drawn. */
export async function drawn(page: Page): Promise<Locator> {
  const canvas = page.locator('.hosted-task-stream canvas');
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
  return canvas;
}

/** Seconds since the beginning that the address says. */
export async function rangeOf(page: Page): Promise<[number, number] | null> {
  const values = new URLSearchParams(new URL(page.url()).hash.slice(1));
  return values.has('from') ? [Number(values.get('from')), Number(values.get('to'))] : null;
}
