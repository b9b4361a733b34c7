// The live task stream of real work, in a real JupyterLab: what it says is what ran.

import { expect, test, type JSHandle, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';

import { CLUSTER, endKernels, python, type Logged } from '../cluster';
import { canvasOf, markOf, partOf, pixels, pointOf, tasksOf, tool, type Mark } from '../mark';
import { openNotebook, runCell, startCell } from '../notebook';
import { boxOf } from '../scrolling';

const WORK = `
import dasklens
with distributed.get_task_stream() as theirs, dasklens.get_task_stream() as ours:
    x = da.random.random((2000, 2000), chunks=(250, 250))
    (x + x.T).mean(axis=0).sum().compute()
    frame = pd.DataFrame({"a": range(1000), "b": range(1000)})
    dd.from_pandas(frame, npartitions=8).groupby("a").b.sum().compute()
    # Each takes a time of its own, so that none can be taken for another.
    seconds = [0.15 + 0.004 * i for i in range(30)]
    futures = [client.submit(logged, i, s, log, pure=False) for i, s in enumerate(seconds)]
    boom = client.submit(failing, 0.002, "the reactor is too hot", key="boom-1")
    distributed.wait([*futures, boom])
print(len(theirs.data), len(ours.data))
`;
const STREAM = `ts = dasklens.TaskStream()
ts`;
/** Index of the cell that shows the stream. */
const TS = 2;

let page: Page;
let mark: JSHandle<Mark>;
let firstPicture: number;

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  await openNotebook(page, 'task-stream.ipynb', [CLUSTER, WORK, STREAM]);
  await runCell(page, 0);
  await runCell(page, 1);
  const begin = Date.now();
  await startCell(page, TS);
  mark = await markOf(page, TS);
  await mark.evaluate(
    m =>
      new Promise<void>(resolve => {
        const look = (): unknown => (m.log.nRecords > 0 ? resolve() : requestAnimationFrame(look));
        look();
      })
  );
  firstPicture = Date.now() - begin;
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
});

/** What an earlier test left behind. */
test.beforeEach(async () => {
  await page.mouse.move(5, 5);
  await tool(page, TS, 'reset').click();
  await partOf(page, TS, 'toolbar').locator('..').locator('.bqplot').focus();
  await page.keyboard.press('Escape');
  await expect.poll(() => mark.evaluate(m => [m.get('selected'), m.get('interval')])).toEqual([null, null]);
});

test('tasks that ran before anybody looked are there at once, every one of them', async () => {
  console.log(`first picture ${firstPicture} ms after the cell was started`);
  expect(firstPicture).toBeLessThan(5000);

  const counts = '[len(theirs.data), len(ours.data), sum(len(t["startstops"]) for t in ours.data)]';
  const [theirs, ours, spans] = await python<number[]>(page, `print(json.dumps(${counts}))`);
  expect(ours).toBeGreaterThan(100);
  expect(ours).toBe(theirs);
  await expect.poll(() => mark.evaluate(m => m.log.nRecords)).toBe(ours);
  expect(await mark.evaluate(m => m.log.nSpans)).toBe(spans);
  expect(await mark.evaluate(m => m.log.nErrors)).toBe(1);
  await expect(partOf(page, TS, 'count')).toHaveText(`${ours.toLocaleString('en')} tasks`);
  await expect(partOf(page, TS, 'phase')).toHaveAttribute('data-phase', 'live');
  expect(await pixels(canvasOf(page, TS))).toBeGreaterThan(1000);
  await expect(canvasOf(page, TS)).toHaveAttribute(
    'aria-label',
    new RegExp(`${ours} tasks, 1 of them erred, on 4 threads of 2 workers`)
  );
});

test('three random tasks ran when and where they say themselves', async () => {
  const lines = await python<Logged[]>(page, 'print(json.dumps([json.loads(s) for s in open(log)]))');
  expect(lines).toHaveLength(30);
  const tasks = new Map((await tasksOf(mark)).map(task => [task.key, task]));
  for (const line of lines.sort(() => Math.random() - 0.5).slice(0, 3)) {
    const task = tasks.get(line.key);
    const what = `${JSON.stringify(line)} is in the page ${JSON.stringify(task)}`;
    expect(task?.worker, what).toBe(line.worker);
    expect(task?.thread, what).toBe(line.thread);
    const work = task?.startstops.find(each => each.action === 'compute');
    if (!work) {
      throw new Error(what);
    }
    // The span is the task's own time and what calling it took.
    expect(line.start - work.start, what).toBeGreaterThan(-0.005);
    expect(line.start - work.start, what).toBeLessThan(0.05);
    expect(work.stop - line.stop, what).toBeGreaterThan(-0.005);
    expect(work.stop - line.stop, what).toBeLessThan(0.05);
  }
});

