/**
 * Between the arrangement of the main area and a layout: items in an order, each placed beside one that was
 * placed before it.
 */

import type { Layout, Place } from './options';

/** The part of lumino's dock layout that counts. */
export type Area<W> =
  | { readonly type: 'tab-area'; readonly widgets: readonly W[] }
  | {
      readonly type: 'split-area';
      readonly orientation: 'horizontal' | 'vertical';
      readonly children: readonly Area<W>[];
    };

/** The layout of those widgets that are items, null when none is. */
export function layoutOf<W>(area: Area<W> | null, itemOf: (widget: W) => string | null): Layout | null {
  const items = area && pruned(area, itemOf);
  if (!items) {
    return null;
  }
  const layout: Record<string, Place> = {};
  const put = (item: string, mode: Place['mode'], ref: string | null): void => {
    layout[item] ??= { mode, ref };
  };
  // The heads of all children come first: what is inside of one must not take the place of the next.
  const fill = (inside: Area<string>): void => {
    if (inside.type === 'tab-area') {
      inside.widgets.slice(1).forEach((item, i) => put(item, 'tab-after', inside.widgets[i]));
      return;
    }
    const mode = inside.orientation === 'horizontal' ? 'split-right' : 'split-bottom';
    inside.children.slice(1).forEach((child, i) => put(head(child), mode, head(inside.children[i])));
    inside.children.forEach(fill);
  };
  put(head(items), 'split-right', null);
  fill(items);
  return layout;
}

function head(area: Area<string>): string {
  return area.type === 'tab-area' ? area.widgets[0] : head(area.children[0]);
}

function pruned<W>(area: Area<W>, itemOf: (widget: W) => string | null): Area<string> | null {
  if (area.type === 'tab-area') {
    const widgets = area.widgets.flatMap(widget => itemOf(widget) ?? []);
    return widgets.length > 0 ? { type: 'tab-area', widgets } : null;
  }
  const children = area.children.flatMap(child => pruned(child, itemOf) ?? []);
  return children.length > 1 ? { ...area, children } : (children[0] ?? null);
}

/** The items of a layout so that each comes after the one that it refers to; unknown references are dropped. */
export function steps(layout: Layout): { item: string; mode: Place['mode']; ref: string | null }[] {
  const made: { item: string; mode: Place['mode']; ref: string | null }[] = [];
  const done = new Set<string>();
  const add = (item: string, before: ReadonlySet<string>): void => {
    if (done.has(item)) {
      return;
    }
    const { mode = 'split-right', ref } = layout[item];
    // Going round in a circle ends where it began.
    const known = typeof ref === 'string' && ref in layout && !before.has(ref) ? ref : null;
    if (known) {
      add(known, new Set([...before, item]));
    }
    done.add(item);
    made.push({ item, mode, ref: known });
  };
  Object.keys(layout).forEach(item => add(item, new Set([item])));
  return made;
}
