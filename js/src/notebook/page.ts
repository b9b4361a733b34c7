/** The script of widgets: makes the models of a notebook, and a view in each place that is kept for one. */

import type { DOMWidgetModel } from '@jupyter-widgets/base';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { CANNOT } from './missing';
import { NotebookManager, statesOf } from './manager';
import { note, sentence } from './notes';
import { IDS, type SavedWidgets } from './shared';

const PLACES = '.dasklens-live[data-model]';

/** Put a view into a place, or say there why there is none: what stands behind it then stays in sight. */
async function fill(place: HTMLElement, manager: NotebookManager): Promise<void> {
  try {
    const model = (await manager.get_model(place.dataset.model as string)) as DOMWidgetModel;
    const view = await manager.create_view(model);
    const { luminoWidget } = view;
    Widget.attach(luminoWidget, place);
    // Whatever changes its size: the window, a theme's font, a tab around it.
    const resized = (): void => MessageLoop.postMessage(luminoWidget, Widget.ResizeMessage.UnknownSize);
    new ResizeObserver(resized).observe(place);
    settle(place, !luminoWidget.hasClass(CANNOT));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    place.append(sentence(`This widget cannot be shown here (${why}).`));
    settle(place, false);
  }
}

/** Hide what the notebook has of a widget besides, its picture or text; or show it when there is no widget. */
function settle(place: HTMLElement, drawn: boolean): void {
  const next = place.closest('.jp-OutputArea-child')?.nextElementSibling;
  if (next?.matches('.dasklens-fallback')) {
    next.toggleAttribute('hidden', drawn);
    next.classList.toggle('dasklens-wanted', !drawn);
  }
}

/** Resolves when the browser has painted what is there; in a tab that is not seen, soon. */
function painted(): Promise<void> {
  return new Promise(done => {
    setTimeout(done, 200);
    requestAnimationFrame(() => setTimeout(done));
  });
}

function placesIn(element: ParentNode): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>(PLACES)].filter(place => place.childElementCount === 0);
}

async function start(): Promise<void> {
  // What a browser that saved the page saved with it.
  document.querySelectorAll(PLACES).forEach(place => place.replaceChildren());
  const saved = JSON.parse(window.dasklensNotebook.text(IDS.widgets)) as SavedWidgets;
  const manager = new NotebookManager(saved.scripts, element => {
    placesIn(element).forEach(place => void fill(place, manager));
  });
  // They refer to each other; each place waits for its own.
  void manager.make(statesOf(saved), () => undefined);
  for (const place of placesIn(document)) {
    await fill(place, manager);
    await painted();
  }
}

start().catch((reason: unknown) => {
  document.documentElement.classList.remove('dasklens-waits');
  note(`The widgets of this page cannot be shown (${String(reason)}).`);
});
