// Reports in JupyterLab's file browser: opened by double click, from their data alone.

import { expect, test, type Locator, type Page, type TestInfo } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { changeTheme } from '../notebook';
import { command } from '../panel';
import { expectDrawn, sample, SECTIONS, written } from '../report';

/** What a figure says once it has all. */
const SAID: Readonly<Record<string, string>> = {
  'task-stream': '366 tasks',
  progress: '11 of 12 tasks',
  profile: '1,614 samples',
  system: '2 workers'
};
const report = (page: Page): Locator => page.locator('.dasklens-Report:visible');
const section = (page: Page, name: string): Locator => report(page).locator(`.panel-${name}`);
const entry = (page: Page, name: string): Locator => page.locator('.jp-DirListing-item', { hasText: name });

/** The page of a report. */
function html(document: object, info: TestInfo): string {
  return readFileSync(fileURLToPath(written(document, info)), 'utf8');
}

/** Write files into the folder that JupyterLab shows, and open it with no tab. */
async function openLab(page: Page, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const data = { type: 'file', format: 'text', content };
    const answer = await page.request.put(`/api/contents/${name}`, { data });
    expect(answer.ok(), `writing ${name}: ${answer.status()}`).toBe(true);
  }
  await page.goto('/lab?reset');
  await expect(entry(page, Object.keys(files)[0])).toBeVisible();
}

async function go(page: Page, name: string): Promise<void> {
  const tab = report(page)
    .getByRole('tab')
    .nth(SECTIONS.indexOf(name as (typeof SECTIONS)[number]));
  await tab.click();
  await expect(section(page, name)).toBeVisible();
  await expect(section(page, name).locator('.waiting')).toHaveCount(0);
}

test.afterEach(async ({ page }) => {
  // The theme is the server's: other specs begin with the light one.
  if ((await page.locator('body').getAttribute('data-jp-theme-light')) === 'false') {
    await changeTheme(page, 'Light');
  }
});

