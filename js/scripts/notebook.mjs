// The scripts and styles of a notebook's page, of which `python/dasklens/report/nbpage.py` puts into each file
// what its notebook needs: `boot.js` as it is, the others packed; fonts are within the styles.
import { clean } from './outputs.mjs';
import { bqplotOf, bundle } from './packed.mjs';

const folder = clean('static/notebook');

// The style sheet of KaTeX, and its fonts in the one format that every browser of today reads.
const woff2 = { '.woff2': 'dataurl', '.woff': 'empty', '.ttf': 'empty', '.eot': 'empty', '.svg': 'empty' };

await bundle({
  entryPoints: {
    boot: 'src/notebook/boot.ts',
    notebook: 'src/notebook/page.ts',
    math: 'src/notebook/math.ts',
    style: 'src/notebook/style/page.css',
    icons: 'src/notebook/style/icons.css',
    formulas: 'src/notebook/style/formulas.css'
  },
  outdir: folder,
  loader: woff2,
  plugins: [bqplotOf("window.dasklensNotebook.bqplot(require('@jupyter-widgets/base'))")]
});
