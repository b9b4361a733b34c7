/**
 * The line under a figure: the task under the pointer, the brushed interval, or the selected task;
 * below it, all that is known of the selected task.
 */

import { bytes, clock, day, duration } from '../core/format';
import { COMPUTE, kindOf } from '../core/kinds';
import type { StartStop, TaskRecord } from '../core/tasks';
import type { HoveredTask } from '../marks/spansmodel';
import { copied } from './copied';
import { button, h, say, swatch } from './elements';
import { CLOSE } from './icons';
import { part, type Part } from './part';

export const HINT = 'Hover a task to see what it is, click to keep it. Scroll to zoom, drag to pan.';
/** Most characters of a key or an exception in the line: they may be a page long. */
const LONGEST = 300;

type Interval = readonly [start: number, stop: number];

function build(view: Part): void {
  const { mark, el, signal, on } = view;
  const line = h('div', { class: 'dasklens-detail-line' });
  const panel = h('div', { class: 'dasklens-panel', role: 'region', 'aria-label': 'Selected task' });
  // Where the focus goes when the panel closes.
  line.tabIndex = -1;
  el.replaceChildren(line, panel);

  const forget = button('clear-interval', CLOSE, 'Clear the interval');
  forget.addEventListener('click', () => mark.keep({ interval: null }), { signal });
  const selected = (): TaskRecord | null => (mark.get('selected') as TaskRecord | null) ?? null;
  const interval = (): Interval | null => (mark.get('interval') as Interval | null) ?? null;

  let hovered: HoveredTask | null = null;
  let frame = 0;
  const showLine = (): void => {
    frame = 0;
    const brushed = interval();
    const task = hovered ?? (brushed ? null : selected());
    const pieces = task ? factsOf(task, mark.colourOf(task.prefix)) : [brushed ? textOf(brushed) : HINT];
    line.replaceChildren(...pieces);
    line.title = pieces.map(piece => (typeof piece === 'string' ? piece : piece.textContent)).join(', ');
    if (!task && brushed) {
      line.append(forget);
    }
  };
  const showLineSoon = (): void => {
    if (frame === 0) {
      frame = requestAnimationFrame(showLine);
    }
  };
  signal.addEventListener('abort', () => cancelAnimationFrame(frame));
  on('hover', task => {
    hovered = (task as HoveredTask | null) ?? null;
    showLineSoon();
  });

  const showPanel = (): void => {
    const inside = panel.contains(document.activeElement);
    const task = selected();
    panel.hidden = task === null;
    panel.replaceChildren(...(task ? panelOf(task, view) : []));
    if (inside) {
      line.focus({ preventScroll: true });
    }
  };
  on('change:selected', showPanel);
  on('change:selected change:interval change:palette', showLineSoon);

  el.addEventListener(
    'keydown',
    event => {
      const trait = selected() ? 'selected' : interval() ? 'interval' : null;
      if (event.key === 'Escape' && trait) {
        event.preventDefault();
        mark.keep({ [trait]: null });
      }
    },
    { signal }
  );
  showLine();
  showPanel();
}

function textOf([start, stop]: Interval): string {
  return `selected interval ${duration(stop - start)}: ${clock(start, 3)} - ${clock(stop, 3)}`;
}

/** What the line says of a task, the most telling first: the end of it may not fit. */
function factsOf(task: TaskRecord & { span?: StartStop }, colour: string): HTMLElement[] {
  const fact = (text: string, className = ''): HTMLElement =>
    h('span', className ? { class: className } : {}, text.slice(0, LONGEST));
  const prefix = fact(task.prefix, 'dasklens-prefix dasklens-cut');
  prefix.prepend(swatch(colour));
  const facts = [fact(task.key, 'dasklens-task dasklens-cut'), prefix];
  if (task.status === 'error') {
    facts.push(fact(`✗ failed: ${task.exception ?? '?'}`, 'dasklens-failed dasklens-error dasklens-cut'));
  }
  facts.push(fact(`worker ${task.workerName}`, 'dasklens-worker dasklens-cut'));
  if (task.thread !== null) {
    facts.push(fact(`thread ${task.thread}`));
  }
  const span = task.span ?? workOf(task);
  if (span) {
    if (span.action) {
      facts.push(fact(span.action));
    }
    facts.push(fact(clock(span.start, 3)), fact(duration(span.stop - span.start)));
  }
  if (task.nbytes !== null) {
    facts.push(fact(bytes(task.nbytes)));
  }
  if (task.typename) {
    facts.push(fact(task.typename, 'dasklens-type dasklens-cut'));
  }
  return facts;
}

