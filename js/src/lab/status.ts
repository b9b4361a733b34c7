/** Done and all tasks of the notebook's cluster in the status bar. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { thousands } from '../core/format';
import { COMMAND, PLUGIN } from '../tokens';
import { h, say } from './dom';
import { Facts } from './facts';
import { type Hub, IHub } from './hub';
import { lensIcon } from './icons';

class StatusItem extends Widget {
  private readonly facts: Facts;
  private readonly text = h('span', { class: 'dasklens-lab-tasks' });
  private readonly button: HTMLButtonElement;
  private release: (() => void)[] = [];

  constructor(
    private readonly hub: Hub,
    commands: CommandRegistry
  ) {
    super();
    this.addClass('dasklens-Status');
    this.button = h('button', { type: 'button', class: 'jp-StatusItem dasklens-lab-statusButton' });
    lensIcon.element({ container: this.button, tag: 'span' });
    this.button.append(this.text);
    this.button.addEventListener('click', () => void commands.execute(COMMAND.showPanel));
    this.node.append(this.button);
    this.facts = new Facts(hub.api);
    this.facts.changed.connect(this.tell, this);
    hub.choice.changed.connect(this.follow, this);
    hub.options.changed.connect(this.follow, this);
    this.follow();
  }

  /** Whether there is anything to say. */
  get wanted(): boolean {
    return this.hub.options.get('statusBar') && this.scheduler !== undefined;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.release.forEach(release => release());
      this.facts.dispose();
      Signal.clearData(this);
      super.dispose();
    }
  }

  private get scheduler(): ReturnType<Hub['choice']['of']> {
    const { choice, front, registry } = this.hub;
    const chosen = choice.ended ? undefined : (choice.scheduler ?? undefined);
    return choice.of(front.kernel) ?? (chosen && registry.get(chosen.id));
  }

  private follow(): void {
    const on = this.hub.options.get('statusBar');
    if (on && this.release.length === 0) {
      this.release = [this.hub.registry.look(), this.facts.look()];
    } else if (!on) {
      this.release.splice(0).forEach(release => release());
    }
    this.facts.show(on ? (this.scheduler ?? null) : null);
    this.button.hidden = !this.wanted;
    this.tell();
  }

  private tell(): void {
    const { trans } = this.hub;
    const { scheduler } = this;
    const tasks = this.facts.known;
    const counts =
      tasks && (tasks.total ? `${thousands(tasks.done)} / ${thousands(tasks.total)}` : trans.__('idle'));
    say(this.text, counts ?? 'Dask');
    const title = tasks
      ? trans.__(
          '%1 of %2 tasks done on %3',
          thousands(tasks.done),
          thousands(tasks.total),
          scheduler?.name ?? ''
        )
      : trans.__('Dask cluster %1', scheduler?.name ?? '');
    this.button.title = title;
    this.button.setAttribute('aria-label', title);
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.status,
  description: "Shows the tasks of the notebook's Dask cluster in the status bar.",
  autoStart: true,
  requires: [IHub, IStatusBar],
  activate: (app: JupyterFrontEnd, hub: Hub, statusBar: IStatusBar) => {
    const item = new StatusItem(hub, app.commands);
    statusBar.registerStatusItem(PLUGIN.status, { align: 'left', rank: 90, item });
  }
};

export default plugin;
