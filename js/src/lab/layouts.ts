/** Layouts: a named set of figures and pages that are opened together. */

import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';

import { FIGURES } from '../host/figure';
import { COMMAND, PLUGIN } from '../tokens';
import { type Area, layoutOf, steps } from './arrange';
import { FIGURE } from './figures';
import { type Hub, IHub } from './hub';
import { layoutIcon } from './icons';
import { ILayouts, type Layouts, openMenu } from './layoutmenu';
import type { Layout, Place } from './options';
import { isPage } from './pagenames';
import { Tab } from './tabs';

const plugin: JupyterFrontEndPlugin<Layouts> = {
  id: PLUGIN.layouts,
  description: 'Opens, saves and closes sets of figures and dashboard pages.',
  autoStart: true,
  provides: ILayouts,
  requires: [IHub],
  optional: [ILabShell, ICommandPalette],
  activate: (app: JupyterFrontEnd, hub: Hub, labShell: ILabShell | null, palette: ICommandPalette | null) => {
    const { commands, shell } = app;
    const { trans, options } = hub;
    const nameOf = (args: { name?: unknown }): string => (typeof args.name === 'string' ? args.name : '');

    commands.addCommand(COMMAND.openLayout, {
      label: args => nameOf(args) || trans.__('Open Dask Layout'),
      icon: args => (nameOf(args) ? undefined : layoutIcon),
      isEnabled: () => labShell !== null,
      execute: args => {
        const saved = options.get('layouts')[nameOf(args)];
        return openLayout(app, hub, saved ?? defaultLayout(options.get('defaultLayout')));
      }
    });
    commands.addCommand(COMMAND.saveLayout, {
      label: trans.__('Save Dask Layout…'),
      isEnabled: () => labShell !== null && tabsOf(shell).length > 0,
      execute: async () => {
        const layout = labShell && currentLayout(labShell);
        if (!layout) {
          return;
        }
        const { button, value } = await InputDialog.getText({
          title: trans.__('Save the figures and pages that are open'),
          label: trans.__('Name of the layout'),
          okLabel: trans.__('Save')
        });
        const name = value?.trim();
        if (button.accept && name) {
          await options.set('layouts', { ...options.get('layouts'), [name]: layout });
          Notification.success(trans.__('Saved the Dask layout "%1".', name), { autoClose: 3000 });
        }
      }
    });
    commands.addCommand(COMMAND.deleteLayout, {
      label: args => nameOf(args) || trans.__('Delete Dask Layout'),
      execute: args => {
        const others = Object.entries(options.get('layouts')).filter(([name]) => name !== nameOf(args));
        return options.set('layouts', Object.fromEntries(others));
      }
    });
    commands.addCommand(COMMAND.closeLayout, {
      label: trans.__('Close Figures and Pages'),
      isEnabled: () => tabsOf(shell).length > 0,
      execute: () => tabsOf(shell).forEach(tab => tab.close())
    });
    for (const command of [COMMAND.openLayout, COMMAND.saveLayout, COMMAND.closeLayout]) {
      palette?.addItem({ command, category: 'Dask' });
    }
    return { open: at => openMenu(at, hub, commands) };
  }
};

/** The layout that was set, or a good one: our figures below each other, with upstream's progress. */
export function defaultLayout(set: Layout): Layout {
  if (Object.keys(set).length > 0) {
    return set;
  }
  const layout: Record<string, Place> = {};
  let last: string | null = null;
  for (const item of [...FIGURES.slice(0, 2).map(({ name }) => FIGURE + name), 'individual-progress']) {
    layout[item] = { mode: last ? 'split-bottom' : 'split-right', ref: last };
    last = item;
  }
  return layout;
}

function tabsOf(shell: JupyterFrontEnd.IShell): Tab[] {
  const areas = 'mode' in shell ? (['main'] as const) : (['main', 'right'] as const);
  return areas.flatMap(area => [...shell.widgets(area)]).filter(each => each instanceof Tab) as Tab[];
}

function currentLayout(shell: ILabShell): Layout | null {
  const main = shell.saveLayout().mainArea?.dock?.main ?? null;
  return layoutOf(main as Area<Widget> | null, widget => (widget instanceof Tab ? widget.item : null));
}

async function openLayout({ commands, shell }: JupyterFrontEnd, hub: Hub, layout: Layout): Promise<void> {
  const scheduler = hub.choice.scheduler?.id ?? '';
  const before = shell.currentWidget;
  const opened = new Map<string, Widget>();
  for (const { item, mode, ref } of steps(layout)) {
    const place = { scheduler, mode, ...(ref && opened.has(ref) ? { ref: opened.get(ref)?.id } : {}) };
    const figure = item.startsWith(FIGURE);
    const known = figure ? FIGURES.some(({ name }) => name === item.slice(FIGURE.length)) : isPage(item);
    if (!known) {
      console.warn(`dasklens: a layout names ${item}, which is neither a figure nor a page`);
      continue;
    }
    const tab = (await (figure
      ? commands.execute(COMMAND.openFigure, { figure: item.slice(FIGURE.length), ...place })
      : commands.execute(COMMAND.openPage, { page: item, ...place }))) as Widget;
    opened.set(item, tab);
  }
  if (before) {
    shell.activateById(before.id);
  }
}

export default plugin;
