/** The parts that get frames themselves, on a page without a kernel and without anywidget. */

import type { WidgetModel } from '@jupyter-widgets/base';
import { Widget } from '@lumino/widgets';

import memory from '../../js/src/parts/memory';
import workers from '../../js/src/parts/workers';
import { Manager } from '../../ui-tests/figure/manager';
import { nextFrame, watchFrames, type Frames } from './frames';

type Listener = (...values: unknown[]) => void;

interface State {
  state: Record<
    string,
    { model_name: string; model_module: string; model_module_version: string; state: object }
  >;
  models: Record<string, string>;
}

const PARTS = { workers, memory };
/** Milliseconds between two samples, and animation frames that are watched. */
const EVERY = 1000;
const WATCHED = 600;

class Receivers {
  private readonly listeners = new Map<string, Listener[]>();
  private traits: Record<string, unknown> = {};
  private readonly manager = new Manager();
  private end_: () => void = () => {};

  /** Put a part into the page, and below it the figures that it wants there. */
  async show(name: keyof typeof PARTS, saved: State | null): Promise<void> {
    const el = document.body.appendChild(document.createElement('div'));
    const below = document.body.appendChild(document.createElement('div'));
    this.traits = {
      phase: 'live',
      reason: '',
      retry_at: null,
      selected: null,
      columns: [],
      sort: '-cpu',
      window: 300
    };
    let box: { get(name: string): unknown; set(values: { children: unknown[] }): void } | null = null;
    if (saved) {
      await this.manager.set_state({ version_major: 2, version_minor: 0, state: saved.state } as never);
      this.traits.models = { ...saved.models, box: 'IPY_MODEL_box' };
      let children: unknown[] = ['part'];
      box = {
        get: () => children,
        set: values => {
          children = values.children;
          below.replaceChildren();
          void Promise.all(children.slice(1).map(child => this.attach(child as WidgetModel, below)));
        }
      };
    }
    const model = {
      get: (trait: string) => this.traits[trait],
      set: (trait: string, value: unknown) => (this.traits[trait] = value),
      on: (event: string, listener: Listener) =>
        this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]),
      off: () => {},
      send: () => {},
      save_changes: () => {},
      widget_manager: { get_model: async (id: string) => (id === 'box' ? box : this.manager.get_model(id)) }
    };
    const part = PARTS[name]();
    const ends = [part.initialize({ model } as never), part.render({ model, el } as never)] as (() => void)[];
    this.end_ = () => {
      ends.forEach(end => end());
      this.listeners.clear();
      el.remove();
      below.remove();
    };
    await nextFrame();
  }

  /** The first samples at once, then one a second; how the frames come meanwhile. */
  async feed(all: string[]): Promise<Frames> {
    const frames = all.map(text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)));
    let at = 0;
    const next = (): void => {
      // A sample is a frame of each of the two streams.
      for (const frame of frames.slice(at, (at += 2))) {
        const buffers = [new DataView(frame.buffer)];
        this.listeners.get('msg:custom')?.forEach(listener => listener({ type: 'frames', n: 1 }, buffers));
      }
    };
    next();
    next();
    await nextFrame();
    await nextFrame();
    const timer = setInterval(next, EVERY);
    const found = await watchFrames(WATCHED);
    clearInterval(timer);
    return found;
  }

  end(): void {
    this.end_();
  }

  private async attach(figure: WidgetModel, to: HTMLElement): Promise<void> {
    const view = await this.manager.create_view(figure);
    Widget.attach(view.luminoWidget, to);
  }
}

declare global {
  interface Window {
    receivers: Receivers;
  }
}

window.receivers = new Receivers();