test('the pointer on a span names its task, a click selects it for Python, Escape lets go', async () => {
  const lines = await python<Logged[]>(page, 'print(json.dumps([json.loads(s) for s in open(log)]))');
  const { key } = lines[Math.floor(Math.random() * lines.length)];
  const { x, y } = await pointOf(page, TS, mark, key);
  const line = partOf(page, TS, 'detail-line').locator('.dasklens-task');
  await page.mouse.move(x, y);
  await expect(line).toHaveText(key);
  await expect(page.locator('.dasklens-tooltip:visible div').first()).toHaveText(key);
  await page.mouse.move(5, 5);
  await expect(line).toHaveCount(0);
  await expect(page.locator('.dasklens-tooltip:visible')).toHaveCount(0);

  await page.mouse.click(x, y);
  await expect(partOf(page, TS, 'panel').locator('code')).toHaveText(key);
  const selected = (): Promise<unknown> =>
    python(page, 'print(json.dumps(ts.selected and [ts.selected["key"], ts.selected["thread"]]))');
  const thread = lines.find(each => each.key === key)?.thread;
  await expect.poll(selected).toEqual([key, thread]);

  await page.keyboard.press('Escape');
  await expect(partOf(page, TS, 'panel')).toBeHidden();
  await expect.poll(selected).toBe(null);
});

test('the wheel zooms where the pointer is, dragging pans, one click follows again', async () => {
  const time = (): Promise<readonly [number, number]> => mark.evaluate(m => m.time);
  const follow = tool(page, TS, 'follow');
  await follow.click();
  await expect(follow).toHaveText('Following');
  await expect.poll(() => mark.evaluate(m => m.get('follow'))).toBe(true);

  const { x, y, width, height } = await boxOf(canvasOf(page, TS));
  const before = await time();
  await page.mouse.move(x + 0.25 * width, y + 0.5 * height);
  await page.mouse.wheel(0, -400);
  await expect(follow).toHaveText('Follow');
  await expect
    .poll(async () => (await time())[1] - (await time())[0])
    .toBeLessThan(0.6 * (before[1] - before[0]));
  const zoomed = await time();
  const at = ([a, b]: readonly [number, number]): number => a + 0.25 * (b - a);
  expect(Math.abs(at(zoomed) - at(before))).toBeLessThan((2 * (before[1] - before[0])) / width);

  await page.mouse.down();
  await page.mouse.move(x + 0.25 * width + 100, y + 0.5 * height, { steps: 4 });
  await page.mouse.up();
  const panned = await time();
  const pixel = (zoomed[1] - zoomed[0]) / width;
  expect(Math.abs(zoomed[0] - panned[0] - 100 * pixel)).toBeLessThan(2 * pixel);
  expect(panned[1] - panned[0]).toBeCloseTo(zoomed[1] - zoomed[0], 6);
  await expect.poll(() => python(page, 'print(json.dumps(ts.follow))')).toBe(false);

  await follow.click();
  await expect(follow).toHaveText('Following');
  await expect.poll(async () => Math.abs((await time())[1] - before[1])).toBeLessThan(0.5);
  await expect.poll(() => python(page, 'print(json.dumps(ts.follow))')).toBe(true);
});

test('the keyboard pans and zooms', async () => {
  const time = (): Promise<readonly [number, number]> => mark.evaluate(m => m.time);
  const [start, stop] = await time();
  await page.keyboard.press('ArrowLeft');
  await expect.poll(async () => (await time())[0]).toBeLessThan(start);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('+');
  await expect.poll(async () => (await time())[1] - (await time())[0]).toBeLessThan(0.85 * (stop - start));
  await page.keyboard.press('-');
  await page.keyboard.press('-');
  await expect.poll(async () => (await time())[1] - (await time())[0]).toBeGreaterThan(1.2 * (stop - start));
  await page.keyboard.press('Home');
  await expect.poll(time).toEqual([start, stop]);
});

