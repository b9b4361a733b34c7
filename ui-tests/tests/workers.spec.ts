// The table of workers of a real cluster, in a real JupyterLab: what it says is what the scheduler says.

import { expect, test, type Locator, type Page } from '@playwright/test';

import { CLUSTER, endKernels, python } from '../cluster';
import { textsIn } from '../colours';
import { canvasOf, markOf } from '../mark';
import { cell, changeTheme, openNotebook, runCell, startCell } from '../notebook';
import { scrollTo } from '../scrolling';

const HOSTILE = '<img src=x onerror="window.hacked = 1"><b>bold</b>';
/** No workers yet; three come later, one of them with a name that is markup. */
const NO_WORKERS = `${CLUSTER.replace('n_workers=2', 'n_workers=0')}
import ipywidgets, subprocess, sys
def add(name):
    command = [sys.executable, "-m", "distributed.cli.dask_worker", client.scheduler.address, "--name", name]
    command += ["--nthreads", "2", "--memory-limit", "1 GiB", "--no-dashboard", "--host", "127.0.0.1"]
    added.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
added = []
`;
const WORKERS = `
import dasklens
workers = dasklens.Workers(client)
workers`;
const STREAM = `
stream = dasklens.TaskStream(client)
_ = ipywidgets.link((workers, "selected"), (stream, "worker"))
stream`;
const BLOCK = `
blob = client.submit(lambda: b"x" * 300_000_000, key="blob", workers="alpha")
begin = time.time()
while not os.path.exists("let-go-workers.txt") and time.time() < begin + 60:
    time.sleep(0.05)
`;
const [SETUP, TABLE, LANES, BLOCKED] = [0, 1, 2, 3];
/** Before letters and digits in the order of names. */
const NAMES = [HOSTILE, '0', '1', 'alpha'];

// One story: the workers that one test starts are those of the next.
test.describe.configure({ mode: 'serial' });

let page: Page;
const errors: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('pageerror', error => errors.push(error.message));
  await openNotebook(page, 'workers.ipynb', [NO_WORKERS, WORKERS, STREAM, BLOCK]);
  await runCell(page, SETUP);
  await runCell(page, TABLE);
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
  expect(errors).toEqual([]);
});

const table = (): Locator => cell(page, TABLE).locator('.dasklens-workers');
const grid = (): Locator => table().locator('[role=grid]');
const rows = (): Locator => grid().locator('.dasklens-line');
const names = (): Promise<string[]> => rows().locator('[data-key=name]').allInnerTexts();
const row = (name: string): Locator =>
  rows().filter({ has: page.locator('[data-key=name]', { hasText: new RegExp(`^${name}$`) }) });
const selected = (): Promise<string | null> => python(page, 'print(json.dumps(workers.selected))');

async function sortBy(header: RegExp): Promise<void> {
  await grid().locator('[role=columnheader] button', { hasText: header }).click();
}

test('without workers it says what to do', async () => {
  await expect(table().locator('.dasklens-phase')).toHaveAttribute('data-phase', 'live');
  await expect(table().locator('.dasklens-empty')).toHaveText(
    'No workers yet. Start some, e.g. cluster.scale(2).'
  );
  await expect(grid()).toBeHidden();
});

test('workers come by themselves, and their names are text', async () => {
  await python(
    page,
    `[add(name) for name in ("alpha", ${JSON.stringify(HOSTILE)})]; client.cluster.scale(2)`
  );
  await expect(rows()).toHaveCount(4, { timeout: 60_000 });
  expect(await names()).toEqual(NAMES);
  expect(await grid().locator('img, b').count()).toBe(0);
  expect(await page.evaluate(() => (window as any).hacked)).toBeUndefined();
  await expect(table().locator('.dasklens-count')).toHaveText('4 workers');
  await expect(grid().locator('.dasklens-sum')).toContainText('Total (4)');
});

