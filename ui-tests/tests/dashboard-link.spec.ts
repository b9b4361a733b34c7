// The link that `Client` prints leads through Jupyter to the scheduler's own pages: Bokeh's pictures and
// their websockets work, on a page that shares nothing with Jupyter.

import { expect, test } from '@playwright/test';

import { endKernels, python } from '../cluster';
import { cell, openNotebook, runCell } from '../notebook';

const CLIENT = `
from distributed import Client
client = Client(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0")
client
`;
const WORK = `
import time
done = client.map(lambda i: time.sleep(0.05), range(40), pure=False)
_ = client.gather(done)
`;

test.afterEach(({ page }) => endKernels(page));

test('the link in the repr opens the dashboard through Jupyter', async ({ page, context }) => {
  await openNotebook(page, 'link.ipynb', [CLIENT, WORK]);
  await runCell(page, 0);
  const { link, port } = await python<{ link: string; port: number }>(
    page,
    `import json; print(json.dumps({"link": client.dashboard_link, "port": client.scheduler_info()["services"]["dashboard"]}))`
  );
  expect(link).toMatch(new RegExp(`^/dasklens/open/[^/]+:${port}/status$`));

  const opened = context.waitForEvent('page');
  const anchor = cell(page, 0).locator(`a[href$="${link}"]`).first();
  await expect(anchor).toBeVisible();
  await anchor.click();
  const dashboard = await opened;
  // No secret is in the address, and so none in the history.
  await expect.poll(() => dashboard.url()).toMatch(/\/dasklens\/open\/[^/]+:\d+\/status$/);
  await expect.poll(() => dashboard.frames()[1]?.url()).toMatch(/\/dasklens\/page\/[\w-]{43}\/status$/);
  const shown = dashboard.frames()[1];

  // Bokeh draws, and what it draws comes over its websocket.
  await expect(shown.locator('.bk-Canvas, canvas').first()).toBeVisible({ timeout: 60_000 });
  await runCell(page, 1);
  // The text is painted on a canvas; the document of the session has it.
  const counted = (): Promise<boolean> =>
    shown.evaluate(() => JSON.stringify((window as any).Bokeh.documents[0].to_json()).includes('total: 40'));
  await expect.poll(counted).toBe(true);
  expect(await shown.evaluate(() => self.origin)).toBe('null');
  if (process.env.DASKLENS_PICTURES) {
    await dashboard.screenshot({ path: 'test-results/dashboard.png' });
  }
  await dashboard.close();
});

test('an address that nobody announced gets a page that says so, and can be added', async ({ page }) => {
  await page.goto('/dasklens/open/127.0.0.1:1/status');
  await expect(page.locator('body')).toContainText('127.0.0.1:1');
  if (process.env.DASKLENS_PICTURES) {
    await page.screenshot({ path: 'test-results/unknown.png' });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: 'test-results/unknown-dark.png' });
  }
  await page.getByRole('button', { name: /add/i }).click();
  // Nobody listens there: adding it is refused with the reason.
  await expect(page.locator('body')).toContainText('Nothing listens at 127.0.0.1:1');
  expect(page.url()).toContain('/dasklens/open/127.0.0.1:1');
});
