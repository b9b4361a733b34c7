// A report as its reader has it: a file that is opened from disk, with no network.

import { expect, test } from '@playwright/test';
import { writeFileSync } from 'node:fs';

import { cutOff } from '../colours';
import {
  drawn,
  go,
  lengthened,
  panel,
  rangeOf,
  sample,
  SECTIONS,
  slicedProfile,
  watched,
  written
} from '../report';
import { boxOf } from '../scrolling';

test('a report opens from disk without a network, and says where the time went', async ({ page }, info) => {
  const seen = await watched(page);
  await page.goto(written(sample(), info));
  const summary = panel(page, 'summary');
  await expect(summary.locator('.verdict')).toContainText('most of it went into chunk_sum');
  await expect(summary.locator('.timebar')).toBeVisible();
  await expect(summary.locator('.called')).toContainText('.std().compute()');
  await expect(summary.locator('.findings li')).toHaveCount(2);
  for (const name of SECTIONS) {
    await go(page, name);
  }
  expect(seen).toEqual({ asked: [], problems: [] });
});

test('the task stream is the one of panel and cell: zoom, pan, search, select', async ({ page }, info) => {
  const seen = await watched(page);
  await page.goto(`${written(sample(), info)}#tab=task-stream`);
  const canvas = await drawn(page);
  const stream = panel(page, 'task-stream');
  await expect(stream.locator('.dasklens-count')).toHaveText('366 tasks');
  await expect(stream.locator('.dasklens-toolbar .dasklens-failed')).toHaveText('✗ 1 failed');
  // Nobody can follow what has ended.
  await expect(stream.locator('[data-action=follow]')).toBeHidden();

  const box = await canvas.boundingBox();
  if (!box) {
    throw new Error('the canvas has no box');
  }
  const at = (x: number, y: number): [number, number] => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.click(...at(0.42, 0.916));
  await expect(stream.locator('.dasklens-detail')).toContainText('chunk_sum');

  await page.mouse.wheel(0, -400);
  await expect.poll(() => rangeOf(page)).not.toBeNull();
  const zoomed = (await rangeOf(page)) as [number, number];
  expect(zoomed[1] - zoomed[0]).toBeLessThan(8);
  await page.mouse.down();
  await page.mouse.move(...at(0.6, 0.916), { steps: 5 });
  await page.mouse.up();
  await expect.poll(async () => (await rangeOf(page))?.[0]).toBeLessThan(zoomed[0]);

  await stream.locator('.dasklens-legend input').fill('weigh');
  await expect(stream.locator('.dasklens-legend')).not.toContainText('random_sample');
  expect(seen).toEqual({ asked: [], problems: [] });
});

test('an address leads to a section and a stretch of time', async ({ page }, info) => {
  const address = written(sample(), info);
  await page.goto(`${address}#tab=task-stream&from=2&to=3.5`);
  await drawn(page);
  await expect.poll(() => rangeOf(page)).toEqual([2, 3.5]);
  // Some one and a half seconds are on the axis.
  await expect(panel(page, 'task-stream').locator('.axis text', { hasText: /:\d\d/ }).first()).toBeVisible();
  await panel(page, 'task-stream').locator('[data-action=reset]').click();
  await expect.poll(() => rangeOf(page)).toBeNull();
  await page.goto(`${address}#tab=logs`);
  await page.reload();
  await expect(panel(page, 'logs')).toBeVisible();
  await expect(panel(page, 'logs').locator('tbody tr')).toHaveCount(5);
});

test('a prefix of the summary is found in the task stream', async ({ page }, info) => {
  await page.goto(written(sample(), info));
  await panel(page, 'summary').getByRole('button', { name: 'weigh' }).click();
  await drawn(page);
  await expect(panel(page, 'task-stream').locator('[aria-pressed=true]', { hasText: 'weigh' })).toBeVisible();
});

test('tables are sorted, searched and walked through with the keyboard', async ({ page }, info) => {
  await page.goto(written(sample(), info));
  await page.locator('#tab-summary').focus();
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('ArrowRight');
  }
  const metrics = panel(page, 'fine-metrics');
  await expect(metrics).toBeVisible();
  const activities = metrics.locator('tbody td:nth-child(4)');
  await expect(activities.first()).toHaveText('thread-cpu');
  await metrics.getByRole('button', { name: 'Activity' }).focus();
  await page.keyboard.press('Enter');
  await expect(activities.first()).toHaveText('memcopy');
  await metrics.locator('input').fill('tensordot network');
  await expect(activities).toHaveText(['network']);
  await expect(metrics.locator('.count')).toHaveText('1 of 5 rows');
});

