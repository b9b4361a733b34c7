/**
 * The top of the panel: which scheduler, how it is, and the buttons. Whatever is in the way stands below.
 */

import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { addIcon, closeIcon } from '@jupyterlab/ui-components';

import { bytes, thousands } from '../core/format';
import { COMMAND } from '../tokens';
import { AddForm } from './add';
import { ApiError, type Scheduler } from './api';
import { h, press, say, tool } from './dom';
import type { Hub } from './hub';
import { layoutIcon, pauseIcon, playIcon } from './icons';
import { RecordBar } from './recordbar';
import { caseOf, noticeOf, type Situation, SYMBOLS, wordsOf } from './notice';

/** Value of the choice that follows the notebook; no scheduler has this id. */
const AUTOMATIC = '';

export class Header extends Widget {
  private readonly select: HTMLSelectElement;
  private readonly pause: HTMLButtonElement;
  private readonly remove: HTMLButtonElement;
  private readonly symbol = h('span', { class: 'dasklens-lab-dot', 'aria-hidden': 'true' });
  private readonly words = h('span', { class: 'dasklens-lab-words' });
  private readonly where = h('span', { class: 'dasklens-lab-where dasklens-cut' });
  private readonly facts = h('div', { class: 'dasklens-lab-factline', 'aria-live': 'off' });
  private readonly notice = h('div', { class: 'dasklens-lab-notice' });
  private readonly add: AddForm;
  private readonly record: RecordBar;
  private options = '';
  private noticed = '';

  constructor(
    private readonly hub: Hub,
    private readonly commands: CommandRegistry,
    openLayouts: (at: HTMLElement) => void
  ) {
    super();
    const { trans } = hub;
    this.addClass('dasklens-Header');
    this.select = h('select', {
      class: 'jp-mod-styled dasklens-lab-select',
      'aria-label': trans.__('Scheduler')
    });
    this.select.addEventListener('change', () => hub.choice.pin(this.select.value || null));
    this.pause = tool(pauseIcon, 'pause', '', () => void commands.execute(COMMAND.pause));
    this.remove = tool(closeIcon, 'remove', trans.__('Remove this address from the list'), () =>
      this.onRemove()
    );
    this.add = new AddForm(hub);
    this.record = new RecordBar(hub, commands);
    const add = tool(addIcon, 'add', trans.__('Add a scheduler by the address of its dashboard'), () =>
      this.add.toggle()
    );
    const layouts = tool(layoutIcon, 'layouts', trans.__('Layouts'), () => openLayouts(layouts));
    layouts.setAttribute('aria-haspopup', 'menu');
    const tools = h('div', { class: 'dasklens-lab-toolset' }, this.remove, add, layouts, this.pause);
    const state = h('div', { class: 'dasklens-lab-state', role: 'status' }, this.symbol, this.words);
    this.node.append(
      h('div', { class: 'dasklens-lab-bar' }, this.select, tools),
      this.add.node,
      h('div', { class: 'dasklens-lab-stateLine' }, state, this.record.button),
      this.where,
      this.facts,
      this.record.node,
      this.notice
    );
    hub.choice.changed.connect(this.showAll, this);
    hub.registry.changed.connect(this.showAll, this);
    hub.pausedChanged.connect(this.showAll, this);
    hub.facts.changed.connect(this.showFacts, this);
    this.showAll();
    this.showFacts();
  }

