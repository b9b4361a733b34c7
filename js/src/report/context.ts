/** What every section is made of. */

import type { OpenStream } from '../connect/comm';
import { h } from '../parts/elements';
import type { Address } from './address';
import type { Report } from './document';
import type { FigureOptions, Hosted, HostFigure } from './shared';

export interface Context {
  readonly report: Report;
  readonly open: OpenStream;
  readonly address: Address;
  readonly host: HostFigure;
  /** For paper: there everything is shown at once. */
  readonly onPaper?: boolean;
  /** Show another section. */
  go(name: string): void;
}

/** A sentence in place of what is not there. */
export function emptyNote(words: string): HTMLElement {
  return h('p', { class: 'empty' }, words);
}

/** Records of a stream that the report has. */
export function recordsOf({ streams }: Report, name: string): number {
  return Object.hasOwn(streams, name) ? streams[name].records : 0;
}

/** A figure in a panel; if it cannot be shown, why. */
export async function figureIn(
  panel: HTMLElement,
  { host, onPaper }: Context,
  options: FigureOptions
): Promise<Hosted | null> {
  const waiting = panel.appendChild(h('p', { class: 'waiting', role: 'status' }, 'Drawing…'));
  const node = panel.appendChild(
    h('div', { class: `hosted ${onPaper ? 'paper' : 'hosted'}-${options.name} dasklens-FigureView` })
  );
  try {
    return await host(node, options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    panel.append(emptyNote(`This figure cannot be shown: ${why}.`));
    return null;
  } finally {
    waiting.remove();
  }
}
