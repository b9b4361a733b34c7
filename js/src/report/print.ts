/** What paper needs that a screen does not: light colours, and what is folded opened. */

import type { Tabs } from './tabs';

export function readyForPaper(tabs: Tabs): void {
  const root = document.documentElement;
  let theme = root.dataset.theme;
  let opened: HTMLDetailsElement[] = [];
  window.addEventListener('beforeprint', () => {
    tabs.buildAll();
    theme = root.dataset.theme;
    root.dataset.theme = 'light';
    opened = [...document.querySelectorAll<HTMLDetailsElement>('.panel-exceptions details, .banner details')];
    opened = opened.filter(each => !each.open);
    opened.forEach(each => (each.open = true));
  });
  window.addEventListener('afterprint', () => {
    root.dataset.theme = theme;
    opened.forEach(each => (each.open = false));
  });
}
