/**
 * What paper needs that a screen does not: light colours, what is folded opened, and every section, as nobody
 * can open it there. Sections with figures take a moment to draw, which a browser that prints does not give:
 * pictures of them are made beforehand, while nothing else is to be done, or when the button is pressed.
 */

import { h } from '../parts/elements';
import type { Section, Tabs } from './tabs';

/** Tasks up to which pictures are made unasked: more take time and memory, of those who never print. */
export const UNASKED = 200_000;

export interface OnPaper {
  readonly tabs: Tabs;
  /** The sections as they are on paper; they are built anew each time. */
  sections(): readonly Section[];
  /** What the pictures show, in a word: when it has changed they are old. */
  shown(): string;
}

export class Paper {
  /** The sections by name; they are in the page only while it is printed. */
  private boxes: ReadonlyMap<string, HTMLElement> = new Map();
  private made = '';
  private making: Promise<void> | null = null;

  constructor(private readonly on: OnPaper) {}

  /** Whether there are pictures of what is shown now. */
  get ready(): boolean {
    return this.made === `made ${this.on.shown()}`;
  }

  /** Make pictures of every section; resolves when they are there. */
  prepare(): Promise<void> {
    if (this.ready) {
      return Promise.resolve();
    }
    this.making ??= this.make().finally(() => (this.making = null));
    return this.making;
  }

  /** Put the pictures into the page; returns how to take them out again. */
  lay(): () => void {
    const { boxes } = this;
    boxes.forEach((box, name) => this.on.tabs.panelOf(name).append(box));
    return () => boxes.forEach(box => box.remove());
  }

  private async make(): Promise<void> {
    const shown = this.on.shown();
    const boxes = await Promise.all(
      this.on.sections().map(async section => {
        // Laid out, unlike what is hidden: charts are as wide as they find themselves.
        const box = h('div', { class: 'onpaper onstage', inert: '', 'aria-hidden': 'true' });
        document.body.append(box);
        section.build(box);
        await settled(box);
        box.classList.remove('onstage');
        box.remove();
        return [section.name, box] as const;
      })
    );
    this.boxes = new Map(boxes);
    this.made = `made ${shown}`;
    document.documentElement.dataset.paper = 'ready';
  }
}

/** Resolves when nothing in an element is being made any more. */
function settled(box: HTMLElement): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (!box.querySelector('.waiting, [aria-busy]')) {
        observer.disconnect();
        // Charts draw themselves before the next picture of the page.
        requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(box, { subtree: true, childList: true, attributes: true });
    look();
  });
}

/** Have the page print as a whole, by its button, by the browser's key, and by its menu. */
export function readyForPaper(tabs: Tabs, paper: Paper, button: HTMLButtonElement): void {
  const root = document.documentElement;
  const { body } = document;
  let undo: (() => void)[] = [];
  const print = async (): Promise<void> => {
    const words = button.textContent;
    button.textContent = 'Preparing…';
    button.disabled = true;
    try {
      await paper.prepare();
    } finally {
      button.textContent = words;
      button.disabled = false;
    }
    window.print();
  };
  button.addEventListener('click', () => void print());
  window.addEventListener('keydown', event => {
    const asked = event.key.toLowerCase() === 'p' && (event.ctrlKey || event.metaKey);
    if (asked && !event.shiftKey && !event.altKey && !paper.ready) {
      event.preventDefault();
      void print();
    }
  });
  window.addEventListener('beforeprint', () => {
    tabs.buildAll();
    const { theme } = root.dataset;
    const { jpThemeLight } = body.dataset;
    const dark = body.classList.contains('theme-dark');
    root.dataset.theme = 'light';
    body.dataset.jpThemeLight = 'true';
    body.classList.remove('theme-dark');
    const folded = [
      ...document.querySelectorAll<HTMLDetailsElement>('.panel-exceptions details, .banner details')
    ];
    const opened = folded.filter(each => !each.open);
    opened.forEach(each => (each.open = true));
    undo = [
      paper.lay(),
      () => (root.dataset.theme = theme),
      () => (body.dataset.jpThemeLight = jpThemeLight),
      () => body.classList.toggle('theme-dark', dark),
      () => opened.forEach(each => (each.open = false))
    ];
  });
  window.addEventListener('afterprint', () => {
    undo.forEach(act => act());
    undo = [];
  });
}
