/** The side panel: header, sections; it looks after schedulers only while it is visible. */

import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';

import { FIGURES } from '../host/figure';
import { COMMAND } from '../tokens';
import { tool } from './dom';
import { Header } from './header';
import type { Hub } from './hub';
import { insertIcon, lensIcon, openIcon } from './icons';
import { LiveFigure } from './live';
import { LiveSummary } from './livesummary';
import { onSeen } from './looking';
import { PageList } from './pagelist';
import { Section } from './section';
import { Sections } from './sections';

export class DasklensPanel extends Panel {
  readonly header: Header;
  private readonly figures: LiveFigure[] = [];
  private readonly summary: LiveSummary;
  private readonly stopSeen: () => void;
  private release: (() => void)[] = [];

  constructor(
    private readonly hub: Hub,
    private readonly commands: CommandRegistry,
    openLayouts: (at: HTMLElement) => void
  ) {
    super();
    const { trans } = hub;
    this.id = 'dasklens-panel';
    this.addClass('dasklens-Panel');
    this.title.icon = lensIcon;
    this.title.caption = trans.__('Dask clusters (dasklens)');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Dask clusters'));
    // JupyterLab takes keys on their way down: with a figure in focus, its own shall work.
    this.node.setAttribute('data-lm-suppress-shortcuts', 'true');
    this.header = new Header(hub, commands, openLayouts);
    this.addWidget(this.header);
    const pages = new Section(
      'dashboards',
      trans.__('Dashboard pages'),
      new PageList(hub, commands),
      [],
      trans
    );
    this.summary = new LiveSummary(hub);
    const summary = new Section('summary', trans.__('Summary'), this.summary, [], trans);
    const figures = FIGURES.map(({ name, title }) => this.section(name, title));
    // Behind what moves: progress and the task stream are looked at most.
    figures.splice(2, 0, summary);
    this.addWidget(new Sections([...figures, pages], hub.options));
    hub.choice.changed.connect(this.follow, this);
    this.follow();
    this.stopSeen = onSeen(this.node, seen => {
      this.release.splice(0).forEach(release => release());
      if (seen) {
        this.release = [hub.registry.look(), hub.facts.look()];
      }
    });
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.stopSeen();
    this.release.forEach(release => release());
    Signal.clearData(this);
    super.dispose();
  }

  private section(name: string, title: string): Section {
    const { hub, commands } = this;
    const { trans } = hub;
    const figure = new LiveFigure(name, hub);
    this.figures.push(figure);
    const args = (): { figure: string; scheduler: string } => ({
      figure: name,
      scheduler: hub.choice.scheduler?.id ?? ''
    });
    const insert = tool(insertIcon, 'insert', trans.__('Insert into the notebook'), () => {
      void commands.execute(COMMAND.insertFigure, args());
    });
    const open = tool(openIcon, 'open', trans.__('Open beside the notebook'), () => {
      void commands.execute(COMMAND.openFigure, args());
    });
    return new Section(name, trans.__(title), figure, [insert, open], trans);
  }

  private follow(): void {
    const { scheduler, ended } = this.hub.choice;
    this.figures.forEach(figure => figure.follow(scheduler, ended));
    this.summary.follow(scheduler, ended);
    // Nothing to see, and room for what to do.
    this.node.dataset.empty = String(scheduler === null);
  }
}