const FIGURES: Readonly<Record<string, readonly string[]>> = {
  'task-stream': ['task-stream'],
  progress: ['progress'],
  profile: ['profile'],
  system: ['memory']
};

for (const theme of ['light', 'dark'] as const) {
  test(`every section is there in the ${theme} theme`, async ({ page }, info) => {
    await page.emulateMedia({ colorScheme: theme });
    // Figures that are not on screen are not drawn.
    await page.setViewportSize({ width: 1280, height: 1600 });
    const seen = await watched(page);
    await page.goto(written(sample(), info));
    const colour = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await colour()).toBe(theme === 'dark' ? 'rgb(18, 22, 28)' : 'rgb(245, 247, 249)');
    for (const name of SECTIONS) {
      await go(page, name);
      for (const figure of FIGURES[name] ?? []) {
        await expect(panel(page, name).locator(`.hosted-${figure} .bqplot`).first()).toBeVisible();
      }
      if (name === 'task-stream') {
        await expect(panel(page, name).locator('.dasklens-count')).toHaveText('366 tasks');
        await expect(panel(page, name).locator('.dasklens-row').first()).toContainText('chunk_sum');
        expect(await cutOff(panel(page, name).locator('.bqplot'))).toEqual([]);
      }
      await expect(panel(page, name).locator('.empty')).toHaveCount(0);
      await page.screenshot({ path: info.outputPath(`${name}-${theme}.png`), fullPage: true });
    }
    await page.locator('[data-action=theme]').click();
    expect(await colour()).toBe(theme === 'dark' ? 'rgb(245, 247, 249)' : 'rgb(18, 22, 28)');
    expect(seen).toEqual({ asked: [], problems: [] });
  });
}

test('each of the profiles is shown', async ({ page }, info) => {
  await page.goto(`${written(sample(), info)}#tab=profile`);
  const profile = panel(page, 'profile');
  await expect(profile.locator('canvas')).toBeVisible();
  await expect(profile.locator('.dasklens-covers')).toContainText('1,614 samples');
  await profile.locator('[data-action=profile-scheduler]').click();
  await expect(profile.locator('.profile:not([hidden]) .dasklens-covers')).not.toContainText('1,614');
  expect(new URL(page.url()).hash).toContain('profile=scheduler');
});

test('on a phone nothing is cut off', async ({ page }, info) => {
  await page.setViewportSize({ width: 400, height: 800 });
  await page.goto(written(sample(), info));
  for (const name of SECTIONS) {
    await go(page, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, name).toBeLessThanOrEqual(400);
  }
  await go(page, 'logs');
  const time = panel(page, 'logs').locator('tbody td').first();
  // A date is not broken at its hyphens.
  const lines = await time.evaluate(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getClientRects().length;
  });
  expect(lines).toBe(1);
  // A line of a log, and what went wrong, is read without scrolling sideways.
  for (const [name, column] of [
    ['logs', 4],
    ['exceptions', 4]
  ] as const) {
    await go(page, name);
    const box = await panel(page, name).locator(`tbody td:nth-child(${column})`).first().boundingBox();
    expect((box?.x ?? 400) + (box?.width ?? 0), name).toBeLessThanOrEqual(400);
  }
});

test('a profile that was kept by time follows the stretch that is looked at', async ({ page }, info) => {
  const seen = await watched(page);
  const document_ = slicedProfile(sample());
  await page.goto(`${written(document_, info)}#tab=profile`);
  const profile = panel(page, 'profile');
  const covers = profile.locator('.profile:not([hidden]) .dasklens-covers');
  await expect(covers).toContainText('1,614 samples');
  await expect(profile.locator('.note').first()).toContainText('Drag over the samples');
  const timeline = profile.locator('.dasklens-timeline').first();
  const box = await boxOf(timeline);
  await page.mouse.move(box.x + 2, box.y + 15);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.55, box.y + 15, { steps: 5 });
  await page.mouse.up();
  await expect(covers).not.toContainText('1,614 samples');
  await expect(covers).toContainText(/\d samples/);
  await expect.poll(() => rangeOf(page)).not.toBeNull();
  const range = await rangeOf(page);
  await page.screenshot({ path: info.outputPath('sliced.png') });
  // The task stream shows the same stretch, and a link leads to it.
  const part = await covers.textContent();
  await go(page, 'task-stream');
  await drawn(page);
  await expect.poll(async () => (await rangeOf(page))?.map(Math.round)).toEqual(range?.map(Math.round));
  await go(page, 'profile');
  await page.reload();
  await expect(covers).toHaveText(String(part));
  await profile.locator('[data-action=clear-interval]').click();
  await expect(covers).toContainText('1,614 samples');
  await expect.poll(() => rangeOf(page)).toBeNull();
  expect(seen).toEqual({ asked: [], problems: [] });
});

