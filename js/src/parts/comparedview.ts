/**
 * What a comparison says, as elements: its verdict, the runs as wholes, where their time went, the prefixes, what
 * moved in the profile and in memory, and what to be careful about. A widget and a report's page show the same.
 */

import { changeText, figureText, type Compared, type ComparedFigure, type Maybe } from '../core/compared';
import { duration, thousands } from '../core/format';
import { changeColour, libraryColour, SPENT_COLOURS } from '../core/palette';
import { prefixTable } from './comparedtable';
import { trendCharts } from './comparedtrend';
import { h, swatch } from './elements';

const SPENT = Object.entries(SPENT_COLOURS);
/** Parts narrower than this have no room for their share; workers, and runs with a bar, that are told at once. */
const [NAMED, MOST_WORKERS, MOST_BARS, MOST_FUNCTIONS] = [0.09, 20, 40, 15];

export interface ComparedView {
  /** Have prefixes stand out. */
  mark(prefixes: readonly string[]): void;
}

export interface ComparedOptions {
  /** What a click on a prefix does; nothing where there is no task stream. */
  readonly choose?: ((prefix: string) => void) | null;
  /** Whether the functions that moved are told here; they are where nothing else tells them. */
  readonly functions?: boolean;
}

export function comparedView(
  el: HTMLElement,
  compared: Compared,
  signal: AbortSignal,
  { choose = null, functions = true }: ComparedOptions = {}
): ComparedView {
  const table = prefixTable(compared, choose);
  el.append(
    h('p', { class: 'dasklens-outcome' }, compared.verdict),
    runsOf(compared),
    ...(compared.kind === 'trend'
      ? [h('div', { class: 'dasklens-trends' }, ...trendCharts(compared, signal))]
      : []),
    block('Prefixes', table.element),
    h(
      'div',
      { class: 'dasklens-columns' },
      block('The whole', figures(compared)),
      block('Where the time of the worker threads went', spent(compared))
    )
  );
  if (functions && compared.functions.length > 0) {
    el.append(block('Functions whose share of the samples changed most', functionTable(compared)));
  }
  if (compared.peaks.length > 0) {
    el.append(block('Most memory of each worker’s process', peaks(compared)));
  }
  const notes = [...compared.notes.map(note => h('p', {}, note)), methodOf(compared.method)];
  el.append(h('div', { class: 'dasklens-notes dasklens-dim' }, ...notes));
  return { mark: table.mark };
}

function block(title: string, ...content: Node[]): HTMLElement {
  return h('section', { class: 'dasklens-block' }, h('h4', {}, title), ...content);
}

function methodOf(method: string): HTMLElement {
  return h('details', {}, h('summary', {}, 'How this is computed'), h('p', {}, method));
}

function runsOf({ runs }: Compared): HTMLElement {
  const items = runs.flatMap(({ label, title, start, stop }) => [
    h('b', {}, h('bdi', {}, label)),
    h('span', {}, h('bdi', {}, title), Number.isFinite(stop - start) ? ` · ${duration(stop - start)}` : '')
  ]);
  return h('div', { class: 'dasklens-runs' }, ...items);
}

// --- the whole ------------------------------------------------------------------------------------------

function figures({ figures: all, runs }: Compared): Node {
  const last = runs.length - 1;
  const told = all.filter(({ name }) => !SPENT.some(([spent]) => spent === name));
  return plainTable(
    ['', runs[0].label, runs[last].label, 'change'],
    told.map(({ title, unit, values }) => [
      title,
      figureText(values[0], unit),
      figureText(values[last], unit),
      changeText(values[0], values[last])
    ])
  );
}

/** A small table: its first column is words, the others are numbers. */
function plainTable(head: readonly string[], rows: readonly (readonly (string | Node)[])[]): HTMLElement {
  const top = head.map((text, i) =>
    h('th', { scope: 'col', class: i > 0 ? 'number' : '' }, h('bdi', {}, text))
  );
  const lines = rows.map(cells =>
    h(
      'tr',
      {},
      ...cells.map((cell, i) =>
        i > 0 ? h('td', { class: 'number' }, cell) : h('th', { scope: 'row' }, ...(cell ? [cell] : []))
      )
    )
  );
  const table = h('table', {}, h('thead', {}, h('tr', {}, ...top)), h('tbody', {}, ...lines));
  return h('div', { class: 'dasklens-wide dasklens-small', tabindex: '0', role: 'group' }, table);
}

function spent({ figures: all, runs }: Compared): Node {
  const known = SPENT.flatMap(([name, colour]) => {
    const figure = all.find(each => each.name === name);
    return figure ? [{ name, colour, figure }] : [];
  });
  if (known.length === 0) {
    return h('p', { class: 'dasklens-dim' }, 'Nothing was recorded that would tell.');
  }
  const first = 0;
  const last = runs.length - 1;
  const bars = runs
    .map((run, i) => ({ run, i }))
    .filter(({ i }) => i === first || i > last - MOST_BARS + 1)
    .flatMap(({ run, i }) => [
      h('bdi', { class: 'dasklens-cut', title: run.label }, run.label),
      bar(known, i)
    ]);
  const rows = known.map(({ name, colour, figure: { values } }) => [
    h('span', { class: 'dasklens-named' }, sample(colour), name),
    figureText(values[first], 's'),
    figureText(values[last], 's'),
    points(share(known, values[first], first), share(known, values[last], last))
  ]);
  return h(
    'div',
    {},
    h('div', { class: 'dasklens-bars', 'aria-hidden': 'true' }, ...bars),
    plainTable(['', runs[first].label, runs[last].label, 'share'], rows)
  );
}

