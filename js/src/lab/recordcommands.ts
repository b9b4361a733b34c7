/** Commands that start and stop a recording; a file that was saved opens in the viewer of reports. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { COMMAND, PLUGIN } from '../tokens';
import { type Hub, IHub } from './hub';
import { recordIcon, stopIcon } from './icons';
import { FACTORY } from './reportviewer';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.recordings,
  description: 'Records Dask clusters into reports.',
  autoStart: true,
  requires: [IHub],
  optional: [ICommandPalette],
  activate: ({ commands }: JupyterFrontEnd, hub: Hub, palette: ICommandPalette | null) => {
    const { recordings, trans } = hub;
    commands.addCommand(COMMAND.startRecording, {
      label: trans.__('Start Recording'),
      caption: trans.__('Record the cluster that the dasklens panel shows, until it is stopped'),
      icon: recordIcon,
      isEnabled: () => recordings.canStart,
      isToggled: () => recordings.canStop,
      execute: () => recordings.start()
    });
    commands.addCommand(COMMAND.stopRecording, {
      label: trans.__('Stop Recording…'),
      caption: trans.__('Save what was recorded as a report beside the notebook, and show it'),
      icon: stopIcon,
      isEnabled: () => recordings.canStop,
      execute: () => recordings.stop()
    });
    recordings.changed.connect(() => {
      commands.notifyCommandChanged(COMMAND.startRecording);
      commands.notifyCommandChanged(COMMAND.stopRecording);
    });
    recordings.saved.connect((_, path) => {
      void commands.execute('docmanager:open', { path, factory: FACTORY });
    });
    for (const command of [COMMAND.startRecording, COMMAND.stopRecording]) {
      palette?.addItem({ command, category: 'Dask' });
    }
  }
};

export default plugin;
