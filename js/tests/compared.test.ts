// @vitest-environment jsdom
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';

import {
  changeText,
  edgeOf,
  figureText,
  placeOf,
  ratioText,
  readCompared,
  verdictText,
  type Compared
} from '../src/core/compared';
import { clock, isSinceStart } from '../src/core/format';
import { timeTicks } from '../src/core/ticks';
import { comparedView } from '../src/parts/comparedview';
import comparison from '../src/parts/comparison';
import heading from '../src/parts/heading';
import { HOSTILE, one, texts } from './fakemark';

type Raw = Record<string, unknown>;

const prefix = (name: string, more: Raw = {}): Raw => ({
  prefix: name,
  tasks: [10, 12],
  medians: [0.1, 0.2],
  seconds: [1, 2.4],
  shares: [0.5, 0.6],
  ratio: 2,
  interval: [1.8, 2.3],
  surely: [1.6, 2.6],
  verdict: 'slower',
  ...more
});
const nothing = { ratio: null, interval: null, surely: null };
const run = (label: string, more: Raw = {}): Raw => ({
  label,
  title: `Run ${label}`,
  start: 10,
  stop: 12,
  ...more
});
const RAW: Raw = {
  kind: 'pair',
  verdict: 'b took longer.',
  runs: [run('a'), run('b', { stop: 14 })],
  figures: [
    { name: 'duration', title: 'Duration', unit: 's', values: [2, 4] },
    { name: 'tasks', title: 'Tasks', unit: 'n', values: [22, 1234] },
    { name: 'compute', title: 'Threads: compute', unit: 's', values: [3, 1] },
    { name: 'idle', title: 'Threads: idle', unit: 's', values: [1, 3] },
    { name: 'peak', title: 'Memory, peak', unit: 'B', values: [null, 2 ** 20] }
  ],
  prefixes: [
    prefix('weigh'),
    prefix('load', { seconds: [3, 0.1], ratio: 0.5, interval: [0.4, 0.6], verdict: 'faster' }),
    prefix('once', { ...nothing, tasks: [1, 0], medians: [0.5, null], verdict: 'only in a' })
  ],
  functions: [['hot', '/a/b.py', 7, 'b', 0.1, 0.3, 10, 30]],
  peaks: [{ worker: '0', values: [2 ** 20, 2 ** 21] }],
  extent: [-0.1, 4.1],
  notes: ['2 prefixes were compared.'],
  method: 'A bootstrap.'
};
const read = (raw: unknown = RAW): Compared => readCompared(raw) as Compared;

afterEach(() => document.body.replaceChildren());

function shown(raw: unknown = RAW, choose: ((prefix: string) => void) | null = null): HTMLElement {
  const el = document.body.appendChild(document.createElement('div'));
  el.className = 'dasklens-part dasklens-comparison';
  comparedView(el, read(raw), new AbortController().signal, { choose });
  return el;
}

const rows = (el: HTMLElement): string[] =>
  texts(el, '.dasklens-prefixes tbody tr td:first-child').map(text => text.trim());

describe('a comparison is read', () => {
  test('with what is without end where JSON has null', () => {
    const { prefixes } = read({
      ...RAW,
      prefixes: [prefix('x', { ratio: null, interval: [1.5, null] }), prefix('y', nothing)]
    });
    expect(prefixes[0]).toMatchObject({ ratio: Infinity, interval: [1.5, Infinity] });
    expect(prefixes[1].ratio).toBeNaN();
    expect(prefixes[1].interval).toBeNull();
  });

  test('and of fewer than two runs is none', () => {
    expect(readCompared(null)).toBeNull();
    expect(readCompared({ ...RAW, runs: [run('a')] })).toBeNull();
  });

  test('and whatever it is, it can be shown', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(RAW)), fc.jsonValue(), (name, value) => {
        const compared = readCompared({ ...RAW, [name]: value });
        if (compared) {
          const el = document.createElement('div');
          comparedView(el, compared, new AbortController().signal);
          expect(el.textContent).not.toContain('NaN');
        }
      }),
      { numRuns: 60 }
    );
  });

  test('and what a stranger wrote is bounded', () => {
    const long = 'x'.repeat(10_000);
    const compared = read({
      ...RAW,
      verdict: long,
      notes: Array(5000).fill(long),
      runs: Array(900).fill(run(long))
    });
    expect(compared.runs.length).toBe(200);
    expect(compared.notes.length).toBe(200);
    expect(compared.verdict.length).toBeLessThan(2010);
    expect(compared.runs[0].label.length).toBeLessThan(210);
  });
});

