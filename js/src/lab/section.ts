/** A section of the panel: a head to fold, move and act by, and what it shows. */

import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal, type ISignal } from '@lumino/signaling';
import { Panel, Widget } from '@lumino/widgets';

import { h } from './dom';

const DRAGGED = 'application/x-dasklens-section';

/** Where a section is to go: beside another, or a step up or down. */
export type Move = { readonly by: 1 | -1 } | { readonly name: string; readonly after: boolean };

export class Section extends Panel {
  private readonly _moved = new Signal<this, Move>(this);
  private readonly _foldedChanged = new Signal<this, void>(this);
  private readonly toggle: HTMLButtonElement;
  private readonly head: HTMLElement;
  private _folded = false;

  /** @param tools buttons at the end of the head. */
  constructor(
    readonly name: string,
    title: string,
    readonly content: Widget,
    tools: readonly HTMLElement[],
    trans: TranslationBundle
  ) {
    super();
    this.addClass('dasklens-Section');
    this.node.dataset.section = name;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', title);
    this.toggle = h('button', { type: 'button', class: 'dasklens-lab-fold' });
    this.toggle.title = trans.__('Fold; move with Alt and the arrow keys, or by dragging');
    this.toggle.addEventListener('click', () => (this.folded = !this.folded));
    this.toggle.append(
      h('span', { class: 'dasklens-lab-caret' }),
      h('span', { class: 'dasklens-lab-title' }, title)
    );
    this.head = h('div', { class: 'dasklens-lab-head', draggable: 'true' }, this.toggle, ...tools);
    this.head.addEventListener('keydown', event => this.onKey(event));
    this.listenToDrags();
    const head = new Widget({ node: this.head });
    this.addWidget(head);
    this.addWidget(content);
    this.showFolded();
  }

  get moved(): ISignal<this, Move> {
    return this._moved;
  }

  get foldedChanged(): ISignal<this, void> {
    return this._foldedChanged;
  }

  get folded(): boolean {
    return this._folded;
  }

  set folded(folded: boolean) {
    if (folded !== this._folded) {
      this._folded = folded;
      this.showFolded();
      this._foldedChanged.emit();
    }
  }

  override dispose(): void {
    Signal.clearData(this);
    super.dispose();
  }

  private showFolded(): void {
    const { _folded: folded, content, toggle } = this;
    toggle.setAttribute('aria-expanded', String(!folded));
    const caret = toggle.firstElementChild as HTMLElement;
    caret.replaceChildren();
    (folded ? caretRightIcon : caretDownIcon).element({ container: caret, tag: 'span' });
    content.setHidden(folded);
  }

  private onKey(event: KeyboardEvent): void {
    const by = ({ ArrowUp: -1, ArrowDown: 1 } as const)[event.key as 'ArrowUp' | 'ArrowDown'];
    if (event.altKey && by) {
      event.preventDefault();
      event.stopPropagation();
      this._moved.emit({ by });
    }
  }

  private listenToDrags(): void {
    const { node } = this;
    this.head.addEventListener('dragstart', event => {
      event.dataTransfer?.setData(DRAGGED, this.name);
      event.dataTransfer?.setDragImage(this.head, 8, 8);
    });
    const over = (event: DragEvent): boolean => event.clientY > middle(node);
    node.addEventListener('dragover', event => {
      if (event.dataTransfer?.types.includes(DRAGGED)) {
        event.preventDefault();
        node.dataset.drop = over(event) ? 'after' : 'before';
      }
    });
    const leave = (): void => void delete node.dataset.drop;
    node.addEventListener('dragleave', leave);
    node.addEventListener('drop', event => {
      const name = event.dataTransfer?.getData(DRAGGED);
      leave();
      if (name && name !== this.name) {
        event.preventDefault();
        this._moved.emit({ name, after: over(event) });
      }
    });
  }
}

function middle(node: HTMLElement): number {
  const { top, height } = node.getBoundingClientRect();
  return top + height / 2;
}
