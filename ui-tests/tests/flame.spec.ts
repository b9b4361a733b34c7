// The flame graph on a page of its own, without Jupyter and without a kernel: names that mean no good,
// great depth, nothing to show and why, several views, screens with more pixels.

import { expect, test, type Page } from '@playwright/test';

import { fill } from '../figure/open.cjs';
import type {} from '../figure/stage';
import { chain, frameOf, type Spec } from '../../js/tests/trees';

let errors: Error[];

async function show(page: Page, root: Spec, about: object = {}): Promise<void> {
  errors = await fill(page);
  await page.evaluate(
    async bytes => {
      await window.stage.startFlame(800, 300);
      window.stage.flame.feed(new Uint8Array(bytes));
    },
    [...frameOf(root, about)]
  );
  await settle(page);
}

/** What was asked for is done with the next animation frame, and painted behind it. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let i = 0; i < 3; i++) {
      await window.frame();
    }
  });
}

/** Whether each pixel of a row's line shows anything. */
function painted(page: Page, row: number, view = 0): Promise<boolean[]> {
  return page.evaluate(
    ([row, view]) => {
      const canvas = window.stage.views[view].webGLCanvas as HTMLCanvasElement;
      const ratio = window.devicePixelRatio;
      const context = canvas.getContext('2d') as CanvasRenderingContext2D;
      const { data } = context.getImageData(0, Math.floor((row + 0.2) * 18 * ratio), canvas.width, 1);
      return Array.from({ length: canvas.width }, (_, x) => data[4 * x + 3] > 0);
    },
    [row, view] as const
  );
}

async function tooltipAt(page: Page, x: number, y: number): Promise<string[]> {
  await page.mouse.move(x, y);
  return page.locator('.dasklens-tooltip:visible div').allInnerTexts();
}

test.beforeEach(() => {
  errors = [];
});

test.afterEach(() => {
  expect(errors).toEqual([]);
});

for (const ratio of [1, 2]) {
  test(`a frame is as wide as its samples, at ${ratio} pixels a pixel`, async ({ browser }) => {
    const page = await browser.newPage({ deviceScaleFactor: ratio });
    await show(page, {
      count: 100,
      children: [
        { name: 'wide', count: 70, children: [{ name: 'inner', count: 35 }] },
        { name: 'narrow', count: 20 }
      ]
    });
    for (const [row, share] of [
      [0, 1],
      [1, 0.9],
      [2, 0.35]
    ]) {
      const line = await painted(page, row);
      const part = line.filter(Boolean).length / line.length;
      // An edge a frame is left free.
      expect(Math.abs(part - share), `row ${row}: ${part}`).toBeLessThan(0.01);
    }
    await page.close();
  });
}

test('hostile names stay text', async ({ page }) => {
  const name = '<img src=x onerror=window.pwned=1>\n\u202e' + 'x'.repeat(10_000);
  await show(page, { count: 10, children: [{ name, file: name, source: name, library: name, count: 10 }] });
  const lines = await tooltipAt(page, 300, 27);
  expect(lines[0]).toContain('<img src=x onerror=window.pwned=1>');
  expect(Math.max(...lines.map(line => line.length))).toBeLessThan(500);
  await page.mouse.click(300, 27);
  await settle(page);
  expect(await page.evaluate(() => (window as any).pwned as unknown)).toBeUndefined();
  await expect(page.locator('img')).toHaveCount(0);
});

test('frames without a line or a file are shown by their name', async ({ page }) => {
  await show(page, { count: 3, children: [{ name: 'bare', count: 3 }] }, { interval: 0.01 });
  expect(await tooltipAt(page, 300, 27)).toEqual(['bare', '3 samples, 30 ms, 3 in itself', '100 % of all']);
});

