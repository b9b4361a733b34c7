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
  roundTicks,
  sharesOf,
  THRESHOLDS,
  unitFor,
  type OverTime,
  type Unit
} from '../core/memory';
import { WorkerTable, type Worker } from '../core/workers';
import { h, say, watchWidth } from './elements';
import { BAND, EDGE, Fills, FILLS_CSS, LINE_STYLES } from './memoryfills';
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
const BESIDE = 48;
/** Letters of a name beside its bar, and the width of one in CSS pixels. */
const LETTERS = 16;
const FEW_LETTERS = 9;
const LETTER = 7;
/** Width below which there is little room, in CSS pixels. */
const NARROW = 420;
/** Ticks of an axis from below to above. */
const TICKS = 4;
/** Seconds that are shown at least, unless a shorter stretch was asked for: a second drawn out to the whole width tells nothing. */
const SHORTEST = 10;

/** The figures shown, by how many workers there are. */
const FEW = ['total', 'workers'];
const MANY = ['total', 'spread', 'histogram'];

const EMPTY: Record<string, string> = {
  connecting: 'Connecting to the scheduler…',
  finished: 'There were no workers.'
};
const NO_WORKERS = 'No workers yet. Start some, e.g. cluster.scale(2).';

function build(view: View): void {
  const { model, streams, el, signal, on, onData, extend } = view;
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
    const wanted = many ? MANY : FEW;
    arrange(models, nothing ? [] : wanted);
    const seconds = Number(model.get('window'));
    const past = overTime(counts, seconds);
    const shown = shares(counts);
    fills.show(
      THRESHOLDS.filter(name => shown[name] > 0),
      many
    );
    const least = Math.min(SHORTEST, seconds);
    setTotal(models, past, least);
    if (many) {
      setSpread(models, past, workers.workers, least);
      setHistogram(models, workers.workers, counts, el.clientWidth);
    } else {
      setWorkers(models, workers.workers, counts, el.clientWidth);
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
    hover = new MemoryHover(found, streams, el, signal, extend);
    show();
  });
  onData(show);
  on('change:phase change:window', show);
  watchWidth(el, signal, show);
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
  models.set('histogram_bars', { colors: [fills.fill('managed')] });
  models.set('spread_bands', {
    colors: ['transparent'],
    fill_colors: [fills.fill('unmanaged'), fills.fill('managed'), fills.fill('unmanaged'), 'transparent'],
    fill_opacities: [EDGE, BAND, EDGE, 0]
  });
  models.set('spread_median', { colors: [fills.text], stroke_width: 2 });
  for (const axis of ['total_size', 'workers_size', 'spread_size', 'histogram_size', 'histogram_number']) {
    models.set(`${axis}_axis`, { label_color: fills.text });
  }
  for (const figure of ['total', 'spread']) {
    models.set(`${figure}_limit`, { colors: [fills.text] });
  }
  for (const figure of ['workers', 'histogram']) {
    for (const name of THRESHOLDS) {
      models.set(`${figure}_${name}`, { colors: [fills.text], line_style: LINE_STYLES[name] });
    }
  }
}

/** Put these figures below the part. What is not shown is not in the page and is not drawn. */
function arrange(models: Models, figures: readonly string[]): void {
  const box = models.get('box');
  const children = box.get('children') as readonly unknown[];
  const wanted = [children[0], ...figures.map(name => models.get(`${name}_figure`))];
  if (wanted.length !== children.length || wanted.some((each, i) => each !== children[i])) {
    box.set({ children: wanted });
  }
}

function shares(counts: Counts): ReturnType<typeof sharesOf> {
  const found = sharesOf(counts);
  return counts.last('limit') > 0 ? found : { ...found, limit: 0 };
}

function scaled(values: Float64Array, unit: Unit): Float64Array {
  return values.map(value => value / unit.size);
}

function setTime(
  models: Models,
  figure: string,
  past: OverTime,
  least: number,
  most: number,
  unit: Unit
): void {
  const end = past.time.at(-1) ?? Date.now() / 1000;
  const start = past.time[0] ?? end;
  models.set(`${figure}_time`, { min: Math.min(start, end - least), max: end });
  setSize(models, figure, most, unit, TICKS);
}

/** The scale and the axis of sizes: to `most` and a little more, at round numbers of a unit. */
function setSize(models: Models, figure: string, most: number, unit: Unit, ticks: number): void {
  const max = roomFor(most) / unit.size;
  models.set(`${figure}_size`, { max });
  setTicks(models, `${figure}_size_axis`, roundTicks(max, ticks), unit.name);
}