test('numbers read well', () => {
  expect([
    changeText(2, 4),
    changeText(100, 99),
    changeText(1, 1),
    changeText(null, 1),
    changeText(0, 1)
  ]).toEqual(['+100 %', '−1.0 %', '=', '', '']);
  expect([ratioText(1.23456), ratioText(Infinity), ratioText(NaN), ratioText(12345.6)]).toEqual([
    '1.23',
    '∞',
    '',
    '12,346'
  ]);
  expect([figureText(null, 's'), figureText(0.5, 's'), figureText(1234, 'n')]).toEqual([
    '–',
    '500 ms',
    '1,234'
  ]);
  expect(verdictText('only in b', read().runs)).toBe('only in b');
  expect(verdictText('slower', read().runs)).toBe('▲ slower');
});

test('a bar lies on a scale of logarithms with 1 in the middle', () => {
  expect(placeOf(1, 4)).toBe(0.5);
  expect([placeOf(4, 4), placeOf(0.25, 4), placeOf(100, 4), placeOf(0, 4), placeOf(Infinity, 4)]).toEqual([
    1, 0, 1, 0, 1
  ]);
  expect(placeOf(2, 4)).toBeCloseTo(0.75);
  expect(edgeOf(read().prefixes)).toBe(4);
  expect(edgeOf([])).toBe(1.25);
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), ratio => {
      expect(placeOf(ratio, 4) + placeOf(1 / ratio, 4)).toBeCloseTo(1);
    })
  );
});

describe('the view', () => {
  test('says what came of it, the most expensive first', () => {
    const el = shown();
    expect(one(el, '.dasklens-outcome').textContent).toBe('b took longer.');
    expect(rows(el)).toEqual(['weigh', 'once', 'load']);
    expect(one(el, 'tr[data-verdict=slower] .dasklens-verdict').textContent).toBe('▲ slower');
    expect(el.querySelectorAll('.dasklens-interval').length).toBe(2);
    expect(el.textContent).toContain('Functions whose share of the samples changed most');
    expect(one(el, '.dasklens-moved').textContent).toBe('▲ +20.0 points');
    expect(texts(el, '.dasklens-timebar').length).toBe(2);
    expect(el.textContent).toContain('+100 %');
  });

  test('is sorted by a click and by the same again, with nothing last', () => {
    const el = shown();
    const sort = (): void => one(el, '[data-sort=ratio]').click();
    sort();
    expect(rows(el)).toEqual(['weigh', 'load', 'once']);
    expect(one(el, 'th[data-column=ratio]').getAttribute('aria-sort')).toBe('descending');
    sort();
    expect(rows(el)).toEqual(['load', 'weigh', 'once']);
    one(el, '[data-sort=prefix]').click();
    expect(rows(el)).toEqual(['load', 'once', 'weigh']);
  });

  test('is searched, and of many rows the page gets some', () => {
    const many = Array.from({ length: 120 }, (_, i) => prefix(`p${i}`));
    const el = shown({ ...RAW, prefixes: many });
    expect(rows(el).length).toBe(50);
    one(el, '[data-action=more]').click();
    expect(rows(el).length).toBe(120);
    const search = one(el, 'input') as HTMLInputElement;
    search.value = 'P11';
    search.dispatchEvent(new Event('input'));
    expect(rows(el)).toEqual(['p11', ...Array.from({ length: 10 }, (_, i) => `p11${i}`)]);
    expect(one(el, '.dasklens-comparedbar [role=status]').textContent).toBe('11 of 120');
  });

  test('of many runs has the first and the newest in columns, and two charts', () => {
    const n = 30;
    const values = Array.from({ length: n }, (_, i) => i + 1);
    const el = shown({
      ...RAW,
      kind: 'trend',
      runs: values.map(i => run(`r${i}`)),
      figures: [{ name: 'duration', title: 'Duration', unit: 's', values }],
      prefixes: [prefix('x', { tasks: values, medians: values, seconds: values, shares: values })]
    });
    expect(texts(el, 'th[data-column=median]')).toEqual([
      'r1',
      'r24',
      'r25',
      'r26',
      'r27',
      'r28',
      'r29',
      'r30'
    ]);
    expect(el.querySelectorAll('.dasklens-trend').length).toBe(2);
    expect(el.querySelector('.dasklens-trendplot')?.getAttribute('aria-label')).toContain('30 s');
  });

  test('has no HTML of what anybody called anything', () => {
    const bad = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(bad)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value).map(([name, each]) => [name, name === 'kind' ? each : bad(each)])
            )
          : typeof value === 'string'
            ? HOSTILE
            : value;
    const el = shown(bad(RAW), () => {});
    expect(el.querySelectorAll('img, script').length).toBe(0);
    expect(el.textContent).toContain(HOSTILE.slice(0, 20));
  });
});

