// The flame graph of real work, in a real JupyterLab, light and dark: zoom, search, filter, link.

import { expect, test, type JSHandle, type Locator, type Page } from '@playwright/test';

import { resolve } from 'node:path';

import { endKernels, python } from '../cluster';
import { textsIn } from '../colours';
import { canvasOf, partOf, pixels } from '../mark';
import { cell, openNotebook, reopenNotebook, runCell, saveNotebook } from '../notebook';
import { atRest, crumbs, flameOf, nodeOf, pointOfFrame, setTheme, type FlameMark } from '../profile';
import { boxOf } from '../scrolling';

const WORK = `
import json, time
import distributed, ipywidgets
import pandas as pd
from distributed import Client

client = Client(n_workers=2, threads_per_worker=2, dashboard_address=":0")

def square(i):
    return sum(k * k for k in range(2000))

def cube(i):
    return sum(k ** 3 for k in range(2000))

def busy(seconds, inner):
    stop = time.time() + seconds
    while time.time() < stop:
        inner(1)

def hot(i):
    busy(0.5, square)

def cold(i):
    busy(0.2, cube)

def table(i):
    frame = pd.DataFrame({"a": range(50_000), "b": [k % 7 for k in range(50_000)]})
    stop = time.time() + 0.4
    while time.time() < stop:
        frame.sort_values("b").groupby("b").a.mean()

distributed.wait([*client.map(hot, range(12)), *client.map(cold, range(8)), *client.map(table, range(8))])
`;
const PROFILE = `
import dasklens
# Workers hand out what they saw once a second.
while sum(state["count"] for state in client.profile(merge_workers=False).values()) < 300:
    time.sleep(0.1)
p = dasklens.Profile(client, every=1)
p`;
const STREAM = `
ts = dasklens.TaskStream(client)
links = [ipywidgets.jslink((ts.mark, name), (p.mark, name)) for name in ("interval", "highlight")]
ts`;
const [P, TS] = [1, 2];

test.describe.configure({ mode: 'serial', timeout: 240_000 });

let page: Page;
let mark: JSHandle<FlameMark>;
let output: Locator;

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await openNotebook(page, 'profile.ipynb', [WORK, PROFILE, STREAM]);
  await runCell(page, 0);
  await runCell(page, P);
  mark = await flameOf(page, P);
  output = cell(page, P).locator('.jp-Cell-outputArea');
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
});

test('what it says of the run is what distributed says', async () => {
  const [samples, seen] = await python<[number, number]>(
    page,
    'print(json.dumps([client.profile()["count"], p.state["count"]]))'
  );
  expect(samples).toBeGreaterThan(300);
  await expect.poll(() => mark.evaluate(m => m.tree?.total[0])).toBe(samples);
  expect(seen).toBe(samples);
  const covers = partOf(page, P, 'covers');
  await expect(covers).toContainText(`${samples.toLocaleString('en')} samples`);
  await expect(covers).toContainText('one every 10 ms');
  await expect(covers).toContainText('4 threads of 2 workers');
  await expect(partOf(page, P, 'flamebar').locator('.dasklens-phase')).toHaveAttribute('data-phase', 'live');
  await expect(canvasOf(page, P).first()).toHaveAttribute('aria-label', /^Profile: [\d,]+ samples/);
});

