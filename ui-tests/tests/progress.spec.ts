// How far a real cluster is, in a real JupyterLab: in a cell, while the kernel is busy, and saved.

import { expect, test, type Locator, type Page } from '@playwright/test';

import { CLUSTER, endKernels, python } from '../cluster';
import { textsIn } from '../colours';
import {
  cell,
  changeTheme,
  openNotebook,
  reopenNotebook,
  runCell,
  saveNotebook,
  setSaveState,
  startCell
} from '../notebook';
import { scrollTo } from '../scrolling';

const NAME = 'progress.ipynb';
const HOSTILE = '<img src=x onerror="window.hacked = 1">';
const SETUP = `${CLUSTER}
import dasklens
HOSTILE = ${JSON.stringify(HOSTILE)}
def chain(n, seconds, name, groups=3):
    futures = client.map(lambda i, s: time.sleep(s), range(n), s=seconds, key=[f"{name}_load-{i}" for i in range(n)])
    for g in range(groups - 1):
        futures = client.map(lambda i, s: time.sleep(s), futures, s=seconds, key=[f"{name}_step{g}-{i}" for i in range(n)])
    return futures
`;
/** Not the last statement, and the cell goes on: it is there all the same. */
const BUSY = `
futures = chain(40, 0.12, "busy")
bar = dasklens.progress(futures)
begin = time.time()
while not os.path.exists("let-go-progress.txt") and time.time() < begin + 60:
    time.sleep(0.05)
print("went on")`;
const FAILS = `
bad = client.map(failing, [0.2] * 3, [HOSTILE] * 3, key=[f"bad-{i}" for i in range(3)])
after = client.submit(sum, bad, key="after-0")
good = client.map(abs, range(8), key=[f"good-{i}" for i in range(8)])
failed = dasklens.progress([after, good])
failed`;
const MANY = `
groups = 60
many = client.map(abs, range(10 * groups), key=[f"{'name_' * (1 + 39 * (i % groups == 0))}{i % groups}-{i}" for i in range(10 * groups)])
wide = dasklens.progress(many)`;
const ONE = `
alone = dasklens.progress(futures, multi=False)`;
const BLOCK = `
with dasklens.progress_of() as block:
    da.ones((2000, 2000), chunks=(200, 200)).sum().compute()`;
const STUCK = `
from distributed import Event
held = client.submit(Event("for-the-stuck").wait, key="held-0")
quick = client.map(abs, range(3), key=[f"quick-{i}" for i in range(3)])
stuck = dasklens.progress(quick, held)
while stuck.counts.get("quick", {}).get("memory") != 3:
    time.sleep(0.05)
stuck`;
const [AT_SETUP, AT_BUSY, AT_FAILS, AT_MANY, AT_ONE, AT_BLOCK, AT_STUCK] = [0, 1, 2, 3, 4, 5, 6];

// One story: what one test leaves is seen by the next.
test.describe.configure({ mode: 'serial' });

let page: Page;
const errors: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('pageerror', error => errors.push(error.message));
  await openNotebook(page, NAME, [SETUP, BUSY, FAILS, MANY, ONE, BLOCK, STUCK]);
  await runCell(page, AT_SETUP);
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
  expect(errors).toEqual([]);
});

const output = (index: number): Locator => cell(page, index).locator('.jp-Cell-outputArea');
const part = (index: number): Locator => output(index).locator('.dasklens-progress');
const rows = (index: number): Locator => part(index).locator('.dasklens-progress-row');
const bars = (index: number): Locator => output(index).locator('.bqplot .bargroup');
const words = (index: number): Locator => part(index).locator('.dasklens-progress-words');

async function picture(name: string, of: Locator): Promise<void> {
  if (process.env.SHOTS) {
    await of.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
  }
}

