/** The side panel, the commands that have to do with it, and its opening by itself. */

import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { COMMAND, PLUGIN } from '../tokens';
import { showChecks } from './checks';
import { type Hub, IHub } from './hub';
import { lensIcon } from './icons';
import { ILayouts, type Layouts } from './layoutmenu';
import { DasklensPanel } from './panelwidget';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.panel,
  description: 'Shows Dask clusters in the side bar.',
  autoStart: true,
  requires: [IHub],
  optional: [ILayouts, ILabShell, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    hub: Hub,
    layouts: Layouts | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const { commands, shell } = app;
    const { trans, choice } = hub;
    const panel = new DasklensPanel(hub, commands, at => layouts?.open(at));
    shell.add(panel, 'left', { rank: 550, type: 'Dask' });
    restorer?.add(panel, panel.id);

    const show = (): void => {
      shell.activateById(panel.id);
      // Notebook 7 opens a side area only when told to.
      (shell as Partial<{ expandLeft(id: string): void }>).expandLeft?.(panel.id);
    };
    commands.addCommand(COMMAND.showPanel, {
      label: trans.__('Dask Clusters'),
      caption: trans.__('Show the dasklens panel'),
      icon: lensIcon,
      execute: show
    });
    commands.addCommand(COMMAND.follow, {
      label: trans.__("Show the Notebook's Cluster"),
      isEnabled: () => choice.pinned,
      execute: () => choice.pin(null)
    });
    commands.addCommand(COMMAND.pause, {
      label: trans.__('Pause Figures'),
      isToggleable: true,
      isToggled: () => hub.paused,
      execute: () => {
        hub.paused = !hub.paused;
        commands.notifyCommandChanged(COMMAND.pause);
      }
    });
    commands.addCommand(COMMAND.check, {
      label: trans.__("Why Can't I See My Cluster?"),
      execute: () => showChecks(hub, choice.ended ? null : choice.scheduler)
    });
    commands.addCommand(COMMAND.add, {
      label: trans.__('Add a Scheduler by Address…'),
      execute: () => {
        show();
        panel.header.openAdd();
      }
    });
    choice.changed.connect(() => commands.notifyCommandChanged(COMMAND.follow));
    for (const command of [COMMAND.showPanel, COMMAND.follow, COMMAND.pause, COMMAND.check, COMMAND.add]) {
      palette?.addItem({ command, category: 'Dask' });
    }
    openOnFirst(hub, () => labShell && show());
  }
};

/** Open by itself when the first cluster comes, if that is set. */
function openOnFirst(hub: Hub, show: () => void): void {
  const { registry, options } = hub;
  let release: (() => void) | null = null;
  const settle = (): void => {
    if (options.get('openOnFirstCluster')) {
      release ??= registry.look();
    } else {
      release?.();
      release = null;
    }
  };
  let had = false;
  registry.changed.connect((_, change) => {
    const first = change?.event === 'added' && !had;
    had ||= registry.schedulers.length > 0;
    if (first && options.get('openOnFirstCluster')) {
      show();
    }
  });
  options.changed.connect(settle);
  settle();
}

export default plugin;
