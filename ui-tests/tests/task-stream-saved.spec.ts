// A task stream in a saved notebook, with and without the widget's state, and what strangers named.

import { expect, test, type JSHandle, type Page } from '@playwright/test';

import { endKernels, python } from '../cluster';
import { canvasOf, markOf, partOf, pixels, pointOf, tool, waitForTasks, type Mark } from '../mark';
import { cell, openNotebook, reopenNotebook, runCell, saveNotebook, setSaveState } from '../notebook';

const NAME = 'task-stream-saved.ipynb';
/** Begins with a letter, or Dask would cut the prefix at the first blank. */
const HOSTILE = 'x<img src=x onerror=window.pwned=1>';
const MANY = 20_000;
const BAD = 8;
const THREADS = 16;
/** A saved notebook may grow by this many bytes. */
const MOST = 300_000;

// A worker in the kernel's own process: what counts here is how many tasks there are.
const CLUSTER = `
import json, logging, random, time
import dask
import distributed
from distributed import Client, Scheduler, SpecCluster, Worker

HOSTILE = ${JSON.stringify(HOSTILE)}
logging.getLogger("distributed").setLevel("CRITICAL")
# The scheduler hands out all tasks at once, three times as fast as one by one.
dask.config.set({"distributed.scheduler.worker-saturation": float("inf")})
scheduler = {"cls": Scheduler, "options": {"dashboard_address": ":0"}}
workers = {HOSTILE: {"cls": Worker, "options": {"nthreads": ${THREADS}, "name": HOSTILE}}}
client = Client(SpecCluster(workers=workers, scheduler=scheduler))`;
const STREAM = `
import dasklens
ts = dasklens.TaskStream()
ts`;
const TASKS = `
# Noise: what a picture of many lanes and prefixes holds cannot be packed well.
keys = [f"task_{random.randrange(100)}-{i}" for i in range(${MANY})]
futures = client.map(abs, range(${MANY}), key=keys)
_ = distributed.wait(futures)`;
const STRANGE = `
Strange = type(HOSTILE, (), {})

def strange(i):
    time.sleep(0.1)
    if i % 2:
        raise ValueError(HOSTILE)
    return Strange()

bad = [client.submit(strange, i, key=f"{HOSTILE}-{i}") for i in range(${BAD})]
_ = distributed.wait(bad)`;
const TS = 1;

test.describe.configure({ mode: 'serial', timeout: 240_000 });

let page: Page;
let mark: JSHandle<Mark>;
let empty: number;
/** Pictures that a hostile name asked the server for. */
const asked: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('request', request => {
    if (new URL(request.url()).pathname.endsWith('/x')) {
      asked.push(request.url());
    }
  });
  await openNotebook(page, NAME, [CLUSTER, STREAM, TASKS, STRANGE]);
  empty = await saveNotebook(page, NAME);
  await runCell(page, 0);
  await runCell(page, TS);
  mark = await markOf(page, TS);
  await runCell(page, 2, 180_000);
  await runCell(page, 3);
  await waitForTasks(mark, MANY + BAD);
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
});

/** No name has become an element, in the notebook or beside it. */
async function expectNoHarm(): Promise<void> {
  await expect(page.locator('img[src="x"], img[onerror]')).toHaveCount(0);
  expect(await page.evaluate(() => (window as any).pwned as unknown)).toBeUndefined();
  expect(asked).toEqual([]);
}

/** Write a copy of the notebook as it is on disk now. */
async function copyNotebook(name: string, trusted = true): Promise<void> {
  const { content } = await (await page.request.get(`/api/contents/${NAME}`)).json();
  for (const each of content.cells) {
    each.metadata.trusted = trusted;
  }
  const data = { type: 'notebook', format: 'json', content };
  expect((await page.request.put(`/api/contents/${name}`, { data })).ok()).toBe(true);
}

test('hostile names stay text wherever they are shown', async () => {
  await expect(partOf(page, TS, 'row').filter({ hasText: HOSTILE })).toHaveCount(1);
  await expect(
    cell(page, TS)
      .locator('.tick text')
      .filter({ hasText: /^x<img/ })
  ).toHaveCount(1);

  const key = `${HOSTILE}-1`;
  await tool(page, TS, 'reset').click();
  const { x, y } = await pointOf(page, TS, mark, key);
  await page.mouse.move(x, y);
  await expect(partOf(page, TS, 'detail-line').locator('.dasklens-task')).toHaveText(key);
  await expect(partOf(page, TS, 'detail-line')).toContainText(`failed: ValueError('${HOSTILE}')`);
  const tooltip = page.locator('.dasklens-tooltip:visible');
  await expect(tooltip).toContainText(key);
  await expect(tooltip).toContainText(`worker ${HOSTILE}`);
  await page.mouse.click(x, y);
  const panel = partOf(page, TS, 'panel');
  await expect(panel.locator('code')).toHaveText(key);
  await expect(partOf(page, TS, 'exception')).toContainText(HOSTILE);
  // Not its source line: newer cloudpickles leave the file of a notebook's function out.
  await expect(panel).toContainText('in strange');
  await expectNoHarm();

  const fine = await pointOf(page, TS, mark, `${HOSTILE}-0`);
  await page.mouse.move(fine.x, fine.y);
  await expect(partOf(page, TS, 'type')).toContainText(HOSTILE);
  await page.keyboard.press('Escape');
  await expectNoHarm();
});

