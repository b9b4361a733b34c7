/** Elements of the parts. Text becomes text nodes only: keys and names come from strangers. */

import { icon } from './icons';

type Attributes = Record<string, string>;

/** An element with attributes and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A flat button with an icon. `action` names it for style sheets and tests. */
export function button(action: string, path: string, title: string, text = ''): HTMLButtonElement {
  const attributes = { type: 'button', 'data-action': action, title, 'aria-label': title };
  return h('button', attributes, ...(path ? [icon(path)] : []), ...(text ? [text] : []));
}

export function swatch(colour: string): HTMLSpanElement {
  const element = h('span', { class: 'dasklens-swatch' });
  element.style.background = colour;
  return element;
}

/** Set text if it differs: a live region speaks at every change, and so do layouts. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export function press(element: Element, pressed: boolean): void {
  element.setAttribute('aria-pressed', String(pressed));
}

/**
 * Make the buttons in a box one stop of the Tab key, with two arrow keys, Home and End going from one
 * to the next. Returns what to call after buttons came or went.
 */
export function roving(box: HTMLElement, back: string, on: string, signal: AbortSignal): () => void {
  let current: Element | null = null;
  const buttons = (): HTMLButtonElement[] => [...box.querySelectorAll('button')].filter(each => !each.hidden);
  const settle = (): void => {
    const all = buttons();
    const stop = all.find(each => each === current) ?? all[0];
    all.forEach(each => (each.tabIndex = each === stop ? 0 : -1));
  };
  box.addEventListener(
    'focusin',
    event => {
      current = event.target as Element;
      settle();
    },
    { signal }
  );
  box.addEventListener(
    'keydown',
    event => {
      const all = buttons();
      const at = all.indexOf(event.target as HTMLButtonElement);
      const to = { [back]: at - 1, [on]: at + 1, Home: 0, End: all.length - 1 }[event.key];
      if (at >= 0 && to !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        all[(to + all.length) % all.length].focus();
      }
    },
    { signal }
  );
  settle();
  return settle;
}

/** Call `act` with the width of an element, now and whenever it changes. */
export function watchWidth(el: HTMLElement, signal: AbortSignal, act: (width: number) => void): void {
  act(el.clientWidth);
  if (typeof ResizeObserver !== 'undefined') {
    const observer = new ResizeObserver(() => act(el.clientWidth));
    observer.observe(el);
    signal.addEventListener('abort', () => observer.disconnect());
  }
}

/**
 * An id that no other element of the page has. anywidget loads a part's module anew for each widget: what
 * is counted here would begin at one for each.
 */
export function uniqueId(name: string): string {
  const [id] = crypto.getRandomValues(new BigUint64Array(1));
  return `dasklens-${name}-${id.toString(36)}`;
}
