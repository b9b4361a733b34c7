/** A report as elements: head, sections, foot. Whose they are, a page or a tab of JupyterLab, puts them somewhere. */

import { openFile } from '../connect/filestream';
import { clock, counted, day, duration } from '../core/format';
import { h } from '../parts/elements';
import { Address } from './address';
import { comparisonSections } from './comparison';
import { recordsOf, type Context } from './context';
import type { Report } from './document';
import { listSections } from './lists';
import { buildProfiles, hasProfiles } from './profiles';
import { buildProgress } from './progress';
import type { HostFigure } from './shared';
import { banners, buildSummary } from './summary';
import { buildSystem } from './system';
import { Tabs, type Section } from './tabs';
import { buildTaskStream } from './taskstream';

/** What a report stands in. */
export interface Place {
  readonly address: Address;
  readonly host: HostFigure;
  /** Beside the title. */
  readonly tools?: HTMLElement;
  /** Before the ids of its elements, where there may be several. */
  readonly prefix?: string;
}

export interface Body {
  readonly elements: readonly HTMLElement[];
  readonly tabs: Tabs;
  /** Show what the address says. */
  go(): void;
  /** The sections that do not print by themselves, as they are on paper: `host` makes pictures. */
  onPaper(host: HostFigure): Section[];
}

export function bodyOf(report: Report, { address, host, tools, prefix }: Place): Body {
  const context: Context = {
    report,
    open: openFile(report.streams),
    address,
    host,
    go: name => tabs.show(name)
  };
  const sections = report.comparison ? comparisonSections(report.comparison, context) : sectionsOf(context);
  const first = sections[0].name;
  const tabs: Tabs = new Tabs(
    sections,
    name => {
      const current = address.get('tab') ?? first;
      if (name !== current) {
        address.set({ tab: name });
      }
    },
    prefix
  );
  const headline = h('div', { class: 'headline' }, titleOf(report), ...(tools ? [tools] : []));
  return {
    elements: [
      h('header', { class: 'head' }, headline, tabs.list),
      h('div', { class: 'banners' }, ...banners(report)),
      tabs.panels,
      h('footer', { class: 'foot' }, ...footOf(report))
    ],
    tabs,
    go: () => tabs.show(address.get('tab')),
    onPaper: host => {
      const still = { ...context, host, address: address.still(), onPaper: true };
      return sectionsOf(still).filter(({ prints }) => !prints);
    }
  };
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

function titleOf({ title, start, stop, cluster, comparison }: Report): HTMLElement {
  const facts = comparison
    ? [counted(comparison.runs.length, 'run')]
    : [
        Number.isFinite(start) ? `${at(start)}` : '',
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

function footOf({ dasklens, created }: Report): (Node | string)[] {
  const when = Number.isFinite(created) ? ` on ${at(created)}` : '';
  return [
    'Written by dasklens ',
    h('bdi', {}, dasklens),
    `${when}. Read it in Python with dasklens.load_report(…).`
  ];
}

/** The second in which it was: what happened in it was not before it. */
function at(time: number): string {
  return `${day(time)} ${clock(Math.floor(time))}`;
}