test('a profile of the whole time says so, and an address with a stretch stays', async ({ page }, info) => {
  await page.goto(`${written(sample(), info)}#tab=profile&from=2&to=3.5`);
  const profile = panel(page, 'profile');
  await expect(profile.locator('.dasklens-covers').first()).toContainText('1,614 samples');
  await expect(profile.locator('.note').first()).toContainText('Of the whole time of this report');
  await go(page, 'task-stream');
  await drawn(page);
  expect(await rangeOf(page)).toEqual([2, 3.5]);
});

test('texts of any length neither widen the page nor hold it up', async ({ page }, info) => {
  const long = 'A'.repeat(100_000);
  const document_ = lengthened(sample(), long);
  document_.exception = { type: long, text: long, traceback: long };
  document_.ended_early = long;
  document_.cluster.versions[long] = long;
  const address = written(document_, info);
  for (const width of [1280, 400]) {
    await page.setViewportSize({ width, height: 800 });
    const begun = Date.now();
    await page.goto(address);
    for (const name of SECTIONS) {
      await page.goto(`${address}#tab=${name}`);
      await go(page, name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, name).toBeLessThanOrEqual(width);
    }
    // A minute would be a page that does not answer; all of them take some seconds.
    expect(Date.now() - begun).toBeLessThan(60_000);
    await page.goto('about:blank');
  }
  await page.goto(address);
  await expect(page.locator('h1')).toContainText('(200 of 100,030 letters)');
  await page.locator('#tab-progress').click();
  const name = panel(page, 'progress').locator('.chart .legend .name').first();
  await expect(name).toHaveAttribute('title', /^chunk_sumA+… \(200 of 100,009 letters\)$/);
});

test('what turns letters around ends with the text that it stands in', async ({ page }, info) => {
  const document_ = sample();
  document_.code.file = 'notebook\u202e';
  await page.goto(written(document_, info));
  // Turned around, what follows would read from right to left.
  const [first, last] = await panel(page, 'summary')
    .locator('.file')
    .evaluate(file => {
      const after = file.lastChild as Text;
      const leftOf = (at: number): number => {
        const range = document.createRange();
        range.setStart(after, at);
        range.setEnd(after, at + 1);
        return range.getBoundingClientRect().left;
      };
      return [leftOf(2), leftOf(after.length - 1)];
    });
  expect(first).toBeLessThan(last);
});

test('on paper is every section, whether or not it was opened', async ({ page }, info) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  const seen = await watched(page);
  await page.goto(written(sample(), info));
  await expect(page.locator('html')).toHaveAttribute('data-paper', 'ready');
  // Whoever does not print sees nothing of it.
  await expect(page.locator('.onstage')).toHaveCount(0);
  await expect(page.locator('.onpaper')).toHaveCount(0);
  const pdf = await page.pdf({ path: info.outputPath('report.pdf'), format: 'A4' });
  // Two canvases have something on them, and the third and fourth say why they have not.
  expect(pdf.toString('latin1').match(/\/Subtype \/Image/g)?.length).toBeGreaterThanOrEqual(4);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');

  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  for (const name of SECTIONS) {
    await expect(panel(page, name), name).toBeVisible();
    await expect(panel(page, name).locator('.unprinted'), name).toBeHidden();
  }
  await expect(page.locator('[role=tablist]')).toBeHidden();
  for (const [name, words] of [
    ['task-stream', ['chunk_sum', 'worker 1', '14:27:00', 'failed']],
    ['progress', ['Finished tasks', 'Tasks by state', 'weigh']],
    ['profile', ['Workers’ event loops', '1,614 samples']],
    ['system', ['GiB', 'Managed memory', 'Disk, written', 'Event-loop lag']]
  ] as const) {
    for (const said of words) {
      await expect(panel(page, name).locator('.onpaper'), name).toContainText(said);
    }
    await expect(panel(page, name).locator('.onpaper'), name).not.toContainText('cannot be shown');
  }
  const image = panel(page, 'task-stream').locator('.onpaper img');
  const dark = await image.evaluate(element => {
    const canvas = document.createElement('canvas');
    const { naturalWidth, naturalHeight } = element as HTMLImageElement;
    Object.assign(canvas, { width: naturalWidth, height: naturalHeight });
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    context.drawImage(element as HTMLImageElement, 0, 0);
    const { data } = context.getImageData(0, 0, naturalWidth, naturalHeight);
    return [naturalWidth / element.clientWidth, data.filter((value, i) => i % 4 === 3 && value > 0).length];
  });
  expect(dark[0]).toBeCloseTo(2, 1);
  expect(dark[1]).toBeGreaterThan(100_000);
  const wide = await page.evaluate(() => document.querySelector('.panel-system')?.scrollWidth);
  expect(wide).toBeLessThanOrEqual(1280);
  expect(seen).toEqual({ asked: [], problems: [] });
});

