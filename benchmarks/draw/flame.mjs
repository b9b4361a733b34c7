/**
 * Layout and frame times of a flame graph in headless Chromium without a GPU; prints JSON.
 *
 *     node benchmarks/draw/flame.mjs [nodes] [depth]
 */

import { fileURLToPath } from 'node:url';

import { fill } from '../../ui-tests/figure/open.cjs';
import { printMeasured } from './script.mjs';

const nodes = Number(process.argv[2] ?? 200_000);
const depth = Number(process.argv[3] ?? 100);

await printMeasured(async page => {
  const errors = await fill(page, [fileURLToPath(new URL('flame.ts', import.meta.url))]);
  // As high as all depths: the most that there can be to do.
  await page.setViewportSize({ width: 1320, height: 1900 });
  await page.evaluate(() => window.stage.startFlame(1300, 1850));
  await page.evaluate(([nodes, depth]) => window.flameBench.make(nodes, depth), [nodes, depth]);
  const layout = await page.evaluate(() => window.flameBench.layout(7));
  const shown = await page.evaluate(() => window.flameBench.show());
  const pan = () =>
    page.evaluate(() =>
      window.flameBench.wheel(300, i => ({ deltaY: i % 60 < 30 ? 12 : -12, shiftKey: true }))
    );
  await page.evaluate(() => window.stage.flame.zoomBy(0.5));
  const panHalf = await pan();
  await page.evaluate(() => window.stage.flame.zoomBy(0.02));
  const panNear = await pan();
  const zoom = await page.evaluate(() =>
    window.flameBench.wheel(300, i => ({ deltaY: i % 200 < 100 ? 60 : -60 }))
  );
  if (process.env.SCREENSHOT) {
    await page.evaluate(() => window.stage.flame.zoomReset());
    await page.evaluate(async () => {
      for (let i = 0; i < 30; i++) {
        await window.frame();
      }
    });
    await page.screenshot({ path: process.env.SCREENSHOT });
  }
  if (errors.length > 0) {
    throw errors[0];
  }
  return { ...layout, first_picture_ms: Math.round(shown), pan_half: panHalf, pan_near: panNear, zoom };
});
