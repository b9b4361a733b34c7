/**
 * What the memory of a cluster is used for: sums, legend and state. What is drawn is drawn by bqplot:
 * this part sets what the figures' marks show, here in the page.
 */

import { Counts } from '../core/counts';
import {
  describeMemory,
  histogramOf,
  MOST_BARS,
  mostOf,
  overTime,
  PARTS,
  piecesOf,
  roomFor,
  sharesOf,
  THRESHOLDS,
  unitFor,
  type OverTime,
  type Unit
} from '../core/memory';
import { WorkerTable, type Worker } from '../core/workers';
import { h, say } from './elements';
import { Fills, FILLS_CSS, LINE_STYLES } from './memoryfills';
import { MemoryHover } from './memoryhover';
import { modelsOf, type Models } from './models';
import { GONE } from './part';
import { PHASE_CSS, phaseBadge } from './phase';
import { receiver, type ReceiverTraits, type ReceiverView } from './receiver';

interface MemoryTraits extends ReceiverTraits {
  /** Names and references of the models that are set here. */
  models: Record<string, string>;
  /** Seconds shown. */
  window: number;
}

export interface MemoryStreams extends Record<string, Counts | WorkerTable> {
  counts: Counts;
  workers: WorkerTable;
}

type View = ReceiverView<MemoryStreams, MemoryTraits>;

/** Height of a bar with its name, and of all of them, in CSS pixels. */
const BAR = 20;
const LEAST = 96;
const MOST = 340;
/** Height of the axis below the bars, and of what surrounds the plot. */
const BESIDE = 40;
/** Letters of a name beside its bar. */
const LETTERS = 16;

const EMPTY: Record<string, string> = {
  connecting: 'Connecting to the scheduler…',
  finished: 'There were no workers.'
};
const NO_WORKERS = 'No workers yet. Start some, e.g. cluster.scale(2).';

function build(view: View): void {
  const { model, streams, el, signal, on, onData } = view;
  const { counts, workers } = streams;
  const fills = new Fills();
  const words = h('span', { class: 'dasklens-memory-words', role: 'status', 'aria-live': 'off' });
  const empty = h('div', { class: 'dasklens-empty dasklens-dim' });
  const bar = h('div', { class: 'dasklens-memory-bar' }, words, phaseBadge(model, view));
  el.replaceChildren(bar, fills.legend, empty, fills.patterns);

  let models: Models | null = null;
  let hover: MemoryHover | null = null;

  const show = (): void => {
    say(words, describeMemory(counts));
    const nothing = workers.workers.length === 0 && counts.length === 0;
    empty.hidden = !nothing;
    fills.legend.hidden = nothing;
    say(empty, EMPTY[model.get('phase')] ?? NO_WORKERS);
    if (!models) {
      return;
    }
    const many = workers.workers.length > MOST_BARS;
    display(models, 'total', counts.length > 0);
    display(models, 'workers', !many && workers.workers.length > 0);
    display(models, 'spread', many && counts.length > 0);
    display(models, 'histogram', many);
    const past = overTime(counts, Number(model.get('window')));
    const shown = shares(counts);
    fills.show(THRESHOLDS.filter(name => shown[name] > 0));
    setTotal(models, past);
    if (many) {
      setSpread(models, past, workers.workers);
      setHistogram(models, workers.workers, counts);
    } else {
      setWorkers(models, workers.workers, counts);
    }
    hover?.update(past);
  };

  void modelsOf(model as never, model.get('models')).then(found => {
    if (signal.aborted) {
      return;
    }
    if (!found) {
      el.textContent = GONE;
      return;
    }
    models = found;
    paint(found, fills);
    hover = new MemoryHover(found, streams, el, signal);
    show();
  });
  onData(show);
  on('change:phase change:window', show);
  show();
}

