/**
 * What the models of the one mark share: the rows that are drawn and which part of them is shown on two
 * scales, the views, the animation frame, and the exchange with the kernel. `SpansModel` has tasks in
 * lanes over time, `FlameModel` functions in depths over samples; the view (spans.ts) knows neither.
 *
 * Whatever the user does takes effect here at once; the kernel hears of it later and bundled, for it
 * may be busy and would otherwise get a message for every step of the wheel.
 *
 * Events, besides Backbone's `change:…`: `log:change` (data arrived; at most once a frame), `hover`
 * (what the pointer is on, or null), `lanes:change`, `draw:now` and `draw:soon` (to the views).
 */

import { MarkModel } from 'bqplot';

import { FrameError } from '../core/frames';
import type { Row } from '../core/spantable';
import { panned, zoomed, type Range } from '../core/viewport';
import type { Picture } from '../draw/geometry';
import type { Hit } from '../draw/hit';
import type { Lanes } from '../draw/raster';
import { MODULE_NAME, MODULE_VERSION } from '../tokens';
import { alive } from './alive';
import type { Content, Fed, PictureKind, SpansView } from './content';
import { Exchange, inflate } from './exchange';
import { Shown, type Axis } from './shown';
import type { Theme } from './theme';

/** A page that has not been sent anything by then was made without the kernel noticing: ask. */
const ASK_AFTER = 1000;

export abstract class RowsModel<Hovered extends object = object> extends MarkModel {
  // Backbone calls `initialize` from the constructor, before fields would be set: hence `declare`.
  declare protected shownBy: Set<SpansView>;
  declare protected shown: Shown;
  declare protected exchange: Exchange;
  /** Scales that the user moved since the last frame. */
  declare private moved: Set<Axis>;
  declare private frame: number;
  declare private lastStep: number;
  declare protected dataChanged: boolean;
  declare protected lanesChanged: boolean;
  declare private fed: boolean;
  declare private hoveredId: string;

  // --- what a model of one kind says --------------------------------------------------------------

  /** What is drawn now. */
  abstract get content(): Content;

  /** The rows of spans of what is drawn, from the top. */
  abstract rows(): Lanes;

  /** The text inside a span that is wide enough. */
  abstract label(row: Row, index: number): string;

  /** What the pointer is on; tells one from another; in words; kept when it is clicked. */
  abstract at(hit: Hit, pixel: Range): Hovered;
  protected abstract idOf(hovered: Hovered): string;
  abstract linesOf(hovered: Hovered): string[];
  abstract select(hovered: Hovered | null): void;

  /** Draw over the spans. */
  abstract drawOver(context: CanvasRenderingContext2D, picture: Picture, theme: Theme): void;

  /** What an empty plot says; what is on screen, in words; what it is, and the keys that it knows. */
  abstract emptyText(): string;
  abstract describe(): string;
  abstract readonly title: string;
  abstract keyAction(key: string): (() => void) | undefined;

  /** Whether dragging may mark a stretch of time, and whether each span has an edge. */
  abstract readonly brushes: boolean;
  abstract readonly edged: boolean;

  /** What a double click does. */
  doubleClick(): void {
    this.zoomReset();
  }

  /** Whether the plot is to be seen. */
  get plotted(): boolean {
    return true;
  }

  /** Take in a frame. Throws FrameError when it is none. */
  protected abstract take(buffer: ArrayBuffer | Uint8Array | DataView): Fed;

  /** Ask for what is not here. */
  protected abstract ask(): void;

  /** Called once, before anything else. */
  protected abstract begin(): Shown;

  /** The stream that it asks for, where that is not the tasks. */
  protected get stream(): string | undefined {
    return undefined;
  }

  // --- the model ----------------------------------------------------------------------------------

  protected ownDefaults(name: string): Record<string, unknown> {
    return {
      ...super.defaults(),
      _model_name: name,
      _view_name: 'Spans',
      _model_module: MODULE_NAME,
      _view_module: MODULE_NAME,
      _model_module_version: MODULE_VERSION,
      _view_module_version: MODULE_VERSION,
      scales_metadata: {
        x: { orientation: 'horizontal', dimension: 'x' },
        y: { orientation: 'vertical', dimension: 'y' }
      },
      selected: null,
      interval: null,
      highlight: [],
      palette: {},
      phase: 'connecting',
      reason: '',
      retry_at: null,
      snapshot: null
    };
  }