test('a brushed interval and a highlighted prefix arrive in Python', async () => {
  const { x, y, width, height } = await boxOf(canvasOf(page, TS));
  const [start, stop] = await mark.evaluate(m => m.time);
  await tool(page, TS, 'brush').click();
  await page.mouse.move(x + 0.2 * width, y + 0.5 * height);
  await page.mouse.down();
  await page.mouse.move(x + 0.6 * width, y + 0.5 * height, { steps: 4 });
  await page.mouse.up();
  await tool(page, TS, 'brush').click();
  await expect(partOf(page, TS, 'detail-line')).toContainText('selected interval');
  const interval = (): Promise<number[] | null> => python(page, 'print(json.dumps(ts.interval))');
  await expect.poll(interval).not.toBe(null);
  const [a, b] = (await interval()) as number[];
  const pixel = (stop - start) / width;
  expect(Math.abs(a - start - 0.2 * (stop - start))).toBeLessThan(2 * pixel);
  expect(Math.abs(b - start - 0.6 * (stop - start))).toBeLessThan(2 * pixel);
  expect(await mark.evaluate(m => m.time)).toEqual([start, stop]);

  const row = partOf(page, TS, 'row').filter({ hasText: 'logged' });
  await row.click();
  await expect(row).toHaveAttribute('aria-pressed', 'true');
  const highlight = (): Promise<string[]> => python(page, 'print(json.dumps(ts.highlight))');
  await expect.poll(highlight).toEqual(['logged']);
  await tool(page, TS, 'reset').hover();
  await partOf(page, TS, 'legend').locator('[data-action=clear]').click();
  await expect.poll(highlight).toEqual([]);
});

test('an erred task is to be seen in a day of nothing, and says what went wrong', async () => {
  const canvas = canvasOf(page, TS);
  for (let i = 0; i < 16; i++) {
    await tool(page, TS, 'zoom-out').click();
  }
  await expect.poll(() => mark.evaluate(m => m.time[1] - m.time[0])).toBeGreaterThan(86_400);
  const colour = await canvas.evaluate(element => {
    const probe = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
    probe.fillStyle = getComputedStyle(element).getPropertyValue('--jp-error-color1');
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3) as [number, number, number];
  });
  const { y } = await pointOf(page, TS, mark, 'boom-1');
  const { x, y: top, width, height } = await boxOf(canvas);
  const lane = Math.floor((4 * (y - top)) / height);
  const red = (at: number): Promise<number> => pixels(canvas, { colour, from: at / 4, to: (at + 1) / 4 });
  // Its pattern leaves half of them.
  await expect.poll(() => red(lane)).toBeGreaterThan(20);
  for (const other of [0, 1, 2, 3].filter(at => at !== lane)) {
    expect(await red(other), `lane ${other}`).toBe(0);
  }
  await page.mouse.move(x + width / 2, y);
  const line = partOf(page, TS, 'detail-line');
  await expect
    .poll(async () => {
      // Which column of pixels it is in depends on roundings, and a whole step can step over it: the
      // canvas has a few pixels more than the page.
      for (const dx of [0, -0.5, 0.5, -1, 1, -1.5, 1.5, -2, 2]) {
        await page.mouse.move(x + width / 2 + dx, y);
        if ((await line.innerText()).includes('failed')) {
          return line.innerText();
        }
      }
      return '';
    })
    .toContain('the reactor is too hot');
  await page.mouse.down();
  await page.mouse.up();
  await expect(partOf(page, TS, 'exception')).toContainText('the reactor is too hot');
  await expect(partOf(page, TS, 'traceback')).toContainText('in failing');
});

test('pictures are saved as they are on screen', async () => {
  const canvas = await boxOf(canvasOf(page, TS));
  const figure = await boxOf(partOf(page, TS, 'toolbar').locator('..').locator('.bqplot'));
  const saved = async (kind: string): Promise<Buffer> => {
    const download = page.waitForEvent('download');
    await tool(page, TS, `save-${kind}`).click();
    expect((await download).suggestedFilename()).toBe(`task-stream.${kind}`);
    return readFileSync(await (await download).path());
  };
  const size = (png: Buffer): [number, number] => {
    expect(png.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
    return [png.readUInt32BE(16), png.readUInt32BE(20)];
  };
  const [width, height] = size(await saved('png'));
  expect(Math.abs(width - figure.width)).toBeLessThanOrEqual(1);
  expect(Math.abs(height - figure.height)).toBeLessThanOrEqual(1);

  const svg = (await saved('svg')).toString();
  expect(svg).toMatch(/^<svg /);
  const image = /<image[^>]*>/.exec(svg)?.[0] ?? '';
  const number = (name: string): number => Number(new RegExp(` ${name}="([^"]+)"`).exec(image)?.[1]);
  expect(number('width') / number('height')).toBeCloseTo(canvas.width / canvas.height, 2);
  const data = /base64,([^"]+)"/.exec(image)?.[1] ?? '';
  const [columns, lines] = size(Buffer.from(data, 'base64'));
  expect(columns / lines).toBeCloseTo(canvas.width / canvas.height, 2);
  expect(svg).toContain('worker 0');
});
