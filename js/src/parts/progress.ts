/**
 * How far tasks are: the total and a bar for each group, drawn by bqplot; names, counts, rates and
 * failures, which are said here. The bars' part sets what the figure shows, in the page.
 */

import { Counts } from '../core/counts';
import { ofEverything, type GroupBy } from '../core/everything';
import { counted, duration, thousands } from '../core/format';
import { decodeFrame, FrameError } from '../core/frames';
import { GroupTable } from '../core/grouptable';
import {
  allOf,
  doneOf,
  failureOf,
  ProgressTable,
  Rates,
  STATES,
  type Group,
  type Progress,
  type Status
} from '../core/progress';
import { button, h, say, watchWidth } from './elements';
import { FAILURE_CSS, FailureDetail } from './failure';
import { GROUP_CHOICE_CSS, GroupChoice } from './groupchoice';
import { modelsOf, type Models } from './models';
import { GONE } from './part';
import { PHASE_CSS, phaseBadge } from './phase';
import { PROGRESS_FILLS_CSS, ProgressFills } from './progressfills';
import { ProgressRows, ROW, ROWS_CSS, same, type RowData } from './progressrows';
import { receiver, type ReceiverTraits, type ReceiverView } from './receiver';

interface ProgressTraits extends ReceiverTraits {
  /** Names and references of the models that are set here. */
  models: Record<string, string>;
  streams: string[];
  /** A frame with everything, as it was of late: for a page that gets no others. */
  snapshot?: DataView;
  /** A bar for each group, not only for all. */
  multi: boolean;
  /** What a bar stands for, of everything. */
  group_by?: GroupBy;
  /** What a person opened, for the views to come: only here. */
  opened?: Group | null;
  wide?: boolean;
  // Set here from the frames, as Python sets its own: nothing is sent for it.
  status: Status;
  counts: Record<string, Record<string, number>>;
  elapsed: number;
  eta: number | null;
  error: Record<string, string> | null;
}

interface Streams extends Record<string, Counts | ProgressTable | GroupTable> {
  progress: ProgressTable;
  counts: Counts;
  groups: GroupTable;
}

type View = ReceiverView<Streams, ProgressTraits>;

/** Groups shown at first. */
const FEW = 20;
/** Height of the line that opens the rest. */
const MORE = 26;
/** Width below which there is little room, in CSS pixels. */
const NARROW = 460;