function setTicks(models: Models, axis: string, ticks: readonly number[], label: string): void {
  const known = models.get(axis).get('tick_values') as ArrayLike<number> | null;
  models.set(axis, {
    label,
    tick_values: String(Array.from(known ?? [])) === String(ticks) ? known : Float64Array.from(ticks)
  });
}

function setTotal(models: Models, past: OverTime, least: number): void {
  const limit = past.limit.at(-1) ?? NaN;
  // A limit far above what is used would make a flat line of it.
  const near = limit <= 4 * past.most;
  const unit = unitFor(near ? Math.max(limit, past.most) : past.most);
  setTime(models, 'total', past, least, near ? Math.max(limit, past.most) : 1.2 * past.most, unit);
  models.set('total_stack', { x: past.time, y: past.edges.map(edge => scaled(edge, unit)) });
  models.set('total_limit', { x: past.time, y: scaled(past.limit, unit) });
}

function setSpread(models: Models, past: OverTime, workers: readonly Worker[], least: number): void {
  const [low, lower, middle, upper, high] = past.quantiles;
  const most = Math.max(mostOf(workers), ...high.filter(Number.isFinite));
  const unit = unitFor(most);
  setTime(models, 'spread', past, least, most, unit);
  models.set('spread_bands', { x: past.time, y: [low, lower, upper, high].map(edge => scaled(edge, unit)) });
  models.set('spread_median', { x: past.time, y: scaled(middle, unit) });
  const limits = new Set(workers.map(worker => worker.limit));
  const limit = limits.size === 1 ? [...limits][0] : 0;
  models.set('spread_limit', {
    x: past.time,
    y: Float64Array.from(past.time, () => (limit > 0 ? limit / unit.size : NaN))
  });
}

function setWorkers(models: Models, workers: readonly Worker[], counts: Counts, width: number): void {
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
  // Bars begin at the bottom, names at the top.
  const domain = [...places].reverse();
  if (String(models.get('workers_band').get('domain')) !== String(domain)) {
    models.set('workers_band', { domain });
  }
  models.set('workers_place', { min: -0.5, max: Math.max(0.5, n - 0.5) });
  setSize(models, 'workers', most, unit, ticksFor(width));
  nameWorkers(models, workers, plot, width < NARROW ? FEW_LETTERS : LETTERS);
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
function nameWorkers(models: Models, workers: readonly Worker[], height: number, letters: number): void {
  const every = Math.max(1, Math.ceil((workers.length * 14) / height));
  const ticks = workers.map((_, i) => i).filter(i => i % every === 0);
  const labels = Object.fromEntries(ticks.map(i => [i, shortened(workers[i].name, letters)]));
  const axis = models.get('workers_place_axis');
  if (JSON.stringify(axis.get('tick_labels')) !== JSON.stringify(labels)) {
    axis.set({ tick_labels: labels, tick_values: Float64Array.from(ticks) });
    const longest = Math.max(...Object.values(labels).map(label => label.length));
    const figure = models.get('workers_figure');
    const margin = figure.get('fig_margin') as Record<string, number>;
    figure.set({ fig_margin: { ...margin, left: Math.max(64, 16 + LETTER * longest) } });
  }
}

function shortened(name: string, most: number): string {
  const letters = [...name];
  const half = Math.floor(most / 2);
  return letters.length <= most
    ? name
    : `${letters.slice(0, half - 1).join('')}…${letters.slice(-half).join('')}`;
}

/** Ticks of an axis from left to right. */
function ticksFor(width: number): number {
  return Math.max(3, Math.min(8, Math.floor((width - 150) / 80)));
}

function setHistogram(models: Models, workers: readonly Worker[], counts: Counts, width: number): void {
  const most = roomFor(mostOf(workers));
  const unit = unitFor(most);
  const { counts: bins } = histogramOf(workers, most);
  const top = Math.max(...bins);
  models.set('histogram_size', { max: most / unit.size });
  setTicks(models, 'histogram_size_axis', roundTicks(most / unit.size, ticksFor(width)), unit.name);
  models.set('histogram_number', { max: roomFor(top) });
  const numbers = roundTicks(roomFor(top), TICKS).filter(Number.isInteger);
  setTicks(models, 'histogram_number_axis', numbers, 'workers');
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
