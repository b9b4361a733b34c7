/** Pages and plots of a scheduler's own dashboard as tabs of the main area. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';

import { COMMAND, PLUGIN } from '../tokens';
import { Bound } from './bound';
import { type Hub, IHub } from './hub';
import { lensIcon } from './icons';
import { PageFrame } from './pageframe';
import { isPage, titleOf } from './pagenames';
import { find, place, Tab, type TabArgs } from './tabs';

interface PageArgs extends TabArgs {
  readonly page?: string;
}

/** What is in the palette; the panel lists all. */
const OFTEN_USED = [
  'status',
  'individual-progress',
  'individual-workers-memory',
  'workers',
  'graph',
  'profile'
];

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.pages,
  description: "Opens pages of a Dask scheduler's own dashboard, sandboxed and through the Jupyter server.",
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
    const { trans } = hub;
    const tracker = new WidgetTracker<Tab<PageFrame>>({ namespace: 'dasklens-pages' });

    commands.addCommand(COMMAND.openPage, {
      label: args => trans.__('Open Dashboard Page %1', titleOf(pageOf(args as PageArgs))),
      icon: lensIcon,
      execute: given => {
        const args = given as PageArgs;
        const page = pageOf(args);
        const there = find(tracker, page, args);
        if (there) {
          app.shell.activateById(there.id);
          return there;
        }
        const tab = newTab(hub, page, args);
        tab.bound.changed.connect(() => void tracker.save(tab));
        const others: Tab[] = [];
        tracker.forEach(each => others.push(each));
        place(app, hub.front, tab, others, args);
        void tracker.add(tab);
        return tab;
      }
    });
    void restorer?.restore(tracker, {
      command: COMMAND.openPage,
      args: tab => ({ page: tab.item, scheduler: tab.bound.id, key: tab.key }),
      name: tab => tab.key
    });
    for (const page of OFTEN_USED) {
      palette?.addItem({ command: COMMAND.openPage, category: 'Dask', args: { page } });
    }
  }
};

/** The page of the arguments; they may come from anybody's saved workspace. */
function pageOf({ page }: PageArgs): string {
  return typeof page === 'string' && isPage(page) ? page : 'status';
}

function newTab(hub: Hub, page: string, args: TabArgs): Tab<PageFrame> {
  const bound = new Bound(args.scheduler || (hub.choice.scheduler?.id ?? ''), hub.registry, hub.choice);
  const tab = new Tab(page, args.key ?? `${page}@${bound.id}`, bound, new PageFrame(page, bound, hub));
  const release = hub.registry.look();
  tab.disposed.connect(release);
  tab.addClass('dasklens-PageTab');
  tab.title.label = titleOf(page);
  tab.title.icon = lensIcon;
  const caption = (): void => {
    tab.title.caption = [titleOf(page), bound.scheduler?.name].filter(Boolean).join('\n');
  };
  bound.changed.connect(caption);
  caption();
  return tab;
}

export default plugin;
