/** The rows of a progress figure: a name to the left of each bar, counts and rate to its right. */

import { thousands } from '../core/format';
import { allOf, doneOf, STATES, type ByState, type Group } from '../core/progress';
import { h, say } from './elements';
import { NAMES } from './progressfills';

/** Height of a row, in CSS pixels. */
export const ROW = 24;

/** A row: all tasks together, or those of a group. */
export interface RowData {
  readonly name: string;
  readonly counts: ByState;
  /** Tasks done a second. */
  readonly rate: number;
  readonly group: Group | null;
}

interface Row {
  readonly element: HTMLElement;
  readonly name: HTMLElement;
  readonly opener: HTMLButtonElement;
  readonly label: HTMLElement;
  readonly counts: HTMLElement;
  group: Group | null;
}

export class ProgressRows {
  readonly element = h('div', { class: 'dasklens-progress-rows', role: 'list' });
  private readonly rows: Row[] = [];

  /** @param onOpen is called with the group whose failure somebody wants to see. */
  constructor(private readonly onOpen: (group: Group) => void) {}

  /**
   * @param narrow whether there is room for few letters only.
   * @param open the group whose failure is shown.
   */
  show(data: readonly RowData[], left: number, right: number, narrow: boolean, open: Group | null): void {
    while (this.rows.length < data.length) {
      this.rows.push(this.make());
    }
    while (this.rows.length > data.length) {
      this.rows.pop()?.element.remove();
    }
    this.element.style.height = `${data.length * ROW}px`;
    data.forEach((each, i) => {
      const row = this.rows[i];
      const { counts, group } = each;
      const failed = counts.erred > 0;
      const openable = failed && Boolean(group?.failure);
      row.group = group;
      row.element.dataset.failed = String(failed);
      row.element.dataset.total = String(group === null);
      row.opener.hidden = !openable;
      row.label.hidden = openable;
      const name = failed ? `✕ ${each.name}` : each.name;
      say(openable ? row.opener : row.label, name);
      row.opener.setAttribute('aria-expanded', String(open !== null && same(open, group)));
      row.name.style.width = `${left}px`;
      row.name.title = each.name;
      row.counts.style.width = `${right}px`;
      say(row.counts, wordsOf(each, narrow));
      const long = longOf(each);
      if (row.counts.title !== long) {
        row.counts.title = long;
      }
    });
  }

  private make(): Row {
    const opener = h('button', { type: 'button', class: 'dasklens-progress-open dasklens-error' });
    const label = h('span', { class: 'dasklens-cut' });
    const name = h('span', { class: 'dasklens-progress-name' }, opener, label);
    const counts = h('span', { class: 'dasklens-progress-counts' });
    const element = h('div', { class: 'dasklens-progress-row', role: 'listitem' }, name, counts);
    element.style.height = `${ROW}px`;
    this.element.append(element);
    const row: Row = { element, name, opener, label, counts, group: null };
    opener.addEventListener('click', () => row.group && this.onOpen(row.group));
    return row;
  }
}

export function same(a: Group, b: Group | null): boolean {
  return b !== null && a.name === b.name && a.ident === b.ident;
}

let format: Intl.NumberFormat | null = null;

/** A count in as little room as may be: `12.3K`. Made when it is needed, as it takes a while. */
function compact(n: number): string {
  format ??= new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
  return format.format(n);
}

function wordsOf({ counts, rate }: RowData, narrow: boolean): string {
  const done = doneOf(counts);
  const all = allOf(counts);
  if (narrow) {
    return all < 10_000 ? `${done}/${all}` : `${compact(done)}/${compact(all)}`;
  }
  const words = [`${thousands(done)} / ${thousands(all)}`];
  if (counts.erred > 0) {
    words.push(`${compact(counts.erred)} failed`);
  } else if (rate > 0 && done < all) {
    words.push(`${rate < 10 ? rate.toPrecision(2) : compact(Math.round(rate))}/s`);
  }
  return words.join(' · ');
}

function longOf({ name, counts }: RowData): string {
  const by = STATES.filter(state => counts[state] > 0).map(
    state => `${thousands(counts[state])} ${NAMES[state]}`
  );
  return `${name}: ${by.join(', ') || 'no tasks'}`;
}

export const ROWS_CSS = `
.dasklens-progress-rows{position:relative;z-index:1;pointer-events:none}
.dasklens-progress-row{display:flex;align-items:center;justify-content:space-between}
.dasklens-progress-row[data-total=true]{font-weight:600}
.dasklens-progress-name,.dasklens-progress-counts{pointer-events:auto;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.dasklens-progress-name{display:flex;justify-content:flex-end;padding-right:6px}
.dasklens-progress-counts{padding-left:6px;font-variant-numeric:tabular-nums}
.dasklens-progress .dasklens-progress-open{display:block;flex:0 1 auto;min-width:0;height:22px;overflow:hidden;text-overflow:ellipsis;text-decoration:underline}
`;
