/**
 * The model of the Spans mark: the log of tasks and its table (shared by all views), which time and
 * lanes are shown, following, and the exchange with the kernel.
 *
 * Whatever the user does takes effect here at once; the kernel hears of it later and bundled, for it
 * may be busy and would otherwise get a message for every step of the wheel.
 *
 * Events, besides Backbone's `change:selected|highlight|follow|interval|phase`:
 * `log:change` (data arrived; at most once a frame), `hover` (a HoveredTask or null), `lanes:change`,
 * `draw:now` and `draw:soon` (to the views).
 */

import type { ISerializers, WidgetModel } from '@jupyter-widgets/base';
import { MarkModel } from 'bqplot';

import { FrameError } from '../core/frames';
import { colourOf } from '../core/palette';
import { KIND_NAMES } from '../core/kinds';
import { TaskLog, type StartStop, type TaskRecord } from '../core/tasks';
import { fitted, Follower, panned, withinLanes, zoomed, type Range } from '../core/viewport';
import { MODULE_NAME, MODULE_VERSION } from '../tokens';
import { alive } from './alive';
import { describe } from './describe';
import { Exchange, inflate } from './exchange';

export type PictureKind = 'png' | 'svg';
export type Phase = 'connecting' | 'live' | 'paused' | 'lost' | 'finished';

/** The task under the pointer and the span of it. */
export interface HoveredTask extends TaskRecord {
  span: StartStop;
}

/** What the model asks of its views. */
export interface SpansView {
  isVisible(): boolean;
  /** Width of the plot in CSS pixels. */
  plotWidth(): number;
  savePicture(kind: PictureKind): Promise<Blob>;
}

/** A page that has not been sent anything by then was made without the kernel noticing: ask. */
const ASK_AFTER = 1000;

export class SpansModel extends MarkModel {
  // Backbone calls `initialize` from the constructor, before fields would be set: hence `declare`.
  /** What the frames said. */
  declare readonly log: TaskLog;

  declare private shownBy: Set<SpansView>;
  declare private follower: Follower;
  declare private exchange: Exchange;
  declare private frame: number;
  declare private lastStep: number;
  declare private dataChanged: boolean;
  declare private lanesChanged: boolean;
  declare private pendingTime: Range | null;
  declare private pendingLanes: Range | null;
  /** True while we set the scales: any other change of theirs is the user's. */
  declare private moving: boolean;
  declare private timeTouched: boolean;
  declare private lanesTouched: boolean;
  declare private fed: boolean;
  declare private hoveredKey: string;

  static override serializers: ISerializers = {
    ...MarkModel.serializers,
    // bqplot takes `selected` for an array of indices; ours is a task.
    selected: { deserialize: (value: unknown) => value, serialize: (value: unknown) => value }
  };

  override defaults(): Record<string, unknown> {
    return {
      ...super.defaults(),
      _model_name: 'SpansModel',
      _view_name: 'Spans',
      _model_module: MODULE_NAME,
      _view_module: MODULE_NAME,
      _model_module_version: MODULE_VERSION,
      _view_module_version: MODULE_VERSION,
      scales_metadata: {
        x: { orientation: 'horizontal', dimension: 'x' },
        y: { orientation: 'vertical', dimension: 'y' }
      },
      follow: true,
      window: 30,
      selected: null,
      interval: null,
      highlight: [],
      palette: {},
      phase: 'connecting',
      reason: '',
      retry_at: null,
      snapshot: null,
      // Not synced: dragging brushes an interval instead of panning.
      brush: false
    };
  }

  override initialize(attributes: Record<string, unknown>, options: never): void {
    Object.assign(this, {
      log: new TaskLog(),
      shownBy: new Set(),
      follower: new Follower(),
      exchange: new Exchange(this),
      frame: 0,
      lastStep: 0,
      dataChanged: false,
      lanesChanged: false,
      pendingTime: null,
      pendingLanes: null,
      moving: false,
      timeTouched: false,
      lanesTouched: false,
      fed: false,
      hoveredKey: ''
    });
    super.initialize(attributes, options);
    this.on('msg:custom', this.onMessage, this);
    this.on('change:follow change:window', this.onFollow, this);
    this.on('change:selected change:interval change:highlight change:palette change:phase', () =>
      this.trigger('draw:soon')
    );
    this.on('scales_updated', this.listenToScales, this);
    this.listenToScales();
    this.on('change:phase', this.onPhase, this);
    this.on('comm_live_update', this.onComm, this);
    const timer = setTimeout(() => {
      if (!this.fed) {
        this.ask();
      }
    }, ASK_AFTER);
    this.on('comm:close destroy', () => {
      clearTimeout(timer);
      this.exchange.close();
      alive.delete(this.model_id);
    });
    if (!this.comm_live) {
      void this.restore();
    }
    alive.add(this.model_id);
    this.fitTime();
    this.fitLanes();
    this.wake();
  }

