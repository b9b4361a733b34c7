/** What a summary says, as elements: of a report, and of the last minutes of a cluster. */

import { duration, thousands } from '../core/format';
import { colourOf, SPENT_COLOURS } from '../core/palette';
import { h, swatch } from '../parts/elements';
import { emptyNote } from './context';
import { cut, NAME } from './cut';
import type { Expensive, Finding, Spent, Summary } from './document';
import { percent } from './values';

/** Parts narrower than this have no room for their share. */
const NAMED = 0.09;

// --- where the time went --------------------------------------------------------------------------------

/** A bar of where the time went, and a table of it; `explained` says of each how it is computed. */
export function spentOf(time: readonly Spent[], explained: boolean): HTMLElement {
  if (time.length === 0) {
    return emptyNote('Nothing was recorded that would tell.');
  }
  const bar = h('div', { class: 'timebar', 'aria-hidden': 'true' });
  for (const { name, share, seconds } of time) {
    if (share > 0) {
      const part = painted(name, share >= NAMED ? percent(share) : '');
      part.title = `${name}: ${duration(seconds)}, ${percent(share)}`;
      part.style.flexGrow = String(share);
      bar.append(part);
    }
  }
  const rows = time.map(({ name, seconds, share, how }) => {
    const sample = painted(name, '');
    sample.classList.add('dasklens-swatch');
    const row = h(
      'tr',
      {},
      h('th', { scope: 'row' }, sample, name),
      h('td', { class: 'number' }, duration(seconds)),
      h('td', { class: 'number' }, percent(share)),
      ...(explained ? [h('td', { class: 'how' }, how)] : [])
    );
    if (!explained) {
      row.title = how;
    }
    return row;
  });
  const head = h(
    'tr',
    {},
    h('th', { scope: 'col' }, 'Activity'),
    h('th', { scope: 'col', class: 'number' }, 'Time'),
    h('th', { scope: 'col', class: 'number' }, 'Share'),
    ...(explained ? [h('th', { scope: 'col' }, 'How it is computed')] : [])
  );
  return h('div', {}, bar, plain(head, rows));
}

function painted(name: string, text: string): HTMLSpanElement {
  const colour = Object.hasOwn(SPENT_COLOURS, name) ? SPENT_COLOURS[name] : '';
  const part = h('span', { class: colour ? `spent-${name}` : 'rest' }, text);
  part.style.backgroundColor = colour;
  return part;
}

// --- the most expensive prefixes -----------------------------------------------------------------------

/** A table of prefixes; `go` shows one elsewhere. */
export function prefixesOf(all: readonly Expensive[], go?: (prefix: string) => void): HTMLElement {
  if (all.length === 0) {
    return emptyNote('No task computed anything while this was recorded.');
  }
  const most = all.reduce((most, { seconds }) => (seconds > most ? seconds : most), 0) || 1;
  const rows = all.map(({ prefix, tasks, seconds, share, median }) => {
    const meter = h('span', { class: 'meter', 'aria-hidden': 'true' });
    meter.style.width = `${Math.max(1, (100 * seconds) / most)}%`;
    meter.style.background = colourOf(prefix);
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, h('span', { class: 'named' }, swatch(colourOf(prefix)), nameOf(prefix, go))),
      h('td', { class: 'number' }, duration(seconds)),
      h('td', { class: 'number' }, percent(share)),
      h('td', { class: 'meters' }, meter),
      h('td', { class: 'number' }, thousands(tasks)),
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

function nameOf(prefix: string, go?: (prefix: string) => void): HTMLElement {
  const text = cut(prefix, NAME);
  if (!go) {
    return h('bdi', {}, text);
  }
  const name = h('button', { type: 'button', class: 'link' }, text);
  name.title = `Show ${text} in the task stream`;
  name.addEventListener('click', () => go(prefix));
  return name;
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

export function findingsOf({ findings: all, looked, notes: said }: Summary): HTMLElement {
  const notes = said.map(note => h('p', { class: 'aside' }, note));
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
