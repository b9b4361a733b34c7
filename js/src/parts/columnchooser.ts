/** A button that opens a list of columns to choose from. */

import { h, uniqueId } from './elements';

export interface Choice {
  readonly key: string;
  readonly title: string;
  readonly long: string;
}

/**
 * @param shown keys of the columns that are on screen.
 * @param own whether they were chosen, and not the ones that fit.
 * @param choose is called with keys, with none to go back to those that fit.
 */
export function chooser(
  choices: readonly Choice[],
  shown: () => readonly string[],
  own: () => boolean,
  choose: (keys: string[]) => void,
  signal: AbortSignal
): { element: HTMLElement } {
  const id = uniqueId('columns');
  const list = h('div', { class: 'dasklens-choices', id, role: 'group', 'aria-label': 'Columns' });
  list.hidden = true;
  const opener = h(
    'button',
    {
      type: 'button',
      'data-action': 'columns',
      title: 'Choose the columns',
      'aria-expanded': 'false',
      'aria-controls': id
    },
    'Columns'
  );
  const element = h('div', { class: 'dasklens-chooser' }, opener, list);

  const box = (key: string, title: string, long: string): HTMLElement =>
    h('label', { title: long }, h('input', { type: 'checkbox', value: key }), h('span', {}, title));
  const automatic = box('', 'As many as fit', 'The most telling columns for which there is room');
  list.append(automatic, h('hr'), ...choices.map(({ key, title, long }) => box(key, title, long)));
  const boxes = (): HTMLInputElement[] => [...list.querySelectorAll('input')];

  const fill = (): void => {
    const on = new Set(shown());
    for (const each of boxes()) {
      each.checked = each.value === '' ? !own() : on.has(each.value);
    }
  };
  const open = (to: boolean): void => {
    if (to) {
      fill();
    }
    list.hidden = !to;
    opener.setAttribute('aria-expanded', String(to));
  };

  opener.addEventListener('click', () => open(list.hidden), { signal });
  list.addEventListener(
    'change',
    event => {
      const input = event.target as HTMLInputElement;
      const chosen = boxes()
        .filter(each => each.value !== '' && each.checked)
        .map(each => each.value);
      choose(input.value === '' && input.checked ? [] : chosen);
      fill();
    },
    { signal }
  );
  element.addEventListener(
    'keydown',
    event => {
      if (event.key === 'Escape' && !list.hidden) {
        event.preventDefault();
        open(false);
        opener.focus();
      }
    },
    { signal }
  );
  document.addEventListener(
    'pointerdown',
    event => {
      if (!element.contains(event.target as Node)) {
        open(false);
      }
    },
    { signal }
  );
  return { element };
}
