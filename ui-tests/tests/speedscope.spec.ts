// The export of a profile in speedscope itself, as npm has it, with no network: it finds there what we
// find hottest.

import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const APPLICATION = resolve(__dirname, '../node_modules/speedscope/dist/release');
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

const EXPORT = `
import json, sys
from dasklens.model.profile import counted, flatten
from dasklens.model.profilefile import to_speedscope
state = counted(json.load(open(sys.argv[1])))
hottest = [f for f in flatten(state) if not f.name.startswith("(")][0]
print(json.dumps({
    "file": to_speedscope(state, interval=0.01),
    "hottest": hottest.name,
    "own": hottest.own / state["count"],
    "seconds": state["count"] * 0.01,
}))`;

for (const name of ['merged', 'square']) {
  test(`speedscope opens the export of ${name} and agrees on the hottest function`, async ({
    page
  }, info) => {
    const run = join(ROOT, `tests/data/profiles/${name}.json`);
    const { file, hottest, own } = JSON.parse(
      execFileSync(join(ROOT, '.venv/bin/python'), ['-c', EXPORT, run], { encoding: 'utf8' })
    ) as { file: string; hottest: string; own: number };
    const asked: string[] = [];
    await page.route('**/*', route => {
      const { origin, pathname } = new URL(route.request().url());
      if (origin !== HOST) {
        asked.push(route.request().url());
        return route.abort();
      }
      const path = pathname === '/' ? '/index.html' : pathname;
      return route.fulfill({
        body: readFileSync(join(APPLICATION, path)),
        contentType: TYPES[extname(path)] ?? 'application/octet-stream'
      });
    });
    const errors: Error[] = [];
    page.on('pageerror', error => errors.push(error));
    await page.goto(`${HOST}/`);
    await page.locator('input[type=file]').setInputFiles({
      name: `${name}.speedscope.json`,
      mimeType: 'application/json',
      buffer: Buffer.from(file)
    });
    await page.getByText('Sandwich').click();
    const rows = page.locator('table tbody tr, table tr').filter({ hasText: /%/ });
    await expect(rows.first()).toBeVisible();
    await page.screenshot({ path: info.outputPath(`speedscope-${name}.png`) });
    const table = await rows.allInnerTexts();
    const found = table.find(text => text.includes(hottest) && text.includes(`${(100 * own).toFixed(0)}`));
    expect(found, table.slice(0, 5).join('\n')).toBeDefined();
    // Sorted by self, the hottest comes first; samples of nobody in particular may come before.
    const named = table.filter(text => !text.includes('(one of:'));
    expect(named[0]).toContain(hottest);
    expect(errors).toEqual([]);
    expect(asked).toEqual([]);
  });
}
