/** The script of figures, which a report's page runs when it shows the first one. */

import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { HostedFigure } from '../host/figure';
import { prepared } from './prepared';
import { stillFigure } from './still';
import type { FigureOptions, Hosted } from './shared';

async function host(node: HTMLElement, options: FigureOptions): Promise<Hosted> {
  const figure = new HostedFigure(options);
  const { view, ...hosted } = await prepared(figure, options);
  Widget.attach(view, node);
  // Whatever changes its size: the window, a section that is shown again, more rows of a part.
  new ResizeObserver(() => MessageLoop.postMessage(view, Widget.ResizeMessage.UnknownSize)).observe(node);
  // From now on it is fed.
  figure.look(true);
  return hosted;
}

window.dasklensReport.host = host;
window.dasklensReport.still = stillFigure;
