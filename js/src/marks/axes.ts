/** Axes of the task stream: the clock on the wall, and the workers' names beside their lanes. */

import { Axis, AxisModel, type Selection } from 'bqplot';

import { shiftInto, timeTicks } from '../core/ticks';
import { MODULE_NAME, MODULE_VERSION } from '../tokens';
import { longestName, workerTicks, type LaneTick } from './laneticks';
import { SpansModel } from './spansmodel';

/** Room that a label of the time axis takes, in pixels. */
const TIME_LABEL = 95;
/** Width of a digit of it, rather too wide. */
const DIGIT = 7;
/** Height of a line of the lane axis, and width of a letter, in pixels. */
const LANE_LABEL = 14;
const LETTER = 6.5;
/** Room beside a name: the tick and some air; and letters of a name when the figure makes room itself. */
const BESIDE = 14;
const MOST_LETTERS = 22;
/** Height that the time axis takes. */
const TIME_HEIGHT = 24;

function defaultsFor(name: string): Record<string, unknown> {
  return {
    _model_name: `${name}Model`,
    _view_name: name,
    _model_module: MODULE_NAME,
    _view_module: MODULE_NAME,
    _model_module_version: MODULE_VERSION,
    _view_module_version: MODULE_VERSION
  };
}

export class TimeAxisModel extends AxisModel {
  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), ...defaultsFor('TimeAxis') };
  }
}

export class LaneAxisModel extends AxisModel {
  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), ...defaultsFor('LaneAxis'), side: 'left', grid_lines: 'none' };
  }
}

/**
 * An axis whose ticks we choose. bqplot moves ticks by transitions; while a view follows, the next
 * step would come before one has begun, so ours are put in place at once.
 */
abstract class OwnTicks extends Axis {
  private texts = new Map<number, string>();

  /** Values in the scale's domain with their texts; both in the axis' own order. */
  protected abstract ticks(): readonly LaneTick[];

  override set_tick_values(): void {
    const wanted = this.model.get('tick_values') as ArrayLike<number> | null;
    if (wanted && wanted.length > 0) {
      super.set_tick_values(false);
      return;
    }
    const ticks = this.ticks();
    this.texts = new Map(ticks.map(tick => [tick.value, tick.text]));
    this.axis.tickValues(ticks.map(tick => tick.value));
    this.place();
  }

  /** Once the ticks of the axis are where they belong. */
  protected placed(_line: Selection): void {}

  protected textOf(value: number): string {
    return this.texts.get(value) ?? String(value);
  }

  override generate_default_tick_formatter(): (value: number) => string {
    return value => this.textOf(value);
  }

  override redraw_axisline(): void {
    if (this.g_axisline) {
      this.update_scales();
      this.set_tick_values();
    }
  }

  override update_grid_lines(): void {
    this.place();
  }

  private place(): void {
    const line = this.g_axisline;
    if (!line) {
      return;
    }
    const grid = this.model.get('grid_lines') as string;
    const vertical = ['left', 'right'].includes(this.model.get('side') as string);
    const none = grid === 'none';
    this.axis.tickSizeInner(none ? 4 : vertical ? -this.width : -this.height).tickSizeOuter(0);
    line.call(this.axis);
    line.selectAll('.tick').classed('short', none);
    line
      .selectAll('.tick line')
      .style('stroke-dasharray', grid === 'dashed' ? '5, 5' : null)
      .style('stroke', (this.model.get('grid_color') as string | null) ?? null);
    this.apply_tick_styling();
    this.placed(line);
  }
}

export class TimeAxis extends OwnTicks {
  override calculateAutoSize(): number {
    return TIME_HEIGHT;
  }

  protected ticks(): readonly LaneTick[] {
    const [start, stop] = this.axis_scale.scale.domain();
    const most = (this.model.get('num_ticks') as number | null) ?? Math.floor(this.width / TIME_LABEL);
    return timeTicks(Math.min(start, stop), Math.max(start, stop), Math.max(2, most));
  }

  /** What a label at an edge says is in the figure whole, if not quite below its tick. */
  protected override placed(line: Selection): void {
    const { autoLayout, model, offsetX } = this.parent;
    const margin = model.get('fig_margin') as { left: number; right: number };
    const [from, to] = [-(autoLayout ? offsetX : margin.left), this.width + margin.right];
    const { scale } = this.axis_scale;
    line
      .selectAll('.tick text')
      .attr('dx', value => shiftInto(scale(value), this.textOf(value).length * DIGIT, from, to));
  }
}

export class LaneAxis extends OwnTicks {
  private watched: SpansModel | null = null;
  private longest = 0;

  override create_listeners(): void {
    super.create_listeners();
    this.listenTo(this.parent.model, 'change:marks', () => this.redraw_axisline());
  }

  /** Width for the names, where the figure's `auto_layout` makes room for its axes. */
  override calculateAutoSize(): number {
    this.longest = longestName(this.mark()?.log.lanes ?? [], MOST_LETTERS);
    return BESIDE + this.longest * LETTER;
  }

  protected ticks(): readonly LaneTick[] {
    const mark = this.mark();
    if (!mark) {
      return [];
    }
    const [a, b] = this.axis_scale.scale.domain();
    return workerTicks(
      mark.log.lanes,
      Math.min(a, b),
      Math.max(a, b),
      this.height / LANE_LABEL,
      this.letters()
    );
  }

  private onLanes(): void {
    if (this.parent.autoLayout && longestName(this.mark()?.log.lanes ?? [], MOST_LETTERS) !== this.longest) {
      this.parent.should_relayout = true;
      this.parent.relayout();
    }
    this.redraw_axisline();
  }

  /** Letters that a name has room for. */
  private letters(): number {
    if (this.parent.autoLayout) {
      return MOST_LETTERS;
    }
    const margin = this.parent.model.get('fig_margin') as { left: number; right: number };
    const room = this.model.get('side') === 'right' ? margin.right : margin.left;
    return Math.floor((room - 10) / LETTER);
  }

  /** The mark whose lanes these are: the figure's first of our kind. */
  private mark(): SpansModel | null {
    const marks = (this.parent.model.get('marks') ?? []) as unknown[];
    const mark = marks.find(each => each instanceof SpansModel) as SpansModel | undefined;
    if (mark && mark !== this.watched) {
      if (this.watched) {
        this.stopListening(this.watched);
      }
      this.watched = mark;
      this.listenTo(mark, 'lanes:change', () => this.onLanes());
    }
    return mark ?? null;
  }
}
