/** What is said at the top of the page. */

import { h } from '../parts/elements';
import { IDS } from './shared';

/** Say one more thing there. */
export function note(text: string): void {
  let notes = document.getElementById(IDS.notes);
  if (!notes) {
    notes = h('ul', { id: IDS.notes, class: 'dasklens-notes' });
    document.body.prepend(notes);
  }
  notes.append(h('li', {}, text));
}

/** Say it in the place of something. */
export function sentence(text: string): HTMLParagraphElement {
  return h('p', { class: 'dasklens-note' }, text);
}
