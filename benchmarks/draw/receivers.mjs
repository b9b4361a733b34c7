/**
 * Frame times of the parts that show workers and memory, fed a sample a second; prints JSON.
 *
 *     node benchmarks/draw/receivers.mjs frames.json
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { fill } from '../../ui-tests/figure/open.cjs';
import { printMeasured } from './script.mjs';

/** @param {string} name */
const here = name => fileURLToPath(new URL(name, import.meta.url));
const frames = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const own = here('../../.venv/bin/python');
const python = process.env.PYTHON ?? (existsSync(own) ? own : 'python3');
const memory = JSON.parse(
  execFileSync(python, [here('memory_state.py')], { encoding: 'utf8', maxBuffer: 1 << 26 })
);

await printMeasured(async page => {
  const errors = await fill(page, [here('receivers.ts')]);
  /** @type {Record<string, object>} */
  const found = {};
  for (const name of /** @type {const} */ (['workers', 'memory'])) {
    await page.evaluate(
      ([part, state]) => window.receivers.show(part, state),
      [name, name === 'memory' ? memory : null]
    );
    found[name] = await page.evaluate(all => window.receivers.feed(all), frames);
    if (process.env.SCREENSHOT) {
      await page.screenshot({ path: process.env.SCREENSHOT.replace('.png', `-${name}.png`) });
    }
    await page.evaluate(() => window.receivers.end());
  }
  // Before a figure is measured bqplot gives a rectangle of its a negative size.
  const own = errors.filter(error => !/A negative value is not valid/.test(error.message));
  if (own.length > 0) {
    throw own[0];
  }
  return found;
});
