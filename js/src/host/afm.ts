/**
 * The anywidget parts of a figure without anywidget: a part (an AFM module) gets a model with `get, set, on,
 * off, save_changes, send, widget_manager`, an element and a signal. The modules are those of our own bundle,
 * never code out of a widget's state: a page may forbid that, and for good reason.
 */

import type { AnyModel as PartModel } from '@anywidget/types';
import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

import type { PartModule } from './partmodule';
import { partOf } from './parts';

type Cleanup = void | (() => void | Promise<void>);

export class AnyModel extends DOMWidgetModel {
  declare private ended: AbortController;
  declare part: Promise<PartModule>;

  override defaults(): Record<string, unknown> {
    return {
      ...super.defaults(),
      _model_name: 'AnyModel',
      _model_module: 'anywidget',
      _view_name: 'AnyView',
      _view_module: 'anywidget'
    };
  }

  override initialize(attributes: Record<string, unknown>, options: never): void {
    super.initialize(attributes, options);
    this.ended = new AbortController();
    const { signal } = this.ended;
    this.part = this.loadPart().then(async part => {
      const cleanup = (await part.initialize?.({ model: facade(this), signal } as never)) as Cleanup;
      if (cleanup) {
        signal.addEventListener('abort', () => void cleanup());
      }
      return part;
    });
    // The view says what is wrong.
    this.part.catch(() => {});
    this.on('comm:close destroy', () => this.ended.abort());
  }

  protected loadPart(): Promise<PartModule> {
    return partOf(String(this.get('_anywidget_id')));
  }
}

export class AnyView extends DOMWidgetView {
  declare model: AnyModel;
  private readonly ended = new AbortController();

  override async render(): Promise<void> {
    const { signal } = this.ended;
    const part = await this.model.part;
    if (signal.aborted) {
      return;
    }
    const cleanup = (await part.render?.({
      model: facade(this.model),
      el: this.el,
      signal
    } as never)) as Cleanup;
    if (cleanup) {
      signal.addEventListener('abort', () => void cleanup());
      if (signal.aborted) {
        void cleanup();
      }
    }
  }

  override remove(): void {
    this.ended.abort();
    super.remove();
  }
}

/** What a part sees of its model. */
function facade(model: AnyModel): PartModel {
  return {
    get: (name: string) => model.get(name) as unknown,
    set: (name: string, value: unknown) => void model.set(name, value),
    save_changes: () => model.save_changes(),
    on: (name: string, callback: () => void) => void model.on(name, callback),
    off: (name?: string | null, callback?: (() => void) | null) =>
      void model.off(name ?? undefined, callback ?? undefined),
    send: (content: never, callbacks?: never, buffers?: never) => model.send(content, callbacks, buffers),
    widget_manager: model.widget_manager
  } as unknown as PartModel;
}
