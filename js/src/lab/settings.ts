/** Reads what may be set from JupyterLab's settings. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { PLUGIN } from '../tokens';
import { type Hub, IHub } from './hub';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.settings,
  description: 'Settings of dasklens.',
  autoStart: true,
  requires: [IHub, ISettingRegistry],
  activate: (_app: JupyterFrontEnd, hub: Hub, registry: ISettingRegistry) => {
    registry.load(PLUGIN.settings).then(
      settings => hub.options.use(settings),
      (reason: unknown) => console.warn('dasklens: the settings cannot be read; defaults are used', reason)
    );
  }
};

export default plugin;
