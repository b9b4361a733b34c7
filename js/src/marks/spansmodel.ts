/**
 * The model of the Spans mark: the log of tasks and its table (shared by all views), which time and
 * lanes are shown, following, and the exchange with the kernel.
 *
 * Whatever the user does takes effect here at once; the kernel hears of it later and bundled, for it
 * may be busy and would otherwise get a message for every step of the wheel.
 *
 * Events, besides Backbone's `change:selected|highlight|worker|follow|interval|phase`:
 * `log:change` (data arrived; at most once a frame), `hover` (a HoveredTask or null), `lanes:change`,
 * `draw:now` and `draw:soon` (to the views).
 */

import type { ISerializers } from '@jupyter-widgets/base';
import { MarkModel } from 'bqplot';

import { FrameError } from '../core/frames';
import { wellFormed } from '../core/keys';
import { colourOf } from '../core/palette';
import { KIND_NAMES } from '../core/kinds';
import { TaskLog, type StartStop, type TaskRecord } from '../core/tasks';
import { panned, zoomed, type Range } from '../core/viewport';
import { MODULE_NAME, MODULE_VERSION } from '../tokens';
import { alive } from './alive';
import { describe } from './describe';
import { bytesAlone, Exchange, inflate } from './exchange';
import { Shown, type Axis } from './shown';
import { inSight, lanesOf } from './workerlanes';

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
  declare private shown: Shown;
  declare private exchange: Exchange;
  /** Scales that the user moved since the last frame. */
  declare private moved: Set<Axis>;
  declare private frame: number;
  declare private lastStep: number;
  declare private dataChanged: boolean;
  declare private lanesChanged: boolean;
  declare private fed: boolean;
  /** A worker that was chosen and had no lane yet. */
  declare private awaited: string | null;
  declare private hoveredKey: string;

  static override serializers: ISerializers = {
    ...MarkModel.serializers,
    // bqplot takes `selected` for an array of indices; ours is a task.
    selected: { deserialize: (value: unknown) => value, serialize: wellFormed },
    highlight: { serialize: wellFormed },
    // By default values are copied as JSON, which knows no bytes.
    snapshot: { deserialize: (value: unknown) => value, serialize: bytesAlone }
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
      worker: null,
      streams: ['tasks'],
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
    const log = new TaskLog();
    Object.assign(this, {
      log,
      shownBy: new Set(),
      shown: new Shown(
        log,
        axis => this.getScales()?.[axis],
        () => this.windowSeconds()
      ),
      exchange: new Exchange(this),
      moved: new Set(),
      frame: 0,
      lastStep: 0,
      dataChanged: false,
      lanesChanged: false,
      fed: false,
      awaited: null,
      hoveredKey: ''
    });
    super.initialize(attributes, options);
    this.on('msg:custom', this.onMessage, this);
    this.on('change:follow change:window', this.onFollow, this);
    this.on(
      'change:selected change:interval change:highlight change:worker change:palette change:phase',
      () => this.trigger('draw:soon')
    );
    this.on('change:worker', () => this.showWorker(this.get('worker') as string | null));
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
        this.shown.release('x', 'y');
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
    return this.shown.time;
  }

  /** Lanes shown, from the top. */
  get lanesShown(): Range {
    return this.shown.lanes;
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
    this.shown.release('y');
    this.shown.fit('y');
    this.showTime(this.shown.everything());
  }

  /** Show a stretch of time, because the user says so: following ends, the kernel will hear of it. */
  showTime(range: Range): void {
    this.keep({ follow: false });
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
      this.shown.fit('y');
      this.showWorker(this.awaited);
    }
    let again = false;
    if (this.get('follow')) {
      const visible = [...this.shownBy].filter(view => view.isVisible());
      again = this.shown.follow(seconds, Math.max(0, ...visible.map(view => view.plotWidth())));
    } else if (data) {
      this.shown.fit('x');
    }
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

  private onFollow(): void {
    if (this.get('follow')) {
      this.shown.startFollowing();
    }
    this.wake();
  }

  /** Bring a worker's lanes into sight; if it has none, as soon as it has. */
  private showWorker(address: string | null): void {
    const lanes = lanesOf(this.log.lanes, address);
    this.awaited = lanes ? null : address;
    if (lanes) {
      const range = inSight(this.lanesShown, lanes);
      if (range) {
        this.showLanes(range);
      }
    }
  }

  private windowSeconds(): number {
    const seconds = Number(this.get('window'));
    return seconds > 0 ? seconds : 30;
  }

  private listenToScales(): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = this.getScales()?.[axis];
      if (!scale) {
        continue;
      }
      this.stopListening(scale);
      this.shown.heed(axis);
      this.listenTo(scale, 'change:min change:max', () => {
        if (this.shown.scaleMoved(axis, this.exchange.isEcho(scale)) && axis === 'x') {
          this.keep({ follow: false });
        }
        this.wake();
      });
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

  private saveScale(axis: Axis): void {
    const scale = this.getScales()?.[axis];
    if (scale) {
      this.exchange.saveSoon(scale);
    }
  }
}
