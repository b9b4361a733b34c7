// The anywidget parts: each an ES module with nothing left to import, as `_esm` wants it.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { clean } from './outputs.mjs';

const folder = clean('static', '.js');
const all = existsSync('src/parts') ? readdirSync('src/parts') : [];
const names = all.filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'));

// A file without a default export is shared by the parts, and is no part.
const { metafile } = await build({
  entryPoints: names.map(name => `src/parts/${name}`),
  outdir: folder,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  metafile: true,
  write: false
});
const parts = Object.values(metafile.outputs)
  .filter(output => output.exports.includes('default'))
  .map(output => output.entryPoint);

await build({
  entryPoints: parts,
  outdir: folder,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022'
});
// There may be any number of parts: this file stands for all when asked how old they are.
writeFileSync('lib/.parts', '');
