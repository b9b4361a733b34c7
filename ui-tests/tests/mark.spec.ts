// The mark on a page of its own, without Jupyter and without a kernel: screens with more pixels, sizes
// that change, figures that are hidden, several views of one model, nothing to show, the keyboard.

import { expect, test, type Page } from '@playwright/test';

import { cutOff } from '../colours';
import { fill } from '../figure/open.cjs';
import type {} from '../figure/stage';

/** Tasks of four threads, a second each with a gap behind them; thread n begins n tenths late. */
const THREADS = 4;
const EACH = 10;
const LONG = 0.8;
const startOf = (thread: number, i: number): number => i + thread / 10;
const TASKS = Array.from({ length: THREADS * EACH }, (_, k) => {
  const [thread, i] = [k % THREADS, Math.floor(k / THREADS)];
  return {
    key: `-${thread}-${i}`,
    prefix: thread % 2 ? 'add' : 'inc',
    worker: `tcp://w${Math.floor(thread / 2)}`,
    workerName: String(Math.floor(thread / 2)),
    thread: thread % 2,
    spans: [{ start: startOf(thread, i), stop: startOf(thread, i) + LONG }]
  };
});
const keyOf = (thread: number, i: number): string => `${thread % 2 ? 'add' : 'inc'}-${thread}-${i}`;
const BASE = 1.79e9;

let errors: Error[];

async function show(page: Page, state: Record<string, unknown> = {}, tasks = TASKS): Promise<void> {
  errors = await fill(page);
  await page.evaluate(
    async ([state, tasks]) => {
      await window.stage.start(800, 400, state);
      if (tasks.length > 0) {
        window.stage.feed(tasks);
      }
    },
    [{ follow: false, ...state }, tasks] as const
  );
  await settle(page);
}

/** What was asked for is done with the next animation frame, and painted behind it. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await window.frame();
    await window.frame();
  });
}

interface Canvas {
  width: number;
  height: number;
  /** The plot on the page, in CSS pixels. */
  box: { left: number; top: number; width: number; height: number };
  time: readonly [number, number];
  /** Per lane whether each pixel of the line through its middle shows anything. */
  lanes: boolean[][];
}

async function canvas(page: Page, view = 0): Promise<Canvas> {
  return page.evaluate(
    ([view, threads]) => {
      const { views, model } = window.stage;
      const element = views[view].webGLCanvas as HTMLCanvasElement;
      const { width, height } = element;
      const context = element.getContext('2d') as CanvasRenderingContext2D;
      const lanes = Array.from({ length: threads }, (_, lane) => {
        const y = Math.floor(((lane + 0.5) * height) / threads);
        const { data } = context.getImageData(0, y, width, 1);
        return Array.from({ length: width }, (_, x) => data[4 * x + 3] > 0);
      });
      const box = element.getBoundingClientRect();
      return {
        width,
        height,
        box: { left: box.left, top: box.top, width: box.width, height: box.height },
        time: model.time,
        lanes
      };
    },
    [view, THREADS] as const
  );
}

/** Part of a lane's pixels that are as the tasks say. */
function right({ width, lanes, time }: Canvas, tasks = TASKS): number {
  let same = 0;
  lanes.forEach((line, lane) =>
    line.forEach((painted, x) => {
      const at = time[0] - BASE + ((x + 0.5) * (time[1] - time[0])) / width;
      const wanted = tasks.some(
        (task, k) => k % THREADS === lane && task.spans[0].start <= at && at < task.spans[0].stop
      );
      same += wanted === painted ? 1 : 0;
    })
  );
  return same / (width * lanes.length);
}

/** All but the pixels at the edges of tasks, which are covered in part. */
const EXACT = 0.95;

/** Where on the page a thread is at a time. */
function pointOf({ box, time }: Canvas, thread: number, at: number): [x: number, y: number] {
  return [
    box.left + ((BASE + at - time[0]) / (time[1] - time[0])) * box.width,
    box.top + ((thread + 0.5) / THREADS) * box.height
  ];
}

test.beforeEach(() => {
  errors = [];
});

test.afterEach(() => {
  expect(errors).toEqual([]);
});

for (const ratio of [1, 2]) {
  test.describe(`with ${ratio} device pixel(s) a CSS pixel`, () => {
    test.use({ deviceScaleFactor: ratio });

    test('the canvas has as many pixels, and the pointer finds what is painted under it', async ({
      page
    }) => {
      await show(page);
      const shown = await canvas(page);
      expect(shown.box.width).toBe(700);
      expect([shown.width, shown.height]).toEqual([700 * ratio, Math.round(shown.box.height * ratio)]);
      expect(right(shown)).toBeGreaterThan(EXACT);

      const tooltip = page.locator('.dasklens-tooltip');
      for (const [thread, i] of [
        [0, 0],
        [1, 4],
        [2, 7],
        [3, 9]
      ]) {
        const start = startOf(thread, i);
        // Up to a pixel from both ends: elsewhere a canvas of the wrong scale would be hit as well.
        for (const at of [start + 0.02, start + LONG / 2, start + LONG - 0.02]) {
          await page.mouse.move(...pointOf(shown, thread, at));
          await expect(tooltip).toBeVisible();
          await expect(tooltip).toContainText(keyOf(thread, i));
        }
        await page.mouse.move(...pointOf(shown, thread, start - 0.03));
        await expect(tooltip).toBeHidden();
      }
      await page.mouse.click(...pointOf(shown, 2, startOf(2, 3) + 0.02));
      expect(await page.evaluate(() => window.stage.model.get('selected').key)).toBe(keyOf(2, 3));
    });
  });
}

