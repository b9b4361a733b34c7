/** The manager of a notebook's widgets without a kernel: all that were saved with it, linked as they were. */

import type { IModelOptions, WidgetModel, WidgetView } from '@jupyter-widgets/base';

import { FigureManager, type ModelState } from '../host/manager';
import { AuthorModel, AuthorView, type MayRun } from './author';
import { classesOf } from './classes';
import { CANNOT, MISSING, MissingModel, MissingView } from './missing';
import { sentence } from './notes';
import { OutputModel, OutputView } from './output';
import type { SavedWidgets } from './shared';

/** Classes that are neither bqplot's nor ipywidgets' own, by module. */
const OWN: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  anywidget: { AnyModel: AuthorModel, AnyView: AuthorView },
  '@jupyter-widgets/output': { OutputModel, OutputView },
  [MISSING]: { MissingModel, MissingView }
};

/** The models to make: those of modules that the page lacks have a stand-in. */
export function statesOf({ state, missing }: SavedWidgets): Record<string, ModelState> {
  return Object.fromEntries(
    Object.entries(state).map(([id, saved]): [string, ModelState] => {
      const standIn = missing[id];
      if (standIn) {
        return [id, { name: 'MissingModel', module: MISSING, state: { ...standIn } }];
      }
      const { model_name: name, model_module: module, buffers = [] } = saved;
      return [id, { name, module, state: saved.state, buffers }];
    })
  );
}

export class NotebookManager extends FigureManager implements MayRun {
  /**
   * @param scripts - whether widgets may bring code of their own.
   * @param fill - makes the widgets that stand in an element: an output of a widget may hold others.
   */
  constructor(
    readonly scripts: boolean,
    readonly fill: (element: HTMLElement) => void
  ) {
    super(classesOf);
  }

  protected override async loadClass(className: string, moduleName: string): Promise<typeof WidgetModel> {
    const own = Object.hasOwn(OWN, moduleName) ? OWN[moduleName] : {};
    return Object.hasOwn(own, className)
      ? (own[className] as typeof WidgetModel)
      : super.loadClass(className, moduleName);
  }

  // What stands for what fails says why, and leaves the others alone. ipywidgets' own way puts the text of an
  // error, which may quote the notebook, into the page as HTML.

  protected override async loadModelClass(name: string, module: string): Promise<typeof WidgetModel> {
    try {
      return await this.loadClass(name, module);
    } catch (error) {
      return failed(error);
    }
  }

  protected override async loadViewClass(name: string, module: string): Promise<typeof WidgetView> {
    return guarded((await this.loadClass(name, module)) as unknown as typeof WidgetView);
  }

  override async _make_model(options: IModelOptions, state: object): Promise<WidgetModel> {
    try {
      return await super._make_model(options as never, state);
    } catch (error) {
      const standIn = { ...options, model_name: 'MissingModel', model_module: MISSING };
      return super._make_model(standIn as never, { sentence: cannot(error) });
    }
  }
}

function cannot(error: unknown): string {
  console.warn(error);
  return `This widget cannot be shown here (${error instanceof Error ? error.message : String(error)}).`;
}

/** The model of what cannot be made. */
function failed(error: unknown): typeof WidgetModel {
  const said = cannot(error);
  return class extends MissingModel {
    override initialize(attributes: Record<string, unknown>, options: never): void {
      // Not the view that the state names: its class is missing as well.
      const view = { _view_name: 'MissingView', _view_module: MISSING, sentence: said };
      super.initialize({ ...attributes, ...view }, options);
      this.set(view);
    }
  } as unknown as typeof WidgetModel;
}

/** A view that says so when it cannot be drawn. */
function guarded(View: typeof WidgetView): typeof WidgetView {
  return class extends View {
    override async render(): Promise<void> {
      try {
        await super.render();
      } catch (error) {
        this.el.classList.add(CANNOT);
        this.el.replaceChildren(sentence(cannot(error)));
      }
    }
  };
}
