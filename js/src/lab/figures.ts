/** Figures in the main area, and the line that shows one in a notebook's cell. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';

import { FIGURES, type FigureInfo } from '../host/figure';
import { COMMAND, PLUGIN } from '../tokens';
import { Bound } from './bound';
import { type Hub, IHub } from './hub';
import { insertIcon, lensIcon } from './icons';
import { canInsert, insertCell, lineFor } from './insert';
import { LiveFigure } from './live';
import { find, place, Tab, type TabArgs } from './tabs';

interface FigureArgs extends TabArgs {
  readonly figure?: string;
}

/** Prefix of a figure's name where pages are named too. */
export const FIGURE = 'dasklens:';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.figures,
  description: 'Opens figures of Dask clusters in the main area, and writes them into notebooks.',
  autoStart: true,
  requires: [IHub],
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    hub: Hub,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const { commands } = app;
    const { trans, choice, front, registry } = hub;
    const tracker = new WidgetTracker<Tab<LiveFigure>>({ namespace: 'dasklens-figures' });

    commands.addCommand(COMMAND.openFigure, {
      label: args => trans.__('Open %1', trans.__(infoOf(args as FigureArgs).title)),
      icon: lensIcon,
      execute: given => {
        const args = given as FigureArgs;
        const info = infoOf(args);
        const there = find(tracker, FIGURE + info.name, args);
        if (there) {
          app.shell.activateById(there.id);
          return there;
        }
        const tab = newTab(hub, info, args);
        tab.bound.changed.connect(() => void tracker.save(tab));
        const others: Tab[] = [];
        tracker.forEach(each => others.push(each));
        place(app, front, tab, others, args);
        void tracker.add(tab);
        return tab;
      }
    });
    commands.addCommand(COMMAND.insertFigure, {
      label: args => trans.__('Insert %1 into the Notebook', trans.__(infoOf(args as FigureArgs).title)),
      icon: insertIcon,
      isEnabled: () => canInsert(front.document),
      execute: given => {
        const args = given as FigureArgs;
        const scheduler = (args.scheduler && registry.get(args.scheduler)) || choice.scheduler;
        const own = registry.schedulers.filter(each => each.kernels.includes(front.kernel ?? ''));
        insertCell(front.document, lineFor(infoOf(args).python, scheduler, own));
        if (front.document) {
          app.shell.activateById(front.document.id);
        }
      }
    });
    registry.changed.connect(() => commands.notifyCommandChanged(COMMAND.insertFigure));
    front.changed.connect(() => commands.notifyCommandChanged(COMMAND.insertFigure));

    void restorer?.restore(tracker, {
      command: COMMAND.openFigure,
      args: tab => ({ figure: tab.item.slice(FIGURE.length), scheduler: tab.bound.id, key: tab.key }),
      name: tab => tab.key
    });
    for (const { name } of FIGURES) {
      for (const command of [COMMAND.openFigure, COMMAND.insertFigure]) {
        palette?.addItem({ command, category: 'Dask', args: { figure: name } });
      }
    }
  }
};

function infoOf({ figure }: FigureArgs): FigureInfo {
  return FIGURES.find(({ name }) => name === figure) ?? FIGURES[0];
}

function newTab(hub: Hub, { name, title }: FigureInfo, args: TabArgs): Tab<LiveFigure> {
  const bound = new Bound(args.scheduler || (hub.choice.scheduler?.id ?? ''), hub.registry, hub.choice);
  const content = new LiveFigure(name, hub);
  const tab = new Tab(FIGURE + name, args.key ?? `${name}@${bound.id}`, bound, content);
  // A tab needs to know of changes even while it is behind another.
  const release = hub.registry.look();
  tab.disposed.connect(release);
  tab.addClass('dasklens-FigureTab');
  tab.title.label = hub.trans.__(title);
  tab.title.icon = lensIcon;
  const show = (): void => {
    content.follow(bound.scheduler, bound.ended);
    tab.title.caption = [hub.trans.__(title), bound.scheduler?.name].filter(Boolean).join('\n');
  };
  bound.changed.connect(show);
  show();
  return tab;
}

export default plugin;
