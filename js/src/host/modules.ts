/** Where the classes of a figure come from in JupyterLab: the page's own copies, each loaded when first needed. */

import * as base from '@jupyter-widgets/base';
import type * as Bqplot from 'bqplot';

import { MODULE_NAME } from '../tokens';

/** bqplot, of which a figure without any size leaves its layout as it is: there is none that fits. */
function sized(bqplot: typeof Bqplot): Record<string, unknown> {
  class Sized extends bqplot.Figure {
    override relayoutImpl(): void {
      const { width, height } = this.el.getBoundingClientRect();
      if (width >= 1 && height >= 1) {
        super.relayoutImpl();
      } else {
        // Asked for again when it gets a size.
        this.relayoutRequested = false;
      }
    }
  }
  return { ...bqplot, Figure: Sized };
}

export async function loadModule(name: string): Promise<Record<string, unknown>> {
  switch (name) {
    case '@jupyter-widgets/base':
      return { ...base };
    case '@jupyter-widgets/controls':
      return { ...(await import('@jupyter-widgets/controls')) };
    case 'bqplot':
      return sized(await import('bqplot'));
    case 'bqscales':
      return { ...(await import('bqscales')) };
    case MODULE_NAME:
      return { ...(await import('../marks/index')) };
    default:
      throw new Error(`No figure of dasklens is made of ${name}.`);
  }
}
