/**
 * The prefixes of a figure, the most expensive first, and the key of the patterns that tell what
 * kind of work a span is without colour.
 */

import { counted, duration, thousands } from '../core/format';
import { ERROR, KIND_NAMES, PATTERNS, PERIOD } from '../core/kinds';
import type { Prefix } from '../core/tasks';
import { h, press, roving, say, swatch } from './elements';
import { drawn } from './icons';
import { paced, part, type Part } from './part';

/** Most rows in the page; the rest is found by searching. */
export const MOST_ROWS = 200;
const UPDATE_EVERY = 500;

interface Row {
  readonly element: HTMLButtonElement;
  readonly swatch: HTMLElement;
  readonly errors: HTMLElement;
  readonly count: HTMLElement;
  readonly seconds: HTMLElement;
}

function build({ mark, el, signal, on }: Part): void {
  const search = h('input', {
    type: 'search',
    class: 'dasklens-search',
    placeholder: 'Search prefixes',
    'aria-label': 'Search prefixes'
  });
  const clear = h('button', { type: 'button', 'data-action': 'clear', title: 'Highlight nothing' }, 'Clear');
  const list = h('div', { class: 'dasklens-rows', role: 'group', 'aria-label': 'Prefixes' });
  const note = h('div', { class: 'dasklens-note dasklens-dim' });
  const key = h('div', { class: 'dasklens-key', role: 'group', 'aria-label': 'Patterns' });
  el.replaceChildren(
    h('div', { class: 'dasklens-find' }, search, clear),
    h('div', { class: 'dasklens-scroll' }, list, note),
    key
  );

  const rows = new Map<string, Row>();
  const settle = roving(list, 'ArrowUp', 'ArrowDown', signal);
  const highlight = (): string[] => (mark.get('highlight') as string[] | null) ?? [];
  let pointed = false;

  /** In the order of cost; under the pointer what is there keeps its place, or clicks would miss. */
  const ordered = (found: Prefix[]): Prefix[] => {
    const order = found.sort((a, b) => b.seconds - a.seconds || (a.name < b.name ? -1 : 1));
    if (!pointed) {
      return order.slice(0, MOST_ROWS);
    }
    const byName = new Map(order.map(prefix => [prefix.name, prefix]));
    const kept = [...rows.keys()].flatMap(name => byName.get(name) ?? []);
    return [...kept, ...order.filter(prefix => !rows.has(prefix.name))].slice(0, MOST_ROWS);
  };

  const show = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const found = mark.log.prefixes.filter(prefix => prefix.name.toLowerCase().includes(wanted));
    const shown = ordered(found);
    const focused = document.activeElement;
    const before = new Map(rows);
    rows.clear();
    shown.forEach((prefix, i) => {
      const row = before.get(prefix.name) ?? newRow(prefix.name);
      rows.set(prefix.name, row);
      before.delete(prefix.name);
      fill(row, prefix, mark.colourOf(prefix.name));
      if (list.children[i] !== row.element) {
        list.insertBefore(row.element, list.children[i] ?? null);
      }
    });
    before.forEach(row => row.element.remove());
    // An element that is moved loses the focus.
    if (focused !== document.activeElement && list.contains(focused)) {
      (focused as HTMLElement).focus({ preventScroll: true });
    }
    settle();
    say(note, noteOn(mark.log.prefixes.length, found.length, shown.length));
    showHighlight();
    showKey();
  };

  const showHighlight = (): void => {
    const lit = new Set(highlight());
    rows.forEach((row, name) => press(row.element, lit.has(name)));
    clear.hidden = lit.size === 0;
  };

  const showKey = (): void => {
    const kinds = [...new Set(mark.log.slots.map(slot => slot.kind))].sort((a, b) => a - b);
    if (key.dataset.kinds !== String(kinds)) {
      key.dataset.kinds = String(kinds);
      key.replaceChildren(...kinds.map(sample));
    }
  };

  const update = paced(UPDATE_EVERY, signal, show);
  on('log:change change:palette', update);
  // What comes first, and what there is in the end, is shown at once.
  on('change:phase', show);
  on('change:highlight', showHighlight);

  list.addEventListener(
    'click',
    event => {
      const element = (event.target as Element).closest('button');
      for (const [name, row] of rows) {
        if (row.element === element) {
          const lit = highlight();
          mark.keep({
            highlight: lit.includes(name) ? lit.filter(each => each !== name) : [...lit, name]
          });
        }
      }
    },
    { signal }
  );
  list.addEventListener('pointerenter', () => (pointed = true), { signal });
  list.addEventListener(
    'pointerleave',
    () => {
      pointed = false;
      update();
    },
    { signal }
  );
  clear.addEventListener(
    'click',
    () => {
      mark.keep({ highlight: [] });
      // The button goes, and the focus would go to the page.
      search.focus();
    },
    { signal }
  );
  search.addEventListener('input', show, { signal });
  search.addEventListener(
    'keydown',
    event => {
      if (event.key === 'Escape') {
        event.preventDefault();
        search.value = '';
        show();
      }
    },
    { signal }
  );
  show();
}