function build(view: View): void {
  const { model, streams, el, signal, on, onData, extend } = view;
  const everything = model.get('streams').includes('counts');
  const by = new GroupChoice(view);
  const rates = new Rates();
  const fills = new ProgressFills();
  const words = h('span', { class: 'dasklens-progress-words', role: 'status', 'aria-live': 'off' });
  const time = h('span', { class: 'dasklens-progress-time', 'aria-live': 'off' });
  const bar = h('div', { class: 'dasklens-progress-bar' }, words, time);
  if (everything) {
    bar.append(by.element);
  }
  bar.append(phaseBadge(model, view));
  let open: Group | null = model.get('opened') ?? null;
  let wide = model.get('wide') ?? false;
  const detail = new FailureDetail(() => openFailure(null));
  const rows = new ProgressRows(group => openFailure(open && same(open, group) ? null : group));
  const more = button('more', '', 'Show all groups', 'more');
  el.replaceChildren(bar, fills.legend, detail.element, rows.element, more, fills.patterns);

  const saved = savedOf(model);
  let models: Models | null = null;

  const now = (): Progress =>
    everything
      ? ofEverything(streams.counts, rates, streams.groups, by.chosen)
      : streams.progress.next === 0
        ? (saved ?? streams.progress)
        : streams.progress;

  const note = (): void => {
    const { groups, total } = now();
    const at = everything ? streams.counts.last('time') : now().elapsed;
    groups.forEach(group => rates.note(idOf(group), at, doneOf(group.counts)));
    rates.note('', at, doneOf(total));
  };

  const show = (): void => {
    const progress = now();
    const { groups, total } = progress;
    const status = statusOf(model.get('phase'), progress, everything);
    tell(model, progress, status);
    el.dataset.status = status;
    const old = progress === saved && !progress.final;
    el.toggleAttribute('data-old', old);
    say(words, describe(progress, status, everything, old));
    say(time, timeOf(progress, status, old));
    fills.show(total);
    by.show();
    const shown = !model.get('multi') ? [] : wide ? groups : groups.slice(0, FEW);
    const data: RowData[] = [
      { name: 'all', counts: total, rate: rates.of(''), group: null },
      ...shown.map(group => ({
        name: nameOf(group, groups),
        counts: group.counts,
        rate: rates.of(idOf(group)),
        group
      }))
    ];
    const width = el.clientWidth || 600;
    const narrow = width < NARROW;
    const left = Math.round(Math.max(84, Math.min(240, width * 0.28)));
    const right = narrow ? 88 : 190;
    const current = open && groups.find(group => same(group, open));
    detail.show(current?.name ?? '', (current?.counts.erred ?? 0) > 0 ? (current?.failure ?? null) : null);
    rows.show(data, left, right, narrow, detail.element.hidden ? null : open);
    const rest = groups.length - FEW;
    more.hidden = !model.get('multi') || rest <= 0;
    say(more, wide ? 'Show fewer' : `${thousands(rest)} more`);
    more.title = wide ? `Show the first ${FEW} groups` : 'Show all groups';
    more.setAttribute('aria-label', `${more.textContent}: ${more.title}`);
    more.setAttribute('aria-expanded', String(wide));
    if (models) {
      draw(models, data, left, right, more.hidden ? 0 : MORE);
    }
  };

  const openFailure = (group: Group | null): void => {
    open = group;
    model.set('opened', group);
    show();
    if (group) {
      detail.element.focus();
    }
  };

  more.addEventListener('click', () => {
    wide = !wide;
    model.set('wide', wide);
    show();
  });
  void modelsOf(model as never, model.get('models')).then(found => {
    if (signal.aborted) {
      return;
    }
    if (!found) {
      el.textContent = GONE;
      return;
    }
    models = found;
    found.set('bars', { colors: STATES.map(state => fills.fill(state)) });
    const figures = found.get('figure').views ?? {};
    void Promise.all(Object.values(figures)).then(views => views.forEach(each => extend(each.el)));
    show();
  });
  note();
  onData(() => {
    note();
    show();
  });
  on('change:phase change:multi', show);
  on('change:group_by', () => {
    by.ask();
    note();
    show();
  });
  if (everything) {
    by.ask();
  }
  watchWidth(el, signal, show);
  show();
}

/** What was saved: all that there is without a kernel, and until frames come. */
function savedOf(model: View['model']): ProgressTable | null {
  const snapshot = model.get('snapshot');
  const table = new ProgressTable();
  if (snapshot && snapshot.byteLength > 0) {
    try {
      table.append(decodeFrame(snapshot));
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
    }
  }
  return table.next > 0 ? table : null;
}

function idOf({ name, ident }: Group): string {
  return `${name}\u0000${ident}`;
}

function nameOf(group: Group, groups: readonly Group[]): string {
  const alone = !group.ident || groups.filter(({ name }) => name === group.name).length === 1;
  return alone ? group.name : `${group.name} (${group.ident.slice(0, 8)})`;
}

function statusOf(phase: string, progress: Progress, everything: boolean): Status {
  if (phase === 'lost') {
    return 'lost';
  }
  return phase === 'finished' && !everything && !progress.final ? 'cancelled' : progress.status;
}

/** What there is, for whoever observes the model in the page. */
function tell(model: View['model'], progress: Progress, status: Status): void {
  const counts = Object.fromEntries(
    progress.groups.map(group => [
      nameOf(group, progress.groups),
      { all: allOf(group.counts), ...group.counts }
    ])
  );
  const failure = failureOf(progress.groups);
  model.set('status', status);
  model.set('counts', counts);
  model.set('elapsed', Number.isFinite(progress.elapsed) ? progress.elapsed : 0);
  model.set('eta', Number.isFinite(progress.eta) ? progress.eta : null);
  model.set('error', failure && { ...failure });
}

const STATUS: Record<Status, string> = {
  waiting: 'waiting',
  running: 'running',
  finished: 'finished',
  error: '✕ failed',
  cancelled: 'cancelled',
  lost: 'lost'
};

