/** Where models and views come from in a notebook's page. Whatever is HTML in a widget is cleaned first. */

import * as controls from '@jupyter-widgets/controls';

import { loadModule } from '../host/modules';
import { clean } from './clean';
import { IDS } from './shared';

type Reading = new (...args: never[]) => { get(name: string): unknown };

/** The model, whose `value` has nothing in it that runs, asks or sends. */
function cleaned<Model extends Reading>(model: Model): Model {
  return class extends (model as Reading) {
    override get(name: string): unknown {
      const value = super.get(name);
      return name === 'value' ? clean(String(value ?? '')) : value;
    }
  } as unknown as Model;
}

const { HTMLModel, HTMLMathModel } = controls as unknown as Record<string, Reading>;
const CONTROLS: Record<string, unknown> = {
  ...(controls as Record<string, unknown>),
  HTMLModel: cleaned(HTMLModel),
  HTMLMathModel: cleaned(HTMLMathModel)
};

export async function classesOf(module: string): Promise<Record<string, unknown>> {
  if (module === '@jupyter-widgets/controls') {
    return CONTROLS;
  }
  if (['bqplot', 'bqscales', 'dasklens'].includes(module)) {
    await window.dasklensNotebook.run(IDS.bqplot);
  }
  return loadModule(module);
}
