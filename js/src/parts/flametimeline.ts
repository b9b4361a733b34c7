/**
 * Under a flame graph: whose code took how much, samples over time, to mark the stretch that the tree is
 * narrowed to, and what the tree covers.
 */

import { coverage } from '../core/covered';
import { clock, counted, duration } from '../core/format';
import { LESS_COLOUR, libraryColour, MORE_COLOUR, SAME_COLOUR } from '../core/palette';
import { timeTicks } from '../core/ticks';
import type { FlameModel } from '../marks/flamemodel';
import { button, h, say, swatch } from './elements';
import { CLOSE } from './icons';
import { paced, part, type Part } from './part';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 34;
/** Libraries named. */
const NAMED = 8;
/** Movement below this many pixels is a click. */
const STILL = 4;
const UPDATE_EVERY = 300;
const TICK = 95;

type Interval = readonly [start: number, stop: number];

function build(view: Part<FlameModel>): void {
  const { mark, el, on, signal } = view;
  const key = h('div', { class: 'dasklens-key', role: 'group', 'aria-label': 'Whose code' });
  const line = h('div', { class: 'dasklens-covers', role: 'status' });
  const facts = h('span');
  const problems = h('span', { class: 'dasklens-error' });
  line.append(facts, problems);
  const update = paced(UPDATE_EVERY, signal, () => {
    const { tree } = mark;
    const some = mark.content.nRecords > 0;
    line.toggleAttribute('data-empty', !some);
    if (tree && some) {
      const said = coverage(tree, mark.narrowed);
      say(facts, said.facts.join(' · '));
      say(problems, said.problems.map(each => `✗ ${each}`).join(' '));
    } else {
      say(facts, mark.emptyText());
      say(problems, '');
    }
    key.replaceChildren(...(tree ? keyOf(mark) : []));
  });
  on('log:change change:phase change:highlight change:interval change:workers', update);
  el.replaceChildren(key, timeline(view), line);
  update();
}

/** Libraries with their share of all samples; of a comparison what its colours say. */
function keyOf(mark: FlameModel): HTMLElement[] {
  const entry = (colour: string, text: string): HTMLElement => h('span', {}, swatch(colour), text);
  const tree = mark.tree as NonNullable<FlameModel['tree']>;
  if (tree.before) {
    return [
      entry(LESS_COLOUR, '− less than before'),
      entry(SAME_COLOUR, '± as before'),
      entry(MORE_COLOUR, '+ more than before')
    ];
  }
  const own = new Map<string, number>();
  for (const row of mark.functions()) {
    const { library } = tree.functions[row.fn];
    own.set(library, (own.get(library) ?? 0) + row.own);
  }
  const all = [...own].filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const shown = all
    .slice(0, NAMED)
    .map(([name, n]) =>
      entry(libraryColour(name), `${name.slice(0, 40)} ${((100 * n) / tree.total[0]).toFixed(1)} %`)
    );
  if (all.length > NAMED) {
    shown.push(h('span', { class: 'dasklens-dim' }, `and ${counted(all.length - NAMED, 'other')}`));
  }
  return shown;
}

