// Bundles that lie packed in a page which Python writes. bqplot is in none of them: it comes from the wheel that
// is installed where the page is written; its script defines an AMD module, and ours make it.
import { build } from 'esbuild';

/** bqplot and bqscales, one copy: what an expression of the page gives. */
export function bqplotOf(expression) {
  return {
    name: 'bqplot',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(bqplot|bqscales)$/ }, () => ({ path: 'bqplot', namespace: 'page' }));
      onLoad({ filter: /^bqplot$/, namespace: 'page' }, () => ({
        contents: `module.exports = ${expression};`,
        resolveDir: '.'
      }));
    }
  };
}

export function bundle(options) {
  return build({
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    ...options
  });
}
