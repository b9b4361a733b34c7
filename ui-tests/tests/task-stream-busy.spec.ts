// The live task stream while the kernel works, in several views, in both themes, and after the kernel.

import { expect, test, type JSHandle, type Page } from '@playwright/test';

import { CLUSTER, endKernels, python } from '../cluster';
import { contrastOn, textsIn } from '../colours';
import {
  canvasOf,
  markOf,
  partOf,
  pictureOf,
  pixels,
  pointOf,
  tasksOf,
  tool,
  waitForTasks,
  type Mark
} from '../mark';
import { cell, changeTheme, openNotebook, runCell, startCell } from '../notebook';
import { boxOf, scrollTo } from '../scrolling';

const STREAM = `
import dasklens
ts = dasklens.TaskStream()
ts`;
const EACH = 0.05;
const MANY = 200;
const WORK = `_ = client.gather([client.submit(time.sleep, ${EACH}, pure=False) for _ in range(${MANY})])`;
/** Blocks the kernel until the test lets go, while the cluster works. */
const BLOCK = `
futures = [client.submit(time.sleep, ${EACH}, pure=False) for _ in range(${MANY})]
begin = time.time()
while not os.path.exists("let-go.txt") and time.time() < begin + 60:
    time.sleep(0.05)
`;
const [TS, COMPUTE, BLOCKED, AGAIN] = [1, 2, 3, 4];

let page: Page;
let mark: JSHandle<Mark>;

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  await openNotebook(page, 'task-stream-busy.ipynb', [CLUSTER, STREAM, WORK, BLOCK, 'ts']);
  await runCell(page, 0);
  await runCell(page, TS);
  mark = await markOf(page, TS);
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
});

const nRecords = (): Promise<number> => mark.evaluate(m => m.log.nRecords);
const busy = (index: number): Promise<boolean> =>
  cell(page, index)
    .locator('.jp-InputArea-prompt')
    .innerText()
    .then(text => text.includes('*'));

/** Run the cell that computes; the number of tasks in the page afterwards. */
async function compute(): Promise<number> {
  const before = await nRecords();
  await runCell(page, COMPUTE);
  await waitForTasks(mark, before + MANY);
  return before + MANY;
}

test('before the first task it says what to do, legibly in the light and in the dark', async () => {
  const canvas = canvasOf(page, TS);
  await expect(partOf(page, TS, 'phase')).toHaveAttribute('data-phase', 'live');
  await expect(canvas).toHaveAttribute('aria-label', /No tasks yet\. Run something on the cluster/);
  expect(await cell(page, TS).locator('.tick text').count()).toBeGreaterThan(1);
  await expect.poll(() => pixels(canvas)).toBeGreaterThan(100);
  const light = await pictureOf(canvas);
  expect(await contrastOn(canvas)).toBeGreaterThan(4.5);
  await changeTheme(page, 'Dark');
  try {
    await expect.poll(() => pictureOf(canvas)).not.toBe(light);
    expect(await contrastOn(canvas)).toBeGreaterThan(4.5);
  } finally {
    await changeTheme(page, 'Light');
  }
});

test('tasks show while the cell that computes them runs, soon after they end', async () => {
  const before = await nRecords();
  await mark.evaluate(m => {
    const lags: number[] = ((window as any).lags = []);
    let seen = m.log.nRecords;
    m.on('log:change', () => {
      const now = Date.now() / 1000;
      for (; seen < m.log.nRecords; seen++) {
        lags.push(now - Math.max(...m.log.record(seen).startstops.map(each => each.stop)));
      }
    });
  });
  await startCell(page, COMPUTE);
  await expect.poll(nRecords, { intervals: [50] }).toBeGreaterThan(before + MANY / 5);
  const there = await nRecords();
  expect(await busy(COMPUTE), `${there - before} of ${MANY} tasks and the cell still runs`).toBe(true);
  expect(there).toBeLessThan(before + MANY);
  await waitForTasks(mark, before + MANY);
  await expect.poll(() => busy(COMPUTE)).toBe(false);

  const lags = await page.evaluate(() => ((window as any).lags as number[]).sort((a, b) => a - b));
  const [median, late] = [0.5, 0.95].map(part => lags[Math.floor(part * lags.length)]);
  console.log(
    `tasks show after ${Math.round(1000 * median)} ms (median), ${Math.round(1000 * late)} ms (95 %)`
  );
  expect(lags).toHaveLength(MANY);
  expect(late).toBeLessThan(1);
});

