/** What looks at a report from before its first script on: when what is there, by the page's own clock. */

export interface Seen {
  summary?: number;
  /** The canvas of the task stream is there. */
  first?: number;
  /** All that there is to draw has come. */
  whole?: number;
  /** The picture has moved. */
  interactive?: number;
}

const FIGURE = '.hosted-task-stream';
/** How far a wheel turns at first: enough for other ticks. */
const TURN = -400;

const seen: Seen = {};

/** Turn a wheel over the task stream. */
function wheelAt(init: WheelEventInit): void {
  const figure = document.querySelector(`${FIGURE} .bqplot`) as HTMLElement;
  const { left, top, width, height } = figure.getBoundingClientRect();
  const [clientX, clientY] = [left + width * 0.4, top + height / 2];
  const under = document.elementFromPoint(clientX, clientY) ?? figure;
  under.dispatchEvent(
    new WheelEvent('wheel', { bubbles: true, cancelable: true, clientX, clientY, ...init })
  );
}

function ticks(): string {
  return [...document.querySelectorAll(`${FIGURE} svg .axis text`)].map(text => text.textContent).join();
}

let before = '';

function look(): void {
  const now = performance.now();
  if (document.querySelector('.verdict')) {
    seen.summary ??= now;
  }
  if ((document.querySelector(`${FIGURE} .bqplot canvas`) as HTMLCanvasElement | null)?.width) {
    seen.first ??= now;
  }
  const phase = document.querySelector<HTMLElement>(`${FIGURE} .dasklens-phase`)?.dataset.phase;
  if (seen.first && !seen.whole && phase === 'finished') {
    seen.whole = now;
    before = ticks();
    wheelAt({ deltaY: TURN });
  } else if (seen.whole && ticks() !== before) {
    seen.interactive = now;
    return;
  }
  const { Bokeh } = window;
  if (Bokeh?.documents?.[0]?.is_idle) {
    seen.interactive = now;
    return;
  }
  requestAnimationFrame(look);
}

/** Show the task stream of upstream's report: milliseconds until that is done, and how many spans it has. */
async function showUpstream(): Promise<[number, number]> {
  const begin = performance.now();
  const [shown] = window.Bokeh?.documents ?? [];
  const tabs = shown.roots().find(({ type }) => type === 'Tabs') as BokehTabs;
  tabs.active = 1;
  do {
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  } while (!shown.is_idle);
  return [performance.now() - begin, tabs.tabs[1].child.renderers[0].data_source.get_length()];
}

interface BokehTabs {
  type: string;
  active: number;
  tabs: { child: { renderers: { data_source: { get_length(): number } }[] } }[];
}

declare global {
  interface Window {
    Bokeh?: { documents: { is_idle: boolean; roots(): { type: string }[] }[] };
    opened: { seen: Seen; wheelAt: typeof wheelAt; ticks: typeof ticks; showUpstream: typeof showUpstream };
  }
}

window.opened = { seen, wheelAt, ticks, showUpstream };
requestAnimationFrame(look);
