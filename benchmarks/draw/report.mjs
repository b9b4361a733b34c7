/**
 * A report that is opened from disk in headless Chromium without a network; prints JSON.
 *
 *     node benchmarks/draw/report.mjs (ours|upstream) report.html tasks [pan]
 *
 * Times are the page's own clock, which starts when it is opened. Interactive is when the picture has moved for
 * the first time, answering a wheel, once all tasks are in it (ours), and when Bokeh says that it has nothing
 * left to do (upstream's, which shows its first tab then: the task stream is a click away).
 */

import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { bundled } from '../../ui-tests/figure/open.cjs';
import { printMeasured } from './script.mjs';

const [whose, path, tasks] = process.argv.slice(2);
const wanted = Number(tasks);
const pans = process.argv.includes('pan');
const file = pathToFileURL(resolve(path)).href;
const FRAMES = 300;
/** Seconds after which fewer frames have to do. */
const ENOUGH = 30;
/** Milliseconds until a figure is given up, and until it should say how many tasks it has. */
const [PATIENCE, SAID] = [200_000, 5_000];

await printMeasured(async page => {
  /** @type {string[]} */
  const wrong = [];
  page.on('pageerror', error => wrong.push(error.message));
  page.on('request', request => {
    if (!/^(file|blob|data):/.test(request.url())) {
      wrong.push(`it asked for ${request.url()}`);
    }
  });
  await page.context().setOffline(true);
  await page.addInitScript({ content: await script('opened.ts') });
  let peak = 0;
  const watching = pans ? setInterval(() => (peak = Math.max(peak, memory())), 200) : undefined;
  const measured = whose === 'ours' ? await ours(page) : await upstream(page);
  const more = pans ? await panned(page) : {};
  clearInterval(watching);
  if (whose === 'ours' && wrong.length > 0) {
    throw new Error(`Something went wrong in the report: ${wrong[0]}`);
  }
  return { ...measured, ...more, ...(pans ? { peak } : {}) };
});

/**
 * @param {string} name
 * @returns {Promise<string>}
 */
function script(name) {
  return bundled(fileURLToPath(new URL(name, import.meta.url)), []);
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {string} address
 */
async function opened(page, address) {
  await page.goto(address, { waitUntil: 'commit' });
  await page.waitForFunction(() => window.opened.seen.interactive, null, { timeout: PATIENCE, polling: 50 });
  return page.evaluate(() => window.opened.seen);
}

/** @param {import('@playwright/test').Page} page */
async function ours(page) {
  const seen = await opened(page, `${file}#tab=task-stream`);
  // It says so no more than once a second.
  await page.waitForFunction(
    n => {
      const words = document.querySelector('.hosted-task-stream .dasklens-count')?.textContent ?? '';
      return Number(words.replace(/\D/g, '')) === n;
    },
    wanted,
    { timeout: SAID }
  );
  if (pans) {
    return seen;
  }
  // And as a double click opens it.
  await page.goto('about:blank');
  await page.goto(file, { waitUntil: 'commit' });
  await page.waitForFunction(() => window.opened.seen.summary, null, { polling: 50 });
  return { ...seen, summary: await page.evaluate(() => window.opened.seen.summary) };
}

/** @param {import('@playwright/test').Page} page */
async function upstream(page) {
  const { interactive } = await opened(page, file);
  const [stream, spans] = await page.evaluate(() => window.opened.showUpstream());
  if (spans < wanted) {
    throw new Error(`Upstream's report has ${spans} spans.`);
  }
  return { interactive, stream };
}

/**
 * Frames while the wheel turns, of a part, of everything and of a small part, and memory at rest.
 *
 * @param {import('@playwright/test').Page} page
 */
async function panned(page) {
  await page.evaluate(await script('frames.ts'));
  const frames = async () => {
    const [measured, moved] = await page.evaluate(
      async ([n, seconds]) => {
        const { wheelAt, ticks } = window.opened;
        const atRest = ticks();
        let moved = false;
        const turn = (/** @type {number} */ i) => {
          moved ||= ticks() !== atRest;
          wheelAt({ deltaY: i % 60 < 30 ? 12 : -12, shiftKey: true });
        };
        return /** @type {const} */ ([await window.watchFrames(n, turn, seconds), moved]);
      },
      [FRAMES, ENOUGH]
    );
    if (!moved) {
      throw new Error('The task stream did not move when the wheel was turned.');
    }
    return measured;
  };
  const zoomed = async (/** @type {number} */ deltaY, /** @type {number} */ times) => {
    for (let i = 0; i < times; i++) {
      await page.evaluate(deltaY => window.opened.wheelAt({ deltaY }), deltaY);
    }
    await page.evaluate(() => window.watchFrames(30));
  };
  const pan_half = await frames();
  await zoomed(4000, 1);
  const pan_all = await frames();
  await zoomed(-300, 20);
  const pan_near = await frames();
  if (process.env.SCREENSHOT) {
    await page.screenshot({ path: process.env.SCREENSHOT });
  }
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  await cdp.send('HeapProfiler.collectGarbage');
  /** @type {any} */
  const {
    usedSize,
    embedderHeapUsedSize = 0,
    backingStorageSize = 0
  } = await cdp.send('Runtime.getHeapUsage');
  const heap = usedSize + embedderHeapUsedSize + backingStorageSize;
  return { pan_half, pan_all, pan_near, heap, rest: memory() };
}

/** Bytes of the browser's processes, all of which this one has started: their own, and their part of shared ones. */
function memory() {
  /** @type {Map<number, number>} */
  const parents = new Map();
  for (const pid of readdirSync('/proc').map(Number).filter(Boolean)) {
    const stat = textOf(`/proc/${pid}/stat`);
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isOurs = (/** @type {number} */ pid) => {
    let at = parents.get(pid);
    while (at && at !== process.pid) {
      at = parents.get(at);
    }
    return at === process.pid;
  };
  let sum = 0;
  for (const pid of [...parents.keys()].filter(isOurs)) {
    const found = /^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/smaps_rollup`));
    sum += 1024 * Number(found?.[1] ?? 0);
  }
  return sum;
}

/** @param {string} path - of a process that may have ended meanwhile. */
function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