test('a new still picture beside it leaves the live view alone', async () => {
  const canvas = await canvasOf(page, TS).elementHandle();
  const still = (): Promise<string> =>
    page.evaluate(
      at =>
        (window as any).jupyterapp.shell.currentWidget.content.widgets[at].outputArea.model.get(0).data[
          'text/html'
        ],
      TS
    );
  const n = await compute();
  await expect.poll(still).toContain(`${n.toLocaleString('en')} tasks`);
  expect(await canvas?.evaluate(element => element.isConnected)).toBe(true);
  await expect(cell(page, TS).locator('canvas')).toHaveCount(1);
  await expect(partOf(page, TS, 'toolbar')).toHaveCount(1);
  await expect(cell(page, TS).locator('.jp-OutputArea-output img')).toHaveCount(0);
});

test('both themes are legible', async ({}, info) => {
  if ((await nRecords()) === 0) {
    await compute();
  }
  const output = cell(page, TS).locator('.jp-Cell-outputArea');
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    await output.screenshot({ path: info.outputPath(`${theme}.png`) });
    const texts = await textsIn(output);
    expect(texts.length).toBeGreaterThan(10);
    expect(
      texts.filter(each => !(each.contrast >= 4.5)),
      theme
    ).toEqual([]);
  }
});

test('while the kernel is busy everything answers, and Python hears of it afterwards', async () => {
  if ((await nRecords()) === 0) {
    await compute();
  }
  await page.request.delete('/api/contents/let-go.txt');
  const time = (): Promise<readonly [number, number]> => mark.evaluate(m => m.time);
  const length = async (): Promise<number> => (await time())[1] - (await time())[0];
  const soon = { timeout: 2000, intervals: [50] };
  const begin = await nRecords();
  await startCell(page, BLOCKED);
  await expect.poll(nRecords, soon).toBeGreaterThan(begin);

  const follow = tool(page, TS, 'follow');
  await follow.click();
  await expect(follow).toHaveText('Follow', { timeout: 1000 });
  const key = (await tasksOf(mark))[0].key;
  await tool(page, TS, 'reset').click();
  const long = await length();
  const at = await pointOf(page, TS, mark, key);
  await page.mouse.move(at.x, at.y);
  await page.mouse.wheel(0, -600);
  await expect.poll(length, soon).toBeLessThan(long / 2);
  const on = await pointOf(page, TS, mark, key);
  await page.mouse.move(on.x, on.y);
  await expect(partOf(page, TS, 'detail-line').locator('.dasklens-task')).toHaveText(key, { timeout: 1000 });
  await page.mouse.click(on.x, on.y);
  await expect(partOf(page, TS, 'panel').locator('code')).toHaveText(key, { timeout: 1000 });
  const row = partOf(page, TS, 'row').first();
  await row.click();
  await expect(row).toHaveAttribute('aria-pressed', 'true', { timeout: 1000 });
  await follow.click();
  await expect(follow).toHaveText('Following', { timeout: 1000 });
  await waitForTasks(mark, begin + MANY);
  expect(await busy(BLOCKED)).toBe(true);

  await page.request.put('/api/contents/let-go.txt', { data: { type: 'file', format: 'text', content: '' } });
  await expect.poll(() => busy(BLOCKED)).toBe(false);
  const said = 'print(json.dumps([ts.follow, ts.selected and ts.selected["key"], ts.highlight]))';
  await expect.poll(() => python(page, said)).toEqual([true, key, ['sleep']]);
  // What the kernel had still to say of the time before takes nothing of it back.
  expect(await mark.evaluate(m => [m.get('follow'), m.get('selected')?.key, m.get('highlight')])).toEqual([
    true,
    key,
    ['sleep']
  ]);
  await expect(follow).toHaveText('Following');
});

