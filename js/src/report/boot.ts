/**
 * The one script that stands in a report as it is: it sets the theme before anything is painted, and unpacks
 * the others, each of which the page's policy names by its text too.
 */

import { bytesOf } from '../connect/base64';
import { IDS, type Loader } from './shared';

const unpacked = new Map<string, Promise<string>>();
const running = new Map<string, Promise<void>>();

const loader: Loader = {
  text: id => document.getElementById(id)?.textContent ?? '',
  // Who runs it hears what is wrong.
  unpack: id => void textOf(id).catch(() => {}),
  run: id => {
    let run = running.get(id);
    if (!run) {
      run = runScript(id);
      running.set(id, run);
    }
    return run;
  }
};

/** The text of a packed script. The browser unpacks beside the page's own work. */
function textOf(id: string): Promise<string> {
  let text = unpacked.get(id);
  if (!text) {
    // It stays where it is: a page that a browser saves is as whole as the file.
    const stream = new Blob([bytesOf(loader.text(id))]).stream();
    text = new Response(stream.pipeThrough(new DecompressionStream('gzip'))).text();
    unpacked.set(id, text);
  }
  return text;
}

/** Run it in place, which the page's policy allows for the very text that was packed: no address is needed. */
async function runScript(id: string): Promise<void> {
  const script = document.createElement('script');
  script.textContent = await textOf(id);
  document.head.append(script);
  script.remove();
  unpacked.delete(id);
}

function fail(reason: unknown): void {
  const words = document.createElement('p');
  const why = typeof DecompressionStream === 'undefined' ? 'it knows no DecompressionStream' : String(reason);
  words.textContent = `This browser cannot show the report (${why}). Try a newer one, or dasklens.load_report.`;
  words.className = 'fatal';
  document.body.append(words);
}

window.dasklensReport = loader;
// bqplot's bundle is made for a loader of AMD modules; it wants one module, which comes with the figures.
Object.assign(window, {
  define: (_needs: unknown, factory: Loader['bqplot']) => {
    loader.bqplot = factory;
  }
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
