// The scripts and the style of a report's page, which `python/dasklens/report/pages.py` puts into each file:
// `boot.js` stands in it as it is, `page.js` and `figures.js` packed.
import { basename } from 'node:path';

import { clean } from './outputs.mjs';
import { bqplotOf, bundle } from './packed.mjs';

const folder = clean('static/report');

// Of one large module that no bundler takes apart, what figures are made with.
const LUMINO = ['layout', 'panel', 'panellayout', 'widget'];

// What the page has in the place of other modules, one copy each.
const page = {
  name: 'page',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@jupyter-widgets\/controls$/ }, ({ resolveDir }) =>
      resolveDir.includes('node_modules') ? undefined : { path: `${process.cwd()}/src/report/boxes.ts` }
    );
    // What JupyterLab loads when it is needed lies in the page: as one scope, which a browser reads only once.
    onResolve({ filter: /^\.\/(modules|parts)$/ }, ({ path, resolveDir }) =>
      basename(resolveDir) === 'host'
        ? { path: `${process.cwd()}/src/report/host${path.slice(2)}.ts` }
        : undefined
    );
    onResolve({ filter: /^@lumino\/widgets$/ }, () => ({ path: 'lumino', namespace: 'page' }));
    onLoad({ filter: /^lumino$/, namespace: 'page' }, () => ({
      contents: LUMINO.map(name => `export * from '@lumino/widgets/src/${name}';`).join('\n'),
      resolveDir: '.'
    }));
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
  plugins: [page, bqplotOf('window.dasklensReport.made')]
});
