// What the memory of a real cluster is used for, in a real JupyterLab.

import { expect, test, type Locator, type Page } from '@playwright/test';

import { CLUSTER, endKernels, python } from '../cluster';
import { textsIn } from '../colours';
import { cell, changeTheme, openNotebook, runCell, startCell } from '../notebook';
import { boxOf, scrollTo } from '../scrolling';

const HOSTILE = '<img src=x onerror="window.hacked = 1">';
const SMALL = `${CLUSTER.replace('n_workers=2', 'n_workers=2, memory_limit="1 GiB"')}
import subprocess, sys
command = [sys.executable, "-m", "distributed.cli.dask_worker", client.scheduler.address]
command += ["--name", ${JSON.stringify(HOSTILE)}, "--memory-limit", "2 GiB", "--nthreads", "1", "--no-dashboard"]
added = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
client.wait_for_workers(3)
`;
const MEMORY = `
import dasklens
memory = dasklens.Memory(client, window=60)
memory`;
const BLOCK = `
held = client.submit(lambda: b"x" * 300_000_000, key="held", workers=1)
begin = time.time()
while not os.path.exists("let-go-memory.txt") and time.time() < begin + 60:
    time.sleep(0.05)
os.remove("let-go-memory.txt")
`;
/** A thousand workers that never were, on a scheduler of this process. */
const CROWD = `
import random
from distributed import LocalCluster
from distributed.core import Status
from distributed.scheduler import WorkerState
big = LocalCluster(n_workers=0, processes=False, dashboard_address=":0")
many = Client(big)
def crowd(n):
    random.seed(1)
    for i in range(n):
        ws = WorkerState(address=f"tcp://10.0.{i // 250}.{i % 250}:1", status=Status.running, pid=1, name=f"w-{i}",
            nthreads=2, memory_limit=4 * 2**30, local_directory="", nanny=None, server_id=f"w-{i}", scheduler=big.scheduler)
        used = int(max(0.1, min(3.9, random.gauss(1.6, 0.6))) * 2**30)
        ws.metrics = {"task_counts": {}, "cpu": random.random() * 200, "memory": used,
            "spilled_bytes": {"memory": 0, "disk": 0}}
        ws.nbytes, ws._memory_unmanaged_old = used // 2, used // 4
        big.scheduler.workers[ws.address] = ws
big.loop.add_callback(crowd, 1000)
memory_of_many = dasklens.Memory(many, window=60)
memory_of_many`;
const [SETUP, FIGURE, BLOCKED, MANY] = [0, 1, 2, 3];

// One story: what one test holds in memory is seen by the next.
test.describe.configure({ mode: 'serial' });

let page: Page;
const errors: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('pageerror', error => errors.push(error.message));
  await openNotebook(page, 'memory.ipynb', [SMALL, MEMORY, BLOCK, CROWD]);
  await runCell(page, SETUP);
  await runCell(page, FIGURE);
});

test.afterAll(async () => {
  await python(page, 'added.terminate(); big.scheduler.workers.clear()').catch(() => undefined);
  await endKernels(page);
  await page.close();
  expect(errors).toEqual([]);
});

const output = (index = FIGURE): Locator => cell(page, index).locator('.jp-Cell-outputArea');
const part = (index = FIGURE): Locator => output(index).locator('.dasklens-memory');
const figures = (index = FIGURE): Locator => output(index).locator('.bqplot:visible');
const bars = (index = FIGURE): Locator => output(index).locator('.bqplot:visible .bargroup');
const words = (index = FIGURE): Locator => part(index).locator('.dasklens-memory-words');

/** Sizes of the rectangles of a bar in CSS pixels, in the order of the legend. */
const widths = (bar: Locator): Promise<number[]> =>
  bar.locator('rect').evaluateAll(all => all.map(each => each.getBoundingClientRect().width));

async function picture(name: string, of: Locator = output()): Promise<void> {
  if (process.env.SHOTS) {
    await of.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
  }
}

test('there is a bar for each worker, and the cluster over time', async () => {
  await expect(part().locator('.dasklens-phase')).toHaveAttribute('data-phase', 'live');
  await expect(words()).toHaveText(/^[\d.]+ MiB of 4\.00 GiB \(\d+ %\) in use, 3 workers$/);
  // What is not on screen is not drawn.
  await scrollTo(output().locator('.bqplot').last());
  await expect(figures()).toHaveCount(2);
  await expect(bars()).toHaveCount(3);
  await expect(figures().first()).toHaveAttribute(
    'aria-label',
    /^Memory of the cluster over time: [\d.]+ MiB of/
  );
  await expect(figures().nth(1)).toHaveAttribute('role', 'img');
  await expect(part().locator('[role=listitem]:visible')).toHaveText([
    'managed',
    'unmanaged',
    'unmanaged recent',
    'spilled to disk',
    'target',
    'spill',
    'pause',
    'limit'
  ]);
});

test('names of workers are text, and axes say their unit', async () => {
  const texts = await figures().nth(1).locator('text').allTextContents();
  expect(texts.filter(text => text.includes('…')).length).toBe(1);
  expect(texts).toContain('GiB');
  await expect(output().locator('img')).toHaveCount(0);
  expect(await page.evaluate(() => (window as any).hacked)).toBeUndefined();
});

