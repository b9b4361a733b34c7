/** Every page and plot of the scheduler's own dashboard, to be searched and opened. */

import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { COMMAND } from '../tokens';
import { copyLine, h, roving, say } from './dom';
import type { Hub } from './hub';
import { onSeen } from './looking';
import { pagesFrom, type PageInfo } from './pagenames';

export const BOKEH_LINE = 'pip install "bokeh>=3.1"';

export class PageList extends Widget {
  private readonly search: HTMLInputElement;
  private readonly list = h('div', { class: 'dasklens-lab-pages', role: 'group' });
  private readonly said = h('p', { class: 'dasklens-lab-said', role: 'status' });
  private readonly ending = new AbortController();
  private readonly settleTabs: () => void;
  private readonly stopSeen: () => void;
  private seen = false;
  /** What was loaded: the scheduler's id and since when it is as it is. */
  private loaded = '';
  private pages: readonly PageInfo[] = [];

  constructor(
    private readonly hub: Hub,
    private readonly commands: CommandRegistry
  ) {
    super();
    const { trans } = hub;
    this.addClass('dasklens-PageList');
    this.search = h('input', {
      type: 'search',
      class: 'jp-mod-styled dasklens-pageSearch',
      placeholder: trans.__('Search pages and plots'),
      'aria-label': trans.__('Search pages and plots')
    });
    this.search.addEventListener('input', () => this.showPages());
    this.search.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        this.list.querySelector('button')?.click();
      }
    });
    this.list.setAttribute('aria-label', trans.__('Pages and plots'));
    this.settleTabs = roving(this.list, 'ArrowUp', 'ArrowDown', this.ending.signal);
    this.node.append(this.search, this.said, this.list);
    hub.choice.changed.connect(this.settle, this);
    this.stopSeen = onSeen(this.node, seen => {
      this.seen = seen;
      this.settle();
    });
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.stopSeen();
      this.ending.abort();
      Signal.clearData(this);
      super.dispose();
    }
  }

  private settle(): void {
    const { scheduler, ended } = this.hub.choice;
    const open = scheduler && !ended && scheduler.state === 'reachable' ? scheduler : null;
    const wanted = open ? `${open.id} ${open.since} ${open.bokeh}` : '';
    if (wanted === this.loaded || !this.seen) {
      return;
    }
    this.loaded = wanted;
    this.pages = [];
    this.showPages();
    if (!open) {
      this.tell(this.hub.trans.__('There is no dashboard to be opened now.'));
    } else if (open.bokeh === false) {
      this.tellBokeh();
    } else {
      this.tell(this.hub.trans.__('Loading…'));
      this.load(open.id).then(
        pages => {
          if (this.loaded === wanted) {
            this.pages = pages;
            this.tell('');
            this.showPages();
          }
        },
        (error: unknown) => {
          if (this.loaded === wanted) {
            this.tell(error instanceof Error ? error.message : String(error));
          }
        }
      );
    }
  }

  private async load(id: string): Promise<PageInfo[]> {
    const { api } = this.hub;
    const { url } = await api.page(id);
    return pagesFrom(await api.json<Record<string, unknown>>(url, 'individual-plots.json'));
  }

  private showPages(): void {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.pages.filter(({ page, title }) => `${title} ${page}`.toLowerCase().includes(wanted));
    this.search.hidden = this.pages.length === 0;
    this.list.replaceChildren(...found.map(info => this.item(info)));
    this.settleTabs();
    if (this.pages.length > 0) {
      say(this.said, found.length === 0 ? this.hub.trans.__('No page or plot matches.') : '');
    }
  }

  private item({ page, title, kind }: PageInfo): HTMLElement {
    const button = h(
      'button',
      { type: 'button', class: 'dasklens-lab-page', 'data-page': page, title: page },
      title
    );
    if (kind === 'page') {
      button.append(h('span', { class: 'dasklens-lab-kind' }, this.hub.trans.__('page')));
    }
    button.addEventListener('click', () => {
      void this.commands.execute(COMMAND.openPage, { page, scheduler: this.hub.choice.scheduler?.id ?? '' });
    });
    return button;
  }

  private tell(text: string): void {
    this.said.replaceChildren(text);
  }

  private tellBokeh(): void {
    const { trans } = this.hub;
    this.said.replaceChildren(
      trans.__(
        'This scheduler has no pages: bokeh is missing in its environment. The figures above need none. ' +
          'To have them, install it there and start the scheduler again:'
      ),
      copyLine(BOKEH_LINE, trans)
    );
  }
}
