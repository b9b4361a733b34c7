/**
 * The model of the task stream: the log of tasks and its table, shared by all views, and following.
 *
 * The clicked task is the trait `selected`, the brushed stretch of time `interval`, the worker that
 * stands out `worker`.
 */

import type { ISerializers } from '@jupyter-widgets/base';
import { MarkModel } from 'bqplot';

import { wellFormed } from '../core/keys';
import { ERROR, KIND_NAMES } from '../core/kinds';
import { colourOf } from '../core/palette';
import type { Row } from '../core/spantable';
import { TaskLog, type StartStop, type TaskRecord } from '../core/tasks';
import type { Range } from '../core/viewport';
import type { Picture } from '../draw/geometry';
import type { Hit } from '../draw/hit';
import type { Lanes } from '../draw/raster';
import type { Fed, Phase } from './content';
import { describe, emptyText, linesOf } from './describe';
import { bytesAlone } from './exchange';
import { actionOf, KEYS_TEXT } from './keyboard';
import { drawOverlay, type OverlayState } from './overlay';
import { RowsModel } from './rowsmodel';
import { Shown, type Axis } from './shown';
import type { Theme } from './theme';
import { inSight, lanesOf } from './workerlanes';

export type { Phase, PictureKind, SpansView } from './content';

/** The task under the pointer and the span of it. */
export interface HoveredTask extends TaskRecord {
  span: StartStop;
}

export class SpansModel extends RowsModel<HoveredTask> {
  /** What the frames said. */
  declare readonly log: TaskLog;

  /** A worker that was chosen and had no lane yet. */
  declare private awaited: string | null;

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
      ...this.ownDefaults('SpansModel'),
      follow: true,
      window: 30,
      worker: null,
      extent: null,
      streams: ['tasks'],
      // Not synced: dragging brushes an interval instead of panning.
      brush: false
    };
  }

  override initialize(attributes: Record<string, unknown>, options: never): void {
    super.initialize(attributes, options);
    this.on('change:follow change:window', this.onFollow, this);
    this.on('change:worker', () => {
      this.trigger('draw:soon');
      this.showWorker(this.get('worker') as string | null);
    });
  }

  protected override begin(): Shown {
    const log = new TaskLog();
    Object.assign(this, { log, awaited: null });
    return new Shown(
      () => log,
      axis => this.getScales()?.[axis],
      () => this.windowSeconds(),
      () => (this.get('extent') as Range | null) ?? null
    );
  }

  // --- data -------------------------------------------------------------------------------------

  get table(): TaskLog['table'] {
    return this.log.table;
  }

  override get content(): TaskLog {
    return this.log;
  }

  override rows(): Lanes {
    const { lanes, kinds, table } = this.log;
    return {
      length: lanes.length,
      kinds,
      compute: (lane): Row => table.rows[2 * lanes[lane].id],
      strip: (lane): Row => table.rows[2 * lanes[lane].id + 1]
    };
  }

  override label(row: Row, index: number): string {
    const { prefix, kind } = this.log.slots[row.slot[index]];
    return kind === ERROR ? `✗ ${prefix}` : prefix;
  }

  protected override take(buffer: ArrayBuffer | Uint8Array | DataView): Fed {
    const result = this.log.feed(buffer);
    if (result.kind === 'gap') {
      this.exchange.ask(result.cursor, result.names, result.log);
      return { kind: 'gap', lanesChanged: false };
    }
    return result;
  }

  protected override ask(): void {
    this.exchange.ask(this.log.next, this.log.nNames, this.log.id);
  }

  protected override async restore(): Promise<void> {
    await super.restore();
    if (this.get('phase') === 'finished') {
      this.set({ follow: false });
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

  // --- what the user does -------------------------------------------------------------------------

  override readonly title = `Task stream. ${KEYS_TEXT}`;
  override readonly brushes = true;
  override readonly edged = false;

  override keyAction(key: string): (() => void) | undefined {
    return actionOf(key, this);
  }

  override at({ row, index }: Hit): HoveredTask {
    const start = this.table.base + row.start[index];
    const { action } = this.log.slots[row.slot[index]];
    const span = { action, start, stop: start + row.duration[index] };
    return { ...this.log.record(row.record[index]), span };
  }

  protected override idOf(task: HoveredTask): string {
    return `${task.cursor} ${task.span.start} ${task.span.action}`;
  }

  override linesOf(task: HoveredTask): string[] {
    return linesOf(task);
  }

  override select(task: HoveredTask | null): void {
    this.keep({ selected: task && recordOf(task) });
  }

  override drawOver(context: CanvasRenderingContext2D, picture: Picture, theme: Theme): void {
    const state = {
      selected: this.get('selected') as OverlayState['selected'],
      interval: this.get('interval') as OverlayState['interval'],
      worker: this.get('worker') as string | null
    };
    drawOverlay(context, picture, this.log, state, theme);
  }

  override emptyText(): string {
    return emptyText(this.get('phase') as Phase);
  }

  override describe(): string {
    return describe(this.log, this.time, this.get('phase') as Phase);
  }

  // --- following ----------------------------------------------------------------------------------

  /** Show a stretch of time, because the user says so: following ends, the kernel will hear of it. */
  override showTime(range: Range): void {
    this.keep({ follow: false });
    super.showTime(range);
  }

  protected override onScaleMoved(axis: Axis): void {
    if (axis === 'x') {
      this.keep({ follow: false });
    }
  }

  protected override onLanes(): void {
    this.showWorker(this.awaited);
  }

  protected override step(seconds: number, data: boolean): boolean {
    if (!this.get('follow')) {
      return super.step(seconds, data);
    }
    const visible = [...this.shownBy].filter(view => view.isVisible());
    return this.shown.follow(seconds, Math.max(0, ...visible.map(view => view.plotWidth())));
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
}

/** The record without the span: the kernel's side knows tasks. */
function recordOf(task: HoveredTask): TaskRecord {
  const record: Partial<HoveredTask> = { ...task };
  delete record.span;
  return record as TaskRecord;
}
