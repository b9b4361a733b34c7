// The panel in Notebook 7, which has side bars too, but neither tabs nor layouts.

import { expect, test } from '@playwright/test';

import { CLUSTER, endKernels } from '../cluster';
import { writeNotebook } from '../notebook';
import { canvasIn, expectCase, forgetSchedulers, headerOf, look, panelOf, sectionOf } from '../panel';

test.afterEach(({ page }) => endKernels(page));

test('the View menu opens it beside the notebook, live', async ({ page }) => {
  await forgetSchedulers(page);
  await writeNotebook(page, 'seven.ipynb', [
    `${CLUSTER}\nfutures = client.map(abs, range(20), pure=False)\ndistributed.wait(futures);`
  ]);
  await page.goto('/notebooks/seven.ipynb');
  const menu = async (name: string, entry: RegExp): Promise<void> => {
    await page.locator('.lm-MenuBar-item', { hasText: name }).click();
    await page.locator('.lm-Menu-item', { hasText: entry }).first().click();
  };
  await expect(page.locator('.jp-Notebook-ExecutionIndicator[data-status=idle]')).toBeVisible();
  await menu('View', /^Dask Clusters/);
  await expect(panelOf(page)).toBeVisible();
  await expectCase(page, 'none');
  await menu('Run', /^Run All Cells/);
  await expectCase(page, 'live');
  await expect(headerOf(page)).toContainText('2 workers');
  const stream = sectionOf(page, 'task-stream');
  await expect(canvasIn(stream)).toBeVisible();
  await expect(stream).toContainText('20 tasks');
  await look(page, 'notebook-7');
});
