/**
 * Rows of a table of which only those on screen are in the page: a grid as screen readers know it, with
 * a header of buttons, and a row of totals that stays in sight.
 */

import type { Worker } from '../core/workers';
import { h, say, uniqueId } from './elements';
import type { Bar, Shown, WorkerColumn } from './workercolumns';
import type { Sort } from './workerorder';

/** Height of a row in CSS pixels. */
export const ROW = 24;
/** Rows that are in the page above and below those on screen. */
const MORE = 4;

export interface RowsHost {
  /** The row was clicked, or Enter pressed on it; null for Escape. */
  choose(worker: Worker | null): void;
  /** The header of a column was clicked. */
  sortBy(key: string): void;
  /** Address of the chosen worker. */
  selected(): string | null;
}

interface Cell {
  readonly element: HTMLElement;
  readonly text: HTMLElement;
  readonly bar: HTMLElement | null;
}

interface Row {
  readonly element: HTMLElement;
  readonly cells: Cell[];
  worker: Worker | null;
}

export class Rows {
  readonly element: HTMLElement;
  /** Whether the pointer is on the rows. */
  pointed = false;

  private readonly id = uniqueId('rows');
  private readonly head = h('div', { class: 'dasklens-head', role: 'row', 'aria-rowindex': '1' });
  private readonly sum = h('div', { class: 'dasklens-sum', role: 'row', 'aria-rowindex': '2' });
  private readonly body = h('div', { class: 'dasklens-body', role: 'rowgroup' });
  private rows: Row[] = [];
  private sumCells: Cell[] = [];
  private workers: readonly Worker[] = [];
  private columns: readonly WorkerColumn[] = [];
  private now = 0;
  /** The row that the keyboard is on. */
  private active: Worker | null = null;

  constructor(
    signal: AbortSignal,
    private readonly host: RowsHost
  ) {
    this.element = h(
      'div',
      { class: 'dasklens-grid', role: 'grid', tabindex: '0', 'aria-label': 'Workers' },
      h('div', { class: 'dasklens-top', role: 'rowgroup' }, this.head, this.sum),
      this.body
    );
    const listen = <K extends keyof HTMLElementEventMap>(
      to: HTMLElement,
      event: K,
      act: (event: HTMLElementEventMap[K]) => void
    ): void => to.addEventListener(event, act, { signal });
    listen(this.element, 'scroll', () => this.paint());
    listen(this.element, 'keydown', event => this.onKey(event));
    listen(this.element, 'focus', () => this.paint());
    listen(this.element, 'blur', () => this.paint());
    listen(this.body, 'pointerenter', () => (this.pointed = true));
    listen(this.element, 'pointerleave', () => (this.pointed = false));
    listen(this.body, 'click', event => {
      const at = (event.target as Element).closest('[role=row]');
      const row = this.rows.find(each => each.element === at);
      if (row?.worker) {
        this.active = row.worker;
        this.host.choose(row.worker);
      }
    });
    listen(this.head, 'click', event => {
      const key = (event.target as Element).closest('button')?.dataset.key;
      if (key !== undefined) {
        this.host.sortBy(key);
      }
    });
  }

  /** Show these workers in this order, and what they add up to. */
  show(
    workers: readonly Worker[],
    total: Shown | null,
    columns: readonly WorkerColumn[],
    sort: Sort,
    now: number,
    most: number
  ): void {
    this.workers = workers;
    this.now = now;
    if (columns.map(each => each.key).join() !== this.columns.map(each => each.key).join()) {
      this.columns = columns;
      this.lay();
    }
    this.head.childNodes.forEach((node, i) => {
      const sorted = columns[i].key === sort.key || (sort.key === '' && i === 0);
      const way = sorted ? (sort.descending ? 'descending' : 'ascending') : 'none';
      (node as HTMLElement).setAttribute('aria-sort', way);
    });
    this.sum.hidden = total === null;
    if (total) {
      this.fill(this.sumCells, total);
    }
    const top = total ? 2 : 1;
    this.element.setAttribute('aria-rowcount', String(workers.length + top));
    this.element.style.maxHeight = `${(Math.min(most, Math.max(1, workers.length)) + top) * ROW + 2}px`;
    this.body.style.height = `${workers.length * ROW}px`;
    this.paint();
  }

  focus(): void {
    this.element.focus();
  }

