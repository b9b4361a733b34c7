// The export of a profile in speedscope itself, as npm has it, with no network: it finds there what we
// find hottest.

import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

import { openInSpeedscope } from '../speedscope';

const ROOT = resolve(__dirname, '../..');
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
    const wrong = await openInSpeedscope(page, `${name}.speedscope.json`, file);
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
    expect(wrong).toEqual({ errors: [], asked: [] });
  });
}
