/**
 * The one script that stands in a report as it is, and the only one that its policy names: it sets the theme
 * before anything is painted, and unpacks the others.
 */

import { IDS, type Loader } from './shared';

const running = new Map<string, Promise<void>>();

const loader: Loader = {
  text: id => document.getElementById(id)?.textContent ?? '',
  run: id => {
    let run = running.get(id);
    if (!run) {
      run = runPacked(id);
      running.set(id, run);
    }
    return run;
  }
};

async function runPacked(id: string): Promise<void> {
  const element = document.getElementById(id);
  const packed = Uint8Array.from(atob(element?.textContent ?? ''), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const text = await new Response(stream, { headers: { 'Content-Type': 'text/javascript' } }).blob();
  const script = document.createElement('script');
  const url = URL.createObjectURL(text);
  await new Promise<void>((resolve, reject) => {
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`a script of this page (${id}) does not run`));
    script.src = url;
    document.head.append(script);
  });
  URL.revokeObjectURL(url);
  // Nobody needs it twice.
  element?.remove();
  script.remove();
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
  loader.run(IDS.page).catch(fail);
});