test('what it says is what the scheduler says', async () => {
  const held = 'x = client.submit(lambda: b"x" * 50_000_000, workers="alpha", key="x"); distributed.wait(x)';
  await python(page, held);
  const said = `
info = client.scheduler_info()["workers"]
print(json.dumps({str(w["name"]): [a, w["nthreads"], w["memory_limit"]] for a, w in info.items()}))`;
  const info = await python<Record<string, [string, number, number]>>(page, said);
  const [address] = info.alpha;
  const alpha = row('alpha');
  await expect(alpha.locator('[data-key=name]')).toHaveAttribute('title', `alpha\n${address}`);
  await expect(alpha.locator('[data-key=process]')).toHaveText(/^\d+(\.\d+)? \/ 1(\.0+)? GiB$/);
  await expect(alpha.locator('[data-key=managed]')).toHaveText('47.7 MiB');
  await expect(alpha.locator('[data-key=status]')).toHaveText('running');
  const data = await python<{ name: string; managed: number; address: string }[]>(
    page,
    'print(json.dumps(workers.data))'
  );
  expect(data.map(each => each.address).sort()).toEqual(
    Object.values(info)
      .map(([each]) => each)
      .sort()
  );
  expect(data.find(each => each.name === 'alpha')?.managed).toBeGreaterThan(49_000_000);
});

test('headers sort, with the mouse and the keyboard', async () => {
  const header = grid().locator('[role=columnheader]', { hasText: /^Managed/ });
  await expect(header).toHaveAttribute('aria-sort', 'none');
  await sortBy(/^Managed/);
  await expect(header).toHaveAttribute('aria-sort', 'descending');
  await expect.poll(async () => (await names())[0]).toBe('alpha');
  await header.locator('button').press('Enter');
  await expect(header).toHaveAttribute('aria-sort', 'ascending');
  await page.mouse.move(5, 5);
  await expect.poll(async () => (await names()).at(-1)).toBe('alpha');
  await expect.poll(() => python(page, 'print(json.dumps(workers.sort))')).toBe('managed');
  await sortBy(/^Worker/);
  await expect.poll(() => python(page, 'print(json.dumps(workers.sort))')).toBe('name');
});

test('a filter says how many of how many', async () => {
  const search = table().locator('input[type=search]');
  await search.fill('ALPHA');
  await expect(rows()).toHaveCount(1);
  await expect(table().locator('.dasklens-count')).toHaveText('1 of 4 workers');
  await search.fill('nobody');
  await expect(table().locator('.dasklens-empty')).toHaveText('No worker matches.');
  await search.press('Escape');
  await expect(rows()).toHaveCount(4);
});

test('arrow keys and Enter choose a worker, and its lanes come into sight', async () => {
  await python(page, '_ = client.gather([client.submit(time.sleep, 0.05, pure=False) for _ in range(80)])');
  await runCell(page, LANES);
  const mark = await markOf(page, LANES);
  await expect.poll(() => mark.evaluate(m => m.log.lanes.length)).toBe(8);
  await scrollTo(grid());
  await grid().focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press('ArrowDown');
  }
  const active = await grid().getAttribute('aria-activedescendant');
  expect(active).toBe(await row('alpha').getAttribute('id'));
  await page.keyboard.press('Enter');
  await expect(row('alpha')).toHaveAttribute('aria-selected', 'true');
  const address = await python<string>(
    page,
    'print(json.dumps(next(a for a, w in client.scheduler_info()["workers"].items() if w["name"] == "alpha")))'
  );
  await expect.poll(selected).toBe(address);
  await expect.poll(() => mark.evaluate(m => m.get('worker'))).toBe(address);
  await scrollTo(canvasOf(page, LANES));
  const opaque = (part: number): Promise<number> =>
    canvasOf(page, LANES).evaluate((element, at) => {
      const canvas = element as HTMLCanvasElement;
      const height = Math.floor(canvas.height / 4);
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
        0,
        Math.round(at * height),
        canvas.width,
        height
      );
      return data.filter((alpha, i) => i % 4 === 3 && alpha > 200).length;
    }, part);
  if (process.env.SHOTS) {
    await cell(page, LANES).screenshot({ path: `${process.env.SHOTS}/lanes.png` });
  }
  // Lanes are in the order of the names: alpha's two are the last.
  await expect.poll(() => opaque(3)).toBeGreaterThan(500);
  await expect.poll(() => opaque(0), { timeout: 5000 }).toBe(0);
  await grid().focus();
  await page.keyboard.press('Escape');
  await expect.poll(selected).toBe(null);
  await expect.poll(() => opaque(0)).toBeGreaterThan(500);
  await row('alpha').click();
  await expect.poll(selected).toBe(address);
  await row('alpha').click();
  await expect.poll(selected).toBe(null);
});

