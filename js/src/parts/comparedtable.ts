/** The prefixes of a comparison, to sort: medians, their ratio with its interval as a bar, and a verdict. */

import {
  edgeOf,
  figureText,
  placeOf,
  ratioText,
  verdictText,
  type Compared,
  type ComparedPrefix
} from '../core/compared';
import { thousands } from '../core/format';
import { colourOf } from '../core/palette';
import { h, say, swatch } from './elements';
import { svg } from './svg';

/** Rows that are put into the page at a time. */
const AT_ONCE = 50;
const LONGEST = 120;
/** Runs of a trend that have a column; the table leads from the first to the last in any case. */
const MOST_COLUMNS = 8;

export interface PrefixTable {
  readonly element: HTMLElement;
  /** Have these stand out, as they do in the figures. */
  mark(prefixes: readonly string[]): void;
}

interface Column {
  readonly id: string;
  readonly title: string;
  readonly long?: string;
  key(row: ComparedPrefix): number | string;
  cell(row: ComparedPrefix): Node | string;
}

/** The table; `choose` is called with the prefix that was clicked. */
export function prefixTable(compared: Compared, choose: ((prefix: string) => void) | null): PrefixTable {
  const columns = columnsOf(compared, choose);
  let by = `seconds ${compared.runs.length - 1}`;
  let down = true;
  let room = AT_ONCE;
  let lit: readonly string[] = [];
  const head = h('tr');
  const body = h('tbody');
  const count = h('span', { class: 'dasklens-dim', role: 'status' });
  const search = h('input', {
    type: 'search',
    class: 'dasklens-search',
    placeholder: 'Search prefixes',
    'aria-label': 'Search prefixes'
  });
  const more = h('button', { type: 'button', 'data-action': 'more' }, 'Show more');

  const show = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const rows = compared.prefixes.filter(({ prefix }) => prefix.toLowerCase().includes(wanted));
    const column = columns.find(({ id }) => id === by) ?? columns[0];
    rows.sort((a, b) => order(column.key(a), column.key(b), down));
    head.replaceChildren(
      ...columns.map(({ id, title, long }) => {
        const sort = h(
          'button',
          { type: 'button', 'data-sort': id, title: long ?? `Sort by ${title}` },
          title
        );
        const cell = h('th', { scope: 'col', 'data-column': kindOf(id) }, sort);
        cell.setAttribute('aria-sort', id === by ? (down ? 'descending' : 'ascending') : 'none');
        return cell;
      })
    );
    body.replaceChildren(
      ...rows
        .slice(0, room)
        .map(row =>
          h(
            'tr',
            { 'data-verdict': row.verdict },
            ...columns.map(({ id, cell }) => h('td', { 'data-column': kindOf(id) }, cell(row)))
          )
        )
    );
    more.hidden = rows.length <= room;
    const all = thousands(compared.prefixes.length);
    say(count, rows.length < compared.prefixes.length ? `${thousands(rows.length)} of ${all}` : all);
    showLit();
  };
  const showLit = (): void =>
    body.querySelectorAll<HTMLElement>('[data-prefix]').forEach(each => {
      each.setAttribute('aria-pressed', String(lit.includes(each.dataset.prefix ?? '')));
    });

  head.addEventListener('click', event => {
    const id = (event.target as Element).closest<HTMLElement>('[data-sort]')?.dataset.sort;
    if (id) {
      down = id === by ? !down : !['prefix', 'verdict'].includes(id);
      by = id;
      show();
      head.querySelector<HTMLElement>(`[data-sort="${id}"]`)?.focus();
    }
  });
  search.addEventListener('input', () => {
    room = AT_ONCE;
    show();
  });
  more.addEventListener('click', () => {
    room += 4 * AT_ONCE;
    show();
  });
  const table = h('table', { 'aria-label': 'Prefixes' }, h('thead', {}, head), body);
  show();
  return {
    element: h(
      'div',
      { class: 'dasklens-prefixes' },
      h('div', { class: 'dasklens-comparedbar' }, search, count),
      h('div', { class: 'dasklens-wide', tabindex: '0', role: 'region', 'aria-label': 'Prefixes' }, table),
      more
    ),
    mark: prefixes => {
      lit = prefixes;
      showLit();
    }
  };
}

/** Columns of one kind, of several runs, look alike. */
function kindOf(id: string): string {
  return id.split(' ')[0];
}

