// Page and server compare versions at start; silence when they agree.

import { expect, test } from '@playwright/test';

const HELLO = '**/dasklens/api/hello*';
const toast = '.jp-toastContainer, .Toastify';

test('the plugins are active and agree with the server', async ({ page }) => {
  const answer = page.waitForResponse(HELLO);
  await page.goto('/lab?reset');
  const response = await answer;
  expect(response.status()).toBe(200);
  const { dasklens } = (await response.json()) as { dasklens: string };
  expect(dasklens).toMatch(/^\d+\.\d+\.\d+/);

  await expect(page.locator('#jp-main-dock-panel')).toBeVisible();
  for (const id of ['dasklens:hello', 'dasklens:widgets']) {
    const active = await page.evaluate(
      plugin => (window as any).jupyterapp.isPluginActivated(plugin) as boolean,
      id
    );
    expect(active, id).toBe(true);
  }
  await expect(page.locator(toast).getByText('dasklens')).toHaveCount(0);
});

test('Notebook 7 loads the plugins too', async ({ page }) => {
  const answer = page.waitForResponse(HELLO);
  await page.goto('/tree');
  expect((await answer).status()).toBe(200);
});

test('a server of another version is named, with the remedy', async ({ page }) => {
  await page.route(HELLO, route =>
    route.fulfill({ json: { dasklens: '0.0.7', jupyter_server: '2.20.0', python: '3.12.1' } })
  );
  await page.goto('/lab?reset');
  const warning = page.locator(toast).getByText('dasklens: this page has');
  await expect(warning).toContainText('the Jupyter server has 0.0.7');
  await expect(warning).toContainText('Restart the Jupyter server');
});

test('a server without the extension is named, with the remedy', async ({ page }) => {
  await page.route(HELLO, route => route.fulfill({ status: 404, body: 'not here' }));
  await page.goto('/lab?reset');
  await expect(
    page.locator(toast).getByText('jupyter server extension enable dasklens.server')
  ).toBeVisible();
});
