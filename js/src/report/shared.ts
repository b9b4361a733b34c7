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

/** Figures that a report hosts: it draws everything else itself. */
export const HOSTED = ['task-stream', 'progress', 'profile', 'memory'] as const;
export type HostedName = (typeof HOSTED)[number];

export interface FigureOptions {
  /** One of host/figures.json, whose parts are all in `hostparts.ts`. */
  readonly name: HostedName;
  readonly open: OpenStream;
  /** Traits of what takes a stream, by stream. */
  readonly traits?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The stretch of time that is shown, or that a profile is of, at first, in seconds since the epoch. */
  readonly range?: Range | null;
  /** Prefixes that stand out at first. */
  readonly highlight?: readonly string[];
  /** The stretch shown has changed; null for all that there is. */
  onRange?(range: Range | null): void;
  /** A profile has come: whether it can be narrowed to a stretch of time. */
  onSliced?(sliced: boolean): void;
}

/** A figure on the page. */
export interface Hosted {
  /** Show a stretch of time; a profile, also all of it (null). */
  showTime(range: Range | null): void;
  highlight(prefixes: readonly string[]): void;
}

/** Puts a figure into an element. */
export type HostFigure = (node: HTMLElement, options: FigureOptions) => Promise<Hosted>;

export interface Loader extends PackedScripts {
  bqplot?: MakeBqplot;
  /** What it made, set by the script of figures. */
  made?: unknown;
  /** Set by the script of figures. */
  host?: HostFigure;
  /** Puts a picture of a figure into an element, for paper; set by the script of figures. */
  still?: HostFigure;
}

declare global {
  interface Window {
    dasklensReport: Loader;
  }
}

/** Put a figure into an element; loads what draws figures with the first one. */
export const hostFigure: HostFigure = (node, options) => loaded('host', node, options);

/** Put a picture of a figure into an element. */
export const hostStill: HostFigure = (node, options) => loaded('still', node, options);

async function loaded(how: 'host' | 'still', node: HTMLElement, options: FigureOptions): Promise<Hosted> {
  await loadFigures();
  const host = window.dasklensReport[how];
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
