/** Where the classes of figures come from in a report, in whose bundle this stands in the place of `host/modules.ts`. */

import * as base from '@jupyter-widgets/base';

// Before what extends its classes.
import { bqplot } from './madebqplot';
import * as marks from '../marks/index';
import { sized } from '../host/sized';
import { MODULE_NAME } from '../tokens';
import * as boxes from './boxes';

const MODULES: Readonly<Record<string, Record<string, unknown>>> = {
  '@jupyter-widgets/base': { ...base },
  '@jupyter-widgets/controls': { ...boxes },
  bqplot: sized(bqplot),
  bqscales: { ...bqplot },
  [MODULE_NAME]: { ...marks }
};

export async function loadModule(name: string): Promise<Record<string, unknown>> {
  const found = MODULES[name];
  if (!found) {
    throw new Error(`No figure of a report is made of ${name}.`);
  }
  return found;
}