test('it is there wherever it stands, and goes on while the kernel is busy', async () => {
  await startCell(page, AT_BUSY);
  const prompt = cell(page, AT_BUSY).locator('.jp-InputArea-prompt');
  await expect(words(AT_BUSY)).toHaveText(/^running: \d+ of 120 tasks, \d+ %$/);
  // What is not on screen is not drawn.
  await scrollTo(part(AT_BUSY));
  await expect(part(AT_BUSY).locator('.dasklens-progress-time')).toHaveText(/elapsed, about .* left$/);
  await expect(prompt).toHaveText('[*]:');
  await expect(rows(AT_BUSY)).toHaveCount(4);
  await expect(rows(AT_BUSY).locator('.dasklens-progress-name')).toHaveText([
    'all',
    'busy_load',
    'busy_step0',
    'busy_step1'
  ]);
  await page.waitForTimeout(500);
  await picture('progress-running', output(AT_BUSY));
  await expect(words(AT_BUSY)).toHaveText('finished: 120 of 120 tasks, 100 %');
  await expect(prompt).toHaveText('[*]:');
  await page.request.put('/api/contents/let-go-progress.txt', {
    data: { type: 'file', format: 'text', content: '' }
  });
  await expect(prompt).toHaveText(/^\[\d+\]:$/);
  await expect(output(AT_BUSY)).toContainText('went on');
  await expect(part(AT_BUSY)).toHaveCount(1);
  await picture('progress-done', output(AT_BUSY));
});

test('bars stand beside their names', async () => {
  await expect(bars(AT_BUSY)).toHaveCount(4);
  for (let i = 0; i < 4; i++) {
    const row = await rows(AT_BUSY).nth(i).boundingBox();
    const boxes = await bars(AT_BUSY)
      .nth(i)
      .locator('rect')
      .evaluateAll(all =>
        all.map(each => each.getBoundingClientRect()).map(({ y, height, width }) => ({ y, height, width }))
      );
    const widest = boxes.sort((a, b) => b.width - a.width)[0];
    expect(row).not.toBeNull();
    const middle = (row?.y ?? 0) + (row?.height ?? 0) / 2;
    expect(Math.abs(widest.y + widest.height / 2 - middle)).toBeLessThan(2);
    expect(widest.width).toBeGreaterThan(200);
  }
});

test('a failure is told in full, as text, and can be copied', async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await runCell(page, AT_FAILS);
  await expect(words(AT_FAILS)).toHaveText(/^✕ 4 failed: 8 of 12 tasks done, 66 %$/);
  // It was shown where it was made, and is the value of the last line: once.
  await expect(part(AT_FAILS)).toHaveCount(1);
  const opener = part(AT_FAILS).getByRole('button', { name: '✕ bad' });
  await expect(opener).toHaveAttribute('aria-expanded', 'false');
  await opener.click();
  const detail = part(AT_FAILS).locator('.dasklens-failure');
  await expect(detail).toContainText(`ValueError('${HOSTILE}')`);
  await expect(detail).toContainText('tcp://127.0.0.1:');
  await expect(detail.locator('pre')).toContainText('in failing');
  await picture('progress-failed', output(AT_FAILS));
  await detail.getByRole('button', { name: 'Copy' }).click();
  await expect(detail).toContainText('Copied the failure.');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(`ValueError('${HOSTILE}')`);
  await expect(output(AT_FAILS).locator('img')).toHaveCount(0);
  expect(await page.evaluate(() => (window as any).hacked)).toBeUndefined();
  await detail.press('Escape');
  await expect(detail).toBeHidden();
  const said = await python<Record<string, string>>(page, 'print(json.dumps([failed.error, failed.status]))');
  expect(said[0]).toMatchObject({ exception: `ValueError('${HOSTILE}')` });
  expect(said[1]).toBe('error');
});

test('many groups with long names: twenty, and the rest opens', async () => {
  await runCell(page, AT_MANY);
  await expect(rows(AT_MANY)).toHaveCount(21);
  const more = part(AT_MANY).locator('[data-action=more]');
  await expect(more).toHaveText('40 more');
  await picture('progress-many', output(AT_MANY));
  await more.click();
  await expect(rows(AT_MANY)).toHaveCount(61);
  await expect(bars(AT_MANY)).toHaveCount(61);
  await more.click();
  await expect(rows(AT_MANY)).toHaveCount(21);
});