  override initialize(attributes: Record<string, unknown>, options: never): void {
    Object.assign(this, {
      shownBy: new Set(),
      shown: this.begin(),
      exchange: new Exchange(this, this.stream),
      moved: new Set(),
      frame: 0,
      lastStep: 0,
      dataChanged: false,
      lanesChanged: false,
      fed: false,
      hoveredId: ''
    });
    super.initialize(attributes, options);
    this.on('msg:custom', this.onMessage, this);
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
    this.shown.fit('x');
    this.shown.fit('y');
    this.wake();
  }

  // --- data -------------------------------------------------------------------------------------

  /** Take the bytes of a frame. A frame that is no frame shows as a lost connection, with why. */
  feed(buffer: ArrayBuffer | Uint8Array | DataView): void {
    try {
      const { kind, lanesChanged } = this.take(buffer);
      if (kind === 'gap') {
        return;
      }
      this.fed = true;
      this.exchange.answered();
      if (kind === 'reset') {
        this.shown.release('x', 'y');
      }
      this.lanesChanged ||= lanesChanged;
      if (kind !== 'duplicate') {
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

  // --- what is shown ------------------------------------------------------------------------------

  /** What the width shows: seconds since the epoch, or samples. */
  get time(): Range {
    return this.shown.time;
  }

  /** Rows shown, from the top. */
  get lanesShown(): Range {
    return this.shown.lanes;
  }

  /** Zoom rows, as `zoomBy` does the width. */
  zoomLanes(factor: number, at: number): void {
    this.showLanes(zoomed(this.lanesShown, factor, at));
  }

  panBy(part: number): void {
    this.showTime(panned(this.time, part));
  }

  /** Zoom the width: below 1 in, above 1 out; `at` stays in place (0 left edge, 1 right edge). */
  zoomBy(factor: number, at = 0.5): void {
    this.showTime(zoomed(this.time, factor, at));
  }

  /** Show everything. */
  zoomReset(): void {
    this.shown.release('y');
    this.shown.fit('y');
    this.showTime(this.shown.everything());
  }

  /** Show a stretch, because the user says so: the kernel will hear of it. */
  showTime(range: Range): void {
    this.shown.showTime(range);
    this.moved.add('x');
    this.wake();
  }

  showLanes(range: Range): void {
    this.shown.showLanes(range);
    this.moved.add('y');
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
  hover(hovered: Hovered | null): void {
    const id = hovered ? this.idOf(hovered) : '';
    if (id !== this.hoveredId) {
      this.hoveredId = id;
      this.trigger('hover', hovered);
    }
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
    // Not 0 yet: moving the scales has views call `wake`.
    this.frame = -1;
    const seconds = (now - this.lastStep) / 1000;
    this.lastStep = now;
    const lanes = this.lanesChanged;
    const data = this.dataChanged;
    this.lanesChanged = this.dataChanged = false;
    if (lanes) {
      this.shown.fit('y');
      this.onLanes();
    }
    const again = this.step(seconds, data);
    this.shown.apply();
    this.moved.forEach(axis => this.saveScale(axis));
    this.moved.clear();
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

  /** There are other rows than before, and the frame that shows them is about to be drawn. */
  protected onLanes(): void {}

  /** Move on before a frame is drawn; whether there is more way to go. */
  protected step(_seconds: number, data: boolean): boolean {
    if (data) {
      this.shown.fit('x');
    }
    return false;
  }

  /** The user moved a scale by other means than ours. */
  protected onScaleMoved(_axis: Axis): void {}

  private listenToScales(): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = this.getScales()?.[axis];
      if (!scale) {
        continue;
      }
      this.stopListening(scale);
      this.shown.heed(axis);
      this.listenTo(scale, 'change:min change:max', () => {
        if (this.shown.scaleMoved(axis, this.exchange.isEcho(scale))) {
          this.onScaleMoved(axis);
        }
        this.wake();
      });
    }
  }

  // --- the kernel -----------------------------------------------------------------------------------

  /** The kernel paused because nobody looked. */
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
  protected async restore(): Promise<void> {
    const saved = this.get('snapshot') as DataView | null;
    if (saved && saved.byteLength > 0) {
      this.feed(await inflate(saved));
      this.set({ phase: 'finished', reason: 'saved with the notebook', retry_at: null });
    }
  }

  private onMessage(content: { type?: string }, buffers: DataView[]): void {
    if (content.type === 'frames') {
      buffers.forEach(buffer => this.feed(buffer));
    }
  }

  private saveScale(axis: Axis): void {
    const scale = this.getScales()?.[axis];
    if (scale) {
      this.exchange.saveSoon(scale);
    }
  }
}
