// The scripts and the style of a report's page, which `python/dasklens/report/pages.py` puts into each file:
// `boot.js` stands in it as it is, `page.js` and `figures.js` packed. bqplot comes from the wheel that is
// installed where reports are written: its script defines an AMD module, and the figures' script makes it.
import { build } from 'esbuild';
import { clean } from './outputs.mjs';

const folder = clean('static/report');

// Of what the page has in the place of a package, one copy each.
const page = {
  name: 'page',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(bqplot|bqscales)$/ }, () => ({ path: 'bqplot', namespace: 'page' }));
    onLoad({ filter: /^bqplot$/, namespace: 'page' }, () => ({
      contents: `module.exports = window.dasklensReport.bqplot(require('@jupyter-widgets/base'));`,
      resolveDir: '.'
    }));
    onResolve({ filter: /^@jupyter-widgets\/controls$/ }, ({ resolveDir }) =>
      resolveDir.includes('node_modules') ? undefined : { path: `${process.cwd()}/src/report/boxes.ts` }
    );
    // What cleans HTML: nothing of a report is HTML.
    onResolve({ filter: /^sanitize-html$/ }, () => ({ path: 'sanitize-html', namespace: 'page' }));
    onLoad({ filter: /^sanitize-html$/, namespace: 'page' }, () => ({
      contents: `module.exports = function () { throw new Error('A report shows no HTML.'); };`
    }));
  }
};

await build({
  entryPoints: {
    boot: 'src/report/boot.ts',
    page: 'src/report/page.ts',
    figures: 'src/report/figures.ts',
    style: 'src/report/page.css'
  },
  outdir: folder,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  loader: { '.svg': 'empty' },
  plugins: [page]
});