  /** Make the header and throw away the rows: they have other cells now. */
  private lay(): void {
    this.element.style.setProperty(
      '--dasklens-columns',
      this.columns.map((column, i) => `minmax(${column.width}px,${i === 0 ? 1.6 : 1}fr)`).join(' ')
    );
    this.element.style.setProperty(
      '--dasklens-least',
      `${this.columns.reduce((sum, column) => sum + column.width, 0)}px`
    );
    this.element.setAttribute('aria-colcount', String(this.columns.length));
    this.head.replaceChildren(
      ...this.columns.map(({ key, title, long, number }) => {
        const button = h(
          'button',
          { type: 'button', 'data-key': key, title: `${long}. Click to sort.` },
          title
        );
        button.append(h('span', { class: 'dasklens-way', 'aria-hidden': 'true' }));
        const kind = number ? 'dasklens-right' : 'dasklens-left';
        return h('div', { role: 'columnheader', class: kind, 'aria-sort': 'none' }, button);
      })
    );
    this.sumCells = this.columns.map(column => cellOf(column));
    this.sum.replaceChildren(...this.sumCells.map(cell => cell.element));
    this.rows = [];
    this.body.replaceChildren();
  }

  /** Fill the rows that are on screen. */
  private paint(): void {
    const height = this.element.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - MORE);
    const end = Math.min(this.workers.length, first + Math.ceil(height / ROW) + 2 * MORE);
    while (this.rows.length < end - first) {
      this.rows.push(this.newRow());
    }
    while (this.rows.length > Math.max(0, end - first)) {
      this.rows.pop()?.element.remove();
    }
    const selected = this.host.selected();
    const top = this.sum.hidden ? 2 : 3;
    let described = '';
    const focused = document.activeElement === this.element;
    if (this.active && !this.workers.includes(this.active)) {
      this.active = null;
    }
    this.rows.forEach((row, i) => {
      const worker = this.workers[first + i];
      row.worker = worker;
      row.element.style.transform = `translateY(${(first + i) * ROW}px)`;
      row.element.setAttribute('aria-rowindex', String(first + i + top));
      row.element.setAttribute('aria-selected', String(selected !== null && worker.address === selected));
      row.element.dataset.status = worker.left === null ? worker.status : 'left';
      const active = focused && worker === this.active;
      row.element.classList.toggle('dasklens-active', active);
      if (active) {
        described = row.element.id;
      }
      this.fill(row.cells, worker);
    });
    if (described) {
      this.element.setAttribute('aria-activedescendant', described);
    } else {
      this.element.removeAttribute('aria-activedescendant');
    }
  }

  private newRow(): Row {
    const cells = this.columns.map(column => cellOf(column));
    const id = `${this.id}-${this.rows.length}`;
    const element = h('div', { class: 'dasklens-line', role: 'row', id }, ...cells.map(cell => cell.element));
    this.body.append(element);
    return { element, cells, worker: null };
  }

  private fill(cells: readonly Cell[], worker: Shown): void {
    this.columns.forEach((column, i) => {
      const { element, text, bar } = cells[i];
      const words = column.text(worker, this.now);
      say(text, i === 0 && !worker.total && !this.statusIsShown ? named(worker, words) : words);
      const title = column.titleOf?.(worker, this.now) ?? words;
      if (element.title !== title) {
        element.title = title;
      }
      if (bar) {
        fillBar(bar, column.bar?.(worker) ?? []);
      }
    });
  }

  private get statusIsShown(): boolean {
    return this.columns.some(column => column.key === 'status');
  }

  private onKey(event: KeyboardEvent): void {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const at = this.active ? this.workers.indexOf(this.active) : -1;
    const last = this.workers.length - 1;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 3);
    const to: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last
    };
    if (event.key in to) {
      event.preventDefault();
      this.go(Math.max(0, Math.min(last, to[event.key])));
    } else if ((event.key === 'Enter' || event.key === ' ') && this.active) {
      event.preventDefault();
      this.host.choose(this.active);
    } else if (event.key === 'Escape' && this.host.selected() !== null) {
      event.preventDefault();
      this.host.choose(null);
    }
  }

  /** Put the keyboard on a row and bring it into sight. */
  private go(to: number): void {
    this.active = this.workers[to] ?? null;
    const sticky = (this.sum.hidden ? 1 : 2) * ROW;
    const room = this.element.clientHeight - sticky;
    const top = to * ROW;
    if (top < this.element.scrollTop) {
      this.element.scrollTop = top;
    } else if (top + ROW > this.element.scrollTop + room) {
      this.element.scrollTop = top + ROW - room;
    }
    this.paint();
  }
}

/** The status beside the name where it has no column of its own, and only if there is something to say. */
function named(worker: Shown, name: string): string {
  return worker.status === 'running' || worker.status === '' ? name : `${name} · ${worker.status}`;
}

function cellOf(column: WorkerColumn): Cell {
  const text = h('span', { class: 'dasklens-text' });
  const bar = column.bar ? h('span', { class: 'dasklens-bar', 'aria-hidden': 'true' }) : null;
  const kind = column.number ? 'dasklens-right' : 'dasklens-left';
  const element = h(
    'div',
    { role: 'gridcell', class: kind, 'data-key': column.key },
    ...(bar ? [bar] : []),
    text
  );
  return { element, text, bar };
}

