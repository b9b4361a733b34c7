/** How far the tasks were, over time and at the end. */

import { counted } from '../core/format';
import { colourOf } from '../core/palette';
import { h } from '../parts/elements';
import { chartOf, type Series } from './chart';
import { emptyNote, figureIn, recordsOf, type Context } from './context';
import { readCounts, readFinished } from './histories';

/** Prefixes with a line of their own. */
const MOST = 8;
const HEIGHT = 220;
const STATES = [
  ['processing', 'processing', 'var(--line-1)'],
  ['memory', 'in memory', '#009e73'],
  ['waiting', 'waiting', 'var(--line-2)'],
  ['queued', 'queued', '#7766cc'],
  ['no_worker', 'no worker', '#996633'],
  ['erred', 'erred', 'var(--jp-error-color1)']
] as const;

export function buildProgress(panel: HTMLElement, context: Context): void {
  const { report, open } = context;
  const over = panel.appendChild(h('div', { class: 'charts' }));
  if (recordsOf(report, 'tasks') > 0) {
    void show(over, () => finishedChart(context));
  } else {
    over.append(emptyNote('No task finished while this was recorded.'));
  }
  if (recordsOf(report, 'counts') > 1) {
    const states = panel.appendChild(h('div', { class: 'charts' }));
    void show(states, () => statesChart(context));
    const title = h('h3', {}, 'What the scheduler still knew at the end');
    const end = panel.appendChild(h('section', { class: 'block' }, title));
    void figureIn(end, context, { name: 'progress', open });
  } else {
    panel.append(emptyNote('The scheduler’s counts of tasks were not sampled while this was recorded.'));
  }
}

/** Put what is made into a box; if it cannot be, why. */
export async function show(box: HTMLElement, make: () => Promise<Node>): Promise<void> {
  box.setAttribute('aria-busy', 'true');
  try {
    box.append(await make());
  } catch (error) {
    box.append(emptyNote(`This cannot be shown: ${error instanceof Error ? error.message : String(error)}`));
  } finally {
    box.removeAttribute('aria-busy');
  }
}

async function finishedChart({ report }: Context): Promise<Node> {
  const { start, stop, streams } = report;
  const { time, prefixes } = await readFinished(streams.tasks, start, stop);
  const shown = prefixes.slice(0, MOST);
  const colours = shown.map(({ name }) => colourOf(name));
  const series: Series[] = shown.map(({ name, counts }, i) => ({
    name,
    colour: colours[i],
    values: counts,
    // A prefix has its colour everywhere, and there are more prefixes than colours.
    dashed: colours.indexOf(colours[i]) < i
  }));
  const rest = prefixes.length - series.length;
  const note = rest > 0 ? `And ${counted(rest, 'prefix').replace(/xs$/, 'xes')} with fewer tasks.` : '';
  return chartOf({
    title: 'Finished tasks',
    unit: 'n',
    time,
    series,
    from: start,
    to: stop,
    note,
    height: HEIGHT
  });
}

async function statesChart({ report }: Context): Promise<Node> {
  const { start, stop, streams } = report;
  const counts = await readCounts(streams.counts);
  const series: Series[] = STATES.map(([state, name, colour]) => ({
    name,
    colour,
    values: counts.column(`tasks_${state}`)
  })).filter(({ values }) => values.some(n => n > 0));
  const time = counts.column('time');
  return chartOf({ title: 'Tasks by state', unit: 'n', time, series, from: start, to: stop, height: HEIGHT });
}
