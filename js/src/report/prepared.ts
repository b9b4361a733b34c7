/** The figures of panel and cell, set up for a report: of what has ended, by whoever hosts them. */

import type { WidgetModel } from '@jupyter-widgets/base';
import type { Widget } from '@lumino/widgets';

import { fitted } from '../core/viewport';
import type { HostedFigure } from '../host/figure';
import type { FlameModel, SpansModel } from '../marks/index';
import type { FigureOptions, Hosted } from './shared';

export interface Prepared extends Hosted {
  /** To be put somewhere; then it wants to be looked at, and is fed. */
  readonly view: Widget;
}

export async function prepared(figure: HostedFigure, options: FigureOptions): Promise<Prepared> {
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
    narrowByTime(flame, options);
    flame.on('log:change', () => view.toggleClass('dasklens-sliced', flame.tree?.sliced === true));
  }
  return {
    view,
    showTime: range => {
      if (range) {
        tasks?.showTime(range);
      }
      flame?.set('interval', range);
    },
    highlight: prefixes => void tasks?.set('highlight', [...prefixes])
  };
}

function modelOf(figure: HostedFigure, name: string): WidgetModel | undefined {
  return figure.receivers.find(model => model.get('_model_name') === name);
}

/** A file has the profile of all tasks and workers, by time where it has slices: nobody can be asked for more. */
function narrowByTime(flame: FlameModel, { range, onRange, onSliced }: FigureOptions): void {
  const whole = (): boolean => flame.tree !== null && !flame.tree.sliced;
  const keep = (): void => {
    const { highlight, workers, interval } = flame.narrowed;
    if ((interval && whole()) || highlight.length > 0 || workers.length > 0) {
      flame.set({ interval: whole() ? null : interval, highlight: [], workers: [] });
    }
  };
  flame.on('change:interval change:highlight change:workers', keep);
  if (range) {
    flame.set('interval', range);
  }
  flame.on('change:interval', () => {
    if (flame.tree?.sliced) {
      onRange?.(flame.narrowed.interval);
    }
  });
  flame.on('log:change', () => {
    keep();
    onSliced?.(!whole());
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