function fillBar(element: HTMLElement, bar: Bar): void {
  while (element.childElementCount < bar.length) {
    element.append(h('i'));
  }
  while (element.childElementCount > bar.length) {
    element.lastElementChild?.remove();
  }
  let start = 0;
  bar.forEach(({ kind, part }, i) => {
    const piece = element.children[i] as HTMLElement;
    const size = Math.max(0, Math.min(1 - start, Number.isFinite(part) ? part : 0));
    piece.dataset.kind = kind;
    piece.style.left = `${(100 * start).toFixed(1)}%`;
    piece.style.width = `${(100 * size).toFixed(1)}%`;
    start += size;
  });
}

export const ROWS_CSS = (row: number): string => `
.dasklens-grid{position:relative;overflow:auto;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,transparent);outline:0;font-variant-numeric:tabular-nums;--dasklens-managed:var(--jp-brand-color1,#1976d2);--dasklens-row:${row}px}
.dasklens-grid:focus-visible{outline:2px solid var(--dasklens-brand);outline-offset:-2px}
.dasklens-top{position:sticky;top:0;z-index:1;width:100%;min-width:var(--dasklens-least);background:var(--jp-layout-color1,Canvas)}
.dasklens-head,.dasklens-sum,.dasklens-line{display:grid;grid-template-columns:var(--dasklens-columns);align-items:center;height:var(--dasklens-row);width:100%}
.dasklens-head{background:var(--jp-layout-color2,color-mix(in srgb,currentColor 6%,transparent));border-bottom:1px solid var(--dasklens-line)}
.dasklens-sum{border-bottom:1px solid var(--dasklens-line)}
.dasklens-sum [data-key=name]{font-weight:600}
.dasklens-body{position:relative;width:100%;min-width:var(--dasklens-least)}
.dasklens-line{position:absolute;top:0;left:0;cursor:pointer}
.dasklens-line:hover{background:var(--dasklens-hover)}
.dasklens-line[aria-selected=true]{background:color-mix(in srgb,var(--dasklens-brand) 18%,transparent);box-shadow:inset 3px 0 var(--dasklens-brand)}
.dasklens-line.dasklens-active{outline:1px solid var(--dasklens-brand);outline-offset:-1px}
.dasklens-line[data-status=left]{opacity:.6;font-style:italic}
.dasklens-line:not([data-status=running],[data-status=left]) :is([data-key=name],[data-key=status]){color:var(--jp-warn-color0,color-mix(in srgb,#b45309 80%,currentColor));font-weight:600}
.dasklens-grid :is([role=gridcell],[role=columnheader]){position:relative;display:flex;align-items:center;min-width:0;height:100%;padding:0 6px}
.dasklens-grid .dasklens-right{justify-content:flex-end}
.dasklens-text{position:relative;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.dasklens-part .dasklens-head button{min-width:0;height:100%;padding:0;font-weight:600;overflow:hidden;text-overflow:ellipsis}
.dasklens-head [role=columnheader]{padding:0 6px}
.dasklens-way{width:0;font-size:9px;overflow:visible;white-space:nowrap}
[aria-sort=ascending] .dasklens-way,[aria-sort=descending] .dasklens-way{width:10px}
[aria-sort=ascending] .dasklens-way::after{content:'▲'}
[aria-sort=descending] .dasklens-way::after{content:'▼'}
.dasklens-bar{position:absolute;inset:3px 2px;border-radius:2px;overflow:hidden;background:color-mix(in srgb,currentColor 7%,transparent);forced-color-adjust:none}
.dasklens-bar i{position:absolute;top:0;bottom:0}
.dasklens-bar [data-kind=cpu]{background:color-mix(in srgb,var(--jp-success-color1,#388e3c) 38%,transparent)}
.dasklens-bar [data-kind=managed]{background:color-mix(in srgb,var(--dasklens-managed) 55%,transparent)}
.dasklens-bar [data-kind=unmanaged]{background:color-mix(in srgb,var(--dasklens-managed) 30%,transparent)}
.dasklens-bar [data-kind=recent]{background:repeating-linear-gradient(135deg,color-mix(in srgb,var(--dasklens-managed) 45%,transparent) 0 2px,transparent 2px 5px)}
.dasklens-chooser{position:relative}
.dasklens-part [data-action=columns]{border:1px solid var(--dasklens-line);padding:0 8px}
.dasklens-choices{position:absolute;z-index:3;top:100%;left:0;max-height:280px;overflow:auto;margin-top:2px;padding:6px 8px;background:var(--jp-layout-color1,Canvas);border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);box-shadow:var(--jp-elevation-z4,0 2px 8px #0004)}
.dasklens-choices label{display:flex;align-items:center;gap:6px;height:22px;white-space:nowrap;cursor:pointer}
.dasklens-choices input{margin:0}
.dasklens-choices hr{margin:4px 0;border:0;border-top:1px solid var(--dasklens-line)}
`;
