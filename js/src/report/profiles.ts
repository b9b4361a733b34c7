/** The three profiles: of the tasks' threads, of the workers' event loops, of the scheduler's. */

import { button, h, press, roving } from '../parts/elements';
import { emptyNote, figureIn, recordsOf, type Context } from './context';
import type { Report } from './document';

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

export function buildProfiles(panel: HTMLElement, context: Context): void {
  if (context.onPaper) {
    KINDS.forEach(([kind, text]) => {
      const box = h('section', { class: 'block' }, h('h3', {}, text));
      panel.append(box);
      showProfile(box, context, kind);
    });
    return;
  }
  const { address } = context;
  const bar = h('div', { class: 'choice', role: 'toolbar', 'aria-label': 'Whose stacks' });
  panel.append(bar);
  const made = new Map<Kind, HTMLElement>();
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
    showProfile(box, context, chosen);
  };
  show();
}

function showProfile(box: HTMLElement, context: Context, kind: Kind): void {
  const { report, open } = context;
  if (recordsOf(report, `profile:${kind}`) === 0) {
    box.append(emptyNote(WHY[kind]));
    return;
  }
  const question = kind === 'worker' ? '' : JSON.stringify({ kind });
  void figureIn(box, context, {
    name: 'profile',
    open: stream => open(stream, question),
    traits: { profile: { kind } }
  });
}

const WHY: Readonly<Record<Kind, string>> = {
  worker:
    'There is no profile of the tasks: no sample was taken while this was recorded, or workers do not profile.',
  server: 'There is no profile of the workers’ event loops: no sample was taken while this was recorded.',
  scheduler: 'There is no profile of the scheduler’s event loop: no sample was taken while this was recorded.'
};
