/** The three profiles: of the tasks' threads, of the workers' event loops, of the scheduler's. */

import { button, h, press, roving, say } from '../parts/elements';
import { emptyNote, figureIn, rangeIn, recordsOf, sayRange, type Context } from './context';
import type { Report } from './document';
import type { Hosted } from './shared';
import type { Shown } from './tabs';

const KINDS = [
  ['worker', 'Tasks', 'The threads that run tasks'],
  ['server', 'Workers’ event loops', 'The threads that administer the workers'],
  ['scheduler', 'Scheduler’s event loop', 'The thread that administers the cluster']
] as const;
type Kind = (typeof KINDS)[number][0];

/** Whether there is any profile. */
export function hasProfiles(report: Report): boolean {
  return KINDS.some(([kind]) => recordsOf(report, `profile:${kind}`) > 0);
}

export function buildProfiles(panel: HTMLElement, context: Context): Shown | void {
  if (context.onPaper) {
    KINDS.forEach(([kind, text]) => {
      const box = h('section', { class: 'block' }, h('h3', {}, text));
      panel.append(box);
      void showProfile(box, context, kind);
    });
    return undefined;
  }
  const { address } = context;
  const bar = h('div', { class: 'choice', role: 'toolbar', 'aria-label': 'Whose stacks' });
  panel.append(bar);
  const made = new Map<Kind, HTMLElement>();
  const figures = new Map<Kind, Hosted>();
  let chosen: Kind = KINDS.map(([kind]) => kind).find(kind => kind === address.get('profile')) ?? 'worker';
  const buttons = KINDS.map(([kind, text, title]) => {
    const each = bar.appendChild(button(`profile-${kind}`, '', title, text));
    each.setAttribute('aria-label', text);
    each.addEventListener('click', () => {
      chosen = kind;
      address.set({ profile: kind === 'worker' ? null : kind });
      show();
    });
    return each;
  });
  roving(bar, 'ArrowLeft', 'ArrowRight', new AbortController().signal);
  const show = (): void => {
    KINDS.forEach(([kind], i) => press(buttons[i], kind === chosen));
    made.forEach((box, kind) => (box.hidden = kind !== chosen));
    if (made.has(chosen)) {
      return;
    }
    const box = panel.appendChild(h('div', { class: 'profile' }));
    made.set(chosen, box);
    const kind = chosen;
    void showProfile(box, context, kind).then(made => made && figures.set(kind, made));
  };
  show();
  return { shown: () => figures.forEach(figure => figure.showTime(rangeIn(context))) };
}

async function showProfile(box: HTMLElement, context: Context, kind: Kind): Promise<Hosted | null> {
  const { report, open } = context;
  if (recordsOf(report, `profile:${kind}`) === 0) {
    box.append(emptyNote(WHY[kind]));
    return null;
  }
  const note = box.appendChild(h('p', { class: 'note' }));
  return figureIn(box, context, {
    name: 'profile',
    // What it asks for by itself says the kind only where that is another one.
    open: (stream, question) => open(stream, JSON.stringify({ kind, ...parsed(question) })),
    traits: { profile: { kind } },
    range: rangeIn(context),
    onRange: range => sayRange(context, range),
    onSliced: sliced => say(note, context.onPaper ? '' : sliced ? SLICED : WHOLE)
  });
}

function parsed(question: string): object {
  return JSON.parse(question || '{}') as object;
}

const SLICED = 'Drag over the samples below the graph to see a part of the time.';
const WHOLE = 'Of the whole time of this report: by time these stacks were not kept.';

const WHY: Readonly<Record<Kind, string>> = {
  worker:
    'There is no profile of the tasks: no sample was taken while this was recorded, or workers do not profile.',
  server: 'There is no profile of the workers’ event loops: no sample was taken while this was recorded.',
  scheduler: 'There is no profile of the scheduler’s event loop: no sample was taken while this was recorded.'
};
