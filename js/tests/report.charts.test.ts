// @vitest-environment jsdom
import { Blob } from 'node:buffer';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { chartOf, type Chart } from '../src/report/chart';
import { readReport } from '../src/report/document';
import { readEachWorker } from '../src/report/eachworker';
import { readCounts, readFinished } from '../src/report/histories';
import { chartsOf } from '../src/report/system';
import { workerCharts } from '../src/report/workercharts';
import { FrameWriter } from './build';
import { one } from './fakemark';
import { packed, SAMPLE } from './packed';
import { WorkersWriter } from './samples';

/** Draws at once: jsdom knows no sizes. */
class Observer {
  constructor(private readonly act: () => void) {}
  observe(): void {
    this.act();
  }
}

beforeEach(() => {
  vi.stubGlobal('ResizeObserver', Observer);
  // jsdom's own has no stream.
  vi.stubGlobal('Blob', Blob);
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(600);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const CHART: Chart = {
  title: 'CPU',
  unit: '%',
  time: [0, 10, 20, 30, 40],
  series: [{ name: 'used', colour: 'red', values: [300, 100, NaN, 50, 90] }],
  from: 5,
  to: 35
};

test('a line ends at the edges of the stretch, with gaps where nothing is known', () => {
  const el = chartOf(CHART);
  const path = one(el, '.stroke').getAttribute('d') as string;
  // Half of the way from 300 to 100, and of that from 50 to 90.
  const [left, right] = path.split('M').slice(1);
  expect([left, right].map(part => part.split('L').length)).toEqual([2, 2]);
  expect(left).toMatch(/^72\.0 /);
  expect(right).toMatch(/L590\.0 [\d.]+$/);
  expect(one(el, '.plot').getAttribute('aria-label')).toBe(
    'CPU over time. used: at most 200 %, at the end 70 %.'
  );
});

test('a name is cut in the legend, and in sentences shorter and without what turns them around', () => {
  const series = [
    { name: 'A'.repeat(1e5), colour: 'red', values: [1, 2, 3, 4, 5] },
    { name: 'b\u202e', colour: 'blue', values: [1, 2, 3, 4, 5] }
  ];
  const el = chartOf({ ...CHART, series });
  const [long, odd] = [...el.querySelectorAll<HTMLElement>('.legend .name')];
  expect(long.textContent).toBe(`${'A'.repeat(200)}… (200 of 100,000 letters)`);
  expect([long.title, odd.textContent]).toEqual([long.textContent, 'b\u202e']);
  const said = one(el, '.plot').getAttribute('aria-label') ?? '';
  expect(said).toContain(`${'A'.repeat(60)}… (60 of 100,000 letters): at most`);
  expect(said).toContain('. b: at most');
});

test('samples become a chart each, what is read and written one together', () => {
  const { tables, start, stop } = readReport(SAMPLE);
  const charts = chartsOf(tables.system, start, stop);
  expect(charts.map(({ title, series }) => [title, series.map(({ name }) => name)])).toEqual([
    ['Scheduler CPU', ['Scheduler CPU']],
    ['Scheduler memory', ['Scheduler memory']],
    ['Event-loop lag', ['Event-loop lag']],
    ['Network', ['read', 'written']],
    ['Disk', ['read', 'written']]
  ]);
});

test('of a real run, all tasks have finished at the end', async () => {
  const { streams, start, stop } = readReport(SAMPLE);
  const { time, prefixes } = await readFinished(streams.tasks, start, stop);
  const last = time.length - 1;
  expect(prefixes.reduce((sum, { counts }) => sum + counts[last], 0)).toBe(streams.tasks.records);
  expect(prefixes[0].name).toBe('chunk_sum');
  expect(prefixes.every(({ counts }) => counts.every((n, i) => i === 0 || n >= counts[i - 1]))).toBe(true);
  const counts = await readCounts(streams.counts);
  expect(counts.length).toBe(streams.counts.records);
  const { quantiles, time: at, lines, sums } = await readEachWorker(streams.workers);
  expect(at.length).toBeGreaterThan(10);
  const [least, , middle, , most] = quantiles.cpu;
  expect(middle.every((n, i) => n >= least[i] && n <= most[i])).toBe(true);
  expect(lines?.map(({ name }) => name)).toEqual(['worker 0', 'worker 1']);
  const added = at.map((_, i) => (lines ?? []).reduce((sum, { values }) => sum + values.netRead[i], 0));
  expect(added).toEqual(sums.netRead);
  expect(sums.netRead.some(rate => rate > 0)).toBe(true);
});

test('tasks are counted at the time at which they finished', async () => {
  const writer = new FrameWriter();
  const tasks = [
    { prefix: 'a', stimulus: 1 },
    { prefix: 'b', stimulus: 3 },
    { prefix: 'a', stimulus: 9 }
  ];
  const again = new FrameWriter('log-2').frame([{ prefix: 'c', stimulus: 100 }, { prefix: 'c' }]);
  const { time, prefixes } = await readFinished(packed([writer.frame(tasks)], [again]), 0, 10);
  const at = (name: string, t: number): number =>
    prefixes.find(each => each.name === name)?.counts[time.findIndex(each => each >= t)] ?? NaN;
  expect([at('a', 0.9), at('a', 1), at('a', 8.9), at('a', 9)]).toEqual([0, 1, 1, 2]);
  expect([at('b', 2.9), at('b', 3)]).toEqual([0, 1]);
  // Beyond the end, or without a time: at the end.
  expect([at('c', 9.9), at('c', 10)]).toEqual([0, 2]);
});

test('a few workers have a line each, which is not there before they came and after they left', async () => {
  const writer = new WorkersWriter();
  const frames = [
    writer.frame([{ name: 'a', cpu: 10 }]),
    writer.frame([{ name: 'b', cpu: 20, spilled: 5 }]),
    writer.frame([], { left: ['tcp://a'] })
  ];
  const each = await readEachWorker(packed([frames[0], frames[1], frames[2]]));
  expect(each.lines?.map(({ name, values }) => [name, values.cpu])).toEqual([
    ['a', [10, 10, NaN]],
    ['b', [NaN, 20, 20]]
  ]);
  expect(each.sums.spilled).toEqual([0, 5, 5]);
  const box = workerCharts(each, each.time[0], each.time[2]);
  const titles = [...box.querySelectorAll('figcaption b')].map(title => title.textContent);
  expect(titles).toEqual(['CPU', 'Managed memory', 'Unmanaged memory', 'Spilled to disk']);
  expect([...box.querySelectorAll(':scope > .legend .name')].map(name => name.textContent)).toEqual([
    'a',
    'b'
  ]);
  // Two of the workers that there are; one legend for all charts.
  expect(box.querySelectorAll('.chart .legend .name')).toHaveLength(0);
  expect(one(box, ':scope > .note').textContent).toContain('0 all the time: network, received; ');
});

test('many workers are shown by quantiles', async () => {
  const workers = Array.from({ length: 101 }, (_, i) => ({ name: `w${i}`, cpu: i }));
  const writer = new WorkersWriter();
  const each = await readEachWorker(
    packed([writer.frame(workers), writer.frame([{ name: 'w0', cpu: 1000 }])])
  );
  expect(each.lines).toBeNull();
  expect(each.workers).toBe(101);
  expect(each.quantiles.cpu.map(([first]) => first)).toEqual([0, 25, 50, 75, 100]);
  expect(each.quantiles.cpu.map(([, second]) => second)).toEqual([1, 26, 51, 76, 1000]);
  const box = workerCharts(each, each.time[0], each.time[1]);
  expect([...box.querySelectorAll(':scope > .legend .name')].map(name => name.textContent)).toEqual([
    'all workers',
    'half of the workers',
    'median worker'
  ]);
  expect(one(box, ':scope > .note').textContent).toContain('There were 101 workers');
});