test('a saved notebook grows by less than 300 kB', async () => {
  await python(page, 'pass');
  const size = await saveNotebook(page, NAME);
  console.log(`${size - empty} bytes of outputs for ${MANY + BAD} tasks`);
  expect(size - empty).toBeGreaterThan(5000);
  expect(size - empty).toBeLessThanOrEqual(MOST);
  await copyNotebook('task-stream-plain.ipynb');
  await copyNotebook('task-stream-untrusted.ipynb', false);

  await setSaveState(page, true);
  try {
    const withState = await saveNotebook(page, NAME);
    console.log(`${withState - empty} bytes together with the widgets' state`);
    expect(withState).toBeGreaterThan(size);
    expect(withState - empty).toBeLessThanOrEqual(MOST);
  } finally {
    await setSaveState(page, false);
  }
});

for (const kind of ['plain', 'untrusted']) {
  test(`without kernel and state a ${kind} notebook shows the still picture`, async ({}, info) => {
    await endKernels(page);
    await reopenNotebook(page, `task-stream-${kind}.ipynb`);
    const output = cell(page, TS).locator('.jp-Cell-outputArea');
    const picture = output.getByRole('img', { name: /^Task stream: / });
    await expect(picture).toBeVisible();
    await expect(picture).toHaveAttribute(
      'alt',
      new RegExp(`20,008 tasks, 4 failed, on ${THREADS} threads of 1 worker`)
    );
    await expect(picture).toHaveAttribute('src', /^data:image\/png;base64,/);
    expect(await picture.evaluate(element => (element as HTMLImageElement).naturalWidth)).toBeGreaterThan(
      100
    );
    await expect(output).toContainText(HOSTILE);
    await expect(output.locator('canvas')).toHaveCount(0);
    await output.screenshot({ path: info.outputPath(`${kind}.png`) });
    await expectNoHarm();
  });
}

test('without a kernel the saved state is a figure to work with', async ({}, info) => {
  await endKernels(page);
  await reopenNotebook(page, NAME);
  mark = await markOf(page, TS);
  await expect.poll(() => mark.evaluate(m => m.log.nRecords)).toBeGreaterThan(1000);
  const [shown, missed] = await mark.evaluate(m => [m.log.nRecords, m.log.missed]);
  expect(missed).toBeGreaterThan(1000);
  expect(shown + missed).toBe(MANY + BAD);
  await expect(partOf(page, TS, 'count')).toHaveText(
    `showing ${shown.toLocaleString('en')} of ${(MANY + BAD).toLocaleString('en')} tasks`
  );
  await expect(partOf(page, TS, 'phase')).toContainText('finished: saved with the notebook');
  await expect.poll(() => pixels(canvasOf(page, TS))).toBeGreaterThan(500);
  // JupyterLab's mark of broken widgets.
  const broken = cell(page, TS).locator('.jupyter-widgets-disconnected');
  expect(await broken.count()).toBeGreaterThan(0);
  const marks = await broken.evaluateAll(all => all.map(each => getComputedStyle(each, '::before').content));
  expect(new Set(marks)).toEqual(new Set(['none']));

  const key = `${HOSTILE}-1`;
  const { x, y } = await pointOf(page, TS, mark, key);
  await page.mouse.move(x, y);
  await expect(partOf(page, TS, 'detail-line').locator('.dasklens-task')).toHaveText(key);
  await cell(page, TS)
    .locator('.jp-Cell-outputArea')
    .screenshot({ path: info.outputPath('state.png') });
  const [start, stop] = await mark.evaluate(m => m.time);
  await page.mouse.wheel(0, -600);
  await expect.poll(() => mark.evaluate(m => m.time[1] - m.time[0])).toBeLessThan((stop - start) / 2);
  await page.mouse.click(x, y);
  await expect(partOf(page, TS, 'exception')).toContainText(HOSTILE);
  await expectNoHarm();
});