test('it stays live, and answers, while the kernel is busy', async () => {
  await startCell(page, BLOCKED);
  const prompt = cell(page, BLOCKED).locator('.jp-InputArea-prompt');
  await expect(prompt).toHaveText('[*]:');
  await scrollTo(table());
  await expect(row('alpha').locator('[data-key=managed]')).toHaveText('333.8 MiB', { timeout: 15_000 });
  const sum = async (): Promise<number> =>
    parseFloat(await grid().locator('.dasklens-sum [data-key=managed]').innerText());
  await expect.poll(sum, { timeout: 15_000 }).toBeGreaterThan(280);
  await row('alpha').click();
  await expect(row('alpha')).toHaveAttribute('aria-selected', 'true');
  await expect(row('alpha').locator('[data-key=seen]')).toHaveText(/^(now|\d s ago)$/);
  await expect(prompt).toHaveText('[*]:');
  await page.request.put('/api/contents/let-go-workers.txt', {
    data: { type: 'file', format: 'text', content: '' }
  });
  await expect(prompt).toHaveText(/^\[\d+\]:$/);
  await expect.poll(selected).not.toBe(null);
  await row('alpha').click();
  await expect.poll(selected).toBe(null);
});

test('columns can be chosen, and come by themselves with the room there is', async () => {
  const headers = (): Promise<string[]> => grid().locator('[role=columnheader]').allInnerTexts();
  expect((await headers()).slice(0, 4)).toEqual(['Worker', 'Status', 'CPU', 'Memory']);
  await table().evaluate(el => ((el as HTMLElement).style.width = '300px'));
  await expect.poll(headers).toEqual(['Worker', 'CPU', 'Memory']);
  const box = (name: string): Locator => table().locator('.dasklens-choices label', { hasText: name });
  const opener = table().locator('[data-action=columns]');
  await opener.click();
  await box('Last seen').locator('input').check();
  await expect.poll(headers).toEqual(['Worker', 'CPU', 'Memory', 'Last seen']);
  await expect
    .poll(() => python(page, 'print(json.dumps(workers.columns))'))
    .toEqual(['cpu', 'process', 'seen']);
  await box('As many as fit').locator('input').check();
  await expect.poll(headers).toEqual(['Worker', 'CPU', 'Memory']);
  await page.keyboard.press('Escape');
  await expect(opener).toBeFocused();
  await table().evaluate(el => ((el as HTMLElement).style.width = ''));
});

test('a worker that dies leaves in words, and its successor comes', async () => {
  const at = 'next(w["address"] for w in workers.data if w["name"] == "0")';
  const before = await python<string>(page, `print(json.dumps(${at}))`);
  const die = `
def die():
    threading.Timer(0.2, os._exit, [1]).start()
client.run(die, workers=[${JSON.stringify(before)}])`;
  await python(page, die);
  const left = rows().locator('[data-key=status]', { hasText: 'left' });
  await expect(left).toHaveText(/^left (now|\d+ s ago)$/);
  await expect(table().locator('.dasklens-count')).toHaveText('4 workers, 1 left', { timeout: 60_000 });
  await expect(rows()).toHaveCount(5);
  expect(await names()).toEqual([...NAMES, '0']);
});

test('it is legible in the light and in the dark, at the width of a cell and of a side panel', async () => {
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    for (const width of ['', '300px']) {
      await table().evaluate((el, to) => ((el as HTMLElement).style.width = to), width);
      // The row that left is dimmed on purpose.
      const texts = (await textsIn(table())).filter(({ text }) => !/left/.test(text));
      expect(texts.length).toBeGreaterThan(10);
      await expect(rows().first()).toBeVisible();
      if (process.env.SHOTS) {
        await table().screenshot({ path: `${process.env.SHOTS}/workers-${theme}-${width || 'cell'}.png` });
      }
      const faint = texts.filter(({ contrast }) => contrast < 4.5);
      expect(faint, `${theme} ${width}`).toEqual([]);
    }
    await table().evaluate(el => ((el as HTMLElement).style.width = ''));
  }
});

test('when the client closes the table stays, and says so', async () => {
  await python(page, 'client.close()');
  await expect(table().locator('.dasklens-phase')).toHaveAttribute('data-phase', 'finished');
  await expect(rows()).not.toHaveCount(0);
});
