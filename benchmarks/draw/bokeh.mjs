/**
 * Frame times of upstream's `/tasks` page while it is dragged; prints JSON.
 *
 *     node benchmarks/draw/bokeh.mjs http://127.0.0.1:1234/tasks [rectangles]
 */

import { fileURLToPath } from 'node:url';

import { bundled } from '../../ui-tests/figure/open.cjs';
import { printMeasured } from './script.mjs';

const [url, wanted = '100000'] = process.argv.slice(2);
const FRAMES = 300;
/** Seconds after which fewer frames have to do. */
const ENOUGH = 25;
/** Where the pointer drags, how far at a time, and after how many steps it turns. */
const [X, Y] = [500, 380];
const STEP = 12;
const TURN = 30;

await printMeasured(async page => {
  const begin = performance.now();
  await page.goto(url);
  const plot = await page.waitForFunction(
    n => {
      const { Bokeh } = /** @type {any} */ (window);
      const found = Bokeh?.documents[0]?.get_model_by_name('task_stream');
      return found?.renderers[0].data_source.data.start.length >= n ? found : null;
    },
    Number(wanted),
    { timeout: 30_000 }
  );
  await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve))));
  const visible = performance.now() - begin;
  const script = fileURLToPath(new URL('frames.ts', import.meta.url));
  await page.addScriptTag({ content: await bundled(script, []) });
  // What a click on the tool does: the page opens with another one.
  await plot.evaluate(({ toolbar }) => {
    toolbar.tools.find((/** @type {any} */ tool) => tool.type === 'PanTool').active = true;
  });
  const leftEdge = () => plot.evaluate(({ x_range }) => x_range.start);
  const atRest = await leftEdge();

  await page.mouse.move(X, Y);
  await page.mouse.down();
  let moves = 0;
  let moved = false;
  let watching = true;
  const watched = page
    .evaluate(([n, seconds]) => window.watchFrames(n, undefined, seconds), [FRAMES, ENOUGH])
    .finally(() => {
      watching = false;
    });
  while (watching) {
    const phase = ++moves % (2 * TURN);
    await page.mouse.move(X + STEP * (phase < TURN ? phase : 2 * TURN - phase), Y);
    moved ||= (await leftEdge()) !== atRest;
  }
  const pan = await watched;
  if (!moved) {
    throw new Error("Upstream's page did not move when it was dragged.");
  }
  return { visible_ms: Math.round(visible), moves, pan };
});
