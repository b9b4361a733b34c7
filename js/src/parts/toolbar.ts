/**
 * The row of buttons over a figure, and its status: how the connection is, how many tasks there are,
 * how many of them failed, and what went wrong with a picture.
 */

import { counted } from '../core/format';
import type { Phase, PictureKind } from '../marks/spansmodel';
import { button, h, press, roving, say } from './elements';
import { DOWNLOAD, EVERYTHING, icon, INTERVAL, PAUSE, PLAY, ZOOM_IN, ZOOM_OUT } from './icons';
import { paced, part, type Part } from './part';

/** What one click on a zoom button leaves of the time shown. */
const ZOOM = 0.5;
/** The counts change with every frame; nobody reads, or wants to hear, that many. */
const COUNT_EVERY = 1000;
/** How long the picture is kept for the browser to save, in milliseconds. */
const KEEP_PICTURE = 10_000;

const SYMBOLS: Record<Phase, string> = {
  connecting: '◌',
  live: '●',
  paused: '❚❚',
  lost: '✕',
  finished: '■'
};

function build(view: Part): void {
  const { mark, el, signal, on } = view;
  const status = h('div', { class: 'dasklens-status', role: 'status', 'aria-live': 'polite' });
  // Only what changed is to be spoken, and neither the seconds nor the counts that run.
  status.setAttribute('aria-atomic', 'false');
  const tools = h('div', { class: 'dasklens-tools', role: 'toolbar', 'aria-label': 'Task stream' });
  const add = (
    action: string,
    path: string,
    title: string,
    act: () => void,
    text = ''
  ): HTMLButtonElement => {
    const tool = tools.appendChild(button(action, path, title, text));
    tool.addEventListener('click', act, { signal });
    return tool;
  };

  const follow = add('follow', PAUSE, 'Follow', () => mark.keep({ follow: !mark.get('follow') }));
  add('reset', EVERYTHING, 'Show everything', () => mark.zoomReset());
  add('zoom-in', ZOOM_IN, 'Zoom in', () => mark.zoomBy(ZOOM));
  add('zoom-out', ZOOM_OUT, 'Zoom out', () => mark.zoomBy(1 / ZOOM));
  const brush = add('brush', INTERVAL, 'Select an interval', () => mark.set('brush', !mark.get('brush')));
  const message = h('span', { class: 'dasklens-message dasklens-error dasklens-cut' });
  for (const kind of ['png', 'svg'] as const) {
    const name = kind.toUpperCase();
    const act = (): void => {
      void save(view, kind).then(problem => {
        say(message, problem);
        message.title = problem;
      });
    };
    add(`save-${kind}`, DOWNLOAD, `Save a picture as ${name}`, act, name);
  }
  roving(tools, 'ArrowLeft', 'ArrowRight', signal);

  const showFollow = (): void => {
    const following = Boolean(mark.get('follow'));
    follow.replaceChildren(icon(following ? PAUSE : PLAY), following ? 'Following' : 'Follow');
    follow.title = following ? 'Pause: stay at the time shown' : 'Follow the newest tasks';
    press(follow, following);
  };
  on('change:follow', showFollow);
  const showBrush = (): void => press(brush, Boolean(mark.get('brush')));
  on('change:brush', showBrush);

  el.replaceChildren(tools, status);
  status.append(phaseBadge(view), message, ...counts(view));
  showFollow();
  showBrush();
}

function phaseBadge({ mark, signal, on }: Part): HTMLElement {
  const symbol = h('span', { class: 'dasklens-symbol', 'aria-hidden': 'true' });
  const words = h('span', { class: 'dasklens-cut' });
  const retry = h('span', { class: 'dasklens-retry', 'aria-live': 'off' });
  const badge = h('span', { class: 'dasklens-phase' }, symbol, words, retry);
  let timer: ReturnType<typeof setInterval> | undefined;

  const showRetry = (): void => {
    const at: unknown = mark.get('retry_at');
    const waiting = mark.get('phase') === 'lost' && typeof at === 'number';
    const seconds = waiting ? Math.ceil(at - Date.now() / 1000) : 0;
    say(retry, !waiting ? '' : seconds > 0 ? `retrying in ${seconds} s` : 'retrying now');
  };
  const show = (): void => {
    const phase = mark.get('phase') as Phase;
    const reason = phase === 'live' ? '' : String(mark.get('reason') ?? '');
    badge.dataset.phase = phase;
    say(symbol, SYMBOLS[phase] ?? '');
    say(words, reason ? `${phase}: ${reason}` : phase);
    words.title = reason;
    clearInterval(timer);
    if (phase === 'lost' && mark.get('retry_at') !== null) {
      timer = setInterval(showRetry, 1000);
    }
    showRetry();
  };
  on('change:phase change:reason change:retry_at', show);
  signal.addEventListener('abort', () => clearInterval(timer));
  show();
  return badge;
}

function counts({ mark, signal, on }: Part): HTMLElement[] {
  const count = h('span', { class: 'dasklens-count', 'aria-live': 'off' });
  const failed = h('span', { class: 'dasklens-failed dasklens-error' });
  const show = paced(COUNT_EVERY, signal, () => {
    const { nRecords, missed, nErrors } = mark.log;
    const all = counted(nRecords + missed, 'task');
    say(count, missed > 0 ? `showing ${nRecords.toLocaleString('en')} of ${all}` : all);
    count.title =
      missed > 0
        ? `The scheduler's log dropped the oldest ${counted(missed, 'task')} before they could be read; ` +
          'raise dasklens.log.limit.'
        : '';
    say(failed, nErrors > 0 ? `✗ ${nErrors.toLocaleString('en')} failed` : '');
  });
  on('log:change', show);
  show();
  return [count, failed];
}

/** Have the browser save a picture; what went wrong, or nothing. */
async function save({ mark }: Part, kind: PictureKind): Promise<string> {
  try {
    const url = URL.createObjectURL(await mark.savePicture(kind));
    h('a', { href: url, download: `task-stream.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), KEEP_PICTURE);
    return '';
  } catch (error) {
    return `No picture was saved: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const CSS = `
.dasklens-toolbar{display:flex;flex-wrap:wrap;align-items:center;gap:2px 12px;min-height:28px}
.dasklens-tools{display:flex;gap:2px}
.dasklens-status{display:flex;flex:1 1 22em;flex-wrap:wrap;align-items:center;justify-content:flex-end;gap:0 12px;min-width:0;white-space:nowrap}
.dasklens-status :empty{display:none}
.dasklens-phase{display:flex;flex:1 1 12em;justify-content:flex-end;gap:4px;min-width:0}
.dasklens-message{max-width:100%}
.dasklens-phase[data-phase=live] .dasklens-symbol{color:var(--jp-success-color1,#388e3c)}
.dasklens-phase[data-phase=lost]{color:var(--jp-error-color1,color-mix(in srgb,#e1002d 75%,currentColor))}
`;

export default part('toolbar', CSS, build);
