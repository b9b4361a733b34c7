/** Tabs of the main area: what each shows, and where it goes. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, type WidgetTracker } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Widget } from '@lumino/widgets';

import type { Bound } from './bound';
import type { Front } from './front';

/** Arguments of the commands that open a tab; what the layout restorer keeps. */
export interface TabArgs {
  /** Of a scheduler; empty for the one that the panel shows. Never an address: those are secrets. */
  readonly scheduler?: string;
  /** Name of the tab, the same after a reload. */
  readonly key?: string;
  readonly mode?: DocumentRegistry.IOpenOptions['mode'];
  /** Id of the widget that `mode` refers to. */
  readonly ref?: string;
}

export class Tab<T extends Widget = Widget> extends MainAreaWidget<T> {
  /**
   * @param item what it shows: `dasklens:task-stream`, or a page.
   * @param key name of the tab, the same after a reload.
   */
  constructor(
    readonly item: string,
    readonly key: string,
    readonly bound: Bound,
    content: T
  ) {
    super({ content });
    this.id = `dasklens-tab-${key}`;
    this.toolbar.hide();
  }

  override dispose(): void {
    this.bound.dispose();
    super.dispose();
  }
}

/** The tab that shows an item of a scheduler already. */
export function find<T extends Tab>(
  tracker: WidgetTracker<T>,
  item: string,
  { scheduler, key }: TabArgs
): T | undefined {
  return tracker.find(tab =>
    key ? tab.key === key : tab.item === item && tab.bound.id === (scheduler ?? '')
  );
}

/** Put a tab beside the notebook, or behind those that are there already. */
export function place(
  app: JupyterFrontEnd,
  front: Front,
  tab: Tab,
  others: readonly Tab[],
  { mode, ref }: TabArgs
): void {
  const { shell } = app;
  if (!isLab(shell)) {
    // Notebook 7 has one document and areas at its sides.
    shell.add(tab, 'right');
    (shell as unknown as { expandRight?(id: string): void }).expandRight?.(tab.id);
    return;
  }
  if (mode || ref) {
    shell.add(tab, 'main', { mode: mode ?? 'split-right', ref: ref ?? null, activate: false });
    return;
  }
  const last = others.filter(other => other.isAttached).pop();
  const where = last
    ? ({ mode: 'tab-after', ref: last.id } as const)
    : ({ mode: 'split-right', ref: front.document?.id ?? null } as const);
  shell.add(tab, 'main', where);
}

function isLab(shell: JupyterFrontEnd.IShell): boolean {
  return 'restoreLayout' in shell && 'mode' in shell;
}