function timeline({ mark, signal, on }: Part<FlameModel>): HTMLElement {
  const box = h('div', { class: 'dasklens-timeline', tabindex: '0', role: 'group' });
  const svg = box.appendChild(document.createElementNS(SVG, 'svg'));
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const bars = svg.appendChild(document.createElementNS(SVG, 'path'));
  const brush = box.appendChild(h('div', { class: 'dasklens-brush' }));
  const ticks = box.appendChild(h('div', { class: 'dasklens-ticks', 'aria-hidden': 'true' }));
  const said = h('span', { class: 'dasklens-interval', role: 'status' });
  const clear = button('clear-interval', CLOSE, 'Clear the interval');
  const all = h('div', { class: 'dasklens-when' }, box, h('div', { class: 'dasklens-said' }, said, clear));
  clear.addEventListener('click', () => mark.keep({ interval: null }), { signal });

  let extent: Interval = [0, 1];
  let dragged: { id: number; from: number; to: number; x: number; moved: boolean } | null = null;
  const chosen = (): Interval | null =>
    dragged?.moved ? ordered(dragged.from, dragged.to) : ((mark.get('interval') as Interval | null) ?? null);
  const part = (t: number): number => Math.min(1, Math.max(0, (t - extent[0]) / (extent[1] - extent[0])));

  const showBrush = (): void => {
    const interval = chosen();
    brush.hidden = interval === null;
    clear.hidden = interval === null || dragged !== null;
    if (interval) {
      brush.style.left = `${100 * part(interval[0])}%`;
      brush.style.width = `${100 * (part(interval[1]) - part(interval[0]))}%`;
    }
    const text = interval
      ? `${clock(interval[0], 1)} to ${clock(interval[1], 1)}, ${duration(interval[1] - interval[0])}`
      : '';
    say(said, text);
    const what = text ? `narrowed to ${text}` : 'all of it';
    box.setAttribute(
      'aria-label',
      `Samples over time, ${what}. Drag to narrow the profile to a stretch of time; arrow keys move it, ` +
        'with Shift its end, Escape clears it.'
    );
  };
  const show = (): void => {
    const { time = new Float64Array(0), samples = new Float64Array(0) } = mark.tree?.timeline ?? {};
    all.hidden = time.length < 2;
    if (all.hidden) {
      return;
    }
    const cycle = mark.tree?.about.cycle || 1;
    // From the first sample to the last one: what idles before and after would take the room.
    const first = Math.max(0, samples.findIndex(n => n > 0) - 1);
    const last = Math.min(time.length - 1, samples.findLastIndex(n => n > 0) + 1);
    extent = last > first ? [time[first] - cycle, time[last]] : [time[0] - cycle, time[time.length - 1]];
    const most = samples.reduce((a, b) => Math.max(a, b), 1);
    // Many steps share a pixel: of each pixel the highest.
    const columns = Math.max(1, Math.min(1000, Math.round((extent[1] - extent[0]) / cycle)));
    const heights = new Float64Array(columns);
    samples.forEach((n, i) => {
      if (time[i] < extent[0] || time[i] > extent[1]) {
        return;
      }
      const at = Math.min(columns - 1, Math.floor(part(time[i] - cycle / 2) * columns));
      heights[at] = Math.max(heights[at], n);
    });
    svg.setAttribute('viewBox', `0 0 ${columns} ${HEIGHT}`);
    let path = '';
    heights.forEach((n, x) => {
      if (n > 0) {
        const tall = Math.max(1, (n / most) * HEIGHT);
        path += `M${x} ${HEIGHT}v${-tall}h1v${tall}z`;
      }
    });
    bars.setAttribute('d', path);
    const room = Math.max(2, Math.floor(box.clientWidth / TICK));
    ticks.replaceChildren(
      ...timeTicks(extent[0], extent[1], room).map(({ value, text }) => {
        const tick = h('span', {}, text);
        tick.style.left = `${100 * part(value)}%`;
        return tick;
      })
    );
    showBrush();
  };

  const timeAt = (clientX: number): number => {
    const { left, width } = box.getBoundingClientRect();
    const at = Math.min(1, Math.max(0, (clientX - left) / Math.max(1, width)));
    return extent[0] + at * (extent[1] - extent[0]);
  };
  box.addEventListener(
    'pointerdown',
    event => {
      if (event.button === 0 && event.isPrimary) {
        const at = timeAt(event.clientX);
        dragged = { id: event.pointerId, from: at, to: at, x: event.clientX, moved: false };
        box.setPointerCapture(event.pointerId);
      }
    },
    { signal }
  );
  box.addEventListener(
    'pointermove',
    event => {
      if (dragged?.id === event.pointerId) {
        dragged.moved ||= Math.abs(event.clientX - dragged.x) >= STILL;
        dragged.to = timeAt(event.clientX);
        showBrush();
      }
    },
    { signal }
  );
  box.addEventListener(
    'pointerup',
    event => {
      if (dragged?.id === event.pointerId) {
        // What is read costs: the kernel hears of where the drag ends.
        const interval = dragged.moved ? ordered(dragged.from, dragged.to) : null;
        dragged = null;
        mark.keep({ interval });
        showBrush();
      }
    },
    { signal }
  );
  box.addEventListener(
    'pointercancel',
    () => {
      dragged = null;
      showBrush();
    },
    { signal }
  );
  box.addEventListener(
    'keydown',
    event => {
      const by = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
      const interval = chosen();
      if (by !== undefined) {
        event.preventDefault();
        const step = by * (extent[1] - extent[0]);
        const [from, to] = interval ?? [extent[0], extent[0] + (extent[1] - extent[0]) / 10];
        const moved: Interval = event.shiftKey ? ordered(from, to + step) : [from + step, to + step];
        mark.keep({ interval: interval ? moved : [from, to] });
      } else if (event.key === 'Escape' && interval) {
        event.preventDefault();
        mark.keep({ interval: null });
      }
    },
    { signal }
  );
  const resized = new ResizeObserver(() => show());
  resized.observe(box);
  signal.addEventListener('abort', () => resized.disconnect());
  on('log:change', show);
  on('change:interval', showBrush);
  show();
  return all;
}

function ordered(a: number, b: number): Interval {
  return a <= b ? [a, b] : [b, a];
}

const CSS = `
.dasklens-flametimeline{padding:2px 4px}
.dasklens-flametimeline .dasklens-key{display:flex;flex-wrap:wrap;gap:2px 14px;padding:2px 0;border:0}
.dasklens-flametimeline .dasklens-key>span{display:inline-flex;align-items:center;gap:5px}
.dasklens-timeline{position:relative;height:52px;margin-top:4px;cursor:crosshair;touch-action:pan-y;user-select:none;border-bottom:0}
.dasklens-timeline svg{position:absolute;inset:0 0 18px 0;width:100%;height:34px;display:block}
.dasklens-timeline path{fill:currentColor;opacity:.35;shape-rendering:crispEdges}
.dasklens-brush{position:absolute;top:0;height:34px;min-width:2px;background:color-mix(in srgb,var(--dasklens-brand) 25%,transparent);border:solid var(--dasklens-brand);border-width:0 1px;pointer-events:none}
.dasklens-ticks{position:absolute;left:0;right:0;top:34px;height:18px;border-top:1px solid var(--dasklens-line);overflow:hidden;font-size:11px}
.dasklens-ticks span{position:absolute;top:1px;padding-left:3px;border-left:1px solid var(--dasklens-line);white-space:nowrap;font-variant-numeric:tabular-nums}
.dasklens-said{display:flex;align-items:center;gap:4px}
.dasklens-said:not(:has(:not(:empty):not([hidden]))){display:none}
.dasklens-covers{padding:2px 0;overflow-wrap:anywhere}
.dasklens-covers .dasklens-error:not(:empty){margin-left:12px}
`;

export default part<FlameModel>('flametimeline', CSS, build);
