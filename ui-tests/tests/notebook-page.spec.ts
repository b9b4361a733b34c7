// A notebook as its reader has it: a page that is opened from disk, with no network and no kernel.

import { expect, test, type Locator, type Page, type TestInfo } from '@playwright/test';

import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { textsIn } from '../colours';
import { pictureOf } from '../mark';
import { converted, model, notebook, ofAllControls, shows } from '../notebookpage';
import { expectDrawn, watched } from '../report';
import { boxOf, scrollTo } from '../scrolling';

const RUN = [
  `
import time
import bqplot, numpy as np, ipywidgets as w
import dasklens
from distributed import Client
client = Client(n_workers=2, threads_per_worker=2, dashboard_address=":0")
stream = dasklens.TaskStream(client)
stream`,
  'futures = client.map(time.sleep, np.linspace(0.02, 0.2, 40).tolist(), pure=False)\nbars = dasklens.progress(futures)',
  'assert bars.wait(60)',
  'profile = dasklens.Profile(client)\nprofile',
  `
rng = np.random.default_rng(0)
x, y = bqplot.LinearScale(), bqplot.LinearScale()
scatter = bqplot.Scatter(x=rng.random(50), y=rng.random(50), scales={"x": x, "y": y}, default_size=36)
axes = [bqplot.Axis(scale=x), bqplot.Axis(scale=y, orientation="vertical")]
panzoom = bqplot.interacts.PanZoom(scales={"x": [x], "y": [y]})
figure = bqplot.Figure(marks=[scatter], axes=axes, interaction=panzoom, title="Points")
size = w.IntSlider(value=36, min=4, max=900, description="Size")
w.jslink((size, "value"), (scatter, "default_size"))
w.VBox([size, figure])`,
  `
out = w.Output()
with out:
    print("printed")
    display(w.HTML("<b>bold</b>"))
w.Tab([
    w.VBox([w.Dropdown(options=["a", "b"], description="Pick"), w.Play(description="Play")]),
    w.Accordion([w.HTML("<i onclick='x()'>italic</i>"), w.IntProgress(value=4, max=10)], titles=["One", "Two"]),
    out,
], titles=["Controls", "More", "Output"])`,
  'client.close(); client.cluster.close()'
];

/** A notebook that nbconvert runs; once, for all that look at it, also for a worker that starts after a failure. */
function page(info: TestInfo): string {
  const kept = join(process.env.DASKLENS_UI_HOME as string, 'run.html');
  if (!existsSync(kept)) {
    const euler = { markdown: true, source: '# A run\n\nEuler: $e^{i\\pi}+1=0$' };
    const nb = notebook([euler, ...RUN.map(source => ({ source: source.trim() }))]);
    copyFileSync(fileURLToPath(converted(nb, info, '--execute')), kept);
  }
  return `file://${kept}`;
}

const place = (page: Page, text: string): Locator => page.locator('.dasklens-live').filter({ hasText: text });
const stream = (page: Page): Locator =>
  page
    .locator('.dasklens-live')
    .filter({ has: page.locator('.dasklens-legend') })
    .first();

