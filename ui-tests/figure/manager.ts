/** A manager of widgets without a kernel: it has bqplot, and our marks. */

import { ManagerBase } from '@jupyter-widgets/base-manager';
import * as base from '@jupyter-widgets/base';
import * as bqplot from 'bqplot';

import * as marks from '../../js/src/marks/index';

const MODULES: Record<string, unknown> = {
  '@jupyter-widgets/base': base,
  bqplot,
  // bqplot's AMD bundle holds the scales too.
  bqscales: bqplot,
  dasklens: marks
};

export class Manager extends ManagerBase {
  protected override async loadClass(name: string, module: string): Promise<never> {
    const found = (MODULES[module] as Record<string, unknown> | undefined)?.[name];
    if (!found) {
      throw new Error(`This page has no ${module}.${name}.`);
    }
    return found as never;
  }

  protected override _create_comm(): Promise<never> {
    return Promise.reject(new Error('There is no kernel.'));
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }
}