type Known = readonly { readonly name: string; readonly colour: string; readonly figure: ComparedFigure }[];

function share(known: Known, value: Maybe, run: number): number {
  const all = known.reduce((sum, { figure }) => sum + (figure.values[run] ?? 0), 0);
  return all > 0 ? (value ?? 0) / all : 0;
}

function bar(known: Known, run: number): HTMLElement {
  const parts = known.flatMap(({ name, colour, figure }) => {
    const part = share(known, figure.values[run], run);
    if (part <= 0) {
      return [];
    }
    const each = h(
      'span',
      { class: colour ? '' : 'rest' },
      part >= NAMED ? `${Math.round(100 * part)} %` : ''
    );
    each.title = `${name}: ${figureText(figure.values[run], 's')}`;
    each.style.flexGrow = String(part);
    each.style.background = colour;
    return [each];
  });
  return h('span', { class: 'dasklens-timebar' }, ...parts);
}

function sample(colour: string): HTMLElement {
  return colour ? swatch(colour) : h('span', { class: 'dasklens-swatch rest' });
}

/** A change of a share, in percent points. */
function points(before: number, after: number): string {
  const change = 100 * (after - before);
  const size = Math.abs(change).toFixed(1);
  return size === '0.0' ? '±0 points' : `${change > 0 ? '+' : '−'}${size} points`;
}

// --- what moved -----------------------------------------------------------------------------------------

/** The functions of the profile; also beside its figure. */
export function functionTable({ functions, runs }: Compared): HTMLElement {
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  const rows = functions.slice(0, MOST_FUNCTIONS).map(({ name, place, library, before, after }) => {
    const change = after - before;
    const moved = h(
      'span',
      { class: 'dasklens-moved' },
      `${change > 0 ? '▲' : '▼'} ${points(before, after)}`
    );
    moved.style.borderColor = changeColour(change);
    const where = h(
      'span',
      { class: 'dasklens-dim dasklens-where', title: place },
      h('bdi', {}, place.slice(-80))
    );
    return [
      h(
        'span',
        { class: 'dasklens-named', title: name },
        swatch(libraryColour(library)),
        h('bdi', {}, name),
        where
      ),
      percent(before),
      percent(after),
      moved
    ];
  });
  return plainTable(['function', runs[0].label, runs[runs.length - 1].label, 'own time'], rows);
}

function peaks({ peaks: all, runs }: Compared): HTMLElement {
  const last = runs.length - 1;
  const rows = all
    .slice(0, MOST_WORKERS)
    .map(({ worker, values }) => [
      worker,
      figureText(values[0], 'B'),
      figureText(values[last], 'B'),
      changeText(values[0], values[last])
    ]);
  const more = all.length - MOST_WORKERS;
  const note = more > 0 ? [h('p', { class: 'dasklens-dim' }, `and ${thousands(more)} more workers`)] : [];
  return h('div', {}, plainTable(['worker', runs[0].label, runs[last].label, 'change'], rows), ...note);
}

