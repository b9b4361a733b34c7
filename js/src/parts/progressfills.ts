/** How tasks by state look in a bar: each has a pattern beside its colour, so that none needs the other. */

import { STATES, type ByState, type State } from '../core/progress';
import { h, uniqueId } from './elements';
import { entry, svg } from './svg';

const SIZE = 6;
const BRAND = 'var(--jp-brand-color1,#1976d2)';
const GREY = 'var(--jp-ui-font-color2,#757575)';
const ERROR = 'var(--jp-error-color1,#d4002a)';

export const NAMES: Record<State, string> = {
  memory: 'in memory',
  released: 'done, released',
  erred: 'failed',
  processing: 'running',
  waiting: 'waiting',
  cancelled: 'cancelled'
};

const LONG: Record<State, string> = {
  memory: 'Done; the result is in memory',
  released: 'Done; the result is not needed any more',
  erred: 'Failed, or needs something that failed',
  processing: 'At a worker, which runs it or is going to',
  waiting: 'Waits for other tasks or for a worker',
  cancelled: 'Given up before it was done'
};

/** What is drawn on a tile of the pattern. */
function tile(state: State): SVGElement[] {
  const ground = (style: string): SVGElement =>
    svg('rect', { width: String(SIZE), height: String(SIZE), style });
  const lines = (colour: string, d: string): SVGElement =>
    svg('path', { d, style: `stroke:${colour};stroke-width:1.6;fill:none` });
  switch (state) {
    case 'memory':
      return [ground(`fill:${BRAND};fill-opacity:.9`)];
    case 'released':
      return [ground(`fill:${BRAND};fill-opacity:.5`)];
    case 'erred':
      return [ground(`fill:${ERROR};fill-opacity:.25`), lines(ERROR, 'M0 0l6 6M6 0l-6 6')];
    case 'processing':
      return [ground(`fill:${BRAND};fill-opacity:.08`), lines(BRAND, 'M-1 1l2-2M0 6l6-6M5 7l2-2')];
    case 'waiting':
      return [ground(`fill:${GREY};fill-opacity:.15`)];
    case 'cancelled':
      return [
        ground(`fill:${GREY};fill-opacity:.1`),
        svg('circle', { cx: '1.5', cy: '1.5', r: '1.1', style: `fill:${GREY}` }),
        svg('circle', { cx: '4.5', cy: '4.5', r: '1.1', style: `fill:${GREY}` })
      ];
  }
}

export class ProgressFills {
  /** What has to be in the page for the fills to be drawn. */
  readonly patterns: SVGElement;
  readonly legend: HTMLElement;
  private readonly id = uniqueId('progress');
  private readonly entries = new Map<State, HTMLElement>();

  constructor() {
    const size = String(SIZE);
    const patterns = STATES.map(state =>
      svg(
        'pattern',
        { id: this.idOf(state), width: size, height: size, patternUnits: 'userSpaceOnUse' },
        ...tile(state)
      )
    );
    // Not hidden: what is not rendered paints nothing either.
    const attributes = { width: '0', height: '0', 'aria-hidden': 'true', class: 'dasklens-patterns' };
    this.patterns = svg('svg', attributes, svg('defs', {}, ...patterns));
    this.legend = h('div', { class: 'dasklens-progress-legend', role: 'list', 'aria-label': 'Legend' });
    for (const state of STATES) {
      const sample = svg('rect', { width: '22', height: '12', style: `fill:${this.fill(state)}` });
      const element = entry(sample, NAMES[state], LONG[state]);
      this.entries.set(state, element);
      this.legend.append(element);
    }
  }

  /** The paint of a state, for `fill`. */
  fill(state: State): string {
    return `url(#${this.idOf(state)})`;
  }

  /** Explain the states that there are. */
  show(total: ByState): void {
    this.entries.forEach((element, state) => (element.hidden = total[state] === 0));
  }

  private idOf(state: State): string {
    return `${this.id}-${state}`;
  }
}

export const PROGRESS_FILLS_CSS = `
.dasklens-progress-legend{display:flex;flex-wrap:wrap;gap:0 12px;min-height:18px}
.dasklens-progress-legend span{display:inline-flex;align-items:center;gap:4px;white-space:nowrap}
.dasklens-progress-legend svg{forced-color-adjust:none}
.dasklens-patterns{position:absolute}
`;
