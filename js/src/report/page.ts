/** The page of a report: what it says, in its own window. */

import { h, say } from '../parts/elements';
import { Address } from './address';
import { bodyOf } from './body';
import { readReport, type Report } from './document';
import { recordsOf } from './context';
import { Paper, readyForPaper, UNASKED } from './print';
import { hostFigure, hostStill, IDS, loadFigures } from './shared';

/** Milliseconds of a reader at rest before pictures for paper are made. */
const REST = 1000;

function start(): void {
  // What a browser that saved the page saved with it.
  document.querySelectorAll('body > :not(script, noscript)').forEach(each => each.remove());
  let report: Report;
  try {
    report = readReport(window.dasklensReport.text(IDS.document));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    document.body.append(h('p', { class: 'fatal', role: 'alert' }, why));
    return;
  }
  const address = new Address();
  const { bar, print } = tools();
  const body = bodyOf(report, { address, host: hostFigure, tools: bar });
  document.title = report.title ? `${report.title} – Dask report` : 'Dask report';
  document.body.append(...body.elements);
  body.go();
  window.addEventListener('hashchange', () => body.go());
  const paper = new Paper({
    tabs: body.tabs,
    sections: () => body.onPaper(hostStill),
    shown: () => ['from', 'to', 'prefix'].map(name => address.get(name) ?? '').join(' ')
  });
  readyForPaper(body.tabs, paper, print);
  // What a reader is likely to open next is ready by then.
  const soon = window.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 200));
  soon(() => {
    void loadFigures()
      .then(() => {
        if (recordsOf(report, 'tasks') <= UNASKED && window.dasklensReport.still) {
          whenAtRest(() => soon(() => void paper.prepare()));
        }
      })
      .catch(() => {});
  });
}

/** Once what is looked at is there, and the reader has done nothing for a while. */
function whenAtRest(act: () => void): void {
  const stop = new AbortController();
  let timer = 0;
  const wait = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(look, REST);
  };
  const look = (): void => {
    if (document.hidden || document.querySelector('.panel:not([hidden]) :is(.waiting, [aria-busy])')) {
      wait();
    } else {
      stop.abort();
      act();
    }
  };
  for (const name of ['wheel', 'scroll', 'pointerdown', 'keydown']) {
    window.addEventListener(name, wait, { capture: true, passive: true, signal: stop.signal });
  }
  wait();
}

function tools(): { bar: HTMLElement; print: HTMLButtonElement } {
  const root = document.documentElement;
  const theme = h('button', { type: 'button', class: 'button', 'data-action': 'theme' });
  const show = (): void => {
    const dark = root.dataset.theme === 'dark';
    say(theme, dark ? '☀ Light' : '☾ Dark');
    theme.title = `Show the report in ${dark ? 'light' : 'dark'} colours`;
    // bqplot and the marks ask for JupyterLab's way to say it.
    document.body.dataset.jpThemeLight = String(!dark);
    document.body.classList.toggle('theme-dark', dark);
  };
  let chosen = false;
  theme.addEventListener('click', () => {
    chosen = true;
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', ({ matches }) => {
    if (!chosen) {
      root.dataset.theme = matches ? 'dark' : 'light';
      show();
    }
  });
  show();
  const print = h('button', { type: 'button', class: 'button', 'data-action': 'print' }, 'Print');
  return { bar: h('div', { class: 'tools' }, theme, print), print };
}

start();
