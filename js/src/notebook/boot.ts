/**
 * The one script that stands in a notebook's page as it is: it sets the theme before anything is painted, and
 * unpacks and runs the others, of which there are those that the notebook needs.
 */

import { packedScripts, takeBqplot, whyNot } from '../host/packed';
import { IDS, type NotebookPage } from './shared';
import { note } from './notes';
import { followTheme } from './theme';

const page: NotebookPage = packedScripts();
const has = (id: string): boolean => document.getElementById(id) !== null;

window.dasklensNotebook = page;
takeBqplot(make => {
  page.bqplot = make;
});
// Text that stands for a widget is seen when the widget does not come, not before.
document.documentElement.classList.add('dasklens-waits');

async function start(): Promise<void> {
  if (has(IDS.math)) {
    await page.run(IDS.math);
  }
  if (has(IDS.notebook)) {
    await page.run(IDS.notebook);
  }
}

followTheme();
document.addEventListener('DOMContentLoaded', () => {
  if (has(IDS.notebook) && has(IDS.bqplot)) {
    page.unpack(IDS.bqplot);
  }
  start().catch((reason: unknown) => {
    document.documentElement.classList.remove('dasklens-waits');
    note(`This browser cannot show the widgets (${whyNot(reason)}): try a newer one.`);
  });
});
