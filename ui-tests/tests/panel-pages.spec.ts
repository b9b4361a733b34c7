// The scheduler's own pages as tabs: Bokeh's, back after a reload, and one that means to leave; and the
// panel on a hub's base URL, behind a login.

import { expect, test, type Page } from '@playwright/test';

import { CLUSTER, endKernels } from '../cluster';
import { kernelIdle, runCell, writeNotebook } from '../notebook';
import {
  canvasIn,
  command,
  expectCase,
  forgetSchedulers,
  headerOf,
  look,
  openPanel,
  sectionOf
} from '../panel';
import { scrollTo } from '../scrolling';
import { startWorld, type World } from '../security/start';

const outer = (page: Page) => page.locator('.dasklens-PageTab iframe');
/** The page's own frame, in a document that keeps it where it is. */
const frame = (page: Page) => page.frameLocator('.dasklens-PageTab iframe').locator('iframe');
const drawnIn = (page: Page) => frame(page).contentFrame().locator('.bk-Canvas, canvas').first();

test.describe('with a cluster', () => {
  test.describe.configure({ mode: 'serial' });
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    page = await browser.newPage();
    await forgetSchedulers(page);
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
    await scrollTo(section);
    const search = section.locator('input[type=search]');
    await search.fill('task stream');
    const found = section.locator('[data-page]');
    await expect(found.filter({ hasNotText: /task stream/i })).toHaveCount(0);
    await look(page, 'pages');
    await found.and(page.locator('[data-page="individual-task-stream"]')).click();
    await expect(frame(page)).toHaveAttribute('sandbox', 'allow-scripts');
    await expect(frame(page)).toHaveAttribute('src', /\/dasklens\/page\/[\w-]{43}\/individual-task-stream$/);
    await expect(drawnIn(page)).toBeVisible({ timeout: 60_000 });
    await look(page, 'page');
  });

  test('it is back after a reload, and its secret is in no saved layout', async () => {
    const secret = /page\/([\w-]{43})/.exec((await frame(page).getAttribute('src')) ?? '')?.[1] ?? '';
    expect(secret).toHaveLength(43);
    const saved = async (): Promise<string> => (await page.request.get('/lab/api/workspaces/default')).text();
    await expect.poll(async () => (await saved()).includes('dasklens-pages:')).toBe(true);
    expect(await saved()).not.toContain(secret);
    await page.goto('/lab');
    await expect(drawnIn(page)).toBeVisible({ timeout: 60_000 });
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
    const listeners = async (): Promise<number> =>
      ((await session.send('Memory.getDOMCounters')) as { jsEventListeners: number }).jsEventListeners;
    /** How many of a kind of element are in memory, on the page or not. */
    const inMemory = async (kind: string): Promise<number> => {
      const { result } = await session.send('Runtime.evaluate', { expression: `${kind}.prototype` });
      const { objects } = await session.send('Runtime.queryObjects', {
        prototypeObjectId: result.objectId as string
      });
      const length = await session.send('Runtime.callFunctionOn', {
        objectId: objects.objectId as string,
        functionDeclaration: 'function () { return this.length; }'
      });
      await session.send('Runtime.releaseObject', { objectId: objects.objectId as string });
      return length.result.value as number;
    };
    const counted = async (): Promise<[canvases: number, frames: number, listeners: number]> => {
      await expect.poll(() => open.size, { timeout: 20_000 }).toBe(0);
      await session.send('HeapProfiler.collectGarbage');
      return [await inMemory('HTMLCanvasElement'), await inMemory('HTMLIFrameElement'), await listeners()];
    };
    const ours = async (): Promise<void> => {
      await command(page, 'dasklens:open-figure', { figure: 'task-stream' });
      await expect(canvasIn(page.locator('.dasklens-FigureTab'))).toBeVisible();
      await command(page, 'dasklens:open-page', { page: 'health' });
      await expect(outer(page)).toHaveCount(1);
      await command(page, 'dasklens:close-layout');
      await expect(page.locator('.dasklens-FigureTab, .dasklens-PageTab')).toHaveCount(0);
    };
    // JupyterLab itself keeps some listeners of every tab that ever was: this is what one costs.
    const launcher = async (): Promise<void> => {
      await command(page, 'launcher:create');
      await expect(page.locator('.jp-Launcher')).toBeVisible();
      await page.evaluate(() => {
        const widgets = [...(window as any).jupyterapp.shell.widgets('main')];
        widgets.filter(each => each.id.startsWith('launcher')).forEach(each => each.close());
      });
      await expect(page.locator('.jp-Launcher')).toHaveCount(0);
    };
    const grown = async (cycle: () => Promise<void>, times: number): Promise<number[]> => {
      await cycle();
      await cycle();
      const before = await counted();
      for (let i = 0; i < times; i++) {
        await cycle();
      }
      return (await counted()).map((n, k) => n - before[k]);
    };
    const [, , theirs] = await grown(launcher, 10);
    const [canvases, frames, kept] = await grown(ours, 50);
    console.log(
      `fifty left ${canvases} canvases, ${frames} frames, ${kept} listeners; ten launchers ${theirs}`
    );
    expect(canvases).toBeLessThan(4);
    expect(frames).toBeLessThan(4);
    // Two tabs a cycle. A launcher has less of a toolbar and a menu, and how much JupyterLab keeps of those
    // varies from run to run; a figure that stayed would bring hundreds.
    expect(kept / 100).toBeLessThan((4 * theirs) / 10);
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
    const input = headerOf(page).locator('form input');
    await input.fill(`http://127.0.0.1:${world.dashboard}/status`);
    await input.press('Enter');
    await expectCase(page, 'live');
    await expect(headerOf(page)).toContainText('This scheduler runs without dasklens');
    await look(page, 'plain');

    await command(page, 'dasklens:open-page', { page: 'away' });
    const banner = page.locator('.dasklens-PageTab .dasklens-lab-banner');
    await expect(banner).toContainText('This page wanted to go elsewhere again and again, and was closed.');
    await expect(outer(page)).toHaveCount(0);
    // It was stopped before anything left.
    const hits = await page.request.get(`http://127.0.0.1:${world.collector}/hits`);
    expect((await hits.json()).hits).toEqual([]);
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
