/**
 * Frame times and memory of the Spans mark in headless Chromium without a GPU; prints JSON.
 *
 *     node benchmarks/draw/bench.mjs [spans] [lanes]
 */

import { fileURLToPath } from 'node:url';

import { fill } from '../../ui-tests/figure/open.cjs';
import { printMeasured } from './script.mjs';

const spans = Number(process.argv[2] ?? 1_000_000);
const lanes = Number(process.argv[3] ?? 64);
/** Appending 10,000 spans a second to these lanes keeps them busy. */
const RATE = 10_000;
const MEAN = lanes / RATE / 1.25;

await printMeasured(async page => {
  const errors = await fill(page, [fileURLToPath(new URL('measure.ts', import.meta.url))]);
  const cdp = await page.context().newCDPSession(page);
  const memory = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    await cdp.send('HeapProfiler.collectGarbage');
    const {
      usedSize,
      embedderHeapUsedSize = 0,
      backingStorageSize = 0
    } = await cdp.send('Runtime.getHeapUsage');
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  };
  await page.evaluate(() => window.stage.start(1300, 740));
  await page.evaluate(() => window.frame());
  const before = await memory();
  const firstPicture = await page.evaluate(
    ([spans, lanes, mean]) => window.bench.load(spans, lanes, mean),
    [spans, lanes, MEAN]
  );
  const after = await memory();
  const { nSpans, nLanes } = await page.evaluate(() => {
    const { log } = window.stage.model;
    return { nSpans: log.nSpans, nLanes: log.lanes.length };
  });
  const pan = () =>
    page.evaluate(() => window.bench.wheel(300, i => ({ deltaY: i % 60 < 30 ? 12 : -12, shiftKey: true })));
  // Everything on screen: the most that there can be to do.
  const panAll = await pan();
  const zoom = await page.evaluate(() =>
    window.bench.wheel(300, i => ({ deltaY: i % 200 < 100 ? -60 : 60 }))
  );
  await page.evaluate(() => {
    window.stage.model.zoomReset();
    window.stage.model.zoomBy(0.05);
  });
  const panNear = await pan();
  const appendFollow = await page.evaluate(rate => window.bench.append(10, rate), RATE);
  if (process.env.SCREENSHOT) {
    await page.screenshot({ path: process.env.SCREENSHOT });
  }
  if (errors.length > 0) {
    throw errors[0];
  }
  return {
    spans: nSpans,
    lanes: nLanes,
    first_picture_ms: Math.round(firstPicture),
    bytes_per_span: Math.round(((after - before) / spans) * 10) / 10,
    pan_all: panAll,
    zoom,
    pan_near: panNear,
    append_follow: appendFollow,
    spans_at_end: await page.evaluate(() => window.stage.model.log.nSpans)
  };
});
