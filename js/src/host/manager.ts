/**
 * Models and views of one figure without a kernel. Each figure has a manager of its own, so the same state
 * may be on the page any number of times.
 */

import { put_buffers, type IClassicComm, type WidgetModel } from '@jupyter-widgets/base';
import { ManagerBase } from '@jupyter-widgets/base-manager';

import { AnyModel, AnyView } from './afm';

/** Loads the exports of a module that models and views come from. */
export type LoadModule = (name: string) => Promise<Record<string, unknown>>;

/** What `python/dasklens/widgets/state.py` says of one model. */
export interface ModelState {
  readonly name: string;
  readonly module: string;
  readonly state: Readonly<Record<string, unknown>>;
  /** Bytes in base64 and where in the state they belong. */
  readonly buffers?: readonly { readonly path: (string | number)[]; readonly data: string }[];
}

export class FigureManager extends ManagerBase {
  constructor(private readonly load: LoadModule) {
    super();
  }

  /**
   * Make all models at once: they refer to each other.
   *
   * @param commOf gives a model the comm that feeds it, if it takes frames.
   */
  async make(
    models: Readonly<Record<string, ModelState>>,
    commOf: (id: string, model: ModelState) => IClassicComm | undefined
  ): Promise<Map<string, WidgetModel>> {
    const made = Object.entries(models).map(async ([model_id, model]) => {
      const options = {
        model_id,
        model_name: model.name,
        model_module: model.module,
        model_module_version: '*',
        comm: commOf(model_id, model)
      };
      return [model_id, await this.new_model(options, stateOf(model))] as const;
    });
    return new Map(await Promise.all(made));
  }

  protected override async loadClass(
    className: string,
    moduleName: string
  ): Promise<typeof WidgetModel | never> {
    const exports = moduleName === 'anywidget' ? { AnyModel, AnyView } : await this.load(moduleName);
    // A name is anybody's: what every object inherits is no class of a module.
    const found = Object.hasOwn(exports, className) ? (exports as Record<string, unknown>)[className] : null;
    if (!found) {
      throw new Error(`${moduleName} has no ${className}.`);
    }
    return found as typeof WidgetModel;
  }

  // Without a comm, models are made that never speak to anybody.
  protected override _create_comm(): Promise<IClassicComm> {
    return Promise.reject(new Error('There is no kernel.'));
  }

  protected override async _get_comm_info(): Promise<Record<string, never>> {
    return {};
  }
}

/** A state to make a model of: models write into what they are made of, and ours is everybody's. */
function stateOf({ state, buffers = [] }: ModelState): Record<string, unknown> {
  const own = structuredClone(state) as Record<string, never>;
  put_buffers(
    own,
    buffers.map(({ path }) => path),
    buffers.map(({ data }) => new DataView(Uint8Array.from(atob(data), c => c.charCodeAt(0)).buffer))
  );
  return own;
}
