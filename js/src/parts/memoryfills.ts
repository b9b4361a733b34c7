/** How the parts of memory look: each has a pattern beside its colour, so that none needs the other. */

import { PARTS, THRESHOLDS, type Part, type Threshold } from '../core/memory';
import { h, uniqueId } from './elements';
import { entry, svg } from './svg';

const SIZE = 6;

/** Colours of the page's theme, as the table of workers has them too. */
const BRAND = 'var(--jp-brand-color1,#1976d2)';
const GREY = 'var(--jp-ui-font-color2,#757575)';
export const TEXT = 'var(--jp-ui-font-color1,currentColor)';

const NAMES: Record<Part, string> = {
  managed: 'managed',
  unmanaged: 'unmanaged',
  recent: 'unmanaged recent',
  spilled: 'spilled to disk'
};

const LONG: Record<Part, string> = {
  managed: 'Results of tasks in memory, by Dask’s own measure',
  unmanaged: 'Memory of the processes that Dask did not allocate, for half a minute or longer',
  recent: 'Unmanaged memory of the last half minute: mostly what running tasks use',
  spilled: 'Results of tasks that were moved to disk; not in memory'
};

const AT: Record<Threshold, string> = {
  target: 'Workers begin to move results to disk, by their own measure',
  spill: 'Workers move results to disk, by the memory of the process',
  pause: 'Workers start no more tasks',
  limit: 'What the workers may use'
};

export const LINE_STYLES: Record<Threshold, string> = {
  target: 'dotted',
  spill: 'dashed',
  pause: 'dash_dotted',
  limit: 'solid'
};
const DASHES: Record<Threshold, string> = { target: '1,3', spill: '5,3', pause: '6,2,1,2', limit: '' };

/** What is drawn on a tile of the pattern. */
function tile(part: Part): SVGElement[] {
  const ground = (style: string): SVGElement =>
    svg('rect', { width: String(SIZE), height: String(SIZE), style });
  switch (part) {
    case 'managed':
      return [ground(`fill:${BRAND};fill-opacity:.85`)];
    case 'unmanaged':
      return [ground(`fill:${BRAND};fill-opacity:.4`)];
    case 'recent':
      return [
        ground(`fill:${BRAND};fill-opacity:.1`),
        svg('path', { d: 'M-1 1l2-2M0 6l6-6M5 7l2-2', style: `stroke:${BRAND};stroke-width:1.6` })
      ];
    case 'spilled':
      return [
        ground(`fill:${GREY};fill-opacity:.15`),
        svg('circle', { cx: '1.5', cy: '1.5', r: '1.1', style: `fill:${GREY}` }),
        svg('circle', { cx: '4.5', cy: '4.5', r: '1.1', style: `fill:${GREY}` })
      ];
  }
}

export class Fills {
  /** What has to be in the page for the fills to be drawn. */
  readonly patterns: SVGElement;
  readonly legend: HTMLElement;
  readonly text = TEXT;
  private readonly id = uniqueId('memory');
  private readonly lines = new Map<Threshold, HTMLElement>();
  /** What explains quantiles. */
  private readonly bands: HTMLElement[];

  constructor() {
    const patterns = PARTS.map(part => {
      const size = String(SIZE);
      const attributes = { id: this.idOf(part), width: size, height: size, patternUnits: 'userSpaceOnUse' };
      return svg('pattern', attributes, ...tile(part));
    });
    // Not hidden: what is not rendered paints nothing either.
    const attributes = { width: '0', height: '0', 'aria-hidden': 'true', class: 'dasklens-patterns' };
    this.patterns = svg('svg', attributes, svg('defs', {}, ...patterns));
    this.legend = h('div', { class: 'dasklens-memory-legend', role: 'list', 'aria-label': 'Legend' });
    for (const part of PARTS) {
      const sample = svg('rect', { width: '22', height: '12', style: `fill:${this.fill(part)}` });
      this.legend.append(entry(sample, NAMES[part], LONG[part]));
    }
    for (const name of THRESHOLDS) {
      const style = `stroke:${TEXT};stroke-width:1.5;stroke-dasharray:${DASHES[name]}`;
      const line = entry(svg('path', { d: 'M0 6h22', style }), name, AT[name]);
      this.lines.set(name, line);
      this.legend.append(line);
    }
    this.bands = [
      entry(band(this.fill('managed'), BAND), 'half of the workers', 'From the first to the third quartile'),
      entry(band(this.fill('unmanaged'), EDGE), 'all workers', 'From the least to the most'),
      entry(
        svg('path', { d: 'M0 6h22', style: `stroke:${TEXT};stroke-width:2` }),
        'median',
        'Half of the workers have less'
      )
    ];
    this.legend.append(...this.bands);
  }

  /** The paint of a part, for `fill`. */
  fill(part: Part): string {
    return `url(#${this.idOf(part)})`;
  }

  /** Explain these lines, and quantiles if there are any: the others are not there. */
  show(thresholds: readonly Threshold[], quantiles: boolean): void {
    this.bands.forEach(each => (each.hidden = !quantiles));
    this.lines.forEach((line, name) => (line.hidden = !thresholds.includes(name)));
  }

  private idOf(part: Part): string {
    return `${this.id}-${part}`;
  }
}

/** Opacities of the bands of quantiles. */
export const BAND = 0.75;
export const EDGE = 0.6;

function band(fill: string, opacity: number): SVGElement {
  return svg('rect', { width: '22', height: '12', style: `fill:${fill};opacity:${opacity}` });
}

export const FILLS_CSS = `
.dasklens-memory-legend{display:flex;flex-wrap:wrap;gap:0 12px}
.dasklens-memory-legend span{display:inline-flex;align-items:center;gap:4px;white-space:nowrap}
.dasklens-memory-legend svg{forced-color-adjust:none}
.dasklens-patterns{position:absolute}
`;