  /** Have an address typed in. */
  openAdd(): void {
    this.add.open();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.record.dispose();
      Signal.clearData(this);
      super.dispose();
    }
  }

  private get situation(): Situation {
    const { registry, choice, paused } = this.hub;
    return {
      loaded: registry.loaded,
      lost: registry.lost,
      scheduler: choice.scheduler,
      ended: choice.ended,
      paused
    };
  }

  private showAll(): void {
    const { hub, situation } = this;
    const { trans, paused } = hub;
    this.showSelect();
    this.node.dataset.case = caseOf(situation);
    say(this.symbol, SYMBOLS[caseOf(situation)]);
    say(this.words, wordsOf(situation, trans));
    this.showWhere(situation.scheduler);
    this.remove.hidden = situation.scheduler?.source !== 'typed' || situation.ended;
    const title = paused ? trans.__('Go on') : trans.__('Pause all figures');
    if (this.pause.title !== title) {
      this.pause.title = title;
      this.pause.setAttribute('aria-label', title);
      this.pause.replaceChildren();
      (paused ? playIcon : pauseIcon).element({ container: this.pause, tag: 'span' });
    }
    press(this.pause, paused);
    this.showNotice(situation);
  }

  /** Made anew only when something of it is otherwise: a button that is pressed has to stay. */
  private showNotice(situation: Situation): void {
    const { reason, remedy, recorded } = situation.scheduler ?? {};
    const noticed = JSON.stringify([caseOf(situation), reason, remedy, recorded]);
    if (noticed !== this.noticed) {
      this.noticed = noticed;
      const actions = {
        check: () => void this.commands.execute(COMMAND.check),
        add: () => this.openAdd()
      };
      this.notice.replaceChildren(...noticeOf(situation, this.hub.trans, actions));
    }
  }

  private showSelect(): void {
    const { registry, choice, trans } = this.hub;
    const current = choice.scheduler;
    const automatic = !choice.pinned && current ? notebooksOf(current) || current.name : '';
    const entries: [value: string, text: string][] = [
      [AUTOMATIC, automatic ? trans.__('Notebook: %1', automatic) : trans.__('Cluster of the notebook')],
      ...registry.schedulers.map(each => [each.id, this.nameOf(each)] as [string, string])
    ];
    const options = JSON.stringify(entries);
    if (options !== this.options) {
      this.options = options;
      this.select.replaceChildren(...entries.map(([value, text]) => h('option', { value }, text)));
    }
    this.select.value = choice.pinned && current ? current.id : AUTOMATIC;
    this.select.title = choice.pinned
      ? trans.__('Chosen by you; the first entry follows the notebook in front again')
      : trans.__('Follows the notebook in front; choose another to stay with it');
  }

  private nameOf({ name, notebooks, state, address }: Scheduler): string {
    const { trans } = this.hub;
    const where = notebooksOf({ notebooks }) || address;
    const trouble = state === 'reachable' || state === 'checking' ? '' : ` (${trans.__('not reachable')})`;
    return `${name}${where && where !== name ? ` - ${where}` : ''}${trouble}`;
  }

  private showWhere(scheduler: Scheduler | null): void {
    const where = scheduler ? placeOf(scheduler) : '';
    say(this.where, where);
    this.where.title = scheduler
      ? [
          where,
          notebooksOf(scheduler),
          scheduler.address,
          scheduler.tls === 'self-signed' ? scheduler.tls : ''
        ]
          .filter(Boolean)
          .join('\n')
      : '';
  }

  private showFacts(): void {
    const { trans, facts } = this.hub;
    const { known } = facts;
    if (!known) {
      this.facts.replaceChildren();
      return;
    }
    const fact = (name: string, label: string, text: string): HTMLElement =>
      h('span', { 'data-fact': name }, h('b', {}, text), ` ${label}`);
    const { workers, threads, memory, limit, done, failed, total } = known;
    const size = limit ? `${bytes(memory)} / ${bytes(limit)}` : bytes(memory);
    this.facts.replaceChildren(
      fact('workers', trans._n('worker', 'workers', workers), thousands(workers)),
      fact('threads', trans._n('thread', 'threads', threads), thousands(threads)),
      fact('memory', trans.__('memory'), size),
      ...(total > 0
        ? [fact('tasks', trans.__('tasks done'), `${thousands(done)} / ${thousands(total)}`)]
        : []),
      ...(failed > 0 ? [failedFact(trans.__('failed'), thousands(failed))] : [])
    );
  }

  private onRemove(): void {
    const { scheduler } = this.hub.choice;
    if (!scheduler) {
      return;
    }
    this.hub.api.remove(scheduler.id).catch((error: unknown) => {
      const said = error instanceof ApiError ? `${error.message} ${error.remedy}` : String(error);
      this.notice.replaceChildren(h('p', { role: 'alert' }, said));
      this.noticed = '';
    });
  }
}

function failedFact(label: string, text: string): HTMLElement {
  return h('span', { 'data-fact': 'failed', class: 'dasklens-error' }, `✗ ${text} ${label}`);
}

function notebooksOf({ notebooks }: Pick<Scheduler, 'notebooks'>): string {
  return notebooks.map(each => each.name || each.path).join(', ');
}

/** Name and address; they are the same of one that has no name. */
function placeOf({ name, scheduler, address }: Scheduler): string {
  return [...new Set([name, scheduler || address])].filter(Boolean).join(' · ');
}
