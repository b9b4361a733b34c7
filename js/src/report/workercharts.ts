/** Charts of what workers used over time: each of a few by a line of its own, many by bands of quantiles. */

import { counted } from '../core/format';
import { COLOURS } from '../core/palette';
import { h } from '../parts/elements';
import { chartOf, legendOf, type Series } from './chart';
import type { Unit } from './document';
import { MOST_LINES, type EachWorker, type Quantity } from './eachworker';

const CHARTS: readonly (readonly [what: Quantity, title: string, unit: Unit])[] = [
  ['cpu', 'CPU', '%'],
  ['managed', 'Managed memory', 'B'],
  ['unmanaged', 'Unmanaged memory', 'B'],
  ['spilled', 'Spilled to disk', 'B'],
  ['netRead', 'Network, received', 'B/s'],
  ['netWrite', 'Network, sent', 'B/s'],
  ['diskRead', 'Disk, read', 'B/s'],
  ['diskWrite', 'Disk, written', 'B/s']
];
const BLUE = 'var(--line-1)';

/** What is to be seen of the workers one by one; of what was 0 all the time, that it was. */
export function workerCharts(each: EachWorker, from: number, to: number): HTMLElement {
  const box = h('div', { class: 'eachworker' });
  const used = CHARTS.filter(([what]) => each.quantiles[what].at(-1)?.some(value => value > 0));
  const idle = CHARTS.filter(chart => !used.includes(chart)).map(([, title]) => title.toLowerCase());
  // One legend for all: they are of the same workers, in the same colours.
  const legend = h('div', { class: 'legend' }, ...legendOf({ series: seriesOf(each, 'cpu') }));
  const charts = used.map(([what, title, unit]) =>
    chartOf({ title, unit, time: each.time, series: seriesOf(each, what), from, to, legend: false })
  );
  box.append(legend, h('div', { class: 'charts' }, ...charts), h('p', { class: 'note' }, noteOf(each, idle)));
  return box;
}

function seriesOf({ lines, quantiles }: EachWorker, what: Quantity): Series[] {
  if (lines) {
    return lines.map(({ name, values }, i) => ({
      name,
      colour: COLOURS[i % COLOURS.length],
      values: values[what],
      // Colours alone are not told apart by everybody.
      dashed: i % 2 === 1
    }));
  }
  const [least, lower, middle, upper, most] = quantiles[what];
  return [
    { name: 'all workers', colour: BLUE, values: most, low: least },
    { name: 'half of the workers', colour: BLUE, values: upper, low: lower },
    { name: 'median worker', colour: BLUE, values: middle }
  ];
}

function noteOf({ workers, lines }: EachWorker, idle: readonly string[]): string {
  const many = lines
    ? ''
    : `There were ${counted(workers, 'worker')}: more than ${MOST_LINES} are shown by how they are spread. `;
  const never = idle.length > 0 ? ` 0 all the time: ${idle.join('; ')}.` : '';
  return `${many}Network and disk are those of each worker’s machine, whoever used them.${never}`;
}
