/**
 * The one script that stands in a report as it is: it sets the theme before anything is painted, and unpacks
 * the others, each of which the page's policy names by its text too.
 */

import { packedScripts, takeBqplot, whyNot } from '../host/packed';
import { IDS, type Loader } from './shared';

const loader: Loader = packedScripts();

function fail(reason: unknown): void {
  const words = document.createElement('p');
  words.textContent = `This browser cannot show the report (${whyNot(reason)}). Try a newer one, or dasklens.load_report.`;
  words.className = 'fatal';
  document.body.append(words);
}

window.dasklensReport = loader;
takeBqplot(make => {
  loader.bqplot = make;
});
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
document.documentElement.dataset.theme = dark ? 'dark' : 'light';
document.addEventListener('DOMContentLoaded', () => {
  loader
    .run(IDS.page)
    .then(() => {
      if (!document.querySelector('main, .fatal')) {
        fail('its script was changed, or may not run');
      }
    })
    .catch(fail);
  loader.unpack(IDS.bqplot);
  loader.unpack(IDS.figures);
});
