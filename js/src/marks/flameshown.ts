/**
 * Which part of a flame graph is shown: rows have one height, whatever is zoomed to fills the width,
 * and nothing beside the tree is shown.
 */

import { withinLanes, type Range } from '../core/viewport';
import { Shown, type Axis } from './shown';
import type { WidgetModel } from '@jupyter-widgets/base';
import type { Content } from './content';

/** Height of a row in CSS pixels. */
export const ROW = 18;
/** Seconds that it takes to go to a frame. */
const WAY = 0.18;
/** Narrowest part of all that can be shown: a sample of many a million. */
const NARROWEST = 1e-8;

export class FlameShown extends Shown {
  private way: { from: Range; to: Range; part: number } | null = null;
  /** Rows in the plot when they were last chosen. */
  private fitting = 0;

  constructor(
    private readonly drawn: () => Content & { readonly width?: number },
    scale: (axis: Axis) => WidgetModel | undefined,
    private readonly height: () => number
  ) {
    super(drawn, scale, () => 1);
  }

  override everything(): Range {
    const { width = 0 } = this.drawn();
    return [0, width || 1];
  }

  protected override allLanes(): Range {
    return [0, this.tall];
  }

  override showLanes([top]: Range): void {
    this.touched.y = true;
    const n = Math.max(this.nLanes, this.tall);
    this.pending.y = withinLanes([top, top + this.tall], n);
  }

  /** Rows that there is room for. */
  private get tall(): number {
    return Math.max(1, this.height() / ROW || this.fitting || 20);
  }

  /** A range moved and cut to what there is. */
  inside([start, stop]: Range): Range {
    const [, width] = this.everything();
    const long = Math.min(width, Math.max(width * NARROWEST, stop - start));
    const from = Math.min(Math.max(0, start), width - long);
    return [from, from + long];
  }

  /** Show this from now on, at once. */
  stay(range: Range): void {
    this.way = null;
    this.showTime(this.inside(range));
  }

  /** Go to a frame: it fills the width, and its row is in sight. */
  goTo(range: Range, depth: number): void {
    const to = this.inside(range);
    const still = globalThis.matchMedia?.('(prefers-reduced-motion: reduce)').matches ?? true;
    this.way = still ? null : { from: this.time, to, part: 0 };
    if (still) {
      this.showTime(to);
    }
    const [top, bottom] = this.lanes;
    // With a few of its callers above it, and what it calls below.
    if (depth < top || depth > bottom - 3 || depth === 0) {
      this.showLanes([Math.max(0, depth - 3), 0]);
    }
  }

  /** The user went elsewhere. */
  stop(): void {
    this.way = null;
  }

  /** Move on for so long; whether there is more way to go. */
  step(seconds: number): boolean {
    const { tall } = this;
    if (Math.abs(tall - this.fitting) > 1e-6) {
      this.fitting = tall;
      this.showLanes(this.lanes);
    }
    const { way } = this;
    if (!way) {
      return false;
    }
    way.part = Math.min(1, way.part + Math.min(seconds, 0.05) / WAY);
    const eased = 1 - (1 - way.part) ** 3;
    // Widths differ by orders of magnitude: their logarithms move evenly.
    const [a, b] = [way.from[1] - way.from[0], way.to[1] - way.to[0]];
    const long = a * (b / a) ** eased;
    const share = a === b ? eased : (long - a) / (b - a);
    const start = way.from[0] + (way.to[0] - way.from[0]) * share;
    this.showTime(way.part === 1 ? way.to : this.inside([start, start + long]));
    if (way.part === 1) {
      this.way = null;
    }
    return this.way !== null;
  }
}
