// The panel behind a TLS-terminating reverse proxy, below a base URL; and through a restart of Jupyter.

import { expect, test, type Page } from '@playwright/test';

import { canvasIn, command, expectCase, headerOf, look, markIn, openPanel, sectionOf } from '../panel';
import { startFront, type Started } from '../security/start';

// Each goes on where the one before left the page.
test.describe.configure({ mode: 'serial' });

let front: Started;
let page: Page;

test.beforeAll(async ({ browser }) => {
  front = await startFront();
  page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(`${front.url}lab?token=${front.token}&reset`);
  await expect(page.locator('#jp-main-dock-panel')).toBeVisible();
  await openPanel(page, 400);
});

test.afterAll(async () => {
  await page.close();
  await front.stop();
});

const keys = (from: number, n: number) => Array.from({ length: n }, (_, i) => `abs-${from + i}`);
const count = async (): Promise<number> =>
  (await markIn(page, 'dasklens-panel')).evaluate(m => m.log.nRecords);

test('over TLS it is live, and its pages are drawn', async () => {
  await expectCase(page, 'live');
  await front.ask({ do: 'run', keys: keys(0, 20) });
  await expect(canvasIn(sectionOf(page, 'task-stream'))).toBeVisible();
  await expect.poll(count).toBe(20);
  expect(await page.evaluate(() => location.protocol)).toBe('https:');
});

test('when Jupyter stops it says so, and is back with it, with what ran meanwhile', async () => {
  const restarted = front.ask({ do: 'restart' });
  await expectCase(page, 'offline');
  await look(page, 'jupyter-stopped');
  await restarted;
  await front.ask({ do: 'run', keys: keys(20, 20) });
  await expectCase(page, 'live', 60_000);
  await expect.poll(count).toBe(40);
  // JupyterLab's own word for it may cover the page.
  const dismiss = page.locator('.jp-Dialog button', { hasText: /Dismiss|Cancel|OK/ }).first();
  if (await dismiss.isVisible()) {
    await dismiss.click();
  }
  await look(page, 'jupyter-restarted');
  await command(page, 'dasklens:show-panel');
  await expect(headerOf(page)).toContainText('1 worker');
});
