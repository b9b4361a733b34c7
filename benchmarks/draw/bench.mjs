/**
 * Frame times and memory of the Spans mark in headless Chromium without a GPU; prints JSON.
 *
 *     node benchmarks/draw/bench.mjs [spans] [lanes]
 */

import { openPage } from './page.mjs';

const spans = Number(process.argv[2] ?? 1_000_000);
const lanes = Number(process.argv[3] ?? 64);
/** Appending 10,000 spans a second to these lanes keeps them busy. */
const RATE = 10_000;
const MEAN = lanes / RATE / 1.25;

const { browser, page, errors } = await openPage();
try {
  const cdp = await page.context().newCDPSession(page);
  const memory = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await cdp.send('Runtime.getHeapUsage');
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  };
  await page.evaluate(() => window.bench.start(1300, 740));
  await page.evaluate(() => window.frame());
  const before = await memory();
  const firstPicture = await page.evaluate(
    ([spans, lanes, mean]) => window.bench.load(spans, lanes, mean),
    [spans, lanes, MEAN]
  );
  const after = await memory();
  const result = {
    spans: await page.evaluate(() => window.bench.model.log.nSpans),
    lanes: await page.evaluate(() => window.bench.model.log.lanes.length),
    first_picture_ms: Math.round(firstPicture),
    bytes_per_span: Math.round(((after - before) / spans) * 10) / 10
  };
  // Everything on screen: the most that there can be to do.
  result.pan_all = await page.evaluate(() =>
    window.bench.wheel(300, i => ({ deltaY: i % 60 < 30 ? 12 : -12, shiftKey: true }))
  );
  result.zoom = await page.evaluate(() => window.bench.wheel(300, i => ({ deltaY: i % 200 < 100 ? -60 : 60 })));
  await page.evaluate(() => {
    window.bench.model.zoomReset();
    window.bench.model.zoomBy(0.05);
  });
  result.pan_near = await page.evaluate(() =>
    window.bench.wheel(300, i => ({ deltaY: i % 60 < 30 ? 12 : -12, shiftKey: true }))
  );
  result.append_follow = await page.evaluate(rate => window.bench.append(10, rate), RATE);
  result.spans_at_end = await page.evaluate(() => window.bench.model.log.nSpans);
  result.errors = errors.map(String);
  if (process.env.SCREENSHOT) {
    await page.screenshot({ path: process.env.SCREENSHOT });
  }
  console.log(JSON.stringify(result, null, 1));
} finally {
  await browser.close();
}
