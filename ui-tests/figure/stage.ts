/** A bqplot figure with the Spans mark and no kernel behind it, in as many views as one likes. */

import * as base from '@jupyter-widgets/base';
import { Widget } from '@lumino/widgets';

import type { FlameModel, SpansModel } from '../../js/src/marks/index';
import { FrameWriter, type TaskSpec } from '../../js/tests/build';
import { Manager } from './manager';

/** A view of a figure, as far as tests look at it. */
export interface FigureView extends base.DOMWidgetView {
  webGLCanvas?: HTMLCanvasElement;
}

export class Stage {
  model!: SpansModel;
  /** Instead of `model`, if it was `startFlame` that was called. */
  flame!: FlameModel;
  figure!: base.WidgetModel;
  layout!: base.WidgetModel;
  readonly views: FigureView[] = [];

  private readonly manager = new Manager();
  private readonly writer = new FrameWriter('stage', 0, 1.79e9);

  /** Make a figure of this size in CSS pixels, and a first view of it. */
  async start(width: number, height: number, state: Record<string, unknown> = {}): Promise<void> {
    const ref = (model: base.WidgetModel): string => `IPY_MODEL_${model.model_id}`;
    const scale = (more = {}): Promise<base.WidgetModel> =>
      this.make('bqscales', 'LinearScale', { allow_padding: false, ...more });
    const [x, y, fx, fy] = [
      await scale(),
      await scale({ reverse: true }),
      await scale({ min: 0, max: 1 }),
      await scale({ min: 0, max: 1 })
    ];
    const mark = await this.make('dasklens', 'Spans', {
      scales: { x: ref(x), y: ref(y) },
      phase: 'live',
      ...state
    });
    const time = await this.make('dasklens', 'TimeAxis', { scale: ref(x), side: 'bottom' });
    const lane = await this.make('dasklens', 'LaneAxis', { scale: ref(y), side: 'left' });
    const size = { width: `${width}px`, height: `${height}px` };
    this.layout = await this.make('@jupyter-widgets/base', 'Layout', size, 'LayoutView');
    this.figure = await this.make('bqplot', 'Figure', {
      marks: [ref(mark)],
      axes: [ref(time), ref(lane)],
      scale_x: ref(fx),
      scale_y: ref(fy),
      layout: ref(this.layout),
      fig_margin: { top: 10, bottom: 30, left: 90, right: 10 },
      min_aspect_ratio: 0.01,
      max_aspect_ratio: 100,
      padding_y: 0,
      animation_duration: 0
    });
    this.model = mark as unknown as SpansModel;
    await this.addView();
  }

  /** Make a flame graph of this size in CSS pixels, and a first view of it. */
  async startFlame(width: number, height: number, state: Record<string, unknown> = {}): Promise<void> {
    const ref = (model: base.WidgetModel): string => `IPY_MODEL_${model.model_id}`;
    const scale = (more = {}): Promise<base.WidgetModel> =>
      this.make('bqscales', 'LinearScale', { allow_padding: false, ...more });
    const [x, y] = [await scale(), await scale({ reverse: true })];
    const [fx, fy] = [await scale({ min: 0, max: 1 }), await scale({ min: 0, max: 1 })];
    const scales = { x: ref(x), y: ref(y) };
    const mark = await this.make('dasklens', 'Flame', { scales, phase: 'live', ...state }, 'Spans');
    const size = { width: `${width}px`, height: `${height}px` };
    this.layout = await this.make('@jupyter-widgets/base', 'Layout', size, 'LayoutView');
    this.figure = await this.make('bqplot', 'Figure', {
      marks: [ref(mark)],
      axes: [],
      scale_x: ref(fx),
      scale_y: ref(fy),
      layout: ref(this.layout),
      fig_margin: { top: 0, bottom: 0, left: 0, right: 0 },
      min_aspect_ratio: 0.01,
      max_aspect_ratio: 100,
      padding_y: 0,
      animation_duration: 0
    });
    this.flame = mark as unknown as FlameModel;
    await this.addView();
  }

  /** Put one more view of the figure below those that are there. */
  async addView(): Promise<void> {
    const view = (await this.manager.create_view(this.figure)) as FigureView;
    this.views.push(view);
    Widget.attach(view.luminoWidget, document.body);
    // The last thing that a view of the mark does before it draws.
    while (!view.webGLCanvas?.hasAttribute('aria-live')) {
      await frame();
    }
    await frame();
  }

  /** Tasks as a scheduler would send them; times in seconds after 1.79e9. */
  feed(tasks: TaskSpec[]): void {
    this.model.feed(this.writer.frame(tasks));
  }

  private async make(
    module: string,
    name: string,
    state: Record<string, unknown> = {},
    view = name
  ): Promise<base.WidgetModel> {
    return this.manager.new_model(
      {
        model_name: `${name}Model`,
        model_module: module,
        model_module_version: '*',
        view_name: view,
        view_module: module,
        view_module_version: '*',
        model_id: base.uuid()
      } as never,
      { ...state, _view_name: view, _view_module: module, _view_module_version: '*' }
    );
  }
}

declare global {
  interface Window {
    stage: Stage;
    /** Until the next animation frame: its time. */
    frame: () => Promise<number>;
  }
}

function frame(): Promise<number> {
  return new Promise(resolve => requestAnimationFrame(resolve));
}

Object.assign(window, { stage: new Stage(), frame });