function newRow(name: string): Row {
  const span = (className: string): HTMLElement => h('span', { class: className });
  const row = {
    swatch: swatch(''),
    errors: span('dasklens-failed dasklens-error'),
    count: span('dasklens-number dasklens-dim'),
    seconds: span('dasklens-number')
  };
  const label = h('span', { class: 'dasklens-name dasklens-cut' }, name);
  const { errors, count, seconds } = row;
  const children = [row.swatch, label, errors, count, seconds];
  return { ...row, element: h('button', { type: 'button', class: 'dasklens-row' }, ...children) };
}

function fill(row: Row, prefix: Prefix, colour: string): void {
  const { name, count, errors, seconds } = prefix;
  row.swatch.style.background = colour;
  say(row.errors, errors > 0 ? `✗ ${thousands(errors)}` : '');
  say(row.count, thousands(count));
  say(row.seconds, duration(seconds));
  const failed = errors > 0 ? `, ${thousands(errors)} failed` : '';
  const title = `${name}: ${counted(count, 'task')}${failed}, ${duration(seconds)} of compute`;
  if (row.element.title !== title) {
    row.element.title = title;
    row.element.setAttribute('aria-label', title);
  }
}

function noteOn(all: number, found: number, shown: number): string {
  if (all === 0) {
    return 'No tasks yet';
  }
  if (found === 0) {
    return 'No prefix matches';
  }
  return found > shown ? `and ${thousands(found - shown)} more - search to find them` : '';
}

/** Tiles of the pattern, side by side and one above the other. */
const ACROSS = 5;
const DOWN = 3;

/** A piece of a span as the mark draws it: its pattern on a plain colour. */
function sample(kind: number): HTMLElement {
  let path = '';
  for (let y = 0; y < DOWN * PERIOD; y++) {
    for (let x = 0; x < ACROSS * PERIOD; x++) {
      if ((PATTERNS[kind] >> (PERIOD * (y % PERIOD) + (x % PERIOD))) & 1) {
        path += `M${x} ${y}h1v1h-1z`;
      }
    }
  }
  const picture = drawn(path, ACROSS * PERIOD, DOWN * PERIOD, 'dasklens-pattern');
  const name = kind === ERROR ? 'failed' : KIND_NAMES[kind];
  return h('span', { 'data-kind': name }, picture, name);
}

const CSS = `
.dasklens-legend{display:flex;flex-direction:column;height:100%;min-height:0;overflow:hidden}
.dasklens-find{display:flex;flex:none;gap:4px;padding:2px}
.dasklens-search{flex:1 1 0;min-width:0;height:24px;padding:0 6px;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,transparent);color:inherit;font:inherit}
.dasklens-scroll{flex:1 1 0;min-height:0;overflow:auto}
.dasklens-part .dasklens-row{display:flex;width:100%;justify-content:flex-start;gap:6px}
.dasklens-row .dasklens-name{flex:1 1 0;min-width:3em;text-align:left}
.dasklens-row .dasklens-failed:empty{display:none}
.dasklens-number{flex:none;min-width:2em;text-align:right;font-variant-numeric:tabular-nums}
.dasklens-number:last-child{min-width:4.6em}
.dasklens-note{padding:2px 4px}
.dasklens-key{display:flex;flex:none;flex-wrap:wrap;gap:2px 10px;padding:4px;border-top:1px solid var(--dasklens-line)}
.dasklens-key:empty{display:none}
.dasklens-key span{display:inline-flex;align-items:center;gap:4px}
.dasklens-pattern{width:20px;height:12px;background:#8a8a8a;fill:#ffffff9e;shape-rendering:crispEdges;forced-color-adjust:none}
[data-kind=failed] .dasklens-pattern{background:var(--dasklens-error-color,var(--jp-error-color1,#d4002a))}
`;

export default part('legend', CSS, build);