test('frames that share a pixel are merged and counted', async ({ page }) => {
  const children = Array.from({ length: 8000 }, (_, i) => ({ name: `f${i}`, count: 1 }));
  await show(page, { count: 8000, children });
  expect((await painted(page, 1)).every(Boolean)).toBe(true);
  expect((await tooltipAt(page, 300, 27)).at(-1)).toMatch(
    /^and (9|10) other frames in this pixel, together 0.1/
  );
});

test('a deep tree is drawn, and its depths can be come by', async ({ page }) => {
  await show(page, chain(5000, 10));
  const bottom = (): Promise<number> => page.evaluate(() => window.stage.flame.lanesShown[1]);
  expect(await bottom()).toBeLessThan(20);
  await page.evaluate(() => window.stage.flame.zoomTo(4000));
  await settle(page);
  await expect.poll(bottom).toBeGreaterThan(4000);
  expect((await painted(page, 3)).filter(Boolean).length).toBeGreaterThan(700);
});

test('an empty tree says why', async ({ page }) => {
  await show(page, { count: 0 }, { kind: 'worker', workers: ['a'], enabled: false });
  const [label, pixels] = await page.evaluate(() => {
    const canvas = window.stage.views[0].webGLCanvas as HTMLCanvasElement;
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
      0,
      0,
      canvas.width,
      canvas.height
    );
    return [window.stage.flame.describe(), data.filter((_, i) => i % 4 === 3 && data[i] > 0).length];
  });
  expect(label).toContain('Profiling is off');
  expect(pixels).toBeGreaterThan(500);
});

test('a frame that is none leaves what is there, and says so', async ({ page }) => {
  await show(page, { count: 1, children: [{ name: 'f', count: 1 }] });
  await page.evaluate(() => window.stage.flame.feed(new Uint8Array([1, 2, 3])));
  await settle(page);
  const [phase, reason] = await page.evaluate(() => [
    window.stage.flame.get('phase') as string,
    window.stage.flame.get('reason') as string
  ]);
  expect(phase).toBe('lost');
  expect(reason).toContain('Expected a frame');
  expect((await painted(page, 1)).filter(Boolean).length).toBeGreaterThan(700);
});

test('every view of a model shows the same; new samples leave it where it is', async ({ page }) => {
  const root: Spec = {
    count: 4,
    children: [
      { name: 'a', count: 3 },
      { name: 'b', count: 1 }
    ]
  };
  await show(page, root);
  await page.evaluate(() => window.stage.addView());
  await settle(page);
  expect(await painted(page, 1, 1)).toEqual(await painted(page, 1));
  await page.evaluate(() => window.stage.flame.zoomTo(2));
  await expect.poll(() => page.evaluate(() => window.stage.flame.time)).toEqual([3, 4]);
  await page.evaluate(
    bytes => window.stage.flame.feed(new Uint8Array(bytes)),
    [
      ...frameOf({
        count: 40,
        children: [
          { name: 'a', count: 10 },
          { name: 'b', count: 30 }
        ]
      })
    ]
  );
  await expect.poll(() => page.evaluate(() => window.stage.flame.time)).toEqual([0, 30]);
});

test('a comparison tells slower from faster by colour and by number', async ({ page }) => {
  await show(page, {
    count: 100,
    before: 100,
    children: [
      { name: 'slower', count: 60, before: 40 },
      { name: 'faster', count: 40, before: 60 }
    ]
  });
  expect(await tooltipAt(page, 200, 27)).toContain('+20.0 % of all samples: more than before');
  expect(await tooltipAt(page, 600, 27)).toContain('−20.0 % of all samples: less than before');
  const colours = await page.evaluate(() => {
    const canvas = window.stage.views[0].webGLCanvas as HTMLCanvasElement;
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    return [390, 790].map(x => [...context.getImageData(x, 22, 1, 1).data.subarray(0, 3)]);
  });
  expect(colours).toEqual([
    [0xd9, 0x5f, 0x02],
    [0x21, 0x66, 0xac]
  ]);
});
