// The scheduler's own pages as tabs: Bokeh's, back after a reload, and one that means to leave; and the
// panel on a hub's base URL, behind a login.

import { expect, test, type Page } from '@playwright/test';

import { CLUSTER, endKernels } from '../cluster';
import { kernelIdle, runCell, writeNotebook } from '../notebook';
import { canvasIn, command, expectCase, headerOf, look, openPanel, sectionOf } from '../panel';
import { startWorld, type World } from '../security/start';

const frame = (page: Page) => page.locator('.dasklens-PageTab iframe');

test.describe('with a cluster', () => {
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    page = await browser.newPage();
    await writeNotebook(page, 'pages.ipynb', [CLUSTER]);
    await page.goto('/lab/tree/pages.ipynb?reset');
    await kernelIdle(page);
    await openPanel(page);
    await runCell(page, 0);
    await expectCase(page, 'live');
  });

  test.afterAll(async () => {
    await endKernels(page);
    await page.close();
  });

  test('a plot is found, opens sandboxed, and Bokeh draws in it', async () => {
    const section = sectionOf(page, 'dashboards');
    await section.scrollIntoViewIfNeeded();
    const search = section.locator('input[type=search]');
    await search.fill('task stream');
    await expect(section.locator('[data-page]')).toHaveCount(1);
    await look(page, 'pages');
    await search.press('Enter');
    await expect(frame(page)).toHaveAttribute('sandbox', 'allow-scripts');
    await expect(frame(page)).toHaveAttribute('src', /\/dasklens\/page\/[\w-]{43}\/individual-task-stream$/);
    const drawn = page.frameLocator('.dasklens-PageTab iframe').locator('.bk-Canvas, canvas').first();
    await expect(drawn).toBeVisible({ timeout: 60_000 });
    await look(page, 'page');
  });

  test('it is back after a reload, and its secret is in no saved layout', async () => {
    const secret = /page\/([\w-]{43})/.exec((await frame(page).getAttribute('src')) ?? '')?.[1] ?? '';
    expect(secret).toHaveLength(43);
    const saved = async (): Promise<string> => (await page.request.get('/lab/api/workspaces/default')).text();
    await expect.poll(async () => (await saved()).includes('dasklens-pages:')).toBe(true);
    expect(await saved()).not.toContain(secret);
    await page.goto('/lab');
    const drawn = page.frameLocator('.dasklens-PageTab iframe').locator('.bk-Canvas, canvas').first();
    await expect(drawn).toBeVisible({ timeout: 60_000 });
  });

  test('fifty figures and pages that were opened and closed leave nothing behind', async () => {
    await command(page, 'dasklens:close-layout');
    const open = new Set<unknown>();
    page.on('websocket', socket => {
      if (socket.url().includes('dasklens')) {
        open.add(socket);
        socket.on('close', () => open.delete(socket));
      }
    });
    const session = await page.context().newCDPSession(page);
    const counted = async (): Promise<{ nodes: number; jsEventListeners: number }> => {
      await session.send('HeapProfiler.collectGarbage');
      return session.send('Memory.getDOMCounters');
    };
    const cycle = async (): Promise<void> => {
      await command(page, 'dasklens:open-figure', { figure: 'task-stream' });
      await expect(canvasIn(page.locator('.dasklens-FigureTab'))).toBeVisible();
      await command(page, 'dasklens:open-page', { page: 'health' });
      await expect(frame(page)).toHaveCount(1);
      await command(page, 'dasklens:close-layout');
      await expect(page.locator('.dasklens-FigureTab, .dasklens-PageTab')).toHaveCount(0);
    };
    for (let i = 0; i < 5; i++) {
      await cycle();
    }
    await expect.poll(() => open.size, { timeout: 20_000 }).toBe(0);
    const before = await counted();
    for (let i = 0; i < 50; i++) {
      await cycle();
    }
    await expect.poll(() => open.size, { timeout: 20_000 }).toBe(0);
    const after = await counted();
    console.log(`${JSON.stringify(before)} before, ${JSON.stringify(after)} after fifty`);
    expect(after.jsEventListeners - before.jsEventListeners).toBeLessThan(100);
    expect(after.nodes - before.nodes).toBeLessThan(1000);
  });
});

test.describe('on a hub, with a hostile dashboard', () => {
  let world: World;

  test.beforeAll(async () => {
    world = await startWorld();
  });

  test.afterAll(() => world.stop());

  test('one that is typed in says what it lacks; a page that leaves is put back, then closed', async ({
    page
  }) => {
    await page.goto(`${world.url}lab?token=${world.token}&reset`);
    await expect(page.locator('#jp-main-dock-panel')).toBeVisible();
    await openPanel(page);
    await expectCase(page, 'none');
    await headerOf(page).locator('[data-action=add]').first().click();
    const input = page.locator('input[type=text], input[type=url]').last();
    await input.fill(`http://127.0.0.1:${world.dashboard}/status`);
    await input.press('Enter');
    await expectCase(page, 'live');
    await expect(headerOf(page)).toContainText('This scheduler runs without dasklens');
    await look(page, 'plain');

    await command(page, 'dasklens:open-page', { page: 'away' });
    const banner = page.locator('.dasklens-PageTab .dasklens-lab-banner');
    await expect(banner).toContainText('This page went elsewhere again and again, and was closed.');
    await expect(frame(page)).toHaveCount(0);
    await look(page, 'away');
    expect(page.url()).toContain('/user/someone/lab');
  });

  test('below a base URL the panel is as live as anywhere', async ({ page }) => {
    await page.goto(`${world.url}lab?token=${world.token}&reset`);
    await expect(page.locator('#jp-main-dock-panel')).toBeVisible();
    await writeNotebook(page, 'hub.ipynb', [CLUSTER], world);
    await openPanel(page);
    await command(page, 'docmanager:open', { path: 'hub.ipynb', factory: 'Notebook' });
    await kernelIdle(page);
    await runCell(page, 0);
    await expect(headerOf(page).locator('[data-fact="workers"]')).toHaveText('2 workers');
    await expect(canvasIn(sectionOf(page, 'task-stream'))).toBeVisible();
    await endKernels(page, world);
  });
});
