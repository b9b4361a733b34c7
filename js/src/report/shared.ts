/**
 * What the scripts of a report's page know of each other. They lie packed in the file and each is unpacked and
 * run when it is needed: the page first, what draws figures (which is most of it) behind it.
 */

import type { OpenStream } from '../connect/comm';
import type { Range } from '../core/viewport';
import type { MakeBqplot, PackedScripts } from '../host/packed';

/** Ids of the elements that hold what is packed. */
export const IDS = {
  document: 'dasklens-document',
  page: 'dasklens-page',
  bqplot: 'dasklens-bqplot',
  figures: 'dasklens-figures'
} as const;

export interface FigureOptions {
  /** One of host/figures.json. */
  readonly name: string;
  readonly open: OpenStream;
  /** Traits of what takes a stream, by stream. */
  readonly traits?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The stretch of time shown at first, in seconds since the epoch. */
  readonly range?: Range | null;
  /** Prefixes that stand out at first. */
  readonly highlight?: readonly string[];
  /** The stretch shown has changed; null for all that there is. */
  onRange?(range: Range | null): void;
}

/** A figure on the page. */
export interface Hosted {
  showTime(range: Range): void;
  highlight(prefixes: readonly string[]): void;
}

/** Puts a figure into an element. */
export type HostFigure = (node: HTMLElement, options: FigureOptions) => Promise<Hosted>;

export interface Loader extends PackedScripts {
  bqplot?: MakeBqplot;
  /** Set by the script of figures. */
  host?: HostFigure;
}

declare global {
  interface Window {
    dasklensReport: Loader;
  }
}

/** Put a figure into an element; loads what draws figures with the first one. */
export async function hostFigure(node: HTMLElement, options: FigureOptions): Promise<Hosted> {
  await loadFigures();
  const { host } = window.dasklensReport;
  if (!host) {
    throw new Error('the figures of this page do not load');
  }
  return host(node, options);
}

export async function loadFigures(): Promise<void> {
  const loader = window.dasklensReport;
  await loader.run(IDS.bqplot);
  await loader.run(IDS.figures);
}
