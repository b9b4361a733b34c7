/** The functions of a call tree with their own and their total time, to sort; instead of the figure. */

import { duration, thousands } from '../core/format';
import type { FunctionRow } from '../core/functions';
import { libraryColour } from '../core/palette';
import type { FlameModel } from '../marks/flamemodel';
import { h, swatch } from './elements';
import { paced, part, type Part } from './part';

/** Most rows in the page; the rest is found by searching. */
export const MOST_ROWS = 300;
const UPDATE_EVERY = 300;
const LONGEST = 200;

type Column = 'own' | 'total' | 'change' | 'name' | 'file';

function build({ mark, el, signal, on }: Part<FlameModel>): void {
  let by: Column = 'own';
  let down = true;
  const head = h('tr');
  const body = h('tbody');
  const note = h('div', { class: 'dasklens-note dasklens-dim', role: 'status' });
  const table = h('table', { 'aria-label': 'Functions' }, h('thead', {}, head), body);
  const scroll = h('div', { class: 'dasklens-scroll', tabindex: '0' }, table);
  el.replaceChildren(scroll, note);

  const show = (): void => {
    const { tree, flame } = mark;
    el.hidden = mark.get('view') !== 'table' || !tree || !flame || mark.content.nRecords === 0;
    if (el.hidden || !tree || !flame) {
      return;
    }
    const compared = tree.before !== null;
    const columns = columnsOf(mark, compared);
    if (!columns.some(({ id }) => id === by)) {
      by = 'own';
    }
    head.replaceChildren(
      ...columns.map(({ id, title }) => {
        const sort = h('button', { type: 'button', 'data-sort': id, title: `Sort by ${title}` }, title);
        const cell = h('th', { scope: 'col', 'data-column': id }, sort);
        cell.setAttribute('aria-sort', id === by ? (down ? 'descending' : 'ascending') : 'none');
        return cell;
      })
    );
    const wanted = mark.found?.wanted;
    const rows = mark.functions().filter(row => !wanted || wanted[row.fn]);
    const column = columns.find(({ id }) => id === by) ?? columns[0];
    rows.sort((a, b) => (down ? -1 : 1) * compare(column.key(a), column.key(b)) || b.total - a.total);
    const shown = rows.slice(0, MOST_ROWS);
    body.replaceChildren(
      ...shown.map(row =>
        h(
          'tr',
          { 'data-fn': String(row.fn) },
          ...columns.map(({ id, cell }) => h('td', { 'data-column': id }, ...cell(row)))
        )
      )
    );
    note.textContent =
      rows.length > shown.length
        ? `and ${thousands(rows.length - shown.length)} more - search to find them`
        : rows.length === 0
          ? 'No function matches'
          : '';
  };

  head.addEventListener(
    'click',
    event => {
      const column = (event.target as Element).closest('button')?.dataset.sort as Column | undefined;
      if (column) {
        down = column === by ? !down : column !== 'name' && column !== 'file';
        by = column;
        show();
        head.querySelector<HTMLElement>(`[data-sort=${column}]`)?.focus();
      }
    },
    { signal }
  );
  body.addEventListener(
    'click',
    event => {
      const row = (event.target as Element).closest('button')?.closest('tr');
      if (row) {
        mark.showCallers(Number(row.dataset.fn));
      }
    },
    { signal }
  );
  const update = paced(UPDATE_EVERY, signal, show);
  on('log:change search:change', update);
  on('change:view', show);
  show();
}

interface ColumnOf {
  readonly id: Column;
  readonly title: string;
  key(row: FunctionRow): number | string;
  cell(row: FunctionRow): (Node | string)[];
}

