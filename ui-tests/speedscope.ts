// speedscope itself, as npm has it, with no network: what we export is opened where people open it.

import { type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';

const APPLICATION = resolve(__dirname, 'node_modules/speedscope/dist/release');
/** A host that does not exist: whatever is asked of it comes from the folder. */
const HOST = 'http://speedscope.test';
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
  '.ico': 'image/x-icon'
};

/** What went wrong in it: errors of the page, and what it asked of others. */
export interface Wrong {
  errors: Error[];
  asked: string[];
}

/** Open a file in it. */
export async function openInSpeedscope(page: Page, name: string, file: string): Promise<Wrong> {
  const wrong: Wrong = { errors: [], asked: [] };
  await page.route('**/*', route => {
    const { origin, pathname } = new URL(route.request().url());
    if (origin !== HOST) {
      wrong.asked.push(route.request().url());
      return route.abort();
    }
    const path = pathname === '/' ? '/index.html' : pathname;
    return route.fulfill({
      body: readFileSync(join(APPLICATION, path)),
      contentType: TYPES[extname(path)] ?? 'application/octet-stream'
    });
  });
  page.on('pageerror', error => wrong.errors.push(error));
  await page.goto(`${HOST}/`);
  await page.locator('input[type=file]').setInputFiles({
    name,
    mimeType: 'application/json',
    buffer: Buffer.from(file)
  });
  return wrong;
}
