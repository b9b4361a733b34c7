// A comparison of runs: in a notebook cell, as a file in a browser, and in JupyterLab's viewer; light and dark.

import { expect, test, type Locator, type Page, type TestInfo } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { endKernels } from '../cluster';
import { changeTheme, openNotebook, reopenNotebook, runCell, saveNotebook } from '../notebook';
import { go, panel, rangeOf, watched } from '../report';
import { scrollTo } from '../scrolling';

const HERE = resolve(__dirname, '..');
const TESTS = resolve(HERE, '../tests');

/** Files of a comparison of two made-up runs, the second of which weighs twice as slowly, and of a trend. */
function files(info: TestInfo): { compare: string; trend: string } {
  const [compare, trend] = [info.outputPath('compare.html'), info.outputPath('trend.html')];
  execFileSync(resolve(HERE, '../.venv/bin/python'), [resolve(HERE, 'comparison.py'), compare, trend]);
  return { compare, trend };
}

const rowOf = (where: Locator, prefix: string): Locator =>
  where.locator('.dasklens-prefixes tbody tr', { hasText: prefix });

/** Wait until spans are on a canvas: more than the lines between its lanes. */
async function expectDrawn(canvas: Locator): Promise<void> {
  const painted = (element: Element): number => {
    const { width, height } = element as HTMLCanvasElement;
    const context = (element as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
    const { data } = context.getImageData(0, 0, Math.max(1, width), Math.max(1, height));
    return data.filter((value, i) => i % 4 === 3 && value > 100).length / (width * height);
  };
  await expect.poll(() => canvas.evaluate(painted)).toBeGreaterThan(0.05);
}

async function wide(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth);
}

/** The text of the axis of time of each stream. */
async function axes(where: Locator): Promise<string[]> {
  const all = await where.locator('svg.figure, .bqplot').evaluateAll(figures =>
    figures.map(figure =>
      [...figure.querySelectorAll('.axis text')]
        .map(({ textContent }) => textContent ?? '')
        .filter(text => /^\d+:\d\d/.test(text))
        .join(' ')
    )
  );
  return all.filter(Boolean);
}

test.afterEach(async ({ page }) => {
  // The theme is the server's: other specs begin with the light one.
  const lab = page.url().startsWith('http');
  if (lab && (await page.locator('body').getAttribute('data-jp-theme-light')) === 'false') {
    await changeTheme(page, 'Light');
  }
});

for (const theme of ['light', 'dark'] as const) {
  test(`a file says what changed, in the ${theme} theme`, async ({ page }, info) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width: 1280, height: 1500 });
    const { compare, trend } = files(info);
    const seen = await watched(page);
    await page.goto(`file://${compare}`);
    const numbers = panel(page, 'comparison');
    await expect(numbers.locator('.dasklens-outcome')).toContainText('1 prefix got slower: weigh');
    await expect(rowOf(numbers, 'weigh')).toContainText('▲ slower');
    await expect(rowOf(numbers, 'load')).toContainText('no difference');
    await expect(rowOf(numbers, 'once')).toContainText('too few tasks');
    await expect(numbers.locator('.dasklens-moved').first()).toContainText('▲ +');
    await page.screenshot({ path: info.outputPath(`comparison-${theme}.png`), fullPage: true });

    await go(page, 'task-streams');
    const streams = panel(page, 'task-streams');
    await expect(streams.locator('canvas')).toHaveCount(2);
    await expectDrawn(streams.locator('canvas').first());
    await expectDrawn(streams.locator('canvas').last());
    await expect(streams.locator('.dasklens-count')).toHaveText(['281 tasks', '281 tasks']);
    await page.screenshot({ path: info.outputPath(`task-streams-${theme}.png`), fullPage: true });

    await go(page, 'profile');
    await expectDrawn(panel(page, 'profile').locator('canvas'));
    await expect(panel(page, 'profile')).toContainText('slow_part');
    await page.screenshot({ path: info.outputPath(`profile-${theme}.png`), fullPage: true });

    await page.goto(`file://${trend}`);
    await expect(panel(page, 'comparison').locator('.dasklens-trendplot svg')).toHaveCount(2);
    await page.screenshot({ path: info.outputPath(`trend-${theme}.png`), fullPage: true });
    expect(seen).toEqual({ asked: [], problems: [] });
  });
}