/** Colours and patterns, once: they do not change with the data. */
function paint(models: Models, fills: Fills): void {
  const areas = PARTS.map(part => fills.fill(part));
  models.set('total_stack', {
    colors: [...PARTS.map(() => 'transparent'), 'transparent'],
    fill_colors: [...areas, 'transparent'],
    fill_opacities: [...areas.map(() => 1), 0]
  });
  models.set('workers_bars', { colors: areas });
  models.set('histogram_bars', { colors: [fills.fill('unmanaged')] });
  models.set('spread_bands', {
    colors: ['transparent'],
    fill_colors: [fills.fill('unmanaged'), fills.fill('managed'), fills.fill('unmanaged'), 'transparent'],
    fill_opacities: [0.6, 0.75, 0.6, 0]
  });
  models.set('spread_median', { colors: [fills.text], stroke_width: 2 });
  for (const figure of ['total', 'spread']) {
    models.set(`${figure}_limit`, { colors: [fills.text] });
  }
  for (const figure of ['workers', 'histogram']) {
    for (const name of THRESHOLDS) {
      models.set(`${figure}_${name}`, { colors: [fills.text], line_style: LINE_STYLES[name] });
    }
  }
}

function display(models: Models, figure: string, shown: boolean): void {
  const layout = models.get(`${figure}_figure`).get('layout') as {
    get(name: string): unknown;
    set(name: string, value: unknown): void;
  };
  const wanted = shown ? null : 'none';
  if ((layout.get('display') ?? null) !== wanted) {
    layout.set('display', wanted);
  }
}

function shares(counts: Counts): ReturnType<typeof sharesOf> {
  const found = sharesOf(counts);
  return counts.last('limit') > 0 ? found : { ...found, limit: 0 };
}

function scaled(values: Float64Array, unit: Unit): Float64Array {
  return values.map(value => value / unit.size);
}

function setTime(models: Models, figure: string, past: OverTime, most: number, unit: Unit): void {
  const end = past.time.at(-1) ?? Date.now() / 1000;
  const start = past.time[0] ?? end;
  models.set(`${figure}_time`, { min: Math.min(start, end - 1), max: end });
  models.set(`${figure}_size`, { max: roomFor(most) / unit.size });
  models.set(`${figure}_size_axis`, { label: unit.name });
}

function setTotal(models: Models, past: OverTime): void {
  const limit = past.limit.at(-1) ?? NaN;
  // A limit far above what is used would make a flat line of it.
  const near = limit <= 4 * past.most;
  const unit = unitFor(near ? Math.max(limit, past.most) : past.most);
  setTime(models, 'total', past, near ? Math.max(limit, past.most) : 1.2 * past.most, unit);
  models.set('total_stack', { x: past.time, y: past.edges.map(edge => scaled(edge, unit)) });
  models.set('total_limit', { x: past.time, y: scaled(past.limit, unit) });
}

function setSpread(models: Models, past: OverTime, workers: readonly Worker[]): void {
  const [low, lower, middle, upper, high] = past.quantiles;
  const most = Math.max(mostOf(workers), ...high.filter(Number.isFinite));
  const unit = unitFor(most);
  setTime(models, 'spread', past, most, unit);
  models.set('spread_bands', { x: past.time, y: [low, lower, upper, high].map(edge => scaled(edge, unit)) });
  models.set('spread_median', { x: past.time, y: scaled(middle, unit) });
  const limits = new Set(workers.map(worker => worker.limit));
  const limit = limits.size === 1 ? [...limits][0] : 0;
  models.set('spread_limit', {
    x: past.time,
    y: Float64Array.from(past.time, () => (limit > 0 ? limit / unit.size : NaN))
  });
}

