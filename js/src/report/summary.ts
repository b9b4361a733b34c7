/** The first section: what came of it, where the time went, what looks wrong, and what ran. */

import { bytes, counted, duration } from '../core/format';
import { colourOf } from '../core/palette';
import { h, swatch } from '../parts/elements';
import { codeOf } from './code';
import { emptyNote, type Context } from './context';
import { cut, NAME } from './cut';
import type { Expensive, Finding, Report, Spent } from './document';
import { percent } from './values';

/** Colours of what threads do; idling is what is left. */
const COLOURS: Readonly<Record<string, string>> = {
  compute: '#4477aa',
  transfer: '#e69f00',
  serialization: '#aa4499',
  disk: '#996633'
};
/** Parts narrower than this have no room for their name. */
const NAMED = 0.09;

export function buildSummary(panel: HTMLElement, context: Context): void {
  const { report } = context;
  const { summary } = report;
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
    block('What looks wrong', findings(report)),
    block('Where the time of the worker threads went', spent(summary.time)),
    block('The most expensive prefixes', prefixes(summary.prefixes, context))
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
  const number = (n: number): string => (Number.isFinite(n) ? n.toLocaleString('en') : '');
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

// --- where the time went --------------------------------------------------------------------------------

function spent(time: readonly Spent[]): Node {
  if (time.length === 0) {
    return emptyNote('Nothing was recorded that would tell.');
  }
  const bar = h('div', { class: 'timebar', 'aria-hidden': 'true' });
  for (const { name, share, seconds } of time) {
    if (share > 0) {
      const part = h('span', { class: COLOURS[name] ? '' : 'rest' }, share >= NAMED ? percent(share) : '');
      part.title = `${name}: ${duration(seconds)}, ${percent(share)}`;
      part.style.flexGrow = String(share);
      if (COLOURS[name]) {
        part.style.background = COLOURS[name];
      }
      bar.append(part);
    }
  }
  const rows = time.map(({ name, seconds, share, how }) => {
    const sample = COLOURS[name] ? swatch(COLOURS[name]) : h('span', { class: 'dasklens-swatch rest' });
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, sample, name),
      h('td', { class: 'number' }, duration(seconds)),
      h('td', { class: 'number' }, percent(share)),
      h('td', { class: 'how' }, how)
    );
  });
  const head = h(
    'tr',
    {},
    h('th', { scope: 'col' }, 'Activity'),
    h('th', { scope: 'col', class: 'number' }, 'Time'),
    h('th', { scope: 'col', class: 'number' }, 'Share'),
    h('th', { scope: 'col' }, 'How it is computed')
  );
  return h('div', {}, bar, plain(head, rows));
}

function prefixes(all: readonly Expensive[], { go, address }: Context): Node {
  if (all.length === 0) {
    return emptyNote('No task computed anything while this was recorded.');
  }
  const most = all.reduce((most, { seconds }) => (seconds > most ? seconds : most), 0) || 1;
  const rows = all.map(({ prefix, tasks, seconds, share, median }) => {
    const meter = h('span', { class: 'meter', 'aria-hidden': 'true' });
    meter.style.width = `${Math.max(1, (100 * seconds) / most)}%`;
    meter.style.background = colourOf(prefix);
    const name = h('button', { type: 'button', class: 'link' }, cut(prefix, NAME));
    name.title = `Show ${cut(prefix, NAME)} in the task stream`;
    name.addEventListener('click', () => {
      address.set({ prefix });
      go('task-stream');
    });
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, h('span', { class: 'named' }, swatch(colourOf(prefix)), name)),
      h('td', { class: 'number' }, duration(seconds)),
      h('td', { class: 'number' }, percent(share)),
      h('td', { class: 'meters' }, meter),
      h('td', { class: 'number' }, tasks.toLocaleString('en')),
      h('td', { class: 'number' }, duration(median))
    );
  });
  const head = h(
    'tr',
    {},
    h('th', { scope: 'col' }, 'Prefix'),
    h('th', { scope: 'col', class: 'number' }, 'Time'),
    h('th', { scope: 'col', class: 'number' }, 'Share'),
    h('th', { scope: 'col', class: 'meters', 'aria-hidden': 'true' }),
    h('th', { scope: 'col', class: 'number' }, 'Tasks'),
    h('th', { scope: 'col', class: 'number' }, 'Median')
  );
  return plain(head, rows);
}

/** A table that is small enough to be read. */
function plain(head: HTMLElement, rows: HTMLElement[]): HTMLElement {
  return h(
    'div',
    { class: 'scroll small', tabindex: '0', role: 'group' },
    h('table', {}, h('thead', {}, head), h('tbody', {}, ...rows))
  );
}

// --- what looks wrong ---------------------------------------------------------------------------------------

function findings({ summary }: Report): Node {
  const { findings: all, looked } = summary;
  const notes = summary.notes.map(note => h('p', { class: 'aside' }, note));
  if (all.length > 0) {
    return h('div', {}, h('ul', { class: 'findings' }, ...all.map(finding)), ...notes);
  }
  const fine = looked
    ? h('p', { class: 'fine' }, '✓ Nothing looks wrong.')
    : emptyNote('Nobody looked for what is wrong.');
  return h('div', {}, fine, ...notes);
}

function finding({ severity, title, evidence, remedy, link }: Finding): HTMLElement {
  const mark = h('span', { class: 'mark', 'aria-hidden': 'true' }, severity === 'warning' ? '▲' : 'i');
  const said = h('span', { class: 'unseen' }, severity === 'warning' ? 'Warning: ' : 'Note: ');
  const words = h('div', {}, h('b', {}, said, h('bdi', {}, title)), h('p', {}, evidence));
  if (remedy || link) {
    const what = h('p', { class: 'remedy' }, h('bdi', {}, remedy), ...(remedy && link ? [' '] : []));
    if (link) {
      const href = { href: link, target: '_blank', rel: 'noopener noreferrer' };
      what.append(h('a', href, 'Dask’s documentation'));
    }
    words.append(what);
  }
  return h('li', { class: severity }, mark, words);
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
    all.push(banner('warning', h('p', {}, h('b', {}, 'Recording ended before the code did: '), endedEarly)));
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
