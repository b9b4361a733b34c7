/** What is under the pointer on the figures of memory, in words; and their text alternatives. */

import { clock, counted, bytes } from '../core/format';
import {
  describeMemory,
  histogramOf,
  mostOf,
  PARTS,
  partsOf,
  roomFor,
  type OverTime,
  type Part
} from '../core/memory';
import { QUANTILES } from '../core/counts';
import { h } from './elements';
import type { MemoryStreams } from './memory';
import type { FigureView, Models } from './models';

const FIGURES = ['total', 'workers', 'spread', 'histogram'] as const;
type Figure = (typeof FIGURES)[number];

const NAMES: Record<Figure, string> = {
  total: 'Memory of the cluster over time',
  workers: 'Memory by worker',
  spread: 'Memory of the workers over time, quantiles',
  histogram: 'Workers by their memory'
};
/** Letters of a worker's name. */
const LONGEST = 200;

export class MemoryHover {
  private readonly tip = h('div', { class: 'dasklens-memory-tip', 'aria-hidden': 'true' });
  private past: OverTime | null = null;
  /** What the pointer is on, to be said again when it has changed. */
  private at: { figure: Figure; x: number; y: number; part: [number, number] } | null = null;

  constructor(
    private readonly models: Models,
    private readonly streams: MemoryStreams,
    el: HTMLElement,
    private readonly signal: AbortSignal,
    /** Told of each figure that comes. */
    private readonly extend: (figure: HTMLElement) => void
  ) {
    Object.assign(this.tip.style, TIP);
    this.tip.hidden = true;
    // In the part, so that it goes with it; fixed, so that no figure cuts it off.
    el.append(this.tip);
  }

  /** New data: say it, and listen to figures that have come. */
  update(past: OverTime): void {
    this.past = past;
    for (const figure of FIGURES) {
      this.models.newViews(`${figure}_figure`, view => this.listen(figure, view));
    }
    if (this.at) {
      this.show();
    }
    void this.label();
  }

  private listen(figure: Figure, view: FigureView): void {
    const { el } = view;
    const { signal } = this;
    el.setAttribute('role', 'img');
    this.extend(el);
    el.addEventListener('pointermove', event => this.move(figure, view, event), { signal });
    el.addEventListener('pointerleave', () => this.hide(), { signal });
    // In a box of widgets nobody tells a figure that the page has become narrower.
    const observer = new ResizeObserver(() => view.debouncedRelayout?.());
    observer.observe(el);
    signal.addEventListener('abort', () => observer.disconnect());
    void this.label();
  }

  private async label(): Promise<void> {
    for (const figure of FIGURES) {
      for (const { el } of await this.models.views(`${figure}_figure`)) {
        el.setAttribute(
          'aria-label',
          `${NAMES[figure]}: ${describeMemory(this.streams.counts) || 'nothing yet'}.`
        );
      }
    }
  }

  private move(figure: Figure, view: FigureView, event: PointerEvent): void {
    const box = view.webGLCanvas?.getBoundingClientRect();
    const part: [number, number] = box
      ? [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
      : [-1, -1];
    if (part.some(each => !(each >= 0 && each <= 1))) {
      this.hide();
      return;
    }
    this.at = { figure, x: event.clientX, y: event.clientY, part };
    this.show();
  }

  private hide(): void {
    this.at = null;
    this.tip.hidden = true;
  }

  private show(): void {
    const { at, tip } = this;
    const text = at ? this.text(at.figure, at.part) : '';
    if (!at || text === '') {
      tip.hidden = true;
      return;
    }
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = at.x + 14 + width > window.innerWidth ? at.x - 14 - width : at.x + 14;
    const top = Math.max(4, Math.min(at.y + 14, window.innerHeight - height - 4));
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${top}px`;
  }

  private text(figure: Figure, [x, y]: [number, number]): string {
    switch (figure) {
      case 'total':
        return this.atTime(figure, x, sample => this.totals(sample));
      case 'spread':
        return this.atTime(figure, x, sample => this.quantiles(sample));
      case 'workers':
        return this.worker(y);
      case 'histogram':
        return this.bin(x);
    }
  }

  /** The sample nearest to a place on the axis of time. */
  private atTime(figure: 'total' | 'spread', x: number, say: (sample: number) => string[]): string {
    const { past } = this;
    const scale = this.models.get(`${figure}_time`);
    const [min, max] = [Number(scale.get('min')), Number(scale.get('max'))];
    const time = min + x * (max - min);
    let best = -1;
    past?.at.forEach((sample, k) => {
      if (sample >= 0 && (best < 0 || Math.abs(past.time[k] - time) < Math.abs(past.time[best] - time))) {
        best = k;
      }
    });
    const sample = past?.at[best] ?? -1;
    return past && sample >= 0 ? [clock(past.time[best]), ...say(sample)].join('\n') : '';
  }

  private totals(sample: number): string[] {
    const { counts } = this.streams;
    const sizes = Object.fromEntries(PARTS.map(part => [part, counts.column(part)[sample]]));
    const limit = counts.column('limit')[sample];
    return [
      `in use ${bytes(counts.column('process')[sample])}${limit > 0 ? ` of ${bytes(limit)}` : ''}`,
      ...partsOf(sizes as Record<Part, number>),
      counted(counts.column('workers')[sample], 'worker')
    ];
  }

  private quantiles(sample: number): string[] {
    const { counts } = this.streams;
    const words = ['least', 'a quarter below', 'median', 'three quarters below', 'most'];
    return QUANTILES.map((q, k) => `${words[k]} ${bytes(counts.column(`memory_${q}`)[sample])}`).reverse();
  }

  private worker(y: number): string {
    const { workers } = this.streams.workers;
    const worker = workers[Math.min(workers.length - 1, Math.floor(y * workers.length))];
    if (!worker) {
      return '';
    }
    const limit = worker.limit > 0 ? ` of ${bytes(worker.limit)}` : '';
    const status = worker.status === 'running' ? '' : ` (${worker.status})`;
    return [
      `${worker.name.slice(0, LONGEST)}${status}`,
      ...(worker.address === worker.name ? [] : [worker.address]),
      `in use ${bytes(worker.process)}${limit}`,
      ...partsOf(worker)
    ].join('\n');
  }

  private bin(x: number): string {
    const { workers } = this.streams.workers;
    const { width, counts } = histogramOf(workers, roomFor(mostOf(workers)));
    const i = Math.min(counts.length - 1, Math.floor(x * counts.length));
    return `${counted(counts[i], 'worker')}\n${bytes(i * width)} to ${bytes((i + 1) * width)}`;
  }
}

/** As JupyterLab's own tooltips look. */
const TIP = {
  position: 'fixed',
  zIndex: '10000',
  pointerEvents: 'none',
  maxWidth: '360px',
  padding: '4px 8px',
  whiteSpace: 'pre-wrap',
  overflowWrap: 'anywhere',
  fontVariantNumeric: 'tabular-nums',
  background: 'var(--jp-layout-color1, Canvas)',
  border: '1px solid var(--dasklens-line)',
  borderRadius: 'var(--jp-border-radius, 2px)',
  boxShadow: 'var(--jp-elevation-z4, 0 2px 8px #0004)'
};