test('a figure that gets another size is painted anew in it', async ({ page }) => {
  await show(page);
  for (const [width, height] of [
    [1100, 400],
    [500, 300]
  ]) {
    await page.evaluate(
      ([width, height]) => window.stage.layout.set({ width: `${width}px`, height: `${height}px` }),
      [width, height]
    );
    await expect.poll(async () => (await canvas(page)).box.width).toBe(width - 100);
    await settle(page);
    const shown = await canvas(page);
    expect([shown.width, shown.height]).toEqual([width - 100, height - 40]);
    expect(right(shown)).toBeGreaterThan(EXACT);
  }
});

test('hidden, it paints nothing; shown again, the newest', async ({ page }) => {
  await show(page);
  const display = (value: string): Promise<void> =>
    page.evaluate(value => {
      window.stage.views[0].el.style.display = value;
    }, value);
  const before = await canvas(page);
  await display('none');
  // Observers are told in the order they were made: the view knows when this one does.
  await page.evaluate(
    () =>
      new Promise<void>(resolve => {
        const observer = new IntersectionObserver(([entry]) => {
          if (!entry.isIntersecting) {
            observer.disconnect();
            resolve();
          }
        });
        observer.observe(window.stage.views[0].el);
      })
  );
  const later = TASKS.map(task => ({
    ...task,
    key: `${task.key}-later`,
    spans: task.spans.map(({ start, stop }) => ({ start: start + EACH, stop: stop + EACH }))
  }));
  await page.evaluate(tasks => window.stage.feed(tasks), later);
  await settle(page);
  expect((await canvas(page)).lanes).toEqual(before.lanes);
  await display('');
  await expect.poll(async () => right(await canvas(page), [...TASKS, ...later])).toBeGreaterThan(EXACT);
  expect((await canvas(page)).time[1]).toBeGreaterThan(BASE + 2 * EACH - 0.5);
});

test('two views of a model show the same, move together, and one outlives the other', async ({ page }) => {
  await show(page);
  await page.evaluate(() => window.stage.addView());
  const pictures = (): Promise<string[]> =>
    page.evaluate(() => window.stage.views.map(view => (view.webGLCanvas as HTMLCanvasElement).toDataURL()));
  await settle(page);
  const [first, second] = await pictures();
  expect(second).toBe(first);

  const [x, y] = pointOf(await canvas(page, 1), 1, 3);
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, -300);
  await expect.poll(async () => (await canvas(page)).time[1] - BASE).toBeLessThan(9);
  await settle(page);
  const zoomed = await pictures();
  expect(zoomed[0]).not.toBe(first);
  expect(zoomed[1]).toBe(zoomed[0]);
  expect(right(await canvas(page, 1))).toBeGreaterThan(EXACT);

  await page.evaluate(() => {
    window.stage.views[0].remove();
    window.stage.model.zoomReset();
  });
  await settle(page);
  const alone = await canvas(page, 1);
  expect(alone.time[1] - BASE).toBeGreaterThan(EACH);
  expect(right(alone)).toBeGreaterThan(EXACT);
});

test('without tasks it says what to do, over an axis of the time of day', async ({ page }) => {
  await show(page, { follow: true }, []);
  const label = page.locator('canvas');
  await expect(label).toHaveAttribute('aria-label', /No tasks yet\. Run something on the cluster/);
  const inked = (): Promise<number> =>
    page.evaluate(() => {
      const element = window.stage.views[0].webGLCanvas as HTMLCanvasElement;
      const { data } = (element.getContext('2d') as CanvasRenderingContext2D).getImageData(
        0,
        element.height / 2 - 20,
        element.width,
        40
      );
      return data.filter((value, i) => i % 4 === 3 && value > 0).length;
    });
  expect(await inked()).toBeGreaterThan(200);
  const [start, stop] = await page.evaluate(() => window.stage.model.time);
  expect(stop - start).toBeCloseTo(30, 3);
  expect(Math.abs(stop - Date.now() / 1000)).toBeLessThan(20);
  const ticks = await page.locator('.axis .tick text').allTextContents();
  expect(ticks.length).toBeGreaterThanOrEqual(2);
  ticks.forEach(text => expect(text).toMatch(/^\d\d:\d\d:\d\d$/));

  await page.evaluate(() => window.stage.model.set('phase', 'connecting'));
  await expect(label).toHaveAttribute('aria-label', /Connecting to the scheduler/);
  await page.evaluate(tasks => {
    window.stage.model.set({ phase: 'live', follow: false });
    window.stage.feed(tasks);
  }, TASKS);
  await settle(page);
  expect(right(await canvas(page))).toBeGreaterThan(EXACT);
});

