/**
 * Opens a page with a bqplot figure, the Spans mark in it, and no kernel: for the benchmark here and
 * for the tests of drawing. Playwright comes from ui-tests, esbuild from js, bqplot's script from the
 * Python environment that has it installed.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const { chromium } = createRequire(join(root, 'ui-tests/package.json'))('@playwright/test');
const { build } = createRequire(join(root, 'js/package.json'))('esbuild');

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

async function bundled(entry, shared) {
  const { outputFiles } = await build({
    entryPoints: [join(here, entry)],
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

/** CSS of bqplot that matters here: where the layers of a figure lie. */
const STYLE = `
  body { margin: 0; font: 12px sans-serif; }
  .bqplot { position: relative; box-sizing: border-box; display: flex; }
  .bqplot > svg { position: absolute; left: 0; top: 0; width: 100%; height: 100%; }
  .bqplot > canvas { position: absolute; pointer-events: none; }
  .bqplot .plotarea_background, .bqplot .plotarea_events { fill-opacity: 0; }
  .bqplot .axis path, .bqplot .axis line { fill: none; stroke: #999; }
  .bqplot .axis text { font: 12px sans-serif; fill: #333; }`;

export async function openPage(options = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic'
    ]
  });
  const context = await browser.newContext({ viewport: { width: 1320, height: 760 }, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', error => errors.push(error));
  page.on('console', message => {
    if (message.type() === 'error') {
      errors.push(new Error(message.text()));
    }
  });
  await page.setContent(`<!doctype html><style>${STYLE}</style><body></body>`);
  await page.addScriptTag({ content: await bundled('shared.ts', []) });
  await page.addScriptTag({ content: bqplotScript() });
  await page.addScriptTag({ content: await bundled('page.ts', ['@jupyter-widgets/base', 'bqplot']) });
  return { browser, page, errors };
}
