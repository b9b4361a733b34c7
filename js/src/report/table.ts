/** A table to sort, to search and to copy from; with the keyboard too. */

import { counted, thousands } from '../core/format';
import { copied } from '../parts/copied';
import { h, say } from '../parts/elements';
import { cut } from './cut';
import type { Column, Table, Value } from './document';
import { compare, shown, tsvOf } from './values';

type Row = readonly Value[];

/** Rows that are put into the page at a time: thousands at once would hold it up. */
const AT_ONCE = 200;
/** Characters and lines of a cell that are shown before it is opened. */
const LONGEST = 160;
/** Characters up to which a cell is one line, and from which on it may be broken anywhere. */
const SHORT = 24;
const WIDE = 32;

export interface TableOptions {
  /** What a row is called. */
  readonly noun?: string;
  /** Number of the column that it is sorted by at first, and whether from the largest. */
  readonly sorted?: { readonly column: number; readonly down: boolean };
  /** Put before the text of a cell. */
  decorate?(column: Column, value: Value): Node | null;
}

/** A table's element; of one without rows the reason. */
export function tableOf(table: Table, options: TableOptions = {}): HTMLElement {
  if (table.rows.length === 0) {
    return h('p', { class: 'empty' }, table.empty || 'Nothing was recorded here.');
  }
  return new TableView(table, options).element;
}

class TableView {
  readonly element: HTMLElement;
  private readonly body = h('tbody');
  private readonly count = h('span', { class: 'count', role: 'status' });
  private readonly more = h('button', { type: 'button', class: 'button more' });
  private readonly heads: HTMLElement[];
  private readonly search = h('input', { type: 'search', placeholder: 'Search', class: 'search' });
  /** What a row is searched by; made when first needed. */
  private texts: string[] | null = null;
  private rows: readonly Row[];
  private room = AT_ONCE;
  private column: number;
  private down: boolean;

  constructor(
    private readonly table: Table,
    private readonly options: TableOptions
  ) {
    const { title, columns } = table;
    this.column = options.sorted?.column ?? -1;
    this.down = options.sorted?.down ?? false;
    this.rows = table.rows;
    this.heads = columns.map((column, i) => this.head(column, i));
    this.search.setAttribute('aria-label', `Search ${title}`);
    this.search.addEventListener('input', () => this.settle());
    const said = h('span', { class: 'said', role: 'status' });
    const copy = h('button', { type: 'button', class: 'button', 'data-action': 'copy' }, 'Copy as TSV');
    copy.title = 'Copy the rows that are listed, in this order, as tab-separated values';
    copy.addEventListener('click', () => {
      void copied(counted(this.rows.length, options.noun ?? 'row'), tsvOf(columns, this.rows)).then(words =>
        say(said, words)
      );
    });
    this.more.addEventListener('click', () => {
      this.room += 5 * AT_ONCE;
      this.show();
    });
    const grid = h('table', {}, h('thead', {}, h('tr', {}, ...this.heads)), this.body);
    const scroll = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title }, grid);
    const bar = h('div', { class: 'tablebar' }, this.search, this.count, said, copy);
    this.element = h('div', { class: 'tableview' }, bar, scroll, this.more);
    this.settle();
  }

  private head(column: Column, i: number): HTMLElement {
    const button = h('button', { type: 'button' }, column.title);
    button.title = `Sort by ${column.title}`;
    button.addEventListener('click', () => {
      // Numbers are looked at from the largest on.
      this.down = this.column === i ? !this.down : column.unit !== '';
      this.column = i;
      this.settle();
    });
    return h('th', { scope: 'col', class: column.unit ? 'number' : '' }, button);
  }

  /** Find and order the rows anew. */
  private settle(): void {
    const { table, column, down } = this;
    const wanted = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let rows: Row[] = [...table.rows];
    if (wanted.length > 0) {
      const texts = (this.texts ??= table.rows.map(row =>
        row
          .map((value, i) => shown(value, table.columns[i]))
          .join('\n')
          .toLowerCase()
      ));
      rows = rows.filter((_, i) => wanted.every(word => texts[i].includes(word)));
    }
    if (column >= 0) {
      const isNothing = (value: Value): number => Number(value === null || value === '');
      rows.sort((a, b) => {
        const [x, y] = [a[column], b[column]];
        return isNothing(x) - isNothing(y) || (down ? compare(y, x) : compare(x, y));
      });
    }
    this.heads.forEach((head, i) =>
      head.setAttribute('aria-sort', i !== column ? 'none' : down ? 'descending' : 'ascending')
    );
    this.rows = rows;
    this.room = AT_ONCE;
    this.show();
  }

  private show(): void {
    const { rows, room, table, options } = this;
    const noun = options.noun ?? 'row';
    const all = counted(table.rows.length, noun);
    say(this.count, rows.length < table.rows.length ? `${thousands(rows.length)} of ${all}` : all);
    this.body.replaceChildren(...rows.slice(0, room).map(row => this.row(row)));
    this.more.hidden = rows.length <= room;
    say(this.more, `Show more of ${counted(rows.length, noun)}`);
  }

  private row(row: Row): HTMLElement {
    const { columns } = this.table;
    return h(
      'tr',
      {},
      ...row.map((value, i) => {
        const before = this.options.decorate?.(columns[i], value);
        const text = shown(value, columns[i]);
        const kind = columns[i].unit ? 'number' : kindOf(text, value);
        // On a phone the titles stand beside the values.
        const title = columns[i].title;
        return h('td', { class: kind, 'data-title': title }, ...(before ? [before] : []), long(text));
      })
    );
  }
}

function kindOf(text: string, value: Value): string {
  return typeof value === 'number' || text.length <= SHORT ? 'short' : text.length > WIDE ? 'wide' : '';
}

/** A text of many lines is opened by who wants to read it. */
export function long(text: string): Node {
  const first = text.trimStart().split('\n', 1)[0];
  if (text.length <= LONGEST && first.length >= text.trim().length) {
    return document.createTextNode(text);
  }
  const head = first.length > LONGEST ? cut(first, LONGEST) : `${first} …`;
  return h('details', {}, h('summary', {}, head), h('pre', {}, text));
}
