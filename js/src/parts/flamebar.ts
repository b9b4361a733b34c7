/**
 * Over a flame graph: which view of the tree, what it is narrowed to, search; the way from the root to
 * the frame that fills the width; how the connection is.
 */

import type { Kind } from '../core/covered';
import { thousands } from '../core/format';
import type { FlameModel, View } from '../marks/flamemodel';
import { button, h, press, roving, say } from './elements';
import { EVERYTHING, REFRESH } from './icons';
import { part, type Part } from './part';
import { PHASE_CSS, phaseBadge } from './phase';
import { Tools } from './tools';

const VIEWS: readonly (readonly [View, string, string])[] = [
  ['tree', 'Call tree', 'Callers on top, what they call below'],
  ['inverted', 'Inverted', 'Functions by their own time on top, their callers below'],
  ['table', 'Table', 'All functions, to sort']
];
const KINDS: readonly (readonly [Kind, string])[] = [
  ['worker', 'Tasks'],
  ['server', 'Workers\u2019 event loops'],
  ['scheduler', 'Scheduler\u2019s event loop']
];
/** Entries of a choice, and characters of one. */
const MOST = 200;
const LONGEST = 60;

function build(view: Part<FlameModel>): void {
  const { mark, el, signal, on } = view;
  const views = h('div', { class: 'dasklens-views', role: 'toolbar', 'aria-label': 'View' });
  const buttons = VIEWS.map(([name, text, title]) => {
    const each = views.appendChild(button(`view-${name}`, '', title, text));
    each.setAttribute('aria-label', text);
    each.addEventListener('click', () => mark.keep({ view: name }), { signal });
    return each;
  });
  roving(views, 'ArrowLeft', 'ArrowRight', signal);
  const showView = (): void =>
    VIEWS.forEach(([name], i) => press(buttons[i], (mark.get('view') as View) === name));
  on('change:view', showView);

  const tools = new Tools('Profile', signal);
  tools.add('reset', EVERYTHING, 'Show everything', () => mark.zoomReset());
  const refresh = tools.add('refresh', REFRESH, 'Read the profile again', () => mark.refresh());
  tools.addPictures(mark, 'profile');
  const showRefresh = (): void => {
    refresh.hidden = mark.get('phase') === 'finished';
  };
  on('change:phase', showRefresh);
  showRefresh();

  const status = h('div', { class: 'dasklens-status', role: 'status', 'aria-live': 'polite' });
  status.setAttribute('aria-atomic', 'false');
  status.append(phaseBadge(mark, view), tools.message);

  el.replaceChildren(
    h('div', { class: 'dasklens-flamerow' }, views, tools.element, status),
    h('div', { class: 'dasklens-flamerow' }, kindChoice(view), ...choices(view), ...searchBox(view)),
    breadcrumb(view)
  );
  showView();
}

/** Whose stacks. A tree from elsewhere has no other. */
function kindChoice({ mark, signal, on }: Part<FlameModel>): HTMLElement {
  const select = h('select', { class: 'dasklens-choice dasklens-choose-kind', 'aria-label': 'Whose stacks' });
  select.title = 'Whose stacks: of the threads that run tasks, or of the event loops that administer them';
  select.append(...KINDS.map(([kind, text]) => h('option', { value: kind }, text)));
  select.addEventListener('change', () => mark.keep({ kind: select.value }), { signal });
  const show = (): void => {
    select.value = String(mark.get('kind'));
    select.hidden = mark.get('phase') === 'finished';
  };
  on('change:kind change:phase', show);
  show();
  return select;
}

/** What the tree is narrowed to: a choice of prefixes, and one of workers. */
function choices({ mark, signal, on }: Part<FlameModel>): HTMLElement[] {
  const made = [
    { trait: 'highlight', all: 'all prefixes', one: 'Task prefix' },
    { trait: 'workers', all: 'all workers', one: 'Worker' }
  ].map(({ trait, all, one }) => {
    const select = h('select', { class: `dasklens-choice dasklens-choose-${trait}`, 'aria-label': one });
    select.title = `${one}: narrow the profile to it`;
    let listed: string[] = [];
    const show = (): void => {
      const { about } = mark.tree ?? {};
      const known =
        trait === 'workers'
          ? (about?.workers ?? []).map(name => [name, name])
          : (about?.prefixes ?? []).map(([name, n]) => [name, `${name} (${thousands(n)})`]);
      const chosen = (mark.get(trait) as string[] | null) ?? [];
      const missing = chosen.filter(name => !known.some(([each]) => each === name));
      const entries = [...missing.map(name => [name, name]), ...known].slice(0, MOST);
      // While it is open a list must not change under the pointer.
      if (document.activeElement !== select || entries.length !== listed.length) {
        const several = chosen.length > 1 ? [h('option', { value: '-2' }, `${chosen.length} chosen`)] : [];
        const options = entries.map(([, text], i) => h('option', { value: String(i) }, shortened(text)));
        select.replaceChildren(h('option', { value: '-1' }, all), ...several, ...options);
        listed = entries.map(([name]) => name);
      }
      select.value = String(chosen.length > 1 ? -2 : chosen.length === 1 ? listed.indexOf(chosen[0]) : -1);
      select.classList.toggle('dasklens-chosen', chosen.length > 0);
      const narrows = trait === 'workers' ? mark.get('kind') !== 'scheduler' : mark.get('kind') === 'worker';
      select.hidden = !narrows || listed.length < (trait === 'workers' ? 2 : 1);
    };
    select.addEventListener(
      'change',
      () => {
        const at = Number(select.value);
        if (at >= -1) {
          mark.keep({ [trait]: at < 0 ? [] : [listed[at]] });
        }
      },
      { signal }
    );
    on(`log:change change:kind change:${trait}`, show);
    show();
    return select;
  });
  return made;
}