function columnsOf(mark: FlameModel, compared: boolean): ColumnOf[] {
  const tree = mark.tree as NonNullable<FlameModel['tree']>;
  const { interval } = tree.about;
  const all = Math.max(1, tree.total[0]);
  const before = Math.max(1, tree.before?.[0] ?? 0);
  const change = (row: FunctionRow): number => row.own / all - row.ownBefore / before;
  const took = (samples: number): string =>
    interval > 0 ? duration(samples * interval) : thousands(samples);
  const measured = (id: 'own' | 'total', title: string): ColumnOf => ({
    id,
    title,
    key: row => row[id],
    cell: row => {
      const share = h('span', { class: 'dasklens-share' }, `${((100 * row[id]) / all).toFixed(1)} %`);
      const bar = h('span', { class: 'dasklens-part-bar', 'aria-hidden': 'true' });
      bar.style.width = `${Math.min(100, (100 * row[id]) / all)}%`;
      return [bar, share, h('span', { class: 'dasklens-took' }, took(row[id]))];
    }
  });
  const changed: ColumnOf = {
    id: 'change',
    title: 'change',
    key: row => change(row),
    cell: row => {
      const value = 100 * change(row);
      const text = `${value > 0.005 ? '▲ +' : value < -0.005 ? '▼ −' : '±'}${Math.abs(value).toFixed(2)} %`;
      return [h('span', { class: 'dasklens-share' }, text)];
    }
  };
  return [
    {
      id: 'name',
      title: 'function',
      key: row => tree.functions[row.fn].name,
      cell: row => {
        const { name, library } = tree.functions[row.fn];
        const button = h('button', { type: 'button', class: 'dasklens-cut' }, name.slice(0, LONGEST));
        button.title = `Who calls ${name.slice(0, LONGEST)}`;
        return [swatch(libraryColour(library)), button];
      }
    },
    ...(compared ? [changed] : []),
    measured('own', 'own'),
    measured('total', 'total'),
    {
      id: 'file',
      title: 'file',
      key: row => tree.functions[row.fn].file,
      cell: row => {
        const { file, line, library } = tree.functions[row.fn];
        const place = `${file}${file && line > 0 ? `:${line}` : ''}`;
        const text = h('span', { class: 'dasklens-place dasklens-dim', title: place.slice(0, 1000) });
        // Cut at its beginning: the end of a path tells more.
        text.append(h('bdi', {}, place.slice(-LONGEST)));
        return [text, h('span', { class: 'dasklens-library dasklens-dim' }, library)];
      }
    }
  ];
}

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

const CSS = `
.dasklens-flametable{container-type:inline-size}
.dasklens-flametable .dasklens-scroll{height:360px;overflow:auto;resize:vertical}
.dasklens-part.dasklens-flametable table{border-collapse:collapse;width:100%;table-layout:fixed;font:inherit;margin:0}
.dasklens-flametable thead{position:sticky;top:0;z-index:1;background:var(--jp-layout-color1,Canvas)}
.dasklens-part.dasklens-flametable :is(th,td){padding:1px 6px;text-align:left;background:none;position:relative;vertical-align:middle;overflow:hidden;white-space:nowrap}
.dasklens-flametable th{border-bottom:1px solid var(--dasklens-line)}
.dasklens-flametable tbody tr:hover{background:var(--dasklens-hover)}
.dasklens-flametable th[aria-sort=descending] button::after{content:'▾'}
.dasklens-flametable th[aria-sort=ascending] button::after{content:'▴'}
.dasklens-flametable th button{font-weight:600!important;padding:0!important}
.dasklens-flametable :is([data-column=own],[data-column=total]){width:8.5em}
.dasklens-flametable [data-column=change]{width:7em}
.dasklens-flametable td[data-column=name]{display:flex;align-items:center;gap:6px}
.dasklens-part.dasklens-flametable td button{height:20px;padding:0 2px}
.dasklens-flametable [data-column=name]>button{display:block!important;flex:0 1 auto!important;min-width:0!important;text-align:left}
.dasklens-part-bar{position:absolute;left:0;bottom:0;height:3px;background:var(--dasklens-brand);opacity:.55}
.dasklens-share{display:inline-block;width:4em;text-align:right;font-variant-numeric:tabular-nums}
.dasklens-took{display:inline-block;width:4em;text-align:right;font-variant-numeric:tabular-nums}
.dasklens-flametable td[data-column=file]{direction:ltr}
.dasklens-place{display:inline-block;max-width:calc(100% - 6.5em);overflow:hidden;text-overflow:ellipsis;direction:rtl;vertical-align:bottom}
@container (max-width:600px){
.dasklens-flametable :is(.dasklens-took,[data-column=file]){display:none}
.dasklens-flametable table:has([data-column=change]) [data-column=total]{display:none}
.dasklens-flametable :is([data-column=own],[data-column=total]){width:5em}
}
.dasklens-library{float:right;max-width:6em;overflow:hidden;text-overflow:ellipsis}
`;

export default part<FlameModel>('flametable', CSS, build);
