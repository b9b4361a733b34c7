/** What a bar stands for, of everything that a scheduler runs: chosen in a list, read only when chosen. */

import { thousands } from '../core/format';
import type { GroupBy } from '../core/everything';
import type { GroupTable } from '../core/grouptable';
import { h, say } from './elements';
import type { ReceiverTraits, ReceiverView } from './receiver';

type View = ReceiverView<{ groups: GroupTable }, ReceiverTraits & { group_by?: GroupBy }>;

const CHOICES: readonly (readonly [GroupBy, string])[] = [
  ['prefix', 'by prefix'],
  ['group', 'by group'],
  ['span', 'by span']
];

export class GroupChoice {
  readonly element: HTMLElement;
  private readonly select = h('select', { class: 'dasklens-choice', 'aria-label': 'What a bar stands for' });
  private readonly note = h('span', { class: 'dasklens-dim', 'aria-live': 'off' });

  constructor(private readonly view: Pick<View, 'model' | 'streams' | 'signal' | 'want' | 'keep'>) {
    const { select } = this;
    select.title =
      'What a bar stands for: tasks of a prefix, of a group (one call of a function), or of a span';
    select.append(...CHOICES.map(([value, text]) => h('option', { value }, text)));
    select.addEventListener('change', () => view.keep({ group_by: select.value as GroupBy }), {
      signal: view.signal
    });
    this.element = h('span', { class: 'dasklens-progress-by' }, select, this.note);
  }

  get chosen(): GroupBy {
    const value = this.view.model.get('group_by');
    return CHOICES.some(([known]) => known === value) ? (value as GroupBy) : 'prefix';
  }

  /** Have read what is chosen. */
  ask(): void {
    this.view.want('groups', this.chosen !== 'prefix');
  }

  /** Say what is chosen, and when that is not all there is. */
  show(): void {
    const { chosen } = this;
    this.select.value = chosen;
    say(this.note, chosen === 'prefix' ? '' : noteOf(this.view.streams.groups, chosen));
  }
}

function noteOf(table: GroupTable, kind: 'group' | 'span'): string {
  if (table.next === 0) {
    return 'looking …';
  }
  const told = table.newest(kind).length;
  const all = table.all[kind];
  if (all === 0) {
    return kind === 'span' ? 'there are no spans: see distributed.span' : '';
  }
  return told < all ? `the newest ${thousands(told)} of ${thousands(all)}` : '';
}

export const GROUP_CHOICE_CSS = `
.dasklens-progress-by{display:inline-flex;align-items:center;gap:6px}
.dasklens-progress .dasklens-choice{height:24px;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,Canvas);color:inherit;font:inherit}
`;
