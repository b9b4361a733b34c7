/**
 * Which stretch of time and of lanes a model shows, on its two scales: everything until the user
 * says otherwise, the newest seconds while following, and what the user chose after that.
 *
 * What is set here waits for the next animation frame (`apply`), so that a frame is drawn once,
 * however many steps of the wheel came before it.
 */

import type { WidgetModel } from '@jupyter-widgets/base';

import type { SpanTable } from '../core/spantable';
import { fitted, Follower, withinLanes, type Range } from '../core/viewport';

export type Axis = 'x' | 'y';

/** Shortest stretch that following begins with: the first task of all should not fill the plot. */
const SHORTEST = 2;

export class Shown {
  private readonly follower = new Follower();
  protected readonly pending: { x: Range | null; y: Range | null } = { x: null, y: null };
  /** Whether the user chose what the scale shows. */
  protected readonly touched = { x: false, y: false };
  /** True while we set the scales: any other change of theirs is the user's. */
  private moving = false;

  constructor(
    private readonly content: () => {
      readonly table: SpanTable;
      readonly lanes: { readonly length: number };
    },
    private readonly scale: (axis: Axis) => WidgetModel | undefined,
    /** Seconds shown while following. */
    private readonly window: () => number,
    /** What everything is, where it is more than what is here. */
    private readonly extent: () => Range | null = () => null
  ) {}

  /** Time shown, in seconds since the epoch. */
  get time(): Range {
    return this.pending.x ?? this.scaleRange('x', [0, 1]);
  }

  /** Lanes shown, from the top. */
  get lanes(): Range {
    const [a, b] = this.pending.y ?? this.scaleRange('y', [0, this.nLanes]);
    return a < b ? [a, b] : [b, a];
  }

  showTime(range: Range): void {
    this.touched.x = true;
    this.pending.x = range;
  }

  showLanes(range: Range): void {
    this.touched.y = true;
    this.pending.y = withinLanes(range, this.nLanes);
  }

  /** Everything that there is. */
  everything(): Range {
    const extent = this.extent();
    if (extent) {
      return extent;
    }
    const { base, earliest, latest, count } = this.content().table;
    const now = Date.now() / 1000;
    return count > 0 ? fitted(base + earliest, base + latest) : [now - this.window(), now];
  }

  /** Show all of time, or of the lanes, unless the user chose. */
  fit(axis: Axis): void {
    if (!this.touched[axis]) {
      this.pending[axis] = axis === 'x' ? this.everything() : this.allLanes();
    }
  }

  protected allLanes(): Range {
    return [0, this.nLanes];
  }

  /** What the user chose is over: another log has begun, or all is to be shown. */
  release(...axes: Axis[]): void {
    axes.forEach(axis => (this.touched[axis] = false));
    this.follower.reset();
  }

  /** Begin to follow with a jump to the newest span. */
  startFollowing(): void {
    this.release('x');
    this.pending.x = null;
  }

  /**
   * Move on with the newest span; whether there is more way to go. The window opens with the first
   * tasks until it is as long as asked for.
   *
   * @param pixels width of the widest plot that is on screen, 0 when none is.
   */
  follow(seconds: number, pixels: number): boolean {
    const { base, earliest, latest, count } = this.content().table;
    if (count === 0) {
      return false;
    }
    if (pixels === 0) {
      this.follower.reset();
    }
    const window = this.window();
    // After a pause in the data the first step must not take the pause for its length.
    const { edge, arrived } = this.follower.step(
      base + latest,
      Math.min(seconds, 0.1),
      window,
      window / Math.max(1, pixels)
    );
    const long = Math.min(window, Math.max(SHORTEST, 1.02 * (edge - base - earliest)));
    this.pending.x = [edge - long, edge];
    return !arrived;
  }

  /** Set the scales to what was chosen since the last time. */
  apply(): void {
    const { x, y } = this.pending;
    this.pending.x = this.pending.y = null;
    this.moving = true;
    if (x) {
      this.scale('x')?.set({ min: x[0], max: x[1] });
    }
    if (y) {
      const scale = this.scale('y');
      const [min, max] = scale?.get('reverse') ? y : [y[1], y[0]];
      scale?.set({ min, max });
    }
    this.moving = false;
  }

  /**
   * A scale's limits have changed; whether the user did it (bqplot's own tools, another figure).
   *
   * @param echo whether they became what the kernel was told of them at some time.
   */
  scaleMoved(axis: Axis, echo = false): boolean {
    // What the user chose since is about to be applied: this is the kernel's echo of what came before.
    if (this.moving || (this.touched[axis] && this.pending[axis])) {
      return false;
    }
    // The user chose that before following, or all, which has been shown since.
    if (echo && !this.touched[axis]) {
      this.fit(axis);
      return false;
    }
    this.touched[axis] = true;
    this.pending[axis] = null;
    return true;
  }

  /** Limits that a scale has before we set any were set by the user. */
  heed(axis: Axis): void {
    const scale = this.scale(axis);
    if (scale && scale.get('min') !== null && scale.get('max') !== null) {
      this.scaleMoved(axis);
    }
  }

  protected get nLanes(): number {
    return Math.max(1, this.content().lanes.length);
  }

  private scaleRange(axis: Axis, otherwise: Range): Range {
    const scale = this.scale(axis);
    const min: unknown = scale?.get('min');
    const max: unknown = scale?.get('max');
    return typeof min === 'number' && typeof max === 'number' && min !== max ? [min, max] : otherwise;
  }
}