test('the button prints once the pictures are of what is shown', async ({ page }, info) => {
  await page.addInitScript(() => {
    window.print = () => {
      document.body.dataset.printed = document.documentElement.dataset.paper ?? 'too early';
    };
  });
  await page.goto(`${written(sample(), info)}#tab=task-stream&from=2&to=3.5`);
  await page.locator('[data-action=print]').click();
  await expect(page.locator('body')).toHaveAttribute('data-printed', 'ready');
  await expect(page.locator('[data-action=print]')).toHaveText('Print');
  // They are there while it prints.
  const ticks = panel(page, 'task-stream').locator('.onpaper .axis text');
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  const shown = await ticks.allTextContents();
  expect(shown.length).toBeGreaterThan(1);
  await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  await expect(page.locator('.onpaper')).toHaveCount(0);
  await panel(page, 'task-stream').locator('[data-action=reset]').click();
  await expect.poll(() => rangeOf(page)).toBeNull();
  await page.evaluate(() => delete document.body.dataset.printed);
  await page.keyboard.press('Control+p');
  await expect(page.locator('body')).toHaveAttribute('data-printed', 'ready');
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  expect(await ticks.allTextContents()).not.toEqual(shown);
});

test('a page that a browser saved is as good as the file', async ({ page }, info) => {
  await page.goto(`${written(sample(), info)}#tab=task-stream`);
  await drawn(page);
  const saved = info.outputPath('saved.html');
  writeFileSync(saved, await page.content());
  const seen = await watched(page);
  await page.goto(`file://${saved}`);
  await expect(page.locator('h1')).toHaveCount(1);
  await go(page, 'task-stream');
  await drawn(page);
  expect(seen).toEqual({ asked: [], problems: [] });
});

test('nothing that a report says is run, and nothing can be added to it', async ({ page }, info) => {
  const hostile = '</script><script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">';
  const spoilt = (value: unknown, name = ''): unknown =>
    Array.isArray(value)
      ? value.map(each => spoilt(each, name))
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, spoilt(each, key)]))
        : typeof value === 'string' && !['format', 'name', 'unit', 'severity'].includes(name)
          ? hostile
          : value;
  const document_ = sample();
  const { streams } = document_;
  const bad = spoilt({ ...document_, ended_early: 'x', exception: { type: 'x', text: 'x', traceback: 'x' } });
  const seen = await watched(page);
  await page.goto(written({ ...(bad as object), streams }, info));
  for (const name of SECTIONS) {
    await go(page, name);
  }
  await expect(page.locator('h1')).toHaveText(hostile);
  expect(seen).toEqual({ asked: [], problems: [] });

  // What came in by another way would not run either, nor reach anybody.
  const outcome = await page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.pwned = 2';
    document.body.append(script);
    const image = document.createElement('img');
    image.setAttribute('onerror', 'window.pwned = 3');
    image.src = 'data:,';
    document.body.append(image);
    const fetched = await fetch('data:,x').then(
      () => 'fetched',
      () => 'refused'
    );
    return [String((window as { pwned?: number }).pwned), fetched];
  });
  expect(outcome).toEqual(['undefined', 'refused']);
});