test('what was panned shows what a view shows that is new there', async ({ page }) => {
  // So many that a pan keeps the pixels that it can.
  const many = Array.from({ length: 2500 }, (_, i) =>
    TASKS.map(task => ({ ...task, key: `${task.key}-${i}` }))
  )
    .flat()
    .map((task, k) => {
      const start = Math.floor(k / TASKS.length) * 0.004 + (task.spans[0].start % 1) / 1000;
      // No two stretches are alike.
      return { ...task, spans: [{ start, stop: start + (0.003 * ((k * k) % 9973)) / 9973 }] };
    });
  await show(page, {}, many);
  const showTime = (from: number): Promise<void> =>
    page.evaluate(([base, from]) => window.stage.model.showTime([base + from, base + from + 7]), [
      BASE,
      from
    ] as const);
  await showTime(1);
  await settle(page);
  // Whole pixels further, there and back: 700 pixels are seven seconds.
  for (const from of [1.07, 1.5, 2.25, 2.01, 1.13]) {
    await showTime(from);
    await settle(page);
  }
  await page.evaluate(() => window.stage.addView());
  await settle(page);
  const [panned, fresh] = await page.evaluate(() =>
    window.stage.views.map(view => (view.webGLCanvas as HTMLCanvasElement).toDataURL())
  );
  expect((await canvas(page)).lanes.flat().filter(Boolean).length).toBeGreaterThan(1000);
  expect(panned).toBe(fresh);
});

test('a label at the edge of a figure with little room there is not cut off', async ({ page }) => {
  await show(page);
  await page.evaluate(base => window.stage.model.showTime([base + 2, base + 8]), BASE);
  await settle(page);
  const ticks = page.locator('.axis .tick text', { hasText: ':' });
  await expect(ticks).toHaveCount(7);
  expect(await cutOff(page.locator('.bqplot'))).toEqual([]);
  const moved = await ticks.evaluateAll(all => all.map(each => Number(each.getAttribute('dx'))));
  expect(moved.slice(0, -1)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(moved.at(-1)).toBeLessThan(-10);
});

test('the keyboard pans, zooms and clears once the figure has the focus', async ({ page }) => {
  await show(page);
  const figure = page.locator('.bqplot');
  await page.keyboard.press('Tab');
  await expect(figure).toBeFocused();
  const time = (): Promise<readonly [number, number]> => page.evaluate(() => window.stage.model.time);
  const press = async (key: string): Promise<readonly [number, number]> => {
    await page.keyboard.press(key);
    await settle(page);
    return time();
  };
  const [start, stop] = await time();
  const long = stop - start;
  expect((await press('ArrowRight'))[0]).toBeCloseTo(start + 0.1 * long, 5);
  expect((await press('ArrowLeft'))[0]).toBeCloseTo(start, 5);
  const [nearer, nearerStop] = await press('+');
  expect(nearerStop - nearer).toBeCloseTo(0.8 * long, 5);
  expect(right(await canvas(page))).toBeGreaterThan(EXACT);
  expect((await press('-'))[1]).toBeCloseTo(stop, 5);
  await press('+');
  expect(await press('Home')).toEqual([start, stop]);

  await page.mouse.click(...pointOf(await canvas(page), 0, startOf(0, 2) + LONG / 2));
  const chosen = (): Promise<unknown> =>
    page.evaluate(() => [
      window.stage.model.get('selected')?.key ?? null,
      window.stage.model.get('interval')
    ]);
  expect(await chosen()).toEqual([keyOf(0, 2), null]);
  await page.evaluate(base => window.stage.model.keep({ interval: [base + 1, base + 2] }), BASE);
  await figure.focus();
  await page.keyboard.press('Escape');
  expect(await chosen()).toEqual([null, null]);

  const follows = (): Promise<unknown> => page.evaluate(() => window.stage.model.get('follow'));
  expect(await follows()).toBe(false);
  await page.keyboard.press('f');
  expect(await follows()).toBe(true);
  await expect(figure).toHaveAttribute('aria-label', /Arrow keys pan, plus and minus zoom/);
});

test('the text alternative says what is on screen', async ({ page }) => {
  await show(page);
  const picture = page.getByRole('img', { name: /^Task stream/ });
  await expect(picture).toHaveAttribute('aria-label', /40 tasks, on 4 threads of 2 workers/);
  await expect(picture).toHaveAttribute('aria-label', /Most time: (inc|add) 16 s, (inc|add) 16 s\./);
  const before = await picture.getAttribute('aria-label');
  await page.evaluate(
    ([base, task]) => {
      window.stage.feed([{ ...task, error: ['ValueError()', ''] }]);
      window.stage.model.showTime([base + 2, base + 4]);
    },
    [BASE, TASKS[0]] as const
  );
  await expect(picture).toHaveAttribute('aria-label', /41 tasks, 1 of them erred/);
  const shown = /Shown: .*\./;
  expect((await picture.getAttribute('aria-label'))?.match(shown)?.[0]).not.toBe(before?.match(shown)?.[0]);
});