test('two views show one stream, and one goes on without the other', async ({}, info) => {
  if ((await nRecords()) === 0) {
    await compute();
  }
  await tool(page, TS, 'reset').click();
  await runCell(page, AGAIN);
  const canvases = [canvasOf(page, TS), canvasOf(page, AGAIN)];
  const pictures = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const canvas of canvases) {
      await scrollTo(canvas);
      expect(await pixels(canvas)).toBeGreaterThan(1000);
      found.push(await pictureOf(canvas));
    }
    return found;
  };
  await expect(canvases[1]).toBeVisible();
  await expect.poll(() => pixels(canvases[1])).toBeGreaterThan(1000);
  const before = await pictures();
  expect(before[0]).toBe(before[1]);

  const { x, y, width, height } = await boxOf(canvases[1]);
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.wheel(0, -600);
  await expect.poll(async () => (await pictures())[1]).not.toBe(before[1]);
  const zoomed = await pictures();
  expect(zoomed[0]).toBe(zoomed[1]);
  const ticks = (index: number): Promise<string[]> =>
    cell(page, index).locator('.tick text').allTextContents();
  expect(await ticks(TS)).toEqual(await ticks(AGAIN));

  await page.evaluate(async at => {
    const { commands, shell } = (window as any).jupyterapp;
    shell.currentWidget.content.activeCellIndex = at;
    await commands.execute('notebook:clear-cell-output');
  }, AGAIN);
  await expect(canvases[1]).toHaveCount(0);
  // In JupyterLab's "New View for Output".
  await page.evaluate(async at => {
    const { commands, shell } = (window as any).jupyterapp;
    shell.currentWidget.content.activeCellIndex = at;
    await commands.execute('notebook:create-output-view');
  }, TS);
  const tab = page.locator('.jp-LinkedOutputView');
  await expect.poll(() => pixels(tab.locator('canvas'))).toBeGreaterThan(1000);
  const there = await pictureOf(tab.locator('canvas'));
  await tab.locator('[data-action=zoom-in]').click();
  await expect.poll(() => pictureOf(tab.locator('canvas'))).not.toBe(there);
  await tab.screenshot({ path: info.outputPath('tab.png') });
  await page.evaluate(() => {
    const [view] = (window as any).jupyterapp.shell.widgets('down');
    view.close();
  });
  await expect(tab).toHaveCount(0);
  await expect(canvases[0]).toBeVisible();
  await compute();
  await tool(page, TS, 'reset').click();
  await expect.poll(() => pictureOf(canvases[0])).not.toBe(zoomed[0]);
  await expect(partOf(page, TS, 'phase')).toHaveAttribute('data-phase', 'live');
});

test('after a restart of the kernel the last picture stays, and says what it is', async () => {
  const n = (await nRecords()) || (await compute());
  await tool(page, TS, 'reset').click();
  const canvas = canvasOf(page, TS);
  const before = await pictureOf(canvas);
  await page.evaluate(() => void (window as any).jupyterapp.commands.execute('kernelmenu:restart'));
  await page.locator('.jp-Dialog .jp-mod-accept').click();
  await expect(partOf(page, TS, 'phase')).toHaveAttribute('data-phase', 'lost');
  await expect(partOf(page, TS, 'phase')).toContainText(
    'the kernel was restarted or has ended; run the cell again'
  );
  expect(await nRecords()).toBe(n);
  expect(await pictureOf(canvas)).toBe(before);
  expect(await pixels(canvas)).toBeGreaterThan(1000);

  const { key } = (await tasksOf(mark))[0];
  const { x, y } = await pointOf(page, TS, mark, key);
  await page.mouse.move(x, y);
  await expect(partOf(page, TS, 'detail-line').locator('.dasklens-task')).toHaveText(key);
});
