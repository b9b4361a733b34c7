// The tour as a new user runs it, from the top to the end; with DASKLENS_PICTURES set it leaves the
// README's picture in docs/images.

import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { endKernels } from '../cluster';
import { kernelIdle, openNotebook, runCell, writeNotebook } from '../notebook';
import { expectCase, forgetSchedulers, headerOf, markIn, openPanel, sectionOf } from '../panel';

const root = resolve(__dirname, '../..');

interface Cell {
  cell_type: string;
  source: string[];
}

const tour = JSON.parse(readFileSync(resolve(root, 'examples/tour.ipynb'), 'utf8')) as { cells: Cell[] };
const code = tour.cells.filter(each => each.cell_type === 'code').map(each => each.source.join(''));

test('the tour runs from the top to the end, and its stream shows what ran', async ({ page }) => {
  // The workers log the tour's deliberate failures to stderr: that is no failure of a cell.
  const quiet = "import logging; client.run(lambda: logging.getLogger('distributed.worker').setLevel(50))";
  const failing = code.findIndex(source => source.includes('reciprocal'));
  const cells = code.map((source, i) => (i === failing ? `${quiet}\n${source}` : source));
  await openNotebook(page, 'tour.ipynb', cells);
  const first = await runCell(page, 0);
  const canvas = first.locator('canvas[aria-label]');
  await expect(canvas).toBeVisible();

  for (let i = 1; i < failing; i++) {
    await runCell(page, i);
  }
  const count = first.locator('.dasklens-count');
  await expect(count).toHaveText(/^[\d,]+ tasks$/);
  expect(Number((await count.innerText()).replace(/\D/g, ''))).toBeGreaterThan(500);
  await expect(first.locator('.dasklens-row', { hasText: 'timeseries' }).first()).toBeVisible();

  if (process.env.DASKLENS_PICTURES) {
    await page.setViewportSize({ width: 1160, height: 860 });
    await page.evaluate(() => {
      for (const where of ['.jp-Notebook .jp-WindowedPanel-outer', '.dasklens-Sections']) {
        document.querySelector(where)?.scrollTo(0, 0);
      }
    });
    await first.locator('[data-action=reset]').click();
    for (let x = 560; !(await first.locator('.dasklens-task').isVisible()); x += 3) {
      await page.mouse.move(x, 440);
    }
    await page.screenshot({ path: resolve(root, 'docs/images/tour.png') });
  }

  const failed = await runCell(page, failing);
  await expect(failed).toContainText('1');
  await expect(first.locator('.dasklens-status .dasklens-failed')).toContainText('1 failed');
  for (let i = failing + 1; i < cells.length; i++) {
    await runCell(page, i);
  }
  await expect(first.locator('.dasklens-phase')).toHaveAttribute('data-phase', 'finished');
});

test('beside the tour the panel shows the same, with nothing clicked', async ({ page }) => {
  await forgetSchedulers(page);
  const failing = code.findIndex(source => source.includes('reciprocal'));
  await writeNotebook(page, 'tour-panel.ipynb', code.slice(0, failing));
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.goto('/lab/tree/tour-panel.ipynb?reset');
  await kernelIdle(page);
  await openPanel(page, 330);
  for (let i = 0; i < failing; i++) {
    await runCell(page, i);
  }
  await expectCase(page, 'live');
  const mark = await markIn(page, 'dasklens-panel');
  await expect.poll(() => mark.evaluate(m => m.log.nRecords)).toBeGreaterThan(500);
  await expect(headerOf(page).locator('[data-fact="workers"]')).toContainText('workers');
  if (process.env.DASKLENS_PICTURES) {
    await sectionOf(page, 'task-stream').locator('[data-action=reset]').click();
    await page.evaluate(() => {
      for (const where of ['.jp-Notebook .jp-WindowedPanel-outer', '.dasklens-Sections']) {
        document.querySelector(where)?.scrollTo(0, 0);
      }
    });
    await page.screenshot({ path: resolve(root, 'docs/images/panel.png') });
  }
  await endKernels(page);
});