/** Nothing comes last, whichever way they are sorted. */
function order(a: number | string, b: number | string, down: boolean): number {
  if (typeof a === 'string' || typeof b === 'string') {
    return (down ? -1 : 1) * String(a).localeCompare(String(b), 'en', { numeric: true });
  }
  const missing = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return missing || (a === b ? 0 : (down ? -1 : 1) * (a - b));
}

function columnsOf(compared: Compared, choose: ((prefix: string) => void) | null): Column[] {
  const { runs, prefixes } = compared;
  const last = runs.length - 1;
  // Of many runs the first and the newest.
  const told = runs.map((_, i) => i).filter(i => i === 0 || i > last - MOST_COLUMNS + 1);
  const edge = edgeOf(prefixes);
  const median = (i: number): Column => ({
    id: `median ${i}`,
    title: `${runs[i].label}`,
    long: `Median of compute seconds a task in ${runs[i].label}`,
    key: row => row.medians[i] ?? NaN,
    cell: row => figureText(row.medians[i], 's')
  });
  const tasks = (i: number): Column => ({
    id: `tasks ${i}`,
    title: `tasks ${runs[i].label}`,
    key: row => row.tasks[i],
    cell: row => thousands(row.tasks[i])
  });
  const seconds = (i: number): Column => ({
    id: `seconds ${i}`,
    title: `time ${runs[i].label}`,
    long: `Compute time of all tasks together in ${runs[i].label}`,
    key: row => row.seconds[i],
    cell: row => figureText(row.seconds[i], 's')
  });
  return [
    { id: 'prefix', title: 'prefix', key: row => row.prefix, cell: row => nameOf(row.prefix, choose) },
    ...told.map(median),
    {
      id: 'ratio',
      title: 'ratio',
      long: `Median of ${runs[last].label} over that of ${runs[0].label}, with its 95 % bootstrap interval`,
      key: row => row.ratio,
      cell: ratioOf
    },
    {
      id: 'interval',
      title: `÷${edge} … ×${edge}`,
      long: 'The same as a bar: left of the middle is faster, right of it slower',
      key: row => row.ratio,
      cell: row => barOf(row, edge)
    },
    {
      id: 'verdict',
      title: 'verdict',
      key: row => row.verdict,
      cell: row => h('span', { class: 'dasklens-verdict' }, verdictText(row.verdict, runs))
    },
    tasks(0),
    tasks(last),
    seconds(0),
    seconds(last)
  ];
}

function nameOf(prefix: string, choose: ((prefix: string) => void) | null): Node {
  const text = prefix.length > LONGEST ? `${prefix.slice(0, LONGEST)}…` : prefix;
  const sample = swatch(colourOf(prefix));
  if (!choose) {
    return h('span', { class: 'dasklens-named' }, sample, h('bdi', { class: 'dasklens-cut' }, text));
  }
  const button = h('button', { type: 'button', class: 'dasklens-named', 'data-prefix': prefix }, sample);
  button.append(h('bdi', { class: 'dasklens-cut' }, text));
  button.title = `${text}: show it in the task streams`;
  button.addEventListener('click', () => choose(prefix));
  return button;
}

function ratioOf({ ratio, interval, surely }: ComparedPrefix): Node | string {
  if (!interval) {
    return '';
  }
  const words = h('span', {}, h('b', {}, ratioText(ratio)), ` (${interval.map(ratioText).join(' to ')})`);
  if (surely) {
    words.title = `A verdict looks at ${surely.map(ratioText).join(' to ')}, which is surer`;
  }
  return words;
}

const WIDTH = 120;
const HEIGHT = 14;

function barOf({ ratio, interval, verdict }: ComparedPrefix, edge: number): Node | string {
  if (!interval) {
    return '';
  }
  const [low, high, at] = [...interval, ratio].map(each => WIDTH * placeOf(each, edge));
  const middle = String(HEIGHT / 2);
  const drawn = svg('svg', {
    width: String(WIDTH),
    height: String(HEIGHT),
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: 'dasklens-interval',
    'data-verdict': verdict,
    'aria-hidden': 'true'
  });
  const centre = String(WIDTH / 2);
  drawn.append(
    svg('line', { class: 'one', x1: centre, x2: centre, y1: '0', y2: String(HEIGHT) }),
    svg('line', {
      class: 'range',
      x1: low.toFixed(1),
      x2: Math.max(high, low + 1).toFixed(1),
      y1: middle,
      y2: middle
    }),
    svg('circle', { cx: Math.min(WIDTH - 4, Math.max(4, at)).toFixed(1), cy: middle, r: '3.5' })
  );
  return drawn;
}