test('both task streams begin at the same place, and zoom together', async ({ page }, info) => {
  await page.setViewportSize({ width: 1280, height: 1500 });
  await page.goto(`file://${files(info).compare}#tab=task-streams`);
  const streams = panel(page, 'task-streams');
  await expectDrawn(streams.locator('canvas').last());
  // The same ticks, though the second run took longer and is of another time of day.
  await expect.poll(async () => (await axes(streams)).length).toBe(2);
  await expect
    .poll(async () => {
      const [first, second] = await axes(streams);
      return first === second;
    })
    .toBe(true);
  const before = (await axes(streams))[0];
  const box = (await streams.locator('canvas').last().boundingBox()) as NonNullable<
    Awaited<ReturnType<Locator['boundingBox']>>
  >;
  await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
  await page.mouse.wheel(0, -500);
  await expect.poll(() => rangeOf(page)).not.toBeNull();
  await expect
    .poll(async () => {
      const [first, second] = await axes(streams);
      return first === second && first !== before;
    })
    .toBe(true);
  await streams.locator('[data-action=reset]').first().click();
  await expect.poll(() => rangeOf(page)).toBeNull();
  await expect.poll(async () => axes(streams)).toEqual([before, before]);
});

test('a prefix of the table is found in both task streams', async ({ page }, info) => {
  await page.goto(`file://${files(info).compare}`);
  await panel(page, 'comparison').locator('[data-prefix=weigh]').click();
  const lit = panel(page, 'task-streams').locator('.dasklens-legend [aria-pressed=true]', {
    hasText: 'weigh'
  });
  await expect(lit).toHaveCount(2);
});

test('the table is sorted and searched with the keyboard', async ({ page }, info) => {
  await page.goto(`file://${files(info).compare}`);
  const numbers = panel(page, 'comparison');
  await numbers.getByRole('button', { name: 'ratio' }).focus();
  await page.keyboard.press('Enter');
  await expect(numbers.locator('.dasklens-prefixes tbody tr').first()).toContainText('weigh');
  await expect(numbers.locator('[data-sort=ratio]')).toBeFocused();
  await numbers.getByRole('searchbox').fill('<b>');
  await expect(numbers.locator('.dasklens-prefixes tbody tr')).toHaveCount(1);
});

test('on a phone nothing is cut off', async ({ page }, info) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const { compare, trend } = files(info);
  await page.goto(`file://${compare}`);
  for (const name of ['comparison', 'task-streams', 'profile']) {
    await go(page, name);
    if (name !== 'comparison') {
      await expectDrawn(panel(page, name).locator('canvas').first());
    }
    if (name === 'task-streams') {
      await expect(panel(page, name).locator('.dasklens-count').first()).toHaveText('281 tasks');
      await scrollTo(panel(page, name).locator('canvas').last());
      await expectDrawn(panel(page, name).locator('canvas').last());
      await expect(panel(page, name).locator('.dasklens-count').last()).toHaveText('281 tasks');
    }
    expect(await wide(page), name).toBeLessThanOrEqual(390);
    await page.screenshot({ path: info.outputPath(`${name}-390.png`), fullPage: true });
  }
  await page.goto(`file://${trend}`);
  await expect(panel(page, 'comparison').locator('.dasklens-trendplot svg').first()).toBeVisible();
  expect(await wide(page)).toBeLessThanOrEqual(390);
  await page.screenshot({ path: info.outputPath('trend-390.png'), fullPage: true });
});