test('one bar, and what a block submits', async () => {
  await runCell(page, AT_ONE);
  await expect(rows(AT_ONE)).toHaveCount(1);
  await expect(words(AT_ONE)).toHaveText('finished: 120 of 120 tasks, 100 %');
  await runCell(page, AT_BLOCK);
  await expect(words(AT_BLOCK)).toHaveText(/^finished: (\d+) of \1 tasks, 100 %$/);
});

test('it is legible in the light and in the dark, at the width of a cell and of a side panel', async () => {
  await part(AT_FAILS).getByRole('button', { name: '✕ bad' }).click();
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    for (const width of ['', '300px']) {
      await part(AT_FAILS).evaluate((el, to) => ((el.parentElement as HTMLElement).style.width = to), width);
      await page.waitForTimeout(400);
      await picture(`progress-${theme}-${width || 'cell'}`, output(AT_FAILS));
      const faint = (await textsIn(output(AT_FAILS))).filter(({ contrast }) => contrast < 4.5);
      expect(faint, `${theme} ${width}`).toEqual([]);
    }
    await part(AT_FAILS).evaluate(el => ((el.parentElement as HTMLElement).style.width = ''));
  }
});

test('a saved notebook without a kernel shows the finished bars', async () => {
  await saveNotebook(page, NAME);
  const saved = (await (await page.request.get(`/api/contents/${NAME}`)).json()).content;
  const html = (index: number): string =>
    saved.cells[index].outputs.map((each: any) => [each.data?.['text/html'] ?? []].flat().join('')).join('');
  expect(html(AT_BUSY)).toContain('Progress: finished');
  expect(html(AT_BUSY)).toContain('120 / 120');
  expect(html(AT_FAILS)).toContain('Progress: error');
  expect(html(AT_FAILS)).toContain('&lt;img');
  expect(html(AT_FAILS)).not.toContain('<img');
  await endKernels(page);
  await reopenNotebook(page, NAME);
  await expect(output(AT_BUSY)).toContainText('120 / 120');
  await expect(output(AT_FAILS)).toContainText('Why it failed');
  await expect(output(AT_FAILS).locator('img')).toHaveCount(0);
  await picture('progress-reopened', output(AT_FAILS));
});

test('with the widgets saved, the figures themselves are there without a kernel', async () => {
  for (const index of [AT_SETUP, AT_BUSY, AT_FAILS, AT_STUCK]) {
    await runCell(page, index);
  }
  await expect(words(AT_FAILS)).toHaveText(/^✕ 4 failed: 8 of 12 tasks done, 66 %$/);
  await scrollTo(part(AT_BUSY));
  await expect(words(AT_BUSY)).toHaveText('finished: 120 of 120 tasks, 100 %');
  await setSaveState(page, true);
  try {
    await saveNotebook(page, NAME);
    await endKernels(page);
    await reopenNotebook(page, NAME);
    await expect(words(AT_BUSY)).toHaveText('finished: 120 of 120 tasks, 100 %');
    await expect(rows(AT_BUSY).locator('.dasklens-progress-counts').first()).toHaveText('120 / 120');
    await scrollTo(part(AT_BUSY));
    await expect(bars(AT_BUSY)).toHaveCount(4);
    await part(AT_FAILS).getByRole('button', { name: '✕ bad' }).click();
    await expect(part(AT_FAILS).locator('.dasklens-failure')).toContainText(`ValueError('${HOSTILE}')`);
    await expect(output(AT_FAILS).locator('img')).toHaveCount(0);
    await picture('progress-saved', output(AT_BUSY));
    // What ran when it was saved says so: nothing more is coming.
    await scrollTo(part(AT_STUCK));
    await expect(words(AT_STUCK)).toHaveText('running when this was saved: 3 of 4 tasks, 75 %');
    await expect(bars(AT_STUCK)).toHaveCount(3);
    // Each part is a module of its own in a notebook: what paints one figure is not another's.
    const ids = await page.locator('pattern').evaluateAll(all => all.map(each => each.id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(6);
    await picture('progress-saved-running', output(AT_STUCK));
  } finally {
    await setSaveState(page, false);
  }
});