/** The span that stands for a task: its work, or whatever it did. */
function workOf({ startstops }: TaskRecord): StartStop | undefined {
  return startstops.find(each => kindOf(each.action) === COMPUTE) ?? startstops[0];
}

function panelOf(task: TaskRecord, { mark, signal }: Part): HTMLElement[] {
  const message = h('span', { class: 'dasklens-message', role: 'status' });
  const copier = (what: string, text: string): HTMLButtonElement => {
    const copy = button(`copy-${what}`, '', `Copy the ${what}`, 'Copy');
    copy.addEventListener('click', () => void copied(what, text).then(said => say(message, said)), {
      signal
    });
    return copy;
  };
  const close = button('close', CLOSE, 'Clear the selection');
  close.addEventListener('click', () => mark.keep({ selected: null }), { signal });

  const facts: [string, string][] = [
    ['worker', task.workerName === task.worker ? task.worker : `${task.workerName} (${task.worker})`],
    ['thread', String(task.thread ?? '?')],
    ['group', task.group],
    ['status', task.status === 'error' ? '✗ failed' : task.status],
    ['result', [task.nbytes === null ? '' : bytes(task.nbytes), task.typename].filter(Boolean).join(' ')]
  ];
  const parts: HTMLElement[] = [
    h(
      'div',
      { class: 'dasklens-panel-head' },
      h('code', { class: 'dasklens-task' }, task.key),
      copier('key', task.key),
      message,
      close
    ),
    h(
      'dl',
      { class: 'dasklens-facts' },
      ...facts
        .filter(([, text]) => text !== '')
        .flatMap(([name, text]) => [h('dt', { class: 'dasklens-dim' }, name), h('dd', {}, text)])
    )
  ];
  if (task.startstops.length > 0) {
    parts.push(tableOf(task.startstops));
  }
  if (task.status === 'error') {
    const { exception, traceback } = task;
    parts.push(h('pre', { class: 'dasklens-exception dasklens-error' }, `✗ ${exception ?? '?'}`));
    if (traceback) {
      const text = h('pre', { class: 'dasklens-traceback', tabindex: '0', 'aria-label': 'Traceback' });
      text.textContent = traceback;
      parts.push(text, copier('traceback', traceback));
    }
  }
  return parts;
}

function tableOf(startstops: readonly StartStop[]): HTMLTableElement {
  const row = (tag: 'th' | 'td', texts: string[]): HTMLTableRowElement =>
    h('tr', {}, ...texts.map(text => h(tag, tag === 'th' ? { scope: 'col' } : {}, text)));
  const rows = startstops.map(({ action, start, stop }) =>
    row('td', [action, clock(start, 3), duration(stop - start)])
  );
  const head = row('th', ['action', `start, ${day(startstops[0].start)}`, 'duration']);
  return h('table', { class: 'dasklens-spans' }, h('thead', {}, head), h('tbody', {}, ...rows));
}

const CSS = `
.dasklens-detail{padding:0 4px}
.dasklens-detail-line{display:flex;align-items:center;gap:12px;height:26px;overflow:hidden;white-space:nowrap;outline:0}
.dasklens-detail-line>span{flex:none}
.dasklens-detail-line>.dasklens-cut{flex:0 1 auto;min-width:4em}
.dasklens-detail-line .dasklens-task{max-width:45%;font-weight:bold}
.dasklens-detail-line>:is(.dasklens-task,.dasklens-prefix){flex-shrink:.2}
.dasklens-detail-line>:is(.dasklens-failed,.dasklens-type){flex:1 1 0;max-width:max-content}
.dasklens-prefix .dasklens-swatch{margin-right:4px;vertical-align:-1px}
.dasklens-panel{max-height:320px;overflow:auto;padding:4px 0;border-top:1px solid var(--dasklens-line)}
.dasklens-panel-head{display:flex;align-items:flex-start;gap:8px}
.dasklens-panel-head code{overflow-wrap:anywhere;max-height:5em;overflow:auto}
.dasklens-panel [data-action=close]{margin-left:auto}
.dasklens-facts{display:grid;grid-template-columns:max-content 1fr;gap:0 12px;margin:4px 0}
.dasklens-facts dd{margin:0;overflow-wrap:anywhere}
.dasklens-part .dasklens-spans{border-collapse:collapse;margin:4px 0;font:inherit}
.dasklens-part .dasklens-spans :is(th,td){padding:1px 16px 1px 0;text-align:left;background:none;font-variant-numeric:tabular-nums}
.dasklens-part pre{margin:4px 0;max-height:160px;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;font:var(--jp-code-font-size,13px)/1.4 var(--jp-code-font-family,monospace)}
.dasklens-part pre:not(.dasklens-error){color:inherit}
`;

export default part('detail', CSS, build);
