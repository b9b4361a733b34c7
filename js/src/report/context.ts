/** What every section is made of. */

import type { OpenStream } from '../connect/comm';
import type { Range } from '../core/viewport';
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

/** The stretch of time that the address says, in seconds since the epoch. */
export function rangeIn({ report, address }: Context): Range | null {
  const { range } = address;
  return range && [report.start + range[0], report.start + range[1]];
}

/** Say a stretch of time in the address; null for all of it. */
export function sayRange({ report, address }: Context, range: Range | null): void {
  const long = range ? range[1] - range[0] : 0;
  const [from, to] = range ? range.map(at => seconds(at - report.start, long)) : [null, null];
  address.setSoon({ from, to });
}

/** Seconds with as many digits as tell apart what is shown. */
function seconds(value: number, long: number): string {
  const digits = Math.min(6, Math.max(1, 3 - Math.floor(Math.log10(Math.max(1e-9, long)))));
  return String(Number(value.toFixed(digits)));
}
