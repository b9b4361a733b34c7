/**
 * anywidgets of a notebook: those of dasklens have their modules in the page. Those of others bring code of
 * their own in their state, which runs when the page was written so that it may.
 */

import { AnyModel, AnyView } from '../host/afm';
import type { PartModule } from '../host/partmodule';

/** A manager that knows whether code of the notebook's author may run. */
export interface MayRun {
  readonly scripts: boolean;
}

/** What anywidget calls the parts of dasklens. */
const OURS = /^dasklens\.widgets\./;

export class AuthorModel extends AnyModel {
  protected override loadPart(): Promise<PartModule> {
    if (OURS.test(String(this.get('_anywidget_id')))) {
      return super.loadPart();
    }
    const { scripts } = this.widget_manager as unknown as MayRun;
    return scripts ? imported(String(this.get('_esm'))) : Promise.reject(new Error('its code may not run'));
  }
}

export class AuthorView extends AnyView {
  override async render(): Promise<void> {
    const css = this.model.get('_css') as unknown;
    if (typeof css === 'string' && css) {
      const style = document.createElement('style');
      style.textContent = css;
      this.el.append(style);
    }
    await super.render();
  }
}

/** Run code: `_esm` is the text of a module. */
async function imported(esm: string): Promise<PartModule> {
  const address = URL.createObjectURL(new Blob([esm], { type: 'text/javascript' }));
  try {
    const module = (await import(address)) as PartModule & { default?: PartModule | (() => unknown) };
    // Before there was a default export, a module was a part itself.
    const part = module.default ?? module;
    return (typeof part === 'function' ? await part() : part) as PartModule;
  } finally {
    URL.revokeObjectURL(address);
  }
}