for (const theme of ['Light', 'Dark'] as const) {
  test(`JupyterLab's viewer shows it in its ${theme.toLowerCase()} theme`, async ({ page }, info) => {
    const problems: string[] = [];
    page.on('pageerror', error => problems.push(error.message));
    await page.setViewportSize({ width: 1440, height: 1300 });
    const content = readFileSync(files(info).compare, 'utf8');
    const data = { type: 'file', format: 'text', content };
    expect((await page.request.put('/api/contents/compare.dasklens.html', { data })).ok()).toBe(true);
    await page.goto('/lab?reset');
    const entry = page.locator('.jp-DirListing-item', { hasText: 'compare.dasklens.html' });
    await expect(entry).toBeVisible();
    await changeTheme(page, theme);
    await entry.dblclick();
    const shown = page.locator('.dasklens-Report:visible');
    await expect(rowOf(shown, 'weigh')).toContainText('▲ slower');
    await page.screenshot({ path: info.outputPath(`viewer-${theme}.png`) });
    await shown.getByRole('tab', { name: 'Task streams' }).click();
    await expectDrawn(shown.locator('.panel-task-streams canvas').last());
    await expect(shown.locator('.dasklens-count')).toHaveText(['281 tasks', '281 tasks']);
    await page.screenshot({ path: info.outputPath(`viewer-streams-${theme}.png`) });
    await shown.getByRole('tab', { name: 'Profile' }).click();
    await expectDrawn(shown.locator('.panel-profile canvas'));
    expect(problems).toEqual([]);
  });
}

const CELL = `
import sys
sys.path.insert(0, ${JSON.stringify(TESTS)})
import dasklens
from compared import report
dasklens.compare([report(0), report(1, slower={"weigh": 2.0})], ["monday", "tuesday"])`;
const TREND = 'dasklens.compare([report(i) for i in range(4)])';

test('the last value of a cell shows it, and the saved notebook without a kernel too', async ({
  page
}, info) => {
  test.setTimeout(240_000);
  const problems: string[] = [];
  page.on('pageerror', error => problems.push(error.message));
  await page.setViewportSize({ width: 1280, height: 2200 });
  await openNotebook(page, 'compare.ipynb', [CELL, TREND]);
  const output = await runCell(page, 0);
  await expect(output.locator('.dasklens-outcome')).toContainText('1 prefix got slower: weigh');
  await expect(output.locator('canvas')).toHaveCount(3);
  await expectDrawn(output.locator('canvas').nth(1));
  await expect.poll(async () => (await axes(output)).length).toBe(2);
  await expect.poll(async () => new Set(await axes(output)).size).toBe(1);

  // One scale for both: what the one is zoomed to, the other shows.
  const [before] = await axes(output);
  const box = await output.locator('canvas').first().boundingBox();
  await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 60);
  await page.mouse.wheel(0, -500);
  await expect
    .poll(async () => {
      const [first, second] = await axes(output);
      return first === second && first !== before;
    })
    .toBe(true);

  // What is chosen stands out in both streams and in the table, without the kernel.
  await output.locator('[data-prefix=weigh]').click();
  await expect(output.locator('.dasklens-legend [aria-pressed=true]', { hasText: 'weigh' })).toHaveCount(2);
  await expect(output.locator('[data-prefix=weigh]')).toHaveAttribute('aria-pressed', 'true');
  await output.locator('.dasklens-legend [data-action=clear]').last().click();
  await expect(output.locator('[data-prefix=weigh]')).toHaveAttribute('aria-pressed', 'false');
  await expect(output.locator('.dasklens-legend [aria-pressed=true]')).toHaveCount(0);

  const trend = await runCell(page, 1);
  await expect(trend.locator('.dasklens-trendplot svg')).toHaveCount(2);
  for (const theme of ['Light', 'Dark'] as const) {
    await changeTheme(page, theme);
    await scrollTo(output.locator('.dasklens-outcome'));
    await page.screenshot({ path: info.outputPath(`cell-${theme}.png`) });
  }
  await changeTheme(page, 'Light');
  await saveNotebook(page, 'compare.ipynb');
  const { content } = await (await page.request.get('/api/contents/compare.ipynb')).json();
  const saved = content.cells[0].outputs[0].data;
  expect(saved['text/html']).toContain('▲ slower');
  expect(saved['text/html']).toContain('data:image/png;base64,');
  expect([saved['text/plain']].flat().join('')).toContain('1 prefix got slower');
  await endKernels(page);
  await reopenNotebook(page, 'compare.ipynb');
  await expect(page.locator('.jp-OutputArea-output', { hasText: 'Comparison:' }).first()).toBeVisible();
  expect(problems).toEqual([]);
});