test('a double click opens a report, of either kind, with the figures of its page', async ({
  page
}, info) => {
  const problems: string[] = [];
  page.on('pageerror', error => problems.push(error.message));
  await openLab(page, {
    'run.dasklens.json': JSON.stringify(sample()),
    'run.dasklens.html': html(sample(), info)
  });
  for (const name of ['run.dasklens.json', 'run.dasklens.html']) {
    await entry(page, name).dblclick();
    await expect(section(page, 'summary').locator('.verdict')).toContainText(
      'most of it went into chunk_sum'
    );
    await expect(page.locator('.lm-TabBar-tab.jp-mod-current')).toContainText(name);
    await go(page, 'task-stream');
    await expectDrawn(section(page, 'task-stream').locator('canvas'));
    await expect(section(page, 'task-stream').locator('.dasklens-count')).toHaveText('366 tasks');
  }
  // Both are there, each with ids of its own.
  const ids = await page.locator('.dasklens-Report [id]').evaluateAll(all => all.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  expect(problems).toEqual([]);
});

for (const theme of ['Light', 'Dark'] as const) {
  test(`every section is there in JupyterLab's ${theme.toLowerCase()} theme`, async ({ page }, info) => {
    const problems: string[] = [];
    page.on('pageerror', error => problems.push(error.message));
    // Figures that are not on screen are not drawn.
    await page.setViewportSize({ width: 1440, height: 1300 });
    await openLab(page, { 'run.dasklens.json': JSON.stringify(sample()) });
    await changeTheme(page, theme);
    await entry(page, 'run.dasklens.json').dblclick();
    await expect(page.locator(`body[data-jp-theme-light=${theme === 'Light'}]`)).toHaveCount(1);
    // The panel's summary, out of sight, has a verdict too.
    await expect(section(page, 'summary').locator('.verdict')).toBeVisible();
    for (const name of SECTIONS) {
      await go(page, name);
      await expect(section(page, name).locator('.empty')).toHaveCount(0);
      await expect(section(page, name)).toContainText(SAID[name] ?? '');
      await page.screenshot({ path: info.outputPath(`${name}-${theme}.png`) });
    }
    const wide = await report(page).evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect(wide).toBe(0);
    expect(problems).toEqual([]);
  });
}

test('in a hostile file nothing is run, and nothing of it is HTML', async ({ page }, info) => {
  const attack = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">';
  const document = {
    ...sample(),
    title: attack,
    exception: { type: attack, text: attack, traceback: attack }
  };
  const foreign = html(sample(), info)
    .replace(/<meta http-equiv[^>]*>/, '')
    .replace('<body>', `<body onload="window.hacked = 1">${attack}`);
  await openLab(page, {
    'hostile.dasklens.html': foreign,
    'hostile.dasklens.json': JSON.stringify(document),
    'evil.dasklens.html': `<!doctype html><body>${attack}`
  });
  await entry(page, 'hostile.dasklens.html').dblclick();
  await expect(section(page, 'summary').locator('.verdict')).toBeVisible();
  await entry(page, 'hostile.dasklens.json').dblclick();
  await expect(report(page).locator('h1')).toHaveText(attack);
  await expect(report(page).locator('.banner.error')).toContainText(attack);
  await entry(page, 'evil.dasklens.html').dblclick();
  await expect(report(page).locator('.fatal')).toHaveText(
    'evil.dasklens.html cannot be shown as a Dask report. ' +
      'Expected the HTML of a dasklens report, got a file without one.'
  );
  await expect(page.locator('.dasklens-Report :is(script, img, iframe, object)')).toHaveCount(0);
  expect(await page.evaluate(() => (window as { hacked?: number }).hacked)).toBeUndefined();
});

test('other files are opened with it on purpose only, and a changed file is read anew', async ({
  page
}, info) => {
  await openLab(page, { 'plain.html': html(sample(), info), 'other.json': '{"a": 1}' });
  await entry(page, 'plain.html').click({ button: 'right' });
  await page.locator('.lm-Menu-item', { hasText: 'Open With' }).hover();
  await page.locator('.lm-Menu-item', { hasText: 'Dask Report' }).click();
  await expect(section(page, 'summary').locator('.verdict')).toBeVisible();

  await entry(page, 'other.json').dblclick();
  await expect(page.locator('.jp-RenderedJSON')).toBeVisible();
  await command(page, 'docmanager:open', { path: 'other.json', factory: 'Dask Report' });
  await expect(report(page).locator('.fatal')).toHaveText(/Expected a dasklens report, got another/);
  const content = JSON.stringify(sample());
  await page.request.put('/api/contents/other.json', { data: { type: 'file', format: 'text', content } });
  await command(page, 'docmanager:reload');
  await expect(section(page, 'summary').locator('.verdict')).toBeVisible();
});

test('in a narrow tab nothing is cut off, and a link leads to a section', async ({ page }) => {
  await page.setViewportSize({ width: 860, height: 900 });
  await openLab(page, { 'run.dasklens.json': JSON.stringify(sample()) });
  await command(page, 'rendermime:handle-local-link', { path: 'run.dasklens.json', id: '#tab=logs' });
  await expect(section(page, 'logs')).toBeVisible();
  expect((await report(page).boundingBox())?.width).toBeLessThan(600);
  for (const name of SECTIONS) {
    await go(page, name);
    const wide = await report(page).evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect(wide, name).toBe(0);
  }
});

test('a report comes back after a reload', async ({ page }) => {
  await openLab(page, { 'run.dasklens.json': JSON.stringify(sample()) });
  await entry(page, 'run.dasklens.json').dblclick();
  await expect(section(page, 'summary').locator('.verdict')).toBeVisible();
  const saved = async (): Promise<string> => (await page.request.get('/lab/api/workspaces/default')).text();
  await expect.poll(async () => (await saved()).includes('dasklens-reports:run.dasklens.json')).toBe(true);
  await page.goto('/lab');
  await go(page, 'task-stream');
  await expectDrawn(section(page, 'task-stream').locator('canvas'));
});

test('reports that were opened and closed leave nothing behind', async ({ page }) => {
  const problems: string[] = [];
  page.on('pageerror', error => problems.push(error.message));
  await openLab(page, { 'run.dasklens.json': JSON.stringify(sample()) });
  const session = await page.context().newCDPSession(page);
  /** How many there are in memory, on the page or not. */
  const canvases = async (): Promise<number> => {
    await session.send('HeapProfiler.collectGarbage');
    const { result } = await session.send('Runtime.evaluate', { expression: 'HTMLCanvasElement.prototype' });
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
  const cycle = async (): Promise<void> => {
    await entry(page, 'run.dasklens.json').dblclick();
    await expect(section(page, 'summary').locator('.verdict')).toBeVisible();
    await go(page, 'task-stream');
    await expectDrawn(section(page, 'task-stream').locator('canvas'));
    await go(page, 'profile');
    await command(page, 'application:close');
    // The panel's summary is one in looks.
    await expect(page.locator('#jp-main-dock-panel .dasklens-Report')).toHaveCount(0);
  };
  await cycle();
  await cycle();
  const before = await canvases();
  for (let i = 0; i < 10; i++) {
    await cycle();
  }
  // What was closed last may still be on its way out.
  await expect.poll(async () => (await canvases()) - before).toBeLessThan(4);
  expect(problems).toEqual([]);
});
