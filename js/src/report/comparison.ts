/** The sections of a comparison: what changed, both task streams on one axis of time, the tree of what moved. */

import type { Compared } from '../core/compared';
import type { Range } from '../core/viewport';
import { COMPARED_CSS, comparedView, functionTable } from '../parts/comparedview';
import { h } from '../parts/elements';
import { dress } from '../parts/part';
import { emptyNote, figureIn, recordsOf, type Context } from './context';
import type { Hosted } from './shared';
import type { Section, Shown } from './tabs';

const PLACES = ['a', 'b'];

export function comparisonSections(compared: Compared, context: Context): Section[] {
  const sections: Section[] = [
    {
      name: 'comparison',
      title: 'Comparison',
      prints: true,
      build: panel => buildNumbers(panel, compared, context)
    }
  ];
  if (compared.kind === 'trend') {
    return sections;
  }
  const { report } = context;
  return [
    ...sections,
    {
      name: 'task-streams',
      title: 'Task streams',
      empty: PLACES.every(place => recordsOf(report, `tasks:${place}`) === 0),
      build: panel => buildStreams(panel, compared, context)
    },
    {
      name: 'profile',
      title: 'Profile',
      empty: recordsOf(report, 'profile:change') === 0,
      build: panel => buildProfile(panel, compared, context)
    }
  ];
}

function buildNumbers(panel: HTMLElement, compared: Compared, { address, go }: Context): void {
  const { signal } = new AbortController();
  const box = dressed(panel, signal);
  const choose = (prefix: string): void => {
    address.set({ prefix });
    go('task-streams');
  };
  comparedView(box, compared, signal, { choose: compared.kind === 'pair' ? choose : null });
}

/** Both streams; whichever is zoomed, the other follows. */
function buildStreams(panel: HTMLElement, compared: Compared, context: Context): Shown {
  const { report, address, open } = context;
  const extent: Range = [...compared.extent];
  const hosted: (Hosted | null)[] = [];
  const prefixes = (): string[] => {
    const prefix = address.get('prefix');
    return prefix === null ? [] : [prefix];
  };
  let shown: Range = address.range ?? extent;
  const follow = (from: number, range: Range | null): void => {
    const next = range ?? extent;
    if (near(next, shown)) {
      return;
    }
    shown = next;
    hosted.forEach((each, i) => i !== from && each?.showTime(next));
    const [start, stop] = near(next, extent)
      ? [null, null]
      : next.map(at => String(Number(at.toPrecision(8))));
    address.setSoon({ from: start, to: stop });
  };
  compared.runs.forEach(({ label, title }, i) => {
    const name = `tasks:${PLACES[i]}`;
    panel.append(h('h3', {}, h('bdi', {}, label), ': ', h('bdi', {}, title)));
    if (recordsOf(report, name) === 0) {
      panel.append(emptyNote('No task finished in this run.'));
      return;
    }
    void figureIn(panel.appendChild(h('div', { class: 'stream' })), context, {
      name: 'task-stream',
      open: (_stream, question) => open(name, question),
      traits: { tasks: { extent } },
      range: address.range,
      highlight: prefixes(),
      onRange: range => follow(i, range)
    }).then(made => {
      hosted[i] = made;
    });
  });
  return {
    shown: () => {
      if (address.get('prefix') !== null) {
        hosted.forEach(each => each?.highlight(prefixes()));
      }
      if (address.range) {
        shown = address.range;
        hosted.forEach(each => each?.showTime(shown));
      }
    }
  };
}

function near(a: Range, b: Range): boolean {
  const most = 1e-6 * (b[1] - b[0]);
  return Math.abs(a[0] - b[0]) <= most && Math.abs(a[1] - b[1]) <= most;
}

function buildProfile(panel: HTMLElement, compared: Compared, context: Context): void {
  if (recordsOf(context.report, 'profile:change') === 0) {
    panel.append(emptyNote('There is no profile of both runs: a task stream that was saved alone has none.'));
    return;
  }
  const [first, last] = compared.runs.map(({ label }) => label);
  panel.append(
    h(
      'p',
      { class: 'aside' },
      'Orange takes a larger part of the samples in ',
      h('bdi', {}, last),
      ' than in ',
      h('bdi', {}, first),
      ', blue a smaller one; a frame is as wide as the mean of its two parts.'
    )
  );
  const box = panel.appendChild(h('div', { class: 'profile' }));
  const question = JSON.stringify({ kind: 'change' });
  void figureIn(box, context, { name: 'profile', open: stream => context.open(stream, question) });
  const table = dressed(panel, new AbortController().signal);
  table.append(h('h3', {}, 'Functions whose share of the samples changed most'), functionTable(compared));
}

/** A box that looks as a widget does. */
function dressed(panel: HTMLElement, signal: AbortSignal): HTMLElement {
  const inside = h('div');
  panel.append(h('div', { class: 'block compared' }, inside));
  dress(inside, 'comparison', COMPARED_CSS, signal);
  return inside;
}
