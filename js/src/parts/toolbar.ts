/**
 * The row of buttons over a figure, and its status: how the connection is, how many tasks there are,
 * how many of them failed, and what went wrong with a picture.
 */

import { counted, thousands } from '../core/format';
import { h, press, say } from './elements';
import { EVERYTHING, icon, INTERVAL, PAUSE, PLAY, ZOOM_IN, ZOOM_OUT } from './icons';
import { paced, part, type Part } from './part';
import { PHASE_CSS, phaseBadge } from './phase';
import { Tools } from './tools';

/** What one click on a zoom button leaves of the time shown. */
const ZOOM = 0.5;
/** The counts change with every frame; nobody reads, or wants to hear, that many. */
const COUNT_EVERY = 1000;

function build(view: Part): void {
  const { mark, el, signal, on } = view;
  const status = h('div', { class: 'dasklens-status', role: 'status', 'aria-live': 'polite' });
  // Only what changed is to be spoken, and neither the seconds nor the counts that run.
  status.setAttribute('aria-atomic', 'false');
  const tools = new Tools('Task stream', signal);
  const follow = tools.add('follow', PAUSE, 'Follow', () => mark.keep({ follow: !mark.get('follow') }));
  tools.add('reset', EVERYTHING, 'Show everything', () => mark.zoomReset());
  tools.add('zoom-in', ZOOM_IN, 'Zoom in', () => mark.zoomBy(ZOOM));
  tools.add('zoom-out', ZOOM_OUT, 'Zoom out', () => mark.zoomBy(1 / ZOOM));
  const brush = tools.add('brush', INTERVAL, 'Select an interval', () =>
    mark.set('brush', !mark.get('brush'))
  );
  tools.addPictures(mark, 'task-stream');

  const showFollow = (): void => {
    const following = Boolean(mark.get('follow'));
    follow.replaceChildren(icon(following ? PAUSE : PLAY), following ? 'Following' : 'Follow');
    follow.title = following ? 'Pause: stay at the time shown' : 'Follow the newest tasks';
    press(follow, following);
  };
  on('change:follow', showFollow);
  const showBrush = (): void => press(brush, Boolean(mark.get('brush')));
  on('change:brush', showBrush);

  el.replaceChildren(tools.element, status);
  status.append(phaseBadge(view.mark, view), tools.message, ...counts(view));
  showFollow();
  showBrush();
}

function counts({ mark, signal, on }: Part): HTMLElement[] {
  const count = h('span', { class: 'dasklens-count', 'aria-live': 'off' });
  const failed = h('span', { class: 'dasklens-failed dasklens-error' });
  const show = (): void => {
    const { nRecords, missed, nErrors } = mark.log;
    const all = counted(nRecords + missed, 'task');
    say(count, missed > 0 ? `showing ${thousands(nRecords)} of ${all}` : all);
    count.title =
      missed > 0
        ? `The scheduler's log dropped the oldest ${counted(missed, 'task')} before they could be read; ` +
          'raise dasklens.log.limit.'
        : '';
    say(failed, nErrors > 0 ? `✗ ${thousands(nErrors)} failed` : '');
  };
  on('log:change', paced(COUNT_EVERY, signal, show));
  // What comes first, and what there is in the end, is said at once.
  on('change:phase', show);
  show();
  return [count, failed];
}

const CSS = `
.dasklens-toolbar{display:flex;flex-wrap:wrap;align-items:center;gap:2px 12px;min-height:28px}
.dasklens-tools{display:flex;gap:2px}
.dasklens-status{display:flex;flex:1 1 22em;flex-wrap:wrap;align-items:center;justify-content:flex-end;gap:0 12px;min-width:0;white-space:nowrap}
.dasklens-status :empty{display:none}
.dasklens-message{max-width:100%}
${PHASE_CSS}`;

export default part('toolbar', CSS, build);
