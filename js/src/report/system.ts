/** What workers and scheduler used over time. */

import { h } from '../parts/elements';
import { chartOf, type Chart, type Series } from './chart';
import { emptyNote, figureIn, recordsOf, type Context } from './context';
import type { Column, Table } from './document';
import { readEachWorker, type EachWorker } from './eachworker';
import { readCounts } from './histories';
import { show } from './progress';
import { tableOf } from './table';
import { workerCharts } from './workercharts';

const [BLUE, ORANGE] = ['var(--line-1)', 'var(--line-2)'];
/** Seconds that the memory is shown over at least. */
const LEAST = 0.1;
/** Two columns that are drawn as one chart: what is read and what is written. */
const PAIRED = /_(read|write|in|out|received|sent|recv)$/;
const NAMES: Readonly<Record<string, string>> = { net: 'Network', network: 'Network', disk: 'Disk' };

export function buildSystem(panel: HTMLElement, context: Context): void {
  const { report, open } = context;
  const sampled = recordsOf(report, 'counts') > 1;
  const table = Object.hasOwn(report.tables, 'system') ? report.tables.system : null;
  if (sampled) {
    const memory = panel.appendChild(h('section', { class: 'block' }, h('h3', {}, 'Memory of the workers')));
    void show(memory, async () => {
      const counts = await readCounts(report.streams.counts);
      const window = Math.max(LEAST, counts.last('time') - beginOf(counts.column('time'), report.start));
      const box = h('div');
      void figureIn(box, context, { name: 'memory', open, traits: { counts: { window } } });
      return box;
    });
    const each = recordsOf(report, 'workers') > 1 ? readEachWorker(report.streams.workers) : null;
    const all = panel.appendChild(h('section', { class: 'block' }, h('h3', {}, 'All workers together')));
    const charts = all.appendChild(h('div', { class: 'charts' }));
    void show(charts, async () => totalCharts(context, await each, table));
    if (each) {
      const by = panel.appendChild(h('section', { class: 'block' }, h('h3', {}, 'Worker by worker')));
      void show(by, async () => workerCharts(await each, report.start, report.stop));
    }
  } else {
    panel.append(emptyNote('The workers were not sampled: it was recorded for too short a time.'));
  }
  const rest = panel.appendChild(h('section', { class: 'block' }, h('h3', {}, 'Scheduler and totals')));
  if (!table || table.rows.length === 0) {
    rest.append(
      emptyNote(table?.empty || 'The scheduler’s own CPU, memory and event loop were not sampled.')
    );
    return;
  }
  rest.append(h('div', { class: 'charts' }, ...chartsOf(table, report.start, report.stop).map(chartOf)));
  const all = h('details', { class: 'samples' }, h('summary', {}, 'The samples as a table'));
  all.addEventListener('toggle', () => {
    if (all.childElementCount === 1) {
      all.append(tableOf(table, { noun: 'sample' }));
    }
  });
  rest.append(all);
}

/** When the samples to be shown begin: those of the report, and of a short one at least two, or nothing is drawn. */
function beginOf(time: readonly number[], start: number): number {
  const second = time[time.length - 2] ?? start;
  return Math.min(start, second - 1e-3);
}

async function totalCharts({ report }: Context, each: EachWorker | null, table: Table | null): Promise<Node> {
  const { start: from, stop: to, streams } = report;
  const counts = await readCounts(streams.counts);
  const time = counts.column('time');
  const cpu: Series[] = [
    { name: 'used', colour: BLUE, values: counts.column('cpu') },
    {
      name: 'all threads',
      colour: 'currentColor',
      values: counts.column('threads').map(n => 100 * n),
      dashed: true
    }
  ];
  const charts: Chart[] = [{ title: 'CPU', unit: '%', time, series: cpu, from, to }];
  const has = (name: string): boolean => table?.columns.some(column => column.name.startsWith(name)) ?? false;
  // The totals that the scheduler's own samples have count a host once.
  for (const [what, title] of [
    ['net', 'Network'],
    ['disk', 'Disk']
  ] as const) {
    if (each && !has(what)) {
      const series: Series[] = [
        { name: 'read', colour: BLUE, values: each.sums[`${what}Read`] },
        { name: 'written', colour: ORANGE, values: each.sums[`${what}Write`], dashed: true }
      ];
      charts.push({ title, unit: 'B/s', time: each.time, series, from, to });
    }
  }
  const box = document.createDocumentFragment();
  box.append(...charts.map(chartOf));
  return box;
}

/** A chart for each column of samples, and one for each pair. */
export function chartsOf({ columns, rows }: Table, from: number, to: number): Chart[] {
  const clock = columns.findIndex(({ name }) => name === 'time');
  if (clock < 0) {
    return [];
  }
  const time = rows.map(row => Number(row[clock]));
  const charts = new Map<string, Chart & { series: Series[] }>();
  columns.forEach((column, i) => {
    const values = rows.map(row => (typeof row[i] === 'number' ? row[i] : NaN));
    if (i === clock || !values.some(Number.isFinite)) {
      return;
    }
    const stem = column.name.replace(PAIRED, '');
    const name = stem === column.name ? column.title : directionOf(column);
    const key = `${stem} ${column.unit}`;
    const title = stem === column.name ? column.title : (NAMES[stem] ?? column.title);
    const chart = charts.get(key) ?? { title, unit: column.unit, time, series: [], from, to };
    const second = chart.series.length > 0;
    // On one host what is read is what is written: both have to be seen.
    chart.series.push({ name, colour: second ? ORANGE : BLUE, values, dashed: second });
    charts.set(key, chart);
  });
  return [...charts.values()];
}

function directionOf({ name }: Column): string {
  const end = PAIRED.exec(name)?.[1] ?? '';
  return ['write', 'out', 'sent'].includes(end) ? 'written' : 'read';
}
