// Give kernels' widgets their browser side. The marks are a chunk of their own, fetched with the
// first figure: a JupyterLab that shows none does not load bqplot either.

import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { MODULE_NAME, PLUGIN, VERSION } from '../tokens';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.widgets,
  description: 'Draws the marks of dasklens in notebooks.',
  autoStart: true,
  requires: [IJupyterWidgetRegistry],
  activate: (_app: JupyterFrontEnd, registry: IJupyterWidgetRegistry) => {
    registry.registerWidget({
      name: MODULE_NAME,
      version: VERSION,
      exports: async () => ({ ...(await import('../marks/index')) })
    });
  }
};

export default plugin;
