/** The pages of a scheduler's dashboard, and how a page is called. */

export interface PageInfo {
  /** Path below the dashboard's root. */
  readonly page: string;
  readonly title: string;
  readonly kind: 'page' | 'plot';
}

/** What every scheduler with bokeh serves beside its individual plots (distributed 2026.8). */
const PAGES: readonly [page: string, title: string][] = [
  ['status', 'Status'],
  ['workers', 'Workers'],
  ['tasks', 'Task Stream (page)'],
  ['system', 'System'],
  ['profile', 'Profile'],
  ['profile-server', 'Profile Server'],
  ['graph', 'Graph'],
  ['groups', 'Groups'],
  ['info/main/workers.html', 'Info'],
  ['gpu', 'GPU'],
  ['shuffle', 'Shuffle'],
  ['stealing', 'Stealing'],
  ['exceptions', 'Exceptions'],
  ['events', 'Events'],
  ['counters', 'Counters'],
  ['hardware', 'Hardware']
];

/** A path as a page's name: without slashes at its ends, query or fragment. */
export function pageOf(path: string): string {
  return path.replace(/[?#].*$/, '').replace(/^\/+|\/+$/g, '');
}

/** Whether a name is that of a page: it becomes part of an address. */
export function isPage(page: string): boolean {
  return /^[\w-]+(?:[./][\w-]+)*$/.test(page);
}

/** Name of a plot or page for people. */
export function titleOf(page: string): string {
  const known = PAGES.find(([name]) => name === page);
  if (known) {
    return known[1];
  }
  const words = page.replace(/^individual-/, '').split(/[-_/]/);
  return words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
}

/** All pages and plots, from what `individual-plots.json` says: `{"Individual Task Stream": "/individual-task-stream"}`. */
export function pagesFrom(plots: Readonly<Record<string, unknown>>): PageInfo[] {
  const found = Object.values(plots)
    .filter((path): path is string => typeof path === 'string')
    .map(pageOf)
    .filter(isPage)
    .map(page => ({ page, title: titleOf(page), kind: 'plot' as const }));
  const pages = PAGES.map(([page, title]) => ({ page, title, kind: 'page' as const }));
  return [...pages, ...found.sort((a, b) => (a.title < b.title ? -1 : 1))];
}