/** Of what a comparison is made of, under the class `dasklens-comparison`. */
export const COMPARED_CSS = `
.dasklens-comparison{container-type:inline-size}
.dasklens-comparison p{margin:0 0 6px;overflow-wrap:anywhere}
.dasklens-comparison .dasklens-outcome{margin:4px 0 8px;font-size:1.15em;line-height:1.45}
.dasklens-runs{display:grid;grid-template-columns:fit-content(40%) minmax(0,1fr);gap:2px 12px;margin:0 0 12px}
.dasklens-runs>*{overflow-wrap:anywhere;min-width:0}
.dasklens-block{margin:0 0 14px}
.dasklens-block h4{margin:0 0 6px;font-size:1em;font-weight:600}
.dasklens-columns{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 24px}
.dasklens-comparedbar{display:flex;align-items:center;gap:10px;margin-bottom:4px}
.dasklens-comparison .dasklens-search{flex:0 1 240px;min-width:0;height:24px;padding:0 6px;border:1px solid var(--dasklens-line);border-radius:var(--jp-border-radius,2px);background:var(--jp-layout-color1,transparent);color:inherit;font:inherit}
.dasklens-wide{overflow:auto;max-height:480px}
.dasklens-prefixes>[data-action=more]{margin-top:4px;border:1px solid var(--dasklens-line)}
.dasklens-part.dasklens-comparison table{border-collapse:collapse;width:100%;font:inherit;margin:0;font-variant-numeric:tabular-nums}
.dasklens-part.dasklens-comparison :is(th,td){padding:3px 8px;text-align:left;background:none;vertical-align:middle;white-space:nowrap;border:0;border-bottom:1px solid var(--dasklens-line);max-width:none}
.dasklens-part.dasklens-comparison .dasklens-small tbody th{white-space:normal;overflow-wrap:anywhere;font-weight:400}
.dasklens-part.dasklens-comparison thead :is(th){position:sticky;top:0;z-index:1;background:var(--jp-layout-color1,Canvas);font-weight:600;max-width:14em;overflow:hidden;text-overflow:ellipsis}
.dasklens-part.dasklens-comparison :is(.number,[data-column=median],[data-column=tasks],[data-column=seconds]){text-align:right}
.dasklens-part.dasklens-comparison .dasklens-prefixes :is(th,td){padding:2px 8px}
.dasklens-part.dasklens-comparison th button{display:block;width:100%;height:auto;padding:2px 0;font-weight:600;text-align:inherit;overflow:hidden;text-overflow:ellipsis}
.dasklens-comparison th[aria-sort=descending] button::after{content:' ▾'}
.dasklens-comparison th[aria-sort=ascending] button::after{content:' ▴'}
.dasklens-part.dasklens-comparison [data-column=interval]{text-align:center}
.dasklens-comparison tbody tr:hover{background:var(--dasklens-hover)}
.dasklens-named{display:inline-flex;align-items:center;gap:6px;max-width:100%;min-width:0}
.dasklens-part.dasklens-comparison td button.dasklens-named{justify-content:flex-start;max-width:22em;flex:0 1 auto}
.dasklens-comparison td span.dasklens-named{max-width:22em}
.dasklens-where{max-width:22em;overflow:hidden;text-overflow:ellipsis;direction:rtl;font-size:.9em;white-space:nowrap}
.dasklens-small .dasklens-named{flex-wrap:wrap}
.dasklens-interval{display:block;margin:auto;--colour:#8a8a8a}
.dasklens-interval[data-verdict=slower]{--colour:#d95f02}
.dasklens-interval[data-verdict=faster]{--colour:#4a90d9}
.dasklens-interval .one{stroke:currentColor;opacity:.45}
.dasklens-interval .range{stroke:var(--colour);stroke-width:4;opacity:.55}
.dasklens-interval circle{fill:var(--colour)}
.dasklens-comparison tr:is([data-verdict=slower],[data-verdict=faster]) .dasklens-verdict{font-weight:600}
.dasklens-comparison tr[data-verdict=slower] .dasklens-verdict{border-bottom:2px solid #d95f02}
.dasklens-comparison tr[data-verdict=faster] .dasklens-verdict{border-bottom:2px solid #4a90d9}
.dasklens-moved{display:inline-block;border-bottom:2px solid}
.dasklens-bars{display:grid;grid-template-columns:fit-content(30%) minmax(0,1fr);gap:4px 10px;align-items:center;margin-bottom:6px}
.dasklens-timebar{display:flex;height:20px;border-radius:3px;overflow:hidden}
.dasklens-timebar>span{flex:1 1 0;min-width:2px;color:#fff;font-size:12px;line-height:20px;text-align:center;text-shadow:0 0 3px rgb(0 0 0/60%);overflow:hidden;forced-color-adjust:none}
.dasklens-comparison .rest{background:repeating-linear-gradient(-45deg,color-mix(in srgb,currentColor 10%,transparent) 0 5px,color-mix(in srgb,currentColor 22%,transparent) 5px 7px)!important}
.dasklens-timebar>.rest{color:inherit;text-shadow:none}
.dasklens-trends{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(320px,100%),1fr));gap:8px 20px;margin-bottom:10px}
.dasklens-trend{margin:0;min-width:0}
.dasklens-trend figcaption{font-weight:600}
.dasklens-trendplot{height:170px}
.dasklens-trendplot text{fill:currentColor;font-size:11px}
.dasklens-trendplot .grid{stroke:currentColor;opacity:.15}
.dasklens-trendline{stroke-width:2}
.dasklens-trendkey{display:flex;flex-wrap:wrap;gap:2px 12px}
.dasklens-trendkey span{display:inline-flex;align-items:center;gap:5px;max-width:16em;min-width:0}
.dasklens-trendkey svg{flex:none}
.dasklens-notes{font-size:.95em}
.dasklens-notes summary{cursor:pointer}
@container (max-width:760px){
.dasklens-columns{grid-template-columns:minmax(0,1fr)}
.dasklens-part.dasklens-comparison .dasklens-prefixes :is([data-column=seconds],[data-column=tasks]){display:none}
.dasklens-part.dasklens-comparison td :is(button,span).dasklens-named{max-width:11em}
}
@container (max-width:520px){
.dasklens-part.dasklens-comparison .dasklens-prefixes :is([data-column=interval],[data-column=median]){display:none}
.dasklens-part.dasklens-comparison .dasklens-prefixes [data-column=ratio]{white-space:normal}
.dasklens-part.dasklens-comparison :is(th,td){padding:3px 5px}
.dasklens-where{display:none}
.dasklens-part.dasklens-comparison td :is(button,span).dasklens-named{max-width:8.5em}
}
`;
