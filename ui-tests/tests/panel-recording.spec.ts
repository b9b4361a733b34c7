// Recording and the live summary in the side panel, with real clusters and no line of dasklens in the notebook.

import { expect, test, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { CLUSTER, endKernels, python } from '../cluster';
import { changeTheme, kernelIdle, runCell, startCell, writeNotebook } from '../notebook';
import {
  command,
  expectCase,
  forgetSchedulers,
  headerOf,
  look,
  openPanel,
  panelOf,
  sectionOf
} from '../panel';
import { scrollTo } from '../scrolling';

/** Tasks that do nothing: far too short. */
const TINY = `
_ = client.gather(client.map(lambda i: i, range(5000), pure=False))
`;
const FIGURED = `
for _ in range(3):
    client.gather([client.submit(logged, i, 0.05, log, pure=False) for i in range(20)])
`;
const BLOCK = `
futures = [client.submit(logged, i, 0.1, log, pure=False) for i in range(100)]
begin = time.time()
while time.time() < begin + 8:
    pass
`;
const [START, TINIES, FIGURES, BLOCKS] = [0, 1, 2, 3];

// Each goes on where the one before left the page.
test.describe.configure({ mode: 'serial' });

let page: Page;
const problems: string[] = [];

test.beforeAll(async ({ browser }) => {
  // Of a context of its own, which may have two.
  page = await (await browser.newContext()).newPage();
  page.on('pageerror', error => problems.push(error.message));
  await forgetSchedulers(page);
  await writeNotebook(page, 'recording.ipynb', [CLUSTER, TINY, FIGURED, BLOCK]);
  await page.goto('/lab/tree/recording.ipynb?reset');
  await kernelIdle(page);
  await openPanel(page);
  await runCell(page, START);
  await expectCase(page, 'live');
});

test.afterAll(async () => {
  await changeTheme(page, 'Light');
  await endKernels(page);
  await page.context().close();
});

const summary = () => sectionOf(page, 'summary');
const bar = () => page.locator('.dasklens-RecordBar');
const record = () => headerOf(page).locator('[data-action=record]');
const stop = () => bar().locator('[data-action=stop]');
const timer = () => bar().locator('.dasklens-lab-timer');
const nTasks = async (): Promise<number> =>
  Number((await timer().textContent())?.match(/([\d,]+) task/)?.[1].replaceAll(',', '') ?? NaN);

test('the summary names what is wrong, with no code in the notebook', async () => {
  await scrollTo(summary());
  await runCell(page, TINIES);
  await expect(summary().locator('.verdict')).toContainText('5,000 tasks');
  await expect(summary().locator('.findings')).toContainText('Tasks are far too short');
  await expect(summary().locator('.findings a').first()).toHaveAttribute(
    'href',
    /^https:\/\/docs\.dask\.org/
  );
  await expect(summary().locator('.timebar > span').first()).toBeVisible();
  await expect(summary().locator('tbody th').first()).toContainText('compute');
  await expect(summary().locator('.named').first()).toContainText('lambda');
  await look(page, 'summary');
});

test('it fits 280 pixels, in both themes', async () => {
  await openPanel(page, 280);
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    await expect(summary().locator('.findings')).toBeVisible();
    const wide = await summary().evaluate(node =>
      [...node.querySelectorAll('*')]
        .filter(each => each.getBoundingClientRect().right > node.getBoundingClientRect().right + 1)
        .map(each => each.className)
    );
    expect(wide).toEqual([]);
    await look(page, `summary-280-${theme}`);
  }
});

test('another time is remembered', async () => {
  await summary().locator('select').selectOption('60');
  await page.reload();
  await kernelIdle(page);
  await openPanel(page);
  await expect(summary().locator('select')).toHaveValue('60');
  await summary().locator('select').selectOption('300');
  await expect(summary().locator('.verdict')).not.toBeEmpty();
});

test('nothing is asked for while it is folded', async () => {
  let asked = 0;
  page.on('request', request => void (asked += Number(request.url().includes('/summary?'))));
  await expect.poll(() => asked).toBeGreaterThan(0);
  const fold = summary().locator('.dasklens-lab-fold');
  await fold.click();
  const before = asked;
  await page.waitForTimeout(6000);
  expect(asked).toBe(before);
  await fold.click();
  await expect.poll(() => asked).toBeGreaterThan(before);
});

test('a recording runs with a timer, through a reload, and becomes a report that is shown', async () => {
  await record().click();
  await expect(timer()).toHaveText(/^0:0\d · 0 tasks$/);
  await expect(record()).toBeHidden();
  await runCell(page, FIGURES);
  await expect.poll(nTasks).toBe(60);
  await look(page, 'recording');
  await changeTheme(page, 'Dark');
  await look(page, 'recording-dark');
  await changeTheme(page, 'Light');

  await page.reload();
  await kernelIdle(page);
  await openPanel(page);
  await expect.poll(nTasks).toBe(60);
  // While a cell holds the kernel it goes on.
  await startCell(page, BLOCKS);
  await expect.poll(nTasks).toBeGreaterThan(80);
  await expect.poll(nTasks).toBe(160);
  await expect(timer()).toHaveText(/^\d:\d\d · 160 tasks$/);

  await stop().click();
  await expect(bar()).toHaveAttribute('data-phase', 'saved', { timeout: 60_000 });
  const path =
    (await bar().locator('.dasklens-lab-recordWords').textContent())?.replace('Saved as ', '') ?? '';
  expect(path).toMatch(/^dask-report-\d{4}-\d\d-\d\d-\d{6}\.dasklens\.html$/);
  const report = page.locator('.dasklens-Report:not(.dasklens-LiveSummary)');
  await expect(report.locator('.verdict')).toContainText('160 tasks');
  await look(page, 'recorded');
  const file = join(process.env.DASKLENS_UI_HOME as string, 'notebooks', path);
  expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>/i);
  await expect(record()).toBeVisible();
});

test('its tasks are those that ran, by their own account', async () => {
  await page.evaluate(() => {
    const { shell } = (window as any).jupyterapp;
    shell.activateById(
      [...shell.widgets('main')].find((widget: any) => widget.context?.path.endsWith('.ipynb')).id
    );
  });
  await kernelIdle(page);
  const [same, n] = await python<[boolean, number]>(
    page,
    `
import glob, dasklens
_report = dasklens.load_report(sorted(glob.glob("dask-report-*.dasklens.html"))[-1])
_logged = [json.loads(line)["key"] for line in open(log)]
print(json.dumps([sorted(_logged) == sorted(record["key"] for record in _report.data), len(_logged)]))
`
  );
  expect(n).toBe(160);
  expect(same).toBe(true);
});

test('commands do the same, and two pages see one recording', async () => {
  await command(page, 'dasklens:start-recording');
  await expect(timer()).toBeVisible();
  const other = await page.context().newPage();
  await other.goto('/lab/workspaces/other/tree/recording.ipynb?reset');
  await other.waitForFunction(() => (window as any).jupyterapp?.commands.hasCommand('dasklens:show-panel'));
  await command(other, 'dasklens:show-panel');
  await expect(other.locator('.dasklens-lab-timer')).toHaveText(/tasks$/);
  await other.close();
  await command(page, 'dasklens:stop-recording');
  await expect(bar()).toHaveAttribute('data-phase', 'saved', { timeout: 60_000 });
  await bar().locator('[data-action=close-recording]').click();
  await expect(bar()).toBeHidden();
});

test('nothing was thrown', async () => {
  await expect(panelOf(page)).toBeVisible();
  expect(problems).toEqual([]);
});
