/** The script of figures: those of panel and cell, hosted on a report's page and fed from its document. */

import type { WidgetModel } from '@jupyter-widgets/base';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { fitted } from '../core/viewport';
import { HostedFigure } from '../host/figure';
import type { FlameModel, SpansModel } from '../marks/index';
import type { FigureOptions, Hosted } from './shared';

async function host(node: HTMLElement, options: FigureOptions): Promise<Hosted> {
  const figure = new HostedFigure(options);
  const view = await figure.make();
  if (!view) {
    throw new Error('the figure was taken off the page');
  }
  for (const [stream, traits] of Object.entries(options.traits ?? {})) {
    for (const [name, value] of Object.entries(traits)) {
      figure.set(stream, name, value);
    }
  }
  const tasks = modelOf(figure, 'SpansModel') as SpansModel | undefined;
  if (tasks) {
    tasks.set({ follow: false, highlight: [...(options.highlight ?? [])] });
    if (options.range) {
      tasks.showTime(options.range);
    }
    listenToRange(tasks, options);
  }
  const flame = modelOf(figure, 'FlameModel') as FlameModel | undefined;
  if (flame) {
    keepWhole(flame);
  }
  Widget.attach(view, node);
  // Whatever changes its size: the window, a section that is shown again, more rows of a part.
  new ResizeObserver(() => MessageLoop.postMessage(view, Widget.ResizeMessage.UnknownSize)).observe(node);
  // From now on it is fed.
  figure.look(true);
  return {
    showTime: range => tasks?.showTime(range),
    highlight: prefixes => void tasks?.set('highlight', [...prefixes])
  };
}

function modelOf(figure: HostedFigure, name: string): WidgetModel | undefined {
  return figure.receivers.find(model => model.get('_model_name') === name);
}

/** A file has the profile of the whole run; there is nobody who could narrow it. */
function keepWhole(flame: FlameModel): void {
  flame.on('change:interval change:highlight change:workers', () => {
    const { highlight, workers, interval } = flame.narrowed;
    if (interval || highlight.length > 0 || workers.length > 0) {
      flame.set({ interval: null, highlight: [], workers: [] });
    }
  });
}

function listenToRange(tasks: SpansModel, { onRange }: FigureOptions): void {
  const { x } = tasks.getScales() as unknown as { x: WidgetModel };
  tasks.listenTo(x, 'change:min change:max', () => {
    const { base, earliest, latest, count } = tasks.table;
    if (count === 0) {
      return;
    }
    const [from, to] = tasks.time;
    const [first, last] = fitted(base + earliest, base + latest);
    const near = 1e-6 * (last - first);
    onRange?.(Math.abs(from - first) < near && Math.abs(to - last) < near ? null : [from, to]);
  });
}

window.dasklensReport.host = host;