test.describe('a notebook that nbconvert ran', () => {
  test.describe.configure({ timeout: 240_000 });

  test('is live without a network or a kernel', async ({ page: at }, info) => {
    const seen = await watched(at);
    await at.goto(page(info));
    await expectDrawn(stream(at).locator('canvas'));
    await expect(stream(at).locator('.dasklens-count')).toHaveText('40 tasks');
    await expect(place(at, '40 / 40')).toBeVisible();
    await expect(at.locator('.katex')).toHaveCount(1);
    await expect(at.locator('#dasklens-notes li')).toHaveText([
      '2 of 3 controls need a kernel: nothing here listens to what is set.'
    ]);
    // What stands behind a widget is not seen beside it.
    await expect(at.locator('.dasklens-fallback:visible')).toHaveCount(0);
    const profile = place(at, 'Call tree');
    await scrollTo(profile);
    await expectDrawn(profile.locator('canvas').first());
    expect(seen).toEqual({ asked: [], problems: [] });
  });

  test('has a task stream to look around in', async ({ page: at }, info) => {
    const seen = await watched(at);
    await at.goto(page(info));
    const canvas = stream(at).locator('canvas');
    await expectDrawn(canvas);
    const before = await pictureOf(canvas);
    const box = await boxOf(canvas);
    await at.mouse.move(box.x + box.width / 2, box.y + box.height / 4);
    await at.mouse.wheel(0, -400);
    await expect.poll(() => pictureOf(canvas)).not.toBe(before);
    await at.mouse.click(box.x + box.width / 2, box.y + box.height / 4);
    await expect(stream(at).locator('.dasklens-detail')).toContainText('sleep');
    expect(seen).toEqual({ asked: [], problems: [] });
  });

  test('has sliders that move what they are linked to, and figures that pan and zoom', async ({
    page: at
  }, info) => {
    const seen = await watched(at);
    await at.goto(page(info));
    const figure = place(at, 'Points');
    await scrollTo(figure);
    const dot = figure.locator('.dot').first();
    const width = async (): Promise<number> => (await dot.boundingBox())?.width ?? 0;
    await expect.poll(width).toBeGreaterThan(1);
    const small = await width();
    await figure.locator('.noUi-handle').focus();
    await at.keyboard.press('End');
    await expect(figure.locator('.widget-readout')).toHaveText('900');
    await expect.poll(width).toBeGreaterThan(3 * small);

    const ticks = (): Promise<string[]> => figure.locator('.axis .tick text').allTextContents();
    const before = await ticks();
    const box = await boxOf(figure.locator('.bqplot'));
    await at.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await at.mouse.wheel(0, -300);
    await expect.poll(ticks).not.toEqual(before);
    const zoomed = await ticks();
    await at.mouse.down();
    await at.mouse.move(box.x + box.width / 3, box.y + box.height / 2, { steps: 5 });
    await at.mouse.up();
    await expect.poll(ticks).not.toEqual(zoomed);
    expect(seen).toEqual({ asked: [], problems: [] });
  });

  test('has tabs, accordions and outputs', async ({ page: at }, info) => {
    const seen = await watched(at);
    await at.goto(page(info));
    const tabs = place(at, 'Controls');
    await expect(tabs.locator('select')).toBeVisible();
    await expect(tabs.locator('.fa-play')).toBeVisible();
    await tabs.locator('.lm-TabBar-tab', { hasText: 'More' }).click();
    await tabs.locator('.jupyter-widget-Collapse-header', { hasText: 'One' }).click();
    const italic = tabs.locator('i', { hasText: 'italic' });
    await expect(italic).toBeVisible();
    expect(await italic.getAttribute('onclick')).toBeNull();
    await tabs.locator('.lm-TabBar-tab', { hasText: 'Output' }).click();
    await expect(tabs.locator('pre', { hasText: 'printed' })).toBeVisible();
    await expect(tabs.locator('b', { hasText: 'bold' })).toBeVisible();
    expect(seen).toEqual({ asked: [], problems: [] });
  });

  for (const scheme of ['light', 'dark'] as const) {
    test(`can be read in ${scheme} colours`, async ({ page: at }, info) => {
      await at.emulateMedia({ colorScheme: scheme });
      await at.goto(page(info));
      await expectDrawn(stream(at).locator('canvas'));
      await expect(at.locator('html')).toHaveAttribute('data-theme', scheme);
      for (const part of [
        at.locator('#dasklens-notes'),
        stream(at),
        place(at, 'Points'),
        place(at, 'Controls')
      ]) {
        const dim = (await textsIn(part)).filter(({ contrast }) => contrast < 4.5);
        expect(dim).toEqual([]);
      }
      await expect(stream(at).locator('.dasklens-count')).toHaveText('40 tasks');
      await at.screenshot({ path: info.outputPath(`${scheme}.png`) });
      await at.locator('.dasklens-theme').click();
      await expect(at.locator('html')).toHaveAttribute('data-theme', scheme === 'dark' ? 'light' : 'dark');
    });
  }

  test('fits a telephone', async ({ page: at }, info) => {
    await at.setViewportSize({ width: 390, height: 800 });
    await at.goto(page(info));
    await scrollTo(stream(at).locator('canvas'));
    await expectDrawn(stream(at).locator('canvas'));
    expect(await at.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await at.screenshot({ path: info.outputPath('telephone.png'), fullPage: true });
  });
});

const HOSTILE = `</script><script>document.title='hacked'</script><img src=x onerror="document.title='hacked'">`;

test('nothing of a notebook runs, is fetched, or leads elsewhere', async ({ page: at }, info) => {
  // A policy's refusal is told as a request that failed: what counts is what would leave the browser.
  const left: string[] = [];
  await at.route(/^(https?|wss?):/, route => {
    left.push(route.request().url());
    return route.abort();
  });
  const state = {
    box: model('VBox', {
      children: ['IPY_MODEL_html', 'IPY_MODEL_other', 'IPY_MODEL_bad', 'IPY_MODEL_code']
    }),
    html: model('HTML', {
      value: `${HOSTILE}<b>bold</b><meta http-equiv="refresh" content="0;url=https://x.org/">`
    }),
    other: model('Plot', {}, HOSTILE),
    bad: model(HOSTILE),
    code: {
      ...model('Any', { _anywidget_id: 'mine.Mine', _esm: `document.title = 'hacked'` }, 'anywidget'),
      model_module_version: '~0.9.*'
    }
  };
  const source =
    `${HOSTILE}\n\n<meta http-equiv="refresh" content="0;url=https://x.org/">` +
    '<iframe src="https://x.org/"></iframe><link rel="preconnect" href="https://x.org/">![](https://x.org/a.png)';
  const html = `<p>${HOSTILE}</p><style>@import url(https://x.org/a.css); p { background: url(https://x.org/b) }</style>`;
  const cells = [
    { markdown: true, source },
    { source: HOSTILE, outputs: [shows('box'), { 'text/html': html }, shows('gone', { 'text/html': html })] }
  ];
  await at.goto(converted(notebook(cells, state), info));
  await expect(at.locator('.dasklens-live b')).toHaveText('bold');
  await expect(at.locator('.dasklens-live .dasklens-note')).toHaveCount(3);
  expect(await at.title()).not.toBe('hacked');
  expect(at.url()).toMatch(/^file:.*run\.html$/);
  expect(await at.locator('main :is(meta, iframe, link)').count()).toBe(0);
  expect(left).toEqual([]);
});

test('code of a notebook runs when its page was written so that it may', async ({ page: at }, info) => {
  const seen = await watched(at);
  const esm = `export default { render({ model, el }) { el.textContent = 'drawn ' + model.get('n'); } }`;
  const widget = {
    ...model('Any', { _anywidget_id: 'mine.Mine', _esm: esm, _css: 'p {}', n: 3 }, 'anywidget'),
    model_module_version: '~0.9.*'
  };
  const cell = {
    source: '',
    outputs: [
      shows('w'),
      { 'text/html': '<p id="p"></p><script>document.getElementById("p").textContent = "written"</script>' },
      { 'text/html': '<script>fetch("https://x.org/").catch(() => { document.title = "refused" })</script>' }
    ]
  };
  await at.goto(converted(notebook([cell], { w: widget }), info, '--DasklensExporter.allow_scripts=True'));
  await expect(at.locator('.dasklens-live')).toContainText('drawn 3');
  await expect(at.locator('#p')).toHaveText('written');
  await expect(at).toHaveTitle('refused');
  expect(seen.asked).toEqual([]);
});

test('a widget that fails leaves the others alone, and what is known of it in sight', async ({
  page: at
}, info) => {
  const state = {
    good: model('HTML', { value: '<b>good</b>' }),
    bad: model('IntSlider', { layout: 'IPY_MODEL_nowhere' })
  };
  const cells = [{ source: '', outputs: [shows('bad', { 'text/plain': 'IntSlider(…)' }), shows('good')] }];
  await at.goto(converted(notebook(cells, state), info));
  await expect(at.locator('.dasklens-live b')).toHaveText('good');
  await expect(at.locator('.dasklens-note')).toContainText('This widget cannot be shown here');
  await expect(at.locator('pre', { hasText: 'IntSlider(…)' })).toBeVisible();
});

test('every widget of ipywidgets comes up', async ({ page: at }, info) => {
  const seen = await watched(at);
  const nb = ofAllControls();
  await at.goto(converted(nb, info));
  const places = at.locator('.dasklens-live');
  expect(await places.count()).toBeGreaterThan(50);
  // The last one is there, and none has a sentence in its place.
  await expect(places.last().locator('.jupyter-widgets')).toHaveCount(1);
  await expect(places.and(at.locator(':empty'))).toHaveCount(0);
  await expect(at.locator('.dasklens-note, .jupyter-widgets-error-widget')).toHaveCount(0);
  expect(seen.asked).toEqual([]);
});
