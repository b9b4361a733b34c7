/** A figure as a picture that stays: made out of sight in light colours, copied as it looks, and given up. */

import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { WidgetModel } from '@jupyter-widgets/base';

import { HostedFigure } from '../host/figure';
import { h } from '../parts/elements';
import { prepared } from './prepared';
import type { FigureOptions, Hosted } from './shared';

/** Pixels of a canvas for each of the page's: paper has more than a screen. */
const RATIO = 2;
/** Milliseconds without a change after which a figure is what it will be, and in which it has to be. */
const QUIET = 350;
const LONGEST = 20_000;

/** Put a picture of a figure into an element of the page. */
export async function stillFigure(node: HTMLElement, options: FigureOptions): Promise<Hosted> {
  // In the window, or nothing of it would be drawn.
  const stage = document.body.appendChild(
    h('div', { class: 'onpaper onstage', inert: '', 'aria-hidden': 'true', 'data-ratio': String(RATIO) })
  );
  const place = stage.appendChild(h('div', { class: node.className }));
  const figure = new HostedFigure(options);
  let leave = (): void => {};
  try {
    const { view, ...hosted } = await prepared(figure, options);
    Widget.attach(view, place);
    leave = () => Widget.detach(view);
    MessageLoop.postMessage(view, Widget.ResizeMessage.UnknownSize);
    figure.look(true);
    await Promise.all(figure.receivers.map(finished));
    await quiet(place);
    if (place.querySelector('.dasklens-covers[data-empty]')) {
      // Only now: a graph keeps its rows as high as they were at first.
      place.classList.add('nothing');
      await quiet(place);
    }
    figure.receivers.forEach(model => model.trigger('draw:now'));
    node.append(...pictured(place));
    return hosted;
  } finally {
    leave();
    figure.dispose();
    stage.remove();
  }
}

/** Resolves when a model has been given all there is. */
function finished(model: WidgetModel): Promise<void> {
  const ended = (): boolean =>
    !model.has('phase') || ['finished', 'lost'].includes(String(model.get('phase')));
  return new Promise(resolve => {
    const look = (): void => {
      if (ended()) {
        model.off('change:phase', look);
        resolve();
      }
    };
    model.on('change:phase', look);
    look();
  });
}

/** Resolves when nothing in an element changes any more. */
export function quiet(element: HTMLElement): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      observer.disconnect();
      clearTimeout(timer);
      clearTimeout(last);
      resolve();
    };
    let timer = setTimeout(done, QUIET);
    const last = setTimeout(done, LONGEST);
    const observer = new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(done, QUIET);
    });
    observer.observe(element, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}

/** What is in an element, copied: a canvas, whose copy would be empty, becomes an image. */
function pictured(element: HTMLElement): Node[] {
  const copy = element.cloneNode(true) as HTMLElement;
  const canvases = [...copy.querySelectorAll('canvas')];
  [...element.querySelectorAll('canvas')].forEach((canvas, i) => {
    const { position, left, top, width, height } = getComputedStyle(canvas);
    const image = h('img', { alt: canvas.getAttribute('aria-label') ?? '' });
    if (canvas.width > 0 && canvas.height > 0) {
      image.src = canvas.toDataURL();
    }
    Object.assign(image.style, { position, left, top, width, height });
    canvases[i].replaceWith(image);
  });
  return [...copy.childNodes];
}
