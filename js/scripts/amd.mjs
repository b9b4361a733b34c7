// The marks as one AMD module, for pages that load widgets with require.js: VS Code, Voila, and
// reports. esbuild writes no AMD, so its CommonJS is wrapped in a `define` that hands out the two
// modules which have to be the page's own: a second copy of either would be other classes.
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { clean } from './outputs.mjs';

const SHARED = ['@jupyter-widgets/base', 'bqplot'];
const folder = clean('nbextension');

await build({
  entryPoints: ['src/marks/index.ts'],
  outfile: `${folder}/index.js`,
  bundle: true,
  minify: true,
  format: 'cjs',
  target: 'es2022',
  external: SHARED,
  banner: {
    js:
      `define(${JSON.stringify(SHARED)}, function (base, bqplot) {` +
      `var module = { exports: {} }, exports = module.exports;` +
      `function require(name) { return { '@jupyter-widgets/base': base, bqplot: bqplot }[name]; }`
  },
  footer: { js: 'return module.exports; });' }
});

// What the classic loader runs at start: it only says where the module is.
writeFileSync(
  `${folder}/extension.js`,
  `define(function () {
  window.require &&
    window.require.config({ map: { '*': { dasklens: 'nbextensions/dasklens/index' } } });
  return { load_ipython_extension: function () {} };
});
`
);
