/** A row of buttons over a figure, one stop of the Tab key; pictures of it are saved from here. */

import { button, h, roving, say } from './elements';
import { DOWNLOAD } from './icons';
import { save, type Pictured } from './picture';

export class Tools {
  readonly element: HTMLElement;
  /** What went wrong with a picture. */
  readonly message = h('span', { class: 'dasklens-message dasklens-error dasklens-cut' });

  private readonly settle: () => void;

  constructor(
    label: string,
    private readonly signal: AbortSignal
  ) {
    this.element = h('div', { class: 'dasklens-tools', role: 'toolbar', 'aria-label': label });
    this.settle = roving(this.element, 'ArrowLeft', 'ArrowRight', signal);
  }

  /** `action` names the button for style sheets and tests. */
  add(action: string, path: string, title: string, act: () => void, text = ''): HTMLButtonElement {
    const tool = this.element.appendChild(button(action, path, title, text));
    tool.addEventListener('click', act, { signal: this.signal });
    this.settle();
    return tool;
  }

  /** Buttons that save what `mark` shows under a name. */
  addPictures(mark: Pictured, name: string): void {
    for (const kind of ['png', 'svg'] as const) {
      const text = kind.toUpperCase();
      const act = (): void => {
        void save(mark, kind, name).then(problem => {
          say(this.message, problem);
          this.message.title = problem;
        });
      };
      this.add(`save-${kind}`, DOWNLOAD, `Save a picture as ${text}`, act, text);
    }
  }
}