test('what it shows is what the scheduler says', async () => {
  const said = await python<number[]>(
    page,
    'print(json.dumps([memory.totals[name][-1] for name in ("process", "managed", "limit", "workers")]))'
  );
  const used = await python<number>(
    page,
    'print(json.dumps(sum(w["metrics"]["memory"] for w in client.scheduler_info(n_workers=-1)["workers"].values())))'
  );
  expect(said[0]).toBeGreaterThan(0.5 * used);
  expect(said[0]).toBeLessThan(1.5 * used);
  expect(said.slice(2)).toEqual([4 * 2 ** 30, 3]);
});

test('memory that a task took is seen while the kernel is busy', async () => {
  const [before] = await widths(bars().filter({ hasText: '' }).nth(1));
  await startCell(page, BLOCKED);
  const prompt = cell(page, BLOCKED).locator('.jp-InputArea-prompt');
  await expect(prompt).toHaveText('[*]:');
  await scrollTo(part());
  await expect
    .poll(async () => {
      const all = await Promise.all([0, 1, 2].map(async i => (await widths(bars().nth(i)))[0]));
      return Math.max(...all);
    })
    .toBeGreaterThan(before + 60);
  await expect(prompt).toHaveText('[*]:');
  // It is the bar beside the name of the worker that has it.
  const boxes = await Promise.all([0, 1, 2].map(i => bars().nth(i).locator('rect').first().boundingBox()));
  const widest = boxes.sort((a, b) => (b?.width ?? 0) - (a?.width ?? 0))[0];
  const ones = figures().nth(1).locator('.tick text', { hasText: /^1$/ });
  // The other axis has one too, below.
  const [name] = (await Promise.all([0, 1].map(i => ones.nth(i).boundingBox()))).sort(
    (a, b) => (a?.y ?? 0) - (b?.y ?? 0)
  );
  const middle = (box: typeof name) => (box ? box.y + box.height / 2 : NaN);
  expect(Math.abs(middle(widest) - middle(name))).toBeLessThan(6);
  await page.request.put('/api/contents/let-go-memory.txt', {
    data: { type: 'file', format: 'text', content: '' }
  });
  await expect(prompt).toHaveText(/^\[\d+\]:$/);
});

test('the pointer says what is under it', async () => {
  const tip = part().locator('.dasklens-memory-tip');
  const at = async (figure: Locator, x: number, y: number): Promise<void> => {
    const box = await boxOf(figure.locator('canvas'));
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  };
  await at(figures().nth(1), 0.3, 0.5);
  await expect(tip).toBeVisible();
  await expect(tip).toContainText(/in use [\d.]+ MiB of 1\.00 GiB/);
  await at(figures().nth(1), 0.3, 0.15);
  await expect(tip).toContainText(HOSTILE);
  if (process.env.SHOTS) {
    await page.screenshot({ path: `${process.env.SHOTS}/memory-tip.png` });
  }
  await at(figures().first(), 0.9, 0.5);
  await expect(tip).toContainText(/managed [\d.]+ MiB/);
  await page.mouse.move(5, 5);
  await expect(tip).toBeHidden();
});

test('it is legible in the light and in the dark, at the width of a cell and of a side panel', async () => {
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    for (const width of ['', '300px']) {
      await part().evaluate((el, to) => ((el.parentElement as HTMLElement).style.width = to), width);
      const plot = figures().first().locator('canvas');
      const wide = async (): Promise<number> => (await plot.boundingBox())?.width ?? 0;
      await expect.poll(wide).toBeGreaterThan(width ? 150 : 500);
      await expect.poll(wide).toBeLessThan(width ? 300 : 1200);
      await picture(`memory-${theme}-${width || 'cell'}`);
      const faint = (await textsIn(output())).filter(({ contrast }) => contrast < 4.5);
      expect(faint, `${theme} ${width}`).toEqual([]);
    }
    await part().evaluate(el => ((el.parentElement as HTMLElement).style.width = ''));
  }
});

test('a thousand workers are quantiles over time and a histogram', async () => {
  await startCell(page, MANY);
  await expect(words(MANY)).toHaveText(/1,000 workers$/);
  await scrollTo(output(MANY).locator('.bqplot').nth(2));
  await expect(figures(MANY)).toHaveCount(3);
  await expect(bars(MANY)).toHaveCount(24);
  const heights = await bars(MANY)
    .locator('rect')
    .evaluateAll(all => all.map(each => each.getBoundingClientRect().height));
  expect(Math.max(...heights)).toBeGreaterThan(50);
  await expect(figures(MANY).nth(1)).toHaveAttribute('aria-label', /quantiles/);
  await expect
    .poll(() => python(page, 'print(json.dumps(len(memory_of_many.totals["time"]) > 3))'))
    .toBe(true);
  const areas = (at: number): Promise<number[]> =>
    figures(MANY)
      .nth(at)
      .locator('.area')
      .evaluateAll(all => all.map(each => each.getBoundingClientRect().height));
  expect(Math.max(...(await areas(0)))).toBeGreaterThan(20);
  expect(Math.max(...(await areas(1)))).toBeGreaterThan(20);
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    await picture(`memory-many-${theme}`, output(MANY));
  }
});

test('when the client closes the picture stays, and says so', async () => {
  await python(page, 'client.close()');
  await expect(part().locator('.dasklens-phase')).toHaveAttribute('data-phase', 'finished');
  await scrollTo(figures().first());
  const height = (): Promise<number> =>
    figures()
      .first()
      .locator('.area')
      .evaluateAll(all => Math.max(0, ...all.map(each => each.getBoundingClientRect().height)));
  await expect.poll(height).toBeGreaterThan(20);
});