/** @param old whether it is how it was once, and may not be so any more. */
function describe(progress: Progress, status: Status, everything: boolean, old: boolean): string {
  const { total, tracked, unknown, counting } = progress;
  const all = allOf(total) + unknown;
  const when = old ? ' when this was saved' : '';
  if (counting && !progress.final) {
    return `counting${when}: ${thousands(tracked)} so far`;
  }
  if (all === 0) {
    return everything
      ? 'Nothing to do'
      : status === 'finished'
        ? 'finished: there was nothing to do'
        : STATUS[status] + when;
  }
  const percent = Math.floor((100 * doneOf(total)) / all);
  const done = `${thousands(doneOf(total))} of ${counted(all, 'task')}`;
  // Next to how many are done, "failed" alone would be read as the fate of those.
  const parts = [
    status === 'error' && total.erred > 0
      ? `✕ ${thousands(total.erred)} failed${when}: ${done} done, ${percent} %`
      : `${STATUS[status]}${when}: ${done}, ${percent} %`
  ];
  if (unknown > 0) {
    const verb = unknown === 1 ? 'key is' : 'keys are';
    parts.push(`${thousands(unknown)} ${verb} not known to the scheduler (yet)`);
  }
  if (progress.reason) {
    parts.push(progress.reason);
  }
  return parts.join('; ');
}

function timeOf(progress: Progress, status: Status, old: boolean): string {
  const parts: string[] = [];
  if (Number.isFinite(progress.elapsed)) {
    parts.push(`${duration(progress.elapsed < 1 ? progress.elapsed : rounded(progress.elapsed))} elapsed`);
  }
  if (status === 'running' && !old && Number.isFinite(progress.eta) && progress.eta > 0) {
    parts.push(`about ${duration(Math.max(1, Math.round(progress.eta)))} left`);
  }
  return parts.join(', ');
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** Set what the figure shows: it lies under the rows, and each bar beside its name. */
function draw(models: Models, data: readonly RowData[], left: number, right: number, below: number): void {
  const n = data.length;
  const places = Float64Array.from(data, (_, i) => i);
  const parts = STATES.map(state =>
    Float64Array.from(data, ({ counts }) => counts[state] / Math.max(1, allOf(counts)))
  );
  const figure = models.get('figure');
  const layout = figure.get('layout') as {
    get(name: string): unknown;
    set(values: Record<string, unknown>): void;
  };
  const height = `${n * ROW}px`;
  const margin = `-${n * ROW + below}px 0px ${below}px 0px`;
  if (layout.get('height') !== height || layout.get('margin') !== margin) {
    layout.set({ height, margin });
  }
  const margins = figure.get('fig_margin') as Record<string, number>;
  if (margins.left !== left || margins.right !== right) {
    figure.set({ fig_margin: { top: 0, bottom: 0, left, right } });
  }
  // From below to above.
  const domain = [...places].reverse();
  if (String(models.get('band').get('domain')) !== String(domain)) {
    models.set('band', { domain });
  }
  const known = models.get('bars').get('y') as readonly ArrayLike<number>[] | null;
  if (!known || String(known.map(each => [...Array.from(each)])) !== String(parts.map(each => [...each]))) {
    models.set('bars', { x: places, y: parts });
  }
}

const CSS = `
.dasklens-progress{display:flex;flex-direction:column;min-width:0}
.dasklens-progress-bar{display:flex;flex-wrap:wrap;align-items:center;gap:0 12px;min-height:24px}
.dasklens-progress-words{font-weight:600;font-variant-numeric:tabular-nums}
.dasklens-progress-time{font-variant-numeric:tabular-nums;color:var(--jp-ui-font-color2,inherit)}
.dasklens-progress[data-status=error] .dasklens-progress-words{color:var(--jp-error-color1,color-mix(in srgb,#e1002d 75%,currentColor))}
.dasklens-progress .dasklens-phase{flex:1 1 auto;white-space:nowrap}
.dasklens-progress[data-old] .dasklens-phase:not([data-phase=lost]){visibility:hidden}
.dasklens-progress [data-action=more]{align-self:flex-start;position:relative;z-index:1}
.dasklens-progress-figure .zeroLine{display:none}
${GROUP_CHOICE_CSS}
${ROWS_CSS}
${FAILURE_CSS}
${PROGRESS_FILLS_CSS}
${PHASE_CSS}`;

export default receiver<Streams, ProgressTraits>(
  'progress',
  CSS,
  () => ({ progress: new ProgressTable(), counts: new Counts(), groups: new GroupTable() }),
  build
);