function setWorkers(models: Models, workers: readonly Worker[], counts: Counts): void {
  const n = workers.length;
  const most = mostOf(workers);
  const unit = unitFor(most);
  const places = Float64Array.from(workers, (_, i) => i);
  const plot = Math.min(MOST, Math.max(LEAST, n * BAR));
  const layout = models.get('workers_figure').get('layout') as {
    get(name: string): unknown;
    set(name: string, value: unknown): void;
  };
  if (layout.get('height') !== `${plot + BESIDE}px`) {
    layout.set('height', `${plot + BESIDE}px`);
  }
  if (String(models.get('workers_band').get('domain')) !== String([...places])) {
    models.set('workers_band', { domain: [...places] });
  }
  models.set('workers_place', { min: -0.5, max: Math.max(0.5, n - 0.5) });
  models.set('workers_size', { max: roomFor(most) / unit.size });
  models.set('workers_size_axis', { label: unit.name });
  nameWorkers(models, workers, plot);
  models.set('workers_bars', {
    x: places,
    y: PARTS.map(part => Float64Array.from(workers, worker => worker[part] / unit.size))
  });
  const share = shares(counts);
  for (const name of THRESHOLDS) {
    const { value, from, to } = piecesOf(workers, share[name]);
    const pairs = (a: readonly number[], b: readonly number[]): Float64Array[] =>
      a.map((each, k) => Float64Array.of(each, b[k]));
    const sizes = value.map(each => each / unit.size);
    models.set(`workers_${name}`, { x: pairs(sizes, sizes), y: pairs(from, to) });
  }
}

/** Names beside the bars, as many as there is room for. */
function nameWorkers(models: Models, workers: readonly Worker[], height: number): void {
  const every = Math.max(1, Math.ceil((workers.length * 14) / height));
  const ticks = workers.map((_, i) => i).filter(i => i % every === 0);
  const labels = Object.fromEntries(ticks.map(i => [i, shortened(workers[i].name)]));
  const axis = models.get('workers_place_axis');
  if (JSON.stringify(axis.get('tick_labels')) !== JSON.stringify(labels)) {
    axis.set({ tick_labels: labels, tick_values: Float64Array.from(ticks) });
  }
}

function shortened(name: string): string {
  const letters = [...name];
  return letters.length <= LETTERS
    ? name
    : `${letters.slice(0, LETTERS / 2 - 1).join('')}…${letters.slice(-LETTERS / 2).join('')}`;
}

function setHistogram(models: Models, workers: readonly Worker[], counts: Counts): void {
  const most = roomFor(mostOf(workers));
  const unit = unitFor(most);
  const { counts: bins } = histogramOf(workers, most);
  const top = Math.max(...bins);
  models.set('histogram_size', { max: most / unit.size });
  models.set('histogram_size_axis', { label: unit.name });
  models.set('histogram_number', { max: roomFor(top) });
  const places = Float64Array.from(bins, (_, i) => i);
  if ((models.get('histogram_band').get('domain') as unknown[] | null)?.length !== places.length) {
    models.set('histogram_band', { domain: [...places] });
  }
  models.set('histogram_bars', { x: places, y: bins });
  const share = shares(counts);
  for (const name of THRESHOLDS) {
    const values = [...new Set(piecesOf(workers, share[name]).value)];
    // Workers of many sizes have no line in common.
    const lines = values.length > 3 ? [] : values;
    models.set(`histogram_${name}`, {
      x: lines.map(value => Float64Array.of(value / unit.size, value / unit.size)),
      y: lines.map(() => Float64Array.of(0, roomFor(top)))
    });
  }
}

const CSS = `
.dasklens-memory{display:flex;flex-direction:column;gap:2px;min-width:0}
.dasklens-memory-bar{display:flex;flex-wrap:wrap;align-items:center;gap:2px 12px;min-height:26px}
.dasklens-memory-words{font-variant-numeric:tabular-nums;font-weight:600}
.dasklens-memory .dasklens-phase{flex:1 1 auto;white-space:nowrap}
.dasklens-empty{padding:18px 8px;text-align:center;border:1px dashed var(--dasklens-line);border-radius:var(--jp-border-radius,2px)}
${FILLS_CSS}
${PHASE_CSS}`;

export default receiver<MemoryStreams, MemoryTraits>(
  'memory',
  CSS,
  () => ({ counts: new Counts(), workers: new WorkerTable() }),
  build
);