describe('in a cell', () => {
  class Mark {
    highlight: string[] = [];
    readonly heeding: (() => void)[] = [];
    get = (_name: string): string[] => this.highlight;
    on = (_event: string, act: () => void): void => void this.heeding.push(act);
    off = (): void => void this.heeding.splice(0);
    keep = vi.fn(({ highlight }: { highlight: string[] }) => {
      this.highlight = highlight;
      this.heeding.forEach(act => act());
    });
  }

  async function cellOf(marks: Mark[], data: unknown = RAW): Promise<{ el: HTMLElement; end: () => void }> {
    const el = document.body.appendChild(document.createElement('div'));
    const traits: Raw = { data, marks: marks.map((_, i) => `IPY_MODEL_m${i}`) };
    const model = {
      get: (name: string) => traits[name],
      widget_manager: { get_model: (id: string) => Promise.resolve(marks[Number(id.slice(1))]) }
    };
    const end = (await comparison.render({ model, el } as never)) as () => void;
    return { el, end };
  }

  test('a prefix that is clicked stands out in both streams, and not when clicked again', async () => {
    const marks = [new Mark(), new Mark()];
    const { el, end } = await cellOf(marks);
    const button = (): HTMLElement => one(el, '[data-prefix=weigh]');
    button().click();
    expect(marks.map(({ highlight }) => highlight)).toEqual([['weigh'], ['weigh']]);
    expect(button().getAttribute('aria-pressed')).toBe('true');
    button().click();
    expect(marks.map(({ highlight }) => highlight)).toEqual([[], []]);
    end();
    expect(el.childElementCount).toBe(0);
    expect(marks.every(({ heeding }) => heeding.length === 0)).toBe(true);
  });

  test('what is chosen in one stream stands out in the other, once', async () => {
    const marks = [new Mark(), new Mark()];
    const { el } = await cellOf(marks);
    marks[1].keep({ highlight: ['load'] });
    expect(marks[0].highlight).toEqual(['load']);
    expect(marks[0].keep).toHaveBeenCalledTimes(1);
    expect(one(el, '[data-prefix=load]').getAttribute('aria-pressed')).toBe('true');
  });

  test('without streams names are no buttons, and without data it says so', async () => {
    expect((await cellOf([])).el.querySelector('[data-prefix]')).toBeNull();
    expect((await cellOf([], null)).el.textContent).toBe('There is nothing to compare here.');
  });
});

test('a heading is text, whatever is in it', () => {
  const el = document.createElement('div');
  const model = { get: () => HOSTILE } as never;
  void heading.render({ model, el } as never);
  expect(el.textContent).toBe(HOSTILE);
  expect(one(el, 'bdi').childElementCount).toBe(0);
});

describe('times from the start of a run', () => {
  test('read as a stop watch', () => {
    expect([clock(0), clock(5.4), clock(83.25, 2), clock(7325, 0), clock(-1.5, 1), clock(59.96, 1)]).toEqual([
      '0:00',
      '0:05',
      '1:23.25',
      '2:02:05',
      '−0:01.5',
      '1:00.0'
    ]);
    expect(isSinceStart(1.7e9)).toBe(false);
  });

  test('are the texts of an axis, each different', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
        fc.integer({ min: 2, max: 12 }),
        (long, most) => {
          const all = timeTicks(-0.02 * long, 1.02 * long, most).map(({ text }) => text);
          expect(new Set(all).size).toBe(all.length);
          expect(all.length).toBeLessThanOrEqual(most);
        }
      )
    );
  });
});