  // --- data -------------------------------------------------------------------------------------

  get table(): TaskLog['table'] {
    return this.log.table;
  }

  /** Take the bytes of a frame. A frame that is no frame shows as a lost connection, with why. */
  feed(buffer: ArrayBuffer | Uint8Array | DataView): void {
    try {
      const result = this.log.feed(buffer);
      if (result.kind === 'gap') {
        this.exchange.ask(result.cursor, result.names, result.log);
        return;
      }
      this.fed = true;
      this.exchange.answered();
      if (result.kind === 'reset') {
        this.follower.reset();
        this.timeTouched = this.lanesTouched = false;
      }
      this.lanesChanged ||= result.lanesChanged;
      if (result.kind !== 'duplicate') {
        this.dataChanged = true;
        this.wake();
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.set({ phase: 'lost', reason: error.message });
    }
  }

  /** Colour of a prefix as `#rrggbb`. */
  colourOf(prefix: string): string {
    return colourOf(prefix, this.get('palette') as Record<string, string>);
  }

  /** Name of a kind of span, as a class name for its pattern and for people. */
  pattern(kind: number): string {
    return KIND_NAMES[kind] ?? KIND_NAMES[0];
  }

  // --- what is shown ------------------------------------------------------------------------------

  /** Time shown, in seconds since the epoch. */
  get time(): Range {
    return this.pendingTime ?? this.scaleRange('x', [0, 1]);
  }

  /** Lanes shown, from the top. */
  get lanesShown(): Range {
    const [a, b] = this.pendingLanes ?? this.scaleRange('y', [0, Math.max(1, this.log.lanes.length)]);
    return a < b ? [a, b] : [b, a];
  }

  panBy(part: number): void {
    this.showTime(panned(this.time, part));
  }

  /** Zoom time: below 1 in, above 1 out; `at` stays in place (0 left edge, 1 right edge). */
  zoomBy(factor: number, at = 0.5): void {
    this.showTime(zoomed(this.time, factor, at));
  }

  /** Show everything. Stops following. */
  zoomReset(): void {
    this.lanesTouched = false;
    this.fitLanes();
    this.showTime(this.everything());
  }

  /** Show a stretch of time, because the user says so: following ends, the kernel will hear of it. */
  showTime(range: Range): void {
    this.timeTouched = true;
    this.keep({ follow: false });
    this.pendingTime = range;
    this.saveScale('x');
    this.wake();
  }

  showLanes(range: Range): void {
    this.lanesTouched = true;
    this.pendingLanes = withinLanes(range, Math.max(1, this.log.lanes.length));
    this.saveScale('y');
    this.wake();
  }

  /** Set synced traits here now, and in the kernel soon. */
  keep(values: Record<string, unknown>): void {
    const changed = Object.keys(values).filter(name => this.get(name) !== values[name]);
    if (changed.length > 0) {
      this.set(values);
      this.exchange.saveSoon(this);
    }
  }

  /** What the pointer is on; the views say so. */
  hover(task: HoveredTask | null): void {
    const key = task ? `${task.cursor} ${task.span.start} ${task.span.action}` : '';
    if (key !== this.hoveredKey) {
      this.hoveredKey = key;
      this.trigger('hover', task);
    }
  }

  /** What is on screen, in words. */
  describe(): string {
    return describe(this.log, this.time, this.get('phase') as Phase);
  }

  /** A picture of the figure, from a view that is on screen. */
  savePicture(kind: PictureKind): Promise<Blob> {
    const views = [...this.shownBy];
    const view = views.find(each => each.isVisible()) ?? views[0];
    return view
      ? view.savePicture(kind)
      : Promise.reject(new Error('There is no figure on this page to save a picture of.'));
  }

  // --- views --------------------------------------------------------------------------------------

  addView(view: SpansView): void {
    this.shownBy.add(view);
    this.exchange.stay();
    this.onPhase();
    this.wake();
  }

  removeView(view: SpansView): void {
    this.shownBy.delete(view);
    if (this.shownBy.size === 0) {
      this.exchange.leave();
    }
  }

  /** Have the next animation frame do what is due. */
  wake(): void {
    if (this.frame === 0) {
      this.frame = requestAnimationFrame(now => this.onFrame(now));
    }
  }

  private onFrame(now: number): void {
    // Not 0 yet: moving the scales has views call `wake`, and what they want comes below.
    this.frame = -1;
    const seconds = (now - this.lastStep) / 1000;
    this.lastStep = now;
    const lanes = this.lanesChanged;
    const data = this.dataChanged;
    this.lanesChanged = this.dataChanged = false;
    if (lanes) {
      this.fitLanes();
    }
    let again = false;
    if (this.get('follow')) {
      again = this.step(seconds);
    } else if (data) {
      this.fitTime();
    }
    this.applyPending();
    this.trigger('draw:now');
    this.frame = 0;
    if (again) {
      this.wake();
    }
    if (lanes) {
      this.trigger('lanes:change');
    }
    if (data) {
      this.trigger('log:change');
    }
  }

  /** Move on with the newest span; whether there is more way to go. */
  private step(seconds: number): boolean {
    if (this.table.count === 0) {
      return false;
    }
    const long = this.windowSeconds();
    const visible = [...this.shownBy].filter(view => view.isVisible());
    if (visible.length === 0) {
      this.follower.reset();
    }
    const pixel = long / Math.max(1, ...visible.map(view => view.plotWidth()));
    // After a pause in the data the first step must not take the pause for its length.
    const target = this.table.base + this.table.latest;
    const { edge, arrived } = this.follower.step(target, Math.min(seconds, 0.1), long, pixel);
    this.pendingTime = [edge - long, edge];
    return !arrived;
  }

  private applyPending(): void {
    const time = this.pendingTime;
    const lanes = this.pendingLanes;
    this.pendingTime = this.pendingLanes = null;
    this.moving = true;
    if (time) {
      this.scale('x')?.set({ min: time[0], max: time[1] });
    }
    if (lanes) {
      const scale = this.scale('y');
      const [min, max] = scale?.get('reverse') ? lanes : [lanes[1], lanes[0]];
      scale?.set({ min, max });
    }
    this.moving = false;
  }

  private onFollow(): void {
    if (this.get('follow')) {
      this.timeTouched = false;
      this.pendingTime = null;
      this.follower.reset();
    }
    this.wake();
  }

  private windowSeconds(): number {
    const seconds = Number(this.get('window'));
    return seconds > 0 ? seconds : 30;
  }

  private everything(): Range {
    const { base, earliest, latest, count } = this.table;
    const now = Date.now() / 1000;
    return count > 0 ? fitted(base + earliest, base + latest) : [now - this.windowSeconds(), now];
  }

  private fitTime(): void {
    if (!this.timeTouched) {
      this.pendingTime = this.everything();
    }
  }

  private fitLanes(): void {
    if (!this.lanesTouched) {
      this.pendingLanes = [0, Math.max(1, this.log.lanes.length)];
    }
  }

  private scale(name: 'x' | 'y'): WidgetModel | undefined {
    return this.getScales()?.[name];
  }

  private scaleRange(name: 'x' | 'y', otherwise: Range): Range {
    const scale = this.scale(name);
    const min: unknown = scale?.get('min');
    const max: unknown = scale?.get('max');
    return typeof min === 'number' && typeof max === 'number' && min !== max ? [min, max] : otherwise;
  }

  private listenToScales(): void {
    for (const name of ['x', 'y'] as const) {
      const scale = this.scale(name);
      if (!scale) {
        continue;
      }
      this.stopListening(scale);
      // Limits that are there already were set by the user, or by another view's pan.
      if (scale.get('min') !== null && scale.get('max') !== null) {
        this.touched(name);
      }
      this.listenTo(scale, 'change:min change:max', () => {
        if (!this.moving) {
          this.touched(name);
          if (name === 'x') {
            this.keep({ follow: false });
          }
        }
      });
    }
  }

  private touched(name: 'x' | 'y'): void {
    if (name === 'x') {
      this.timeTouched = true;
      this.pendingTime = null;
    } else {
      this.lanesTouched = true;
      this.pendingLanes = null;
    }
  }

  // --- the kernel -----------------------------------------------------------------------------------

  private ask(): void {
    this.exchange.ask(this.log.next, this.log.nNames, this.log.id);
  }

  /** The kernel paused because nobody looked; another page may have said so. */
  private onPhase(): void {
    if (this.get('phase') === 'paused' && this.shownBy.size > 0) {
      this.ask();
    }
  }

  private onComm(): void {
    if (!this.comm_live && this.get('phase') !== 'finished') {
      const reason = 'the kernel was restarted or has ended; run the cell again';
      this.set({ phase: 'lost', reason, retry_at: null });
    }
  }

  /** A page without a kernel shows what was saved with the notebook. */
  private async restore(): Promise<void> {
    const saved = this.get('snapshot') as DataView | null;
    if (saved && saved.byteLength > 0) {
      this.feed(await inflate(saved));
      this.set({ phase: 'finished', reason: 'saved with the notebook', retry_at: null, follow: false });
    }
  }

  private onMessage(content: { type?: string }, buffers: DataView[]): void {
    if (content.type === 'frames') {
      buffers.forEach(buffer => this.feed(buffer));
    }
  }

  private saveScale(name: 'x' | 'y'): void {
    const scale = this.scale(name);
    if (scale) {
      this.exchange.saveSoon(scale);
    }
  }
}
