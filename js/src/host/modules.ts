/** Where the classes of a figure come from in JupyterLab: the page's own copies, each loaded when first needed. */

import * as base from '@jupyter-widgets/base';

import { MODULE_NAME } from '../tokens';
import { sized } from './sized';

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
