/** A report in an element of JupyterLab's: the sections of its page, with figures of JupyterLab's own bqplot. */

import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { HostedFigure } from '../host/figure';
import { Address, type Where } from '../report/address';
import { bodyOf, type Body } from '../report/body';
import { prepared } from '../report/prepared';
import { readFile } from '../report/reading';
import type { HostFigure } from '../report/shared';
import type { PlacedLayout } from './placedlayout';

export interface Showing {
  readonly node: HTMLElement;
  readonly layout: PlacedLayout;
  readonly where: Where;
  /** Of its elements, where other reports may be open. */
  readonly prefix: string;
  /** Aborted when it is to go. */
  readonly signal: AbortSignal;
}

/**
 * Show what is in the text of a file.
 *
 * @throws ReportError when that is no report.
 */
export function showReport(text: string, showing: Showing): Body {
  const { node, where, prefix } = showing;
  const body = bodyOf(readFile(text), { address: new Address(where), host: hostIn(showing), prefix });
  node.replaceChildren(...body.elements);
  body.go();
  return body;
}

function hostIn({ layout, signal }: Showing): HostFigure {
  return async (node, options) => {
    const figure = new HostedFigure(options);
    signal.addEventListener('abort', () => figure.dispose());
    const { view, ...hosted } = await prepared(figure, options);
    if (signal.aborted) {
      throw new Error('the report was closed');
    }
    layout.place(view, node);
    // Whatever changes its size: the tab, a section that is shown again, more rows of a part.
    const observer = new ResizeObserver(() =>
      MessageLoop.postMessage(view, Widget.ResizeMessage.UnknownSize)
    );
    observer.observe(node);
    signal.addEventListener('abort', () => observer.disconnect());
    // From now on it is fed.
    figure.look(true);
    return hosted;
  };
}