function searchBox({ mark, signal, on }: Part<FlameModel>): HTMLElement[] {
  const input = h('input', {
    type: 'search',
    class: 'dasklens-search',
    placeholder: 'Search functions (regular expression)',
    'aria-label': 'Search functions, regular expression'
  });
  const share = h('span', { class: 'dasklens-found', role: 'status' });
  input.addEventListener('input', () => mark.keep({ search: input.value }), { signal });
  input.addEventListener(
    'keydown',
    event => {
      if (event.key === 'Escape' && input.value) {
        event.preventDefault();
        event.stopPropagation();
        mark.keep({ search: '' });
      }
    },
    { signal }
  );
  const show = (): void => {
    const text = String(mark.get('search') ?? '');
    if (input.value !== text) {
      input.value = text;
    }
    say(share, mark.foundText);
  };
  on('search:change log:change', show);
  on('search:focus', () => input.focus());
  show();
  return [input, share];
}

/** The frames from the root to the one that fills the width; each leads back to itself. */
function breadcrumb({ mark, signal, on }: Part<FlameModel>): HTMLElement {
  const nav = h('nav', { class: 'dasklens-breadcrumb', 'aria-label': 'Zoomed to' });
  const settle = roving(nav, 'ArrowLeft', 'ArrowRight', signal);
  const show = (): void => {
    const { flame, zoomed } = mark;
    const path = flame && zoomed >= 0 ? flame.pathTo(zoomed) : [0];
    const inside = nav.contains(document.activeElement);
    nav.replaceChildren(
      ...path.map((node, i) => {
        const name = node === 0 || !flame ? 'all' : flame.functionOf(node).name.replace(/\s+/g, ' ');
        const crumb = h('button', { type: 'button', class: 'dasklens-crumb dasklens-cut' }, shortened(name));
        crumb.title = `Zoom to ${name.slice(0, 300)}`;
        if (i === path.length - 1) {
          crumb.setAttribute('aria-current', 'true');
        }
        crumb.addEventListener('click', () => mark.zoomTo(node));
        return crumb;
      })
    );
    nav.hidden = mark.get('view') === 'table';
    settle();
    if (inside) {
      (nav.lastElementChild as HTMLElement).focus({ preventScroll: true });
    }
    nav.scrollLeft = nav.scrollWidth;
  };
  on('zoom:change log:change change:view', show);
  show();
  return nav;
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

const CSS = `
.dasklens-flamebar{padding:2px}
.dasklens-flamerow{display:flex;flex-wrap:wrap;align-items:center;gap:2px 8px;min-height:28px}
.dasklens-views{display:flex;gap:0;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px)}
.dasklens-views button{padding:0 8px!important;border-radius:0!important;height:22px!important}
.dasklens-tools{display:flex;gap:2px}
.dasklens-flamebar .dasklens-status{display:flex;flex:1 1 8em;align-items:center;justify-content:flex-end;gap:0 12px;min-width:0;white-space:nowrap}
.dasklens-flamebar .dasklens-message:empty{display:none}
.dasklens-flamebar .dasklens-search{flex:1 1 12em;min-width:8em;max-width:28em;height:24px;padding:0 6px;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,transparent);color:inherit;font:inherit}
.dasklens-choice{max-width:16em;min-width:7em;flex:0 1 auto;height:24px;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,Canvas);color:inherit;font:inherit}
.dasklens-choice.dasklens-chosen{box-shadow:inset 0 -2px var(--dasklens-brand)}
.dasklens-found:empty{display:none}
.dasklens-breadcrumb{display:flex;align-items:center;min-height:26px;overflow-x:auto;white-space:nowrap;scrollbar-width:none}
.dasklens-breadcrumb .dasklens-crumb{display:block;max-width:16em;flex:0 0 auto}
.dasklens-crumb:not(:first-child)::before{content:'›';padding-right:6px;opacity:.7}
.dasklens-crumb[aria-current]{font-weight:600}
${PHASE_CSS}`;

export default part<FlameModel>('flamebar', CSS, build);
