/** A comparison in a notebook cell: its numbers; a prefix that is clicked stands out in the task streams below. */

import type { Render } from '@anywidget/types';

import { readCompared } from '../core/compared';
import type { SpansModel } from '../marks/spansmodel';
import { COMPARED_CSS, comparedView } from './comparedview';
import { h } from './elements';
import { dress, lifeOf } from './part';

interface ComparisonTraits {
  /** The field `comparison` of a document. */
  data: unknown;
  /** `IPY_MODEL_<id>` of the task streams. */
  marks: string[];
}

const render: Render<ComparisonTraits> = async ({ model, el, signal: viewSignal }) => {
  const { signal, end } = lifeOf(viewSignal);
  const marks = await marksOf(model);
  if (signal.aborted) {
    return end;
  }
  dress(el, 'comparison', COMPARED_CSS, signal);
  const compared = readCompared(model.get('data'));
  if (!compared) {
    el.append(h('p', {}, 'There is nothing to compare here.'));
    return end;
  }
  const lit = (): string[] => (marks[0]?.get('highlight') as string[] | null) ?? [];
  const choose = (prefix: string): void => {
    // Again, and nothing stands out any more.
    const highlight = lit().includes(prefix) ? [] : [prefix];
    marks.forEach(mark => mark.keep({ highlight }));
  };
  const view = comparedView(el, compared, signal, {
    choose: marks.length > 0 ? choose : null
  });
  // What is chosen in the legend of one stream stands out in the other too.
  for (const mark of marks) {
    const heed = (): void => {
      const highlight = mark.get('highlight') as string[];
      marks.filter(each => each !== mark).forEach(each => follow(each, highlight));
      view.mark(highlight);
    };
    mark.on('change:highlight', heed);
    signal.addEventListener('abort', () => mark.off('change:highlight', heed));
  }
  view.mark(lit());
  return end;
};

/** Set what stands out, if it is anything else. */
function follow(mark: SpansModel, highlight: readonly string[]): void {
  const own = (mark.get('highlight') as string[] | null) ?? [];
  if (own.join('\n') !== highlight.join('\n')) {
    mark.keep({ highlight: [...highlight] });
  }
}

async function marksOf(model: Parameters<Render<ComparisonTraits>>[0]['model']): Promise<SpansModel[]> {
  try {
    const ids = (model.get('marks') ?? []).map(id => id.replace('IPY_MODEL_', ''));
    const found: unknown[] = await Promise.all(ids.map(id => model.widget_manager.get_model(id)));
    return found.filter(Boolean) as SpansModel[];
  } catch {
    return [];
  }
}

export default { render };
