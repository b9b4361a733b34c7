/** A script that measures something in Chromium: prints it as JSON, or one line of what went wrong. */

import { launch } from '../../ui-tests/figure/open.cjs';

/**
 * @param {(page: import('@playwright/test').Page) => Promise<object>} measure - gets an empty page.
 */
export async function printMeasured(measure) {
  endWithStdin();
  try {
    const browser = await launch();
    try {
      const page = await browser.newPage({ viewport: { width: 1320, height: 760 } });
      console.log(JSON.stringify(await measure(page), null, 1));
    } finally {
      await browser.close();
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message.split('\n')[0] : error);
    process.exitCode = 1;
  }
}

/**
 * With --while-stdin-open, as bench_draw.py runs us: however that ends, nothing of it stays behind.
 * (The parent process tells nothing: `node` may be a wrapper around node.)
 */
function endWithStdin() {
  if (process.argv.includes('--while-stdin-open')) {
    // Chromium hears of it by a pipe that closes, and ends too.
    process.stdin.on('end', () => process.exit(1)).resume();
    process.stdin.unref();
  }
}
