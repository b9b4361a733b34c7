/**
 * Turns an empty page into one with bqplot, the marks and a stage to put figures on (stage.ts), and no
 * kernel: for the tests of drawing and for the benchmark. esbuild comes from js, Playwright from here,
 * bqplot's script from the Python environment that has it installed.
 *
 * CommonJS, because Playwright turns what tests import into that, and scripts of Node can import it too.
 */

const { execFileSync } = require('node:child_process');
const { existsSync, readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const root = join(__dirname, '../..');

/** What a browser of the tests and benchmarks is: no GPU, and nothing that it fetches on its own. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic'
];

/** CSS of bqplot that matters here: where the layers of a figure lie. */
const STYLE = `
  body { margin: 0; font: 12px sans-serif; }
  .bqplot { position: relative; box-sizing: border-box; display: flex; }
  .bqplot > svg { position: absolute; left: 0; top: 0; width: 100%; height: 100%; }
  .bqplot > canvas { position: absolute; pointer-events: none; }
  .bqplot .plotarea_background, .bqplot .plotarea_events { fill-opacity: 0; }
  .bqplot .axis path, .bqplot .axis line { fill: none; stroke: #999; }
  .bqplot .axis text { font: 12px sans-serif; fill: #333; }`;

/**
 * Start Chromium: the one that the environment variable CHROMIUM names, or Debian's.
 *
 * @returns {Promise<import('@playwright/test').Browser>}
 */
async function launch() {
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`There is no Chromium at ${executablePath}: say where it is, CHROMIUM=/path/to/chrome.`);
  }
  const { chromium } = require('@playwright/test');
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/**
 * Fill an empty page.
 *
 * @param {import('@playwright/test').Page} page
 * @param {string[]} more - scripts of TypeScript to run in the page after ours.
 * @returns {Promise<Error[]>} what goes wrong in the page from now on.
 */
async function fill(page, more = []) {
  /** @type {Error[]} */
  const errors = [];
  page.on('pageerror', error => errors.push(error));
  page.on('console', message => {
    if (message.type() === 'error') {
      errors.push(new Error(message.text()));
    }
  });
  await page.setContent(`<!doctype html><style>${STYLE}</style><body></body>`);
  await page.addScriptTag({ content: await bundled(join(__dirname, 'shared.ts'), []) });
  await page.addScriptTag({ content: bqplotScript() });
  for (const script of [join(__dirname, 'stage.ts'), ...more]) {
    await page.addScriptTag({ content: await bundled(script, ['@jupyter-widgets/base', 'bqplot']) });
  }
  return errors;
}

/** bqplot's own bundle for pages with require.js. */
function bqplotScript() {
  const own = join(root, '.venv/bin/python');
  const python = process.env.PYTHON ?? (existsSync(own) ? own : 'python3');
  const prefix = execFileSync(python, ['-c', 'import sys; print(sys.prefix)'], { encoding: 'utf8' }).trim();
  const path = join(prefix, 'share/jupyter/nbextensions/bqplot/index.js');
  if (!existsSync(path)) {
    throw new Error(`bqplot is not installed in ${prefix}. Say where it is: PYTHON=/path/to/python.`);
  }
  return readFileSync(path, 'utf8');
}

/** @type {Map<string, Promise<string>>} */
const texts = new Map();

/**
 * A script and what it imports, as one text that a page can run; made once, however many pages there are.
 *
 * @param {string} entry
 * @param {string[]} shared - modules that the page has already (shared.ts).
 * @returns {Promise<string>}
 */
function bundled(entry, shared) {
  let text = texts.get(entry);
  if (!text) {
    text = bundle(entry, shared);
    texts.set(entry, text);
  }
  return text;
}

/**
 * @param {string} entry
 * @param {string[]} shared
 * @returns {Promise<string>}
 */
async function bundle(entry, shared) {
  /** @type {import('esbuild')} */
  const { build } = createRequire(join(root, 'js/package.json'))('esbuild');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    loader: { '.css': 'empty', '.svg': 'empty' },
    nodePaths: [join(root, 'js/node_modules')],
    plugins: [
      {
        name: 'shared',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^(@jupyter-widgets\/base|bqplot)$/ }, ({ path }) =>
            shared.includes(path) ? { path, namespace: 'shared' } : undefined
          );
          onLoad({ filter: /.*/, namespace: 'shared' }, ({ path }) => ({
            contents: `module.exports = window.shared[${JSON.stringify(path)}];`
          }));
        }
      }
    ]
  });
  return outputFiles[0].text;
}

module.exports = { bundled, fill, launch };
