/** The sections of a report as tabs: each is made when it is first shown. */

import { h } from '../parts/elements';

export interface Section {
  readonly name: string;
  readonly title: string;
  /** Beside the title: how many there are. */
  readonly badge?: string;
  readonly alarming?: boolean;
  /** Nothing was recorded: it stands back, and says why when it is shown. */
  readonly empty?: boolean;
  /** Whether it can be made at once, for printing. */
  readonly prints?: boolean;
  build(panel: HTMLElement): Shown | void;
}

/** A section that wants to know when it is shown again, or another part of it. */
export interface Shown {
  shown?(): void;
}

interface Made {
  readonly section: Section;
  readonly tab: HTMLButtonElement;
  readonly panel: HTMLElement;
  built: boolean;
  says: Shown | void;
}

const NOT_READY =
  'The pictures of this section were not made when this was printed: print it again, by the button Print.';

export class Tabs {
  readonly list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Sections of the report' });
  readonly panels = h('main', { class: 'panels' });
  private readonly all: readonly Made[];
  private current: Made | null = null;

  constructor(
    sections: readonly Section[],
    private readonly onShown: (name: string) => void,
    /** Before the ids of elements: there may be several reports in one document. */
    private readonly prefix = ''
  ) {
    this.all = sections.map(section => this.make(section));
    this.list.append(...this.all.map(({ tab }) => tab));
    this.panels.append(...this.all.map(({ panel }) => panel));
    this.list.addEventListener('keydown', event => this.onKey(event));
  }

  /** Show a section; the first one if there is none of the name. */
  show(name: string | null): void {
    const made = this.all.find(({ section }) => section.name === name) ?? this.all[0];
    if (made === this.current) {
      this.tellShown(made);
      return;
    }
    this.current = made;
    for (const { tab, panel } of this.all) {
      const chosen = tab === made.tab;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      panel.hidden = !chosen;
    }
    const again = made.built;
    this.build(made);
    if (again) {
      this.tellShown(made);
    }
    // With the next picture: asked now, the page would be laid out twice.
    requestAnimationFrame(() => made.tab.scrollIntoView?.({ block: 'nearest', inline: 'nearest' }));
    this.onShown(made.section.name);
  }

  /** The element of a section. */
  panelOf(name: string): HTMLElement {
    return (this.all.find(({ section }) => section.name === name) ?? this.all[0]).panel;
  }

  /** Make every section that can be made at once. */
  buildAll(): void {
    this.all.filter(({ section }) => section.prints).forEach(made => this.build(made));
  }

  private tellShown({ says }: Made): void {
    if (says) {
      says.shown?.();
    }
  }

  private make(section: Section): Made {
    const { name, title, badge, alarming, empty } = section;
    const [tabId, panelId] = [`${this.prefix}tab-${name}`, `${this.prefix}panel-${name}`];
    const tab = h(
      'button',
      { type: 'button', role: 'tab', id: tabId, 'aria-controls': panelId, class: 'tab' },
      title
    );
    if (badge) {
      tab.append(h('span', { class: alarming ? 'badge alarming' : 'badge' }, badge));
    }
    tab.classList.toggle('empty-tab', Boolean(empty));
    tab.addEventListener('click', () => this.show(name));
    const panel = h('section', {
      class: `panel panel-${name}`,
      role: 'tabpanel',
      id: panelId,
      'aria-labelledby': tabId
    });
    panel.hidden = true;
    panel.append(h('h2', { class: 'printed' }, title));
    if (!section.prints) {
      panel.append(h('p', { class: 'unprinted' }, NOT_READY));
    }
    return { section, tab, panel, built: false, says: undefined };
  }

  private build(made: Made): void {
    if (!made.built) {
      made.built = true;
      made.says = made.section.build(made.panel);
    }
  }

  private onKey(event: KeyboardEvent): void {
    const at = this.all.findIndex(({ tab }) => tab === event.target);
    const last = this.all.length - 1;
    const to = {
      ArrowLeft: at === 0 ? last : at - 1,
      ArrowRight: at === last ? 0 : at + 1,
      Home: 0,
      End: last
    }[event.key];
    if (at >= 0 && to !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.show(this.all[to].section.name);
      this.all[to].tab.focus();
    }
  }
}
