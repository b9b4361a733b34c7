/**
 * Models of bqplot that a part sets from here: nothing of it is saved, so the kernel hears of none of
 * it and takes no part in it.
 */

import type { AnyModel } from '@anywidget/types';

/** A view of a figure, as far as we look at it. */
export interface FigureView {
  readonly el: HTMLElement;
  /** Lies on the plot, between the axes. */
  readonly webGLCanvas?: HTMLCanvasElement;
  debouncedRelayout?(): void;
}

/** A model as the widget manager has it. */
export interface Model {
  get(name: string): unknown;
  set(values: Record<string, unknown>): void;
  readonly views?: Record<string, Promise<FigureView>>;
}

/** The models that a trait of names and references speaks of; null when one is gone. */
export async function modelsOf(model: AnyModel, references: Record<string, string>): Promise<Models | null> {
  const named = await Promise.all(
    Object.entries(references).map(async ([name, reference]) => {
      const id = reference.replace('IPY_MODEL_', '');
      return [name, (await model.widget_manager.get_model(id)) as unknown as Model] as const;
    })
  ).catch(() => null);
  return named && new Models(new Map(named));
}

export class Models {
  private readonly known = new WeakSet<FigureView>();

  constructor(private readonly models: ReadonlyMap<string, Model>) {}

  /** Set what differs: bqplot draws again at each change. */
  set(name: string, values: Record<string, unknown>): void {
    const model = this.get(name);
    const changed = Object.entries(values).filter(([key, value]) => model.get(key) !== value);
    if (changed.length > 0) {
      model.set(Object.fromEntries(changed));
    }
  }

  get(name: string): Model {
    const found = this.models.get(name);
    if (!found) {
      throw new Error(`There is no ${name} among the models of this figure.`);
    }
    return found;
  }

  /** Call `act` with each view of a figure that has not been here before. */
  newViews(name: string, act: (view: FigureView) => void): void {
    for (const promise of Object.values(this.get(name).views ?? {})) {
      void promise.then(view => {
        if (!this.known.has(view)) {
          this.known.add(view);
          act(view);
        }
      });
    }
  }

  /** Every view of a figure. */
  async views(name: string): Promise<FigureView[]> {
    return Promise.all(Object.values(this.get(name).views ?? {}));
  }
}