for (const theme of ['light', 'dark']) {
  test.describe(theme, () => {
    test.beforeAll(async () => {
      await setTheme(page, theme === 'dark');
    });

    test.beforeEach(async () => {
      await page.mouse.move(5, 5);
      await tool('view-tree').click();
      await tool('reset').click();
      await atRest(mark);
    });

    test('is to be seen and to be read', async ({}, info) => {
      expect(await pixels(canvasOf(page, P).first())).toBeGreaterThan(20_000);
      const { x, y } = await pointOfFrame(page, P, mark, 'hot');
      await page.mouse.move(x, y);
      await expect(page.locator('.dasklens-tooltip:visible')).toContainText('hot');
      await page.screenshot({ path: info.outputPath(`profile-${theme}.png`) });
      if (process.env.DASKLENS_PICTURES && theme === 'light') {
        await output.screenshot({ path: resolve(__dirname, '../../docs/images/profile.png') });
      }
      for (const part of ['flamebar', 'flametimeline', 'flamedetail']) {
        for (const { text, contrast } of await textsIn(partOf(page, P, part))) {
          expect(contrast, `${part}: ${text}`).toBeGreaterThanOrEqual(4.5);
        }
      }
    });

    test('a click zooms, hover says what and how much, the breadcrumb leads back', async () => {
      const { x, y } = await pointOfFrame(page, P, mark, 'cold');
      await page.mouse.move(x, y);
      const tooltip = page.locator('.dasklens-tooltip:visible');
      await expect(tooltip.locator('div').first()).toHaveText('cold');
      await expect(tooltip).toContainText('your code');
      await expect(tooltip).toContainText(/[\d,]+ samples?, [\d.]+ m?s/);
      await expect(tooltip).toContainText(/% of all, [\d.]+ % of/);
      await page.mouse.click(x, y);
      await expect.poll(() => crumbs(output)).toContain('cold');
      await atRest(mark);
      const [time, node] = [await mark.evaluate(m => m.time), await nodeOf(mark, 'cold')];
      const frame = await mark.evaluate((m, n) => [m.flame!.start[n], m.flame!.wide[n]], node);
      expect(time[0]).toBeCloseTo(frame[0], 6);
      expect(time[1] - time[0]).toBeCloseTo(frame[1], 6);
      await expect(partOf(page, P, 'frame').locator('.dasklens-task')).toHaveText('cold');
      await expect
        .poll(() =>
          python(
            page,
            'print(json.dumps(p.selected and p.zoom and [p.selected["name"], p.zoom[-1].split(";")[0]]))'
          )
        )
        .toEqual(['cold', 'cold']);
      await output.locator('.dasklens-crumb').first().click();
      await expect.poll(() => crumbs(output)).toEqual(['all']);
      await atRest(mark);
      expect((await mark.evaluate(m => m.time))[1]).toBe(await mark.evaluate(m => m.flame?.width));
    });

    test('the wheel zooms where the pointer is, dragging pans', async () => {
      const box = await boxOf(canvasOf(page, P).first());
      await page.mouse.move(box.x + 0.75 * box.width, box.y + 60);
      await page.mouse.wheel(0, -600);
      const width = await mark.evaluate(m => m.flame!.width);
      await expect.poll(() => mark.evaluate(m => m.time[1] - m.time[0])).toBeLessThan(0.6 * width);
      const before = await mark.evaluate(m => m.time);
      expect(before[0]).toBeGreaterThan(0.2 * width);
      await page.mouse.down();
      await page.mouse.move(box.x + 0.95 * box.width, box.y + 60, { steps: 4 });
      await page.mouse.up();
      await expect.poll(() => mark.evaluate(m => m.time[0])).toBeLessThan(before[0]);
      // Beside the tree there is nothing to see.
      await page.mouse.wheel(0, 5000);
      await expect.poll(() => mark.evaluate(m => m.time)).toEqual([0, width]);
    });

    test('search takes a regular expression, and says what share matches', async () => {
      const input = partOf(page, P, 'flamebar').locator('.dasklens-search');
      await input.fill('^(hot|cold)$');
      const found = partOf(page, P, 'found');
      await expect(found).toContainText('% of all samples match');
      const share = await mark.evaluate(m => m.foundShare);
      const parts = await Promise.all(['hot', 'cold'].map(name => nodeOf(mark, name)));
      const wide = await mark.evaluate(
        (m, nodes) => nodes.reduce((sum, n) => sum + m.facts(n)!.share, 0),
        parts
      );
      expect(share).toBeGreaterThanOrEqual(wide - 1e-9);
      expect(share).toBeLessThan(1);
      await input.fill('hot(');
      await expect(found).toContainText('as text');
      await expect(found).toContainText('no match');
      await input.press('Escape');
      await expect(found).toHaveText('');
      await expect.poll(() => python(page, 'print(json.dumps(p.search))')).toBe('');
    });

    test('inverted and table begin with what takes the time itself', async ({}, info) => {
      await tool('view-inverted').click();
      const hottest = await mark.evaluate(m => m.flame!.functionOf(m.flame!.childrenOf(0)[0]).name);
      const expected = await python<string>(page, 'print(json.dumps(p.functions()[0].name))');
      expect(hottest).toBe(expected);
      await page.screenshot({ path: info.outputPath(`inverted-${theme}.png`) });
      await tool('view-table').click();
      await expect(canvasOf(page, P).first()).toBeHidden();
      const names = output.locator('.dasklens-flametable tbody td[data-column=name]');
      const own = output.locator('th[data-column=own]');
      if ((await own.getAttribute('aria-sort')) === 'none') {
        await own.getByRole('button').click();
      }
      await expect(names.first()).toHaveText(expected);
      await output.locator('[data-sort=total]').click();
      await expect(output.locator('th[data-column=total]')).toHaveAttribute('aria-sort', 'descending');
      await expect(names.first()).not.toHaveText(expected);
      await page.screenshot({ path: info.outputPath(`table-${theme}.png`) });
      for (const { text, contrast } of await textsIn(partOf(page, P, 'flametable'))) {
        expect(contrast, text).toBeGreaterThanOrEqual(4.5);
      }
      const row = output.locator('.dasklens-flametable tbody tr');
      await row
        .filter({ hasText: 'your code' })
        .filter({ hasText: /square/ })
        .getByRole('button')
        .click();
      await expect.poll(async () => (await crumbs(output)).at(-1)).toBe('square');
      await expect(canvasOf(page, P).first()).toBeVisible();
    });

    test('a prefix narrows it, and all leads back', async () => {
      const choice = output.locator('.dasklens-choose-highlight');
      const all = await mark.evaluate(m => m.tree!.total[0]);
      await choice.selectOption({ label: await optionOf(choice, 'cold') });
      await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBeLessThan(all / 2);
      expect(await nodeOf(mark, 'hot')).toBe(-1);
      expect(await nodeOf(mark, 'cold')).toBeGreaterThan(0);
      const state = 'print(json.dumps([p.highlight, client.profile(key="cold")["count"]]))';
      const [highlight, count] = await python<[string[], number]>(page, state);
      expect(highlight).toEqual(['cold']);
      expect(await mark.evaluate(m => m.tree!.total[0])).toBe(count);
      await choice.selectOption({ label: 'all prefixes' });
      await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBe(all);
    });

    test('marking time narrows it', async () => {
      const all = await mark.evaluate(m => m.tree!.total[0]);
      const timeline = partOf(page, P, 'timeline');
      const box = await boxOf(timeline);
      await page.mouse.move(box.x + 1, box.y + 15);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.04, box.y + 15, { steps: 5 });
      await page.mouse.up();
      await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBeLessThan(all);
      await expect(partOf(page, P, 'interval')).toContainText(' to ');
      await page.screenshot({ path: test.info().outputPath(`interval-${theme}.png`) });
      await timeline.focus();
      await page.keyboard.press('Escape');
      await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBe(all);
      await expect(partOf(page, P, 'interval')).toHaveText('');
    });

    test('the keyboard goes from frame to frame', async () => {
      await output.locator('.bqplot').first().focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      const at = await mark.evaluate(m => m.facts(m.picked)?.name);
      await expect(partOf(page, P, 'spoken')).toContainText(String(at));
      await page.keyboard.press('Enter');
      await expect.poll(async () => (await crumbs(output)).length).toBe(3);
      await page.keyboard.press('Backspace');
      await expect.poll(async () => (await crumbs(output)).length).toBe(2);
      await page.keyboard.press('/');
      await expect(partOf(page, P, 'flamebar').locator('.dasklens-search')).toBeFocused();
      await output.locator('.bqplot').first().focus();
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await expect.poll(() => crumbs(output)).toEqual(['all']);
    });

    test('fits a narrow place', async ({}, info) => {
      await python(page, 'p.layout.width = "300px"; print("null")');
      await expect.poll(async () => (await boxOf(canvasOf(page, P).first())).width).toBeLessThan(310);
      await atRest(mark);
      await output.screenshot({ path: info.outputPath(`narrow-${theme}.png`) });
      const box = partOf(page, P, 'flamebar').locator('..');
      expect(await box.evaluate(each => each.scrollWidth - each.clientWidth)).toBe(0);
      await python(page, 'p.layout.width = "auto"; print("null")');
      await expect.poll(async () => (await boxOf(canvasOf(page, P).first())).width).toBeGreaterThan(600);
    });
  });
}

