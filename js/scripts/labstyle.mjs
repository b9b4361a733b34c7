// The style of a report in a tab of JupyterLab: that of its page, for the elements of the tab alone. The page's
// colours (theme.css) are not JupyterLab's, and its paper (print.css) is not ours.
import { readFileSync, writeFileSync } from 'node:fs';
import { transform } from 'esbuild';

const NOT_OURS = ['theme', 'print'];
const page = readFileSync('src/report/page.css', 'utf8');
const names = [...page.matchAll(/url\('\.\/style\/(\w+)\.css'\)/g)].map(([, name]) => name);
const style = names
  .filter(name => !NOT_OURS.includes(name))
  .map(name => readFileSync(`src/report/style/${name}.css`, 'utf8'))
  .join('\n')
  // The tab is what the page's window is.
  .replaceAll('@media (max-width', '@container (max-width')
  .replaceAll(/\b100(vw|vh)\b/g, (_, unit) => (unit === 'vw' ? '100cqw' : '100cqh'));
// Rules weigh what they weigh in the page, beside those of the figures.
const { code } = await transform(`:where(.dasklens-Report) {\n${style}\n}`, {
  loader: 'css',
  target: ['chrome108', 'firefox110', 'safari16'],
  charset: 'utf8'
});
writeFileSync('lib/report.css', code);
