/** The first section: what came of it, where the time went, what looks wrong, and what ran. */

import { bytes, counted, duration, thousands } from '../core/format';
import { h } from '../parts/elements';
import { codeOf } from './code';
import { emptyNote, type Context } from './context';
import { cut, NAME } from './cut';
import type { Report } from './document';
import { findingsOf, prefixesOf, spentOf } from './verdict';

export function buildSummary(panel: HTMLElement, context: Context): void {
  const { report, go, address } = context;
  const { summary } = report;
  const show = (prefix: string): void => {
    address.set({ prefix });
    go('task-stream');
  };
  panel.append(
    h(
      'p',
      { class: 'verdict' },
      summary.verdict || 'This report has no summary: it was made of a part only.'
    ),
    tiles(report)
  );
  const main = h('div', { class: 'column' });
  const side = h('div', { class: 'column side' });
  main.append(
    block('What looks wrong', findingsOf(summary)),
    block('Where the time of the worker threads went', spentOf(summary.time, true)),
    block('The most expensive prefixes', prefixesOf(summary.prefixes, show))
  );
  side.append(block('Calling code', codeOf(report)), block('Versions', versions(report)));
  panel.append(h('div', { class: 'columns' }, main, side));
}

function block(title: string, content: Node): HTMLElement {
  return h('section', { class: 'block' }, h('h3', {}, title), content);
}

function tiles({ summary, cluster, start, stop }: Report): HTMLElement {
  const { figures } = summary;
  const of = (name: string, otherwise: number): number => figures[name] ?? otherwise;
  const number = (n: number): string => (Number.isFinite(n) ? thousands(n) : '');
  const errors = of('errors', NaN);
  const memory = of('memory', cluster.memory);
  const all: [string, string, boolean?][] = [
    ['Duration', duration(of('duration', stop - start))],
    ['Tasks', number(of('tasks', NaN))],
    ['Errors', number(errors), errors > 0],
    ['Workers', number(of('workers', cluster.workers))],
    ['Threads', number(of('threads', cluster.threads))],
    ['Memory', memory > 0 ? bytes(memory) : 'no limit']
  ];
  return h(
    'dl',
    { class: 'tiles' },
    ...all
      .filter(([, value]) => value !== '')
      .map(([name, value, bad]) =>
        h('div', { class: bad ? 'tile bad' : 'tile' }, h('dt', {}, name), h('dd', {}, value))
      )
  );
}

function versions({ cluster }: Report): Node {
  const all = Object.entries(cluster.versions);
  const list = h('dl', { class: 'pairs' });
  const add = (name: string, value: string): void =>
    list.append(h('dt', {}, cut(name, NAME)), h('dd', {}, value));
  all.forEach(([name, value]) => add(name, value));
  if (cluster.scheduler) {
    add('scheduler', cluster.scheduler);
  }
  return list.childElementCount > 0 ? list : emptyNote('They were not recorded.');
}

/** What a reader should know before anything else. */
export function banners({ exception, endedEarly, missed, redacted }: Report): HTMLElement[] {
  const all: HTMLElement[] = [];
  if (exception) {
    const details = h('details', {}, h('summary', {}, 'Traceback'), h('pre', {}, exception.traceback));
    const parts = [exception.type, exception.text].filter(Boolean).map(text => h('bdi', {}, text));
    const what = h('code', {}, ...parts.flatMap((part, i) => (i > 0 ? [': ', part] : [part])));
    const said = h('p', {}, h('b', {}, 'The code that was recorded raised '), what);
    all.push(banner('error', said, ...(exception.traceback ? [details] : [])));
  }
  if (endedEarly) {
    all.push(banner('warning', h('p', {}, h('b', {}, 'Recording ended early: '), endedEarly)));
  }
  for (const [stream, n] of Object.entries(missed)) {
    if (n > 0) {
      const what = stream === 'tasks' ? counted(n, 'task') : `${counted(n, 'record')} of ${stream}`;
      const why = `${n === 1 ? 'is' : 'are'} missing: the scheduler had to forget them before they were read.`;
      all.push(banner('warning', h('p', {}, h('b', {}, `${what} `), why)));
    }
  }
  if (redacted.length > 0) {
    all.push(banner('note', h('p', {}, h('b', {}, 'Left out on purpose: '), redacted.join(', '))));
  }
  return all;
}

function banner(kind: string, ...content: Node[]): HTMLElement {
  const attributes = { class: `banner ${kind}`, role: kind === 'note' ? 'note' : 'alert' };
  return h('div', attributes, h('div', {}, ...content));
}
