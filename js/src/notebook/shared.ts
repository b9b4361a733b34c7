/**
 * What the scripts of a notebook's page know of each other. `python/dasklens/report/nbexport.py` writes the page:
 * the notebook as nbconvert shows it, an element in the place of each widget, and behind it what draws them.
 */

import type { MakeBqplot, PackedScripts } from '../host/packed';

/** Ids of elements; `python/dasklens/report/nbpage.py` has the same names. */
export const IDS = {
  widgets: 'dasklens-widgets',
  notebook: 'dasklens-notebook',
  bqplot: 'dasklens-bqplot',
  math: 'dasklens-math',
  notes: 'dasklens-notes'
} as const;

/** A model as Jupyter saves it in a notebook. */
export interface SavedModel {
  readonly model_name: string;
  readonly model_module: string;
  readonly state: Readonly<Record<string, unknown>>;
  readonly buffers?: readonly { readonly path: (string | number)[]; readonly data: string }[];
}

/** What stands for a model whose module is not in the page. */
export interface StandIn {
  readonly sentence: string;
  /** The picture that the model saved of itself, as a `data:` address. */
  readonly picture?: string;
}

export interface SavedWidgets {
  readonly state: Readonly<Record<string, SavedModel>>;
  readonly missing: Readonly<Record<string, StandIn>>;
  /** Widgets may bring code of their own. */
  readonly scripts: boolean;
}

export interface NotebookPage extends PackedScripts {
  bqplot?: MakeBqplot;
  /** Set by the script of mathematics: typesets what stands in an element; how many formulas it cannot. */
  typeset?(element: Element): number;
}

declare global {
  interface Window {
    dasklensNotebook: NotebookPage;
  }
}
