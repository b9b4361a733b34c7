/**
 * A bqplot figure with the Spans mark and no kernel behind it, and the measurements on it. What is
 * timed is what a person gets: distances between animation frames while wheel events come in.
 */

import { ManagerBase } from '@jupyter-widgets/base-manager';
import * as base from '@jupyter-widgets/base';
import { Widget } from '@lumino/widgets';
import * as bqplot from 'bqplot';

import * as marks from '../../js/src/marks/index';
import type { SpansModel } from '../../js/src/marks/index';
import { Cluster } from './cluster';

const MODULES: Record<string, unknown> = {
  '@jupyter-widgets/base': base,
  bqplot,
  // bqplot's AMD bundle holds the scales too.
  bqscales: bqplot,
  dasklens: marks
};

class Manager extends ManagerBase {
  protected override async loadClass(name: string, module: string): Promise<never> {
    const found = (MODULES[module] as Record<string, unknown> | undefined)?.[name];
    if (!found) {
      throw new Error(`This page has no ${module}.${name}.`);
    }
    return found as never;
  }

  protected override _create_comm(): Promise<never> {
    return Promise.reject(new Error('There is no kernel.'));
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }
}

export interface Frames {
  median: number;
  p95: number;
  worst: number;
  /** Time that our own code took, median and 95th percentile. */
  work: number;
  workP95: number;
  frames: number;
}

class Bench {
  readonly manager = new Manager();
  model!: SpansModel;
  figure!: base.DOMWidgetView;
  cluster!: Cluster;

  async make(module: string, name: string, state: Record<string, unknown> = {}): Promise<base.WidgetModel> {
    return this.manager.new_model(
      {
        model_name: `${name}Model`,
        model_module: module,
        model_module_version: '*',
        view_name: name,
        view_module: module,
        view_module_version: '*',
        model_id: base.uuid()
      } as never,
      { ...state, _view_name: name, _view_module: module, _view_module_version: '*' }
    );
  }

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
    const layout = await this.manager.new_model(
      {
        model_name: 'LayoutModel',
        model_module: '@jupyter-widgets/base',
        model_module_version: '2.0.0',
        model_id: base.uuid()
      } as never,
      { width: `${width}px`, height: `${height}px` }
    );
    const figure = await this.make('bqplot', 'Figure', {
      marks: [ref(mark)],
      axes: [ref(time), ref(lane)],
      scale_x: ref(fx),
      scale_y: ref(fy),
      layout: ref(layout),
      fig_margin: { top: 10, bottom: 30, left: 90, right: 10 },
      min_aspect_ratio: 0.01,
      max_aspect_ratio: 100,
      padding_y: 0,
      animation_duration: 0
    });
    this.model = mark as unknown as SpansModel;
    this.figure = (await this.manager.create_view(figure)) as base.DOMWidgetView;
    Widget.attach(this.figure.luminoWidget, document.body);
    await until(() => this.canvas?.hasAttribute('aria-live') ?? false);
    await frame();
  }

  get canvas(): HTMLCanvasElement | undefined {
    return (this.figure as unknown as { webGLCanvas?: HTMLCanvasElement }).webGLCanvas;
  }

  /** Data in, until it is on screen: milliseconds. */
  async load(spans: number, lanes: number, mean: number): Promise<number> {
    this.cluster = new Cluster(lanes, mean);
    const batch = 50_000;
    const frames: Uint8Array[] = [];
    for (let done = 0; done < spans; done += batch) {
      frames.push(this.cluster.frame(Math.min(batch, spans - done)));
    }
    this.model.keep({ follow: false });
    await frame();
    const begin = performance.now();
    let next = frames.shift();
    while (next) {
      this.model.feed(next);
      next = frames.shift();
    }
    await frame();
    await frame();
    return performance.now() - begin;
  }

  /** Keep a wheel turning for so many frames. */
  async wheel(frames: number, event: (i: number) => WheelEventInit): Promise<Frames> {
    const canvas = this.canvas as HTMLCanvasElement;
    const box = canvas.getBoundingClientRect();
    return this.frames(frames, i => {
      this.figure.el.dispatchEvent(
        new WheelEvent('wheel', {
          bubbles: true,
          cancelable: true,
          clientX: box.left + box.width * 0.4,
          clientY: box.top + box.height / 2,
          ...event(i)
        })
      );
    });
  }

  /** New spans at a rate while the view follows them. */
  async append(seconds: number, rate: number): Promise<Frames> {
    this.model.set('window', 30);
    this.model.set('follow', true);
    await frame();
    const every = 100;
    const timer = setInterval(() => this.model.feed(this.cluster.frame((rate * every) / 1000)), every);
    const measured = await this.frames(seconds * 60, () => {});
    clearInterval(timer);
    return measured;
  }

  private async frames(n: number, act: (i: number) => void): Promise<Frames> {
    const between: number[] = [];
    const work: number[] = [];
    const model = this.model as unknown as { onFrame(now: number): void };
    const own = Object.getPrototypeOf(model).onFrame as (now: number) => void;
    let spent = 0;
    model.onFrame = function (now: number): void {
      const begin = performance.now();
      own.call(this, now);
      spent += performance.now() - begin;
    };
    let last = await frame();
    for (let i = 0; i < n; i++) {
      spent = 0;
      act(i);
      const now = await frame();
      between.push(now - last);
      work.push(spent);
      last = now;
    }
    delete (model as Partial<typeof model>).onFrame;
    const at = (values: number[], q: number): number =>
      Math.round(values.sort((a, b) => a - b)[Math.min(n - 1, Math.floor(n * q))] * 100) / 100;
    return {
      median: at(between, 0.5),
      p95: at(between, 0.95),
      worst: at(between, 1),
      work: at(work, 0.5),
      workP95: at(work, 0.95),
      frames: n
    };
  }
}

function frame(): Promise<number> {
  return new Promise(resolve => requestAnimationFrame(resolve));
}

async function until(ready: () => boolean): Promise<void> {
  while (!ready()) {
    await frame();
  }
}

Object.assign(window, { bench: new Bench(), frame });
