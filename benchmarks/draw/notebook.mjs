/**
 * A notebook's page that is opened from disk in headless Chromium without a network; prints JSON.
 *
 *     node benchmarks/draw/notebook.mjs page.html figures
 *
 * Times are the page's own clock, in milliseconds since it was opened.
 */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { printMeasured } from './script.mjs';

const [path, figures] = process.argv.slice(2);
const wanted = Number(figures);
/** Milliseconds until figures that are not drawn are given up. */
const PATIENCE = 20_000;

await printMeasured(async page => {
  let asked = 0;
  page.on('request', request => {
    asked += Number(!/^(file|blob|data):/.test(request.url()));
  });
  await page.context().setOffline(true);
  await page.addInitScript(() => {
    /** @type {number[]} */
    const drawn = [];
    Object.assign(window, { drawn });
    const look = () => {
      const now = [...document.querySelectorAll('.bqplot')].filter(each => each.querySelector('.dot'));
      while (drawn.length < now.length) {
        drawn.push(performance.now());
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(pathToFileURL(resolve(path)).href);
  const drawn = () => /** @type {any} */ (window).drawn;
  await page
    .waitForFunction(n => /** @type {any} */ (window).drawn.length >= n, wanted, {
      timeout: PATIENCE,
      polling: 50
    })
    .catch(() => {});
  const times = await page.evaluate(drawn);
  return { asked, drawn: times.length, first: times[0] ?? null, last: times.at(-1) ?? null };
});
