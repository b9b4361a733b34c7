/**
 * The workers of a cluster as a table: sorted, filtered, a row each, of which only those on screen are
 * in the page. Choosing one sets the trait `selected` to its address.
 */

import { counted, thousands } from '../core/format';
import { WorkerTable, type Worker } from '../core/workers';
import { chooser } from './columnchooser';
import { h, say, watchWidth } from './elements';
import { PHASE_CSS, phaseBadge } from './phase';
import { receiver, type ReceiverTraits, type ReceiverView } from './receiver';
import { columnsFor, COLUMNS, totalOf, type Shown, type WorkerColumn } from './workercolumns';
import { filtered, Order, type Sort } from './workerorder';
import { ROW, Rows, ROWS_CSS } from './workerrows';

interface WorkersTraits extends ReceiverTraits {
  /** Address of the chosen worker. */
  selected: string | null;
  /** Keys of columns; as many as fit when empty. */
  columns: string[];
  /** Key of a column, with a - in front for the largest first. */
  sort: string;
}

type View = ReceiverView<{ workers: WorkerTable }, WorkersTraits>;

/** What borders and a scroll bar take of the width. */
const BESIDE = 18;
/** Rows that the table grows to before it scrolls. */
const MOST_ROWS = 14;

const EMPTY: Record<string, string> = {
  connecting: 'Connecting to the scheduler…',
  finished: 'There were no workers.'
};
const NO_WORKERS = 'No workers yet. Start some, e.g. cluster.scale(2).';

function build(view: View): void {
  const { model, streams, el, signal, on, onData, keep } = view;
  const table = streams.workers;
  const search = h('input', {
    type: 'search',
    class: 'dasklens-search',
    placeholder: 'Filter workers',
    title: 'By name, address or status',
    'aria-label': 'Filter workers'
  });
  const counts = h('span', { class: 'dasklens-count', role: 'status' });
  const columns = chooser(
    COLUMNS.slice(1).map(({ key, title, long }) => ({ key, title, long })),
    () => shownColumns().map(column => column.key),
    () => (model.get('columns') ?? []).length > 0,
    chosen => keep({ columns: chosen }),
    signal
  );
  const bar = h(
    'div',
    { class: 'dasklens-workers-bar' },
    search,
    counts,
    columns.element,
    phaseBadge(model, view)
  );
  const empty = h('div', { class: 'dasklens-empty dasklens-dim' });
  const rows = new Rows(signal, {
    choose: worker =>
      keep({ selected: worker && worker.address !== model.get('selected') ? worker.address : null }),
    sortBy: key => keep({ sort: turned(sortOf(model.get('sort')), key) }),
    selected: () => model.get('selected') ?? null
  });
  el.replaceChildren(bar, rows.element, empty);

  const order = new Order(() => rows.pointed);
  let width = 0;
  let arrived = performance.now();

  const shownColumns = (): readonly WorkerColumn[] => columnsFor(width - BESIDE, model.get('columns') ?? []);
  /** Now on the scheduler's clock, as far as we can know it. */
  const now = (): number => table.time + (performance.now() - arrived) / 1000;

  const show = (): void => {
    const all = table.workers;
    const found = filtered(all, search.value);
    const left = filtered(table.left, search.value);
    const sort = sortOf(model.get('sort'));
    const shown: Worker[] = [...order.of(found, sort, table.generation), ...left];
    const total: Shown | null = found.length > 1 ? totalOf(found) : null;
    rows.show(shown, total, shownColumns(), sort, now(), MOST_ROWS);
    rows.element.hidden = shown.length === 0;
    empty.hidden = shown.length > 0;
    say(
      empty,
      all.length + table.left.length > 0 ? 'No worker matches.' : (EMPTY[model.get('phase')] ?? NO_WORKERS)
    );
    say(counts, countOf(all.length, found.length, table.left.length));
  };

  onData(() => {
    arrived = performance.now();
    show();
  });
  on('change:phase change:sort change:columns change:selected', show);
  search.addEventListener('input', show, { signal });
  search.addEventListener(
    'keydown',
    event => {
      if (event.key === 'Escape' && search.value !== '') {
        event.preventDefault();
        search.value = '';
        show();
      } else if (event.key === 'ArrowDown') {
        event.preventDefault();
        rows.focus();
      }
    },
    { signal }
  );
  // What was held back while the pointer was on the rows.
  rows.element.addEventListener('pointerleave', show, { signal });
  watchWidth(el, signal, to => {
    if (Math.abs(to - width) >= 1) {
      width = to;
      show();
    }
  });
  // "3 s ago" goes on when nothing comes.
  const timer = setInterval(() => {
    if (
      document.visibilityState !== 'hidden' &&
      performance.now() - arrived > 1500 &&
      table.workers.length > 0
    ) {
      show();
    }
  }, 1000);
  signal.addEventListener('abort', () => clearInterval(timer));
  show();
}

function countOf(all: number, found: number, left: number): string {
  if (all + left === 0) {
    return '';
  }
  const some = found < all ? `${thousands(found)} of ` : '';
  return `${some}${counted(all, 'worker')}${left > 0 ? `, ${thousands(left)} left` : ''}`;
}

function sortOf(said: string | null): Sort {
  const text = said ?? '';
  const descending = text.startsWith('-');
  return { key: descending ? text.slice(1) : text, descending };
}

/** What a click on a header makes of the sort: numbers begin with the largest. */
function turned(sort: Sort, key: string): string {
  const column = COLUMNS.find(each => each.key === key);
  const descending = sort.key === key ? !sort.descending : Boolean(column?.number);
  return `${descending ? '-' : ''}${key}`;
}

const CSS = `
.dasklens-workers{display:flex;flex-direction:column;gap:4px;min-width:0;container-type:inline-size}
.dasklens-workers-bar{display:flex;flex-wrap:wrap;align-items:center;gap:2px 10px;min-height:28px}
.dasklens-part .dasklens-search{flex:0 1 220px;min-width:90px;height:24px;padding:0 6px;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,transparent);color:inherit;font:inherit}
.dasklens-workers .dasklens-count{white-space:nowrap;font-variant-numeric:tabular-nums}
.dasklens-empty{padding:18px 8px;text-align:center;border:1px dashed var(--dasklens-line);border-radius:var(--jp-border-radius,2px)}
.dasklens-workers .dasklens-phase{flex:1 1 auto;white-space:nowrap}
@container (max-width:420px){.dasklens-workers-bar .dasklens-search{flex:1 1 90px}.dasklens-workers .dasklens-phase{flex:0 1 auto}}
${ROWS_CSS(ROW)}
${PHASE_CSS}`;

export default receiver<{ workers: WorkerTable }, WorkersTraits>(
  'workers',
  CSS,
  () => ({ workers: new WorkerTable() }),
  build
);
