/** The page of a report: its head, its sections, and what is shown of them. */

import { openFile } from '../connect/filestream';
import { clock, counted, day, duration } from '../core/format';
import { h, say } from '../parts/elements';
import { Address } from './address';
import type { Context } from './context';
import { recordsOf } from './context';
import { readReport, type Report } from './document';
import { listSections } from './lists';
import { readyForPaper } from './print';
import { buildProfiles, hasProfiles } from './profiles';
import { buildProgress } from './progress';
import { IDS, loadFigures } from './shared';
import { banners, buildSummary } from './summary';
import { buildSystem } from './system';
import { Tabs, type Section } from './tabs';
import { buildTaskStream } from './taskstream';

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
  const context: Context = {
    report,
    open: openFile(report.streams),
    address,
    go: name => tabs.show(name)
  };
  const tabs: Tabs = new Tabs(sectionsOf(context), name => {
    const current = address.get('tab') ?? 'summary';
    if (name !== current) {
      address.set({ tab: name });
    }
  });
  document.title = report.title ? `${report.title} – Dask report` : 'Dask report';
  document.body.append(
    h('header', { class: 'head' }, h('div', { class: 'headline' }, titleOf(report), tools()), tabs.list),
    h('div', { class: 'banners' }, ...banners(report)),
    tabs.panels,
    h('footer', { class: 'foot' }, footOf(report))
  );
  tabs.show(address.get('tab'));
  window.addEventListener('hashchange', () => tabs.show(address.get('tab')));
  readyForPaper(tabs);
  // What a reader is likely to open next is ready by then.
  const soon = window.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 200));
  soon(() => void loadFigures().catch(() => {}));
}

function sectionsOf(context: Context): Section[] {
  const { report } = context;
  const tasks = recordsOf(report, 'tasks');
  return [
    { name: 'summary', title: 'Summary', prints: true, build: panel => buildSummary(panel, context) },
    {
      name: 'task-stream',
      title: 'Task stream',
      empty: tasks === 0,
      build: panel => buildTaskStream(panel, context)
    },
    {
      name: 'progress',
      title: 'Progress',
      empty: tasks === 0,
      build: panel => buildProgress(panel, context)
    },
    {
      name: 'profile',
      title: 'Profile',
      empty: !hasProfiles(report),
      build: panel => buildProfiles(panel, context)
    },
    {
      name: 'system',
      title: 'System',
      empty: recordsOf(report, 'counts') === 0,
      build: panel => buildSystem(panel, context)
    },
    ...listSections(context)
  ];
}

function titleOf({ title, start, stop, cluster }: Report): HTMLElement {
  const facts = [
    Number.isFinite(start) ? `${day(start)} ${clock(start)}` : '',
    Number.isFinite(stop - start) ? duration(stop - start) : '',
    cluster.workers > 0 ? counted(cluster.workers, 'worker') : '',
    cluster.threads > 0 ? counted(cluster.threads, 'thread') : ''
  ];
  return h(
    'div',
    { class: 'title' },
    h('h1', {}, title || 'Dask performance report'),
    h('p', { class: 'facts' }, facts.filter(Boolean).join(' · '))
  );
}

function tools(): HTMLElement {
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
  print.addEventListener('click', () => window.print());
  return h('div', { class: 'tools' }, theme, print);
}

function footOf({ dasklens, created }: Report): string {
  const when = Number.isFinite(created) ? ` on ${day(created)} at ${clock(created)}` : '';
  return `Written by dasklens ${dasklens}${when}. Read it in Python with dasklens.load_report(…).`;
}

start();
