// The scripts and the style of a report's page, which `python/dasklens/report/pages.py` puts into each file:
// `boot.js` stands in it as it is, `page.js` and `figures.js` packed.
import { clean } from './outputs.mjs';
import { bqplotOf, bundle } from './packed.mjs';

const folder = clean('static/report');

// Of what the page has in the place of a package, one copy each.
const page = {
  name: 'page',
  setup({ onResolve, onLoad }) {
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

await bundle({
  entryPoints: {
    boot: 'src/report/boot.ts',
    page: 'src/report/page.ts',
    figures: 'src/report/figures.ts',
    style: 'src/report/page.css'
  },
  outdir: folder,
  loader: { '.svg': 'empty' },
  plugins: [page, bqplotOf('dasklensReport')]
});