test('a task stream and a profile narrow each other', async () => {
  await setTheme(page, false);
  await runCell(page, TS);
  const all = await mark.evaluate(m => m.tree!.total[0]);
  await cell(page, TS).locator('.dasklens-row', { hasText: 'cold' }).click();
  await expect.poll(() => mark.evaluate(m => m.get('highlight'))).toEqual(['cold']);
  await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBeLessThan(all / 2);
  const choice = output.locator('.dasklens-choose-highlight');
  await choice.selectOption({ label: await optionOf(choice, 'hot') });
  await expect(cell(page, TS).locator('.dasklens-row[aria-pressed=true] .dasklens-name')).toHaveText('hot');
  await choice.selectOption({ label: 'all prefixes' });
  await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBe(all);

  await cell(page, TS).locator('[data-action=reset]').click();
  const box = await boxOf(canvasOf(page, TS).first());
  await page.keyboard.down('Shift');
  await page.mouse.move(box.x + 0.02 * box.width, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.05 * box.width, box.y + 20, { steps: 5 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await expect.poll(() => mark.evaluate(m => m.tree!.total[0])).toBeLessThan(all);
  const same = 'print(json.dumps(p.interval is not None and p.interval == ts.interval))';
  await expect.poll(() => python(page, same)).toBe(true);
});

const STATE = '@jupyter-widgets/jupyterlab-manager:saveWidgetState';

test('without a kernel it is a table of what was hottest, and with the saved state the graph', async () => {
  const total = await mark.evaluate(m => m.tree!.total[0]);
  const hottest = await python<string>(page, 'print(json.dumps(p.functions()[0].name))');
  await saveNotebook(page, 'profile.ipynb');
  const copy = await (await page.request.get('/api/contents/profile.ipynb')).json();
  const data = { type: 'notebook', format: 'json', content: copy.content };
  await page.request.put('/api/contents/profile-plain.ipynb', { data });
  await page.evaluate(id => (window as any).jupyterapp.commands.execute(id), STATE);
  await saveNotebook(page, 'profile.ipynb');
  await page.evaluate(id => (window as any).jupyterapp.commands.execute(id), STATE);

  await endKernels(page);
  await reopenNotebook(page, 'profile-plain.ipynb');
  await expect(output).toContainText('Profile: ');
  await expect(output.locator('table')).toContainText(hottest);
  await expect(output.locator('canvas')).toHaveCount(0);

  await reopenNotebook(page, 'profile.ipynb');
  mark = await flameOf(page, P);
  expect(await mark.evaluate(m => m.tree!.total[0])).toBe(total);
  await expect(partOf(page, P, 'flamebar').locator('.dasklens-phase')).toContainText(
    'saved with the notebook'
  );
  const { x, y } = await pointOfFrame(page, P, mark, 'table');
  await page.mouse.click(x, y);
  await expect.poll(() => crumbs(output)).toContain('table');
});

function tool(action: string): Locator {
  return partOf(page, P, 'flamebar').locator(`[data-action=${action}]`);
}

/** The text of a choice: the name and how many samples. */
async function optionOf(choice: Locator, name: string): Promise<string> {
  const texts = await choice.locator('option').allInnerTexts();
  return texts.find(text => text.startsWith(`${name} (`)) ?? name;
}
