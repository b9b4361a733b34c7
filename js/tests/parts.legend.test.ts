// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { colourOf } from '../src/core/palette';
import legend, { MOST_ROWS } from '../src/parts/legend';
import { FakeMark, key, one, show, texts, took, tool } from './fakemark';

let mark: FakeMark;
let el: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers();
  mark = new FakeMark();
  ({ el } = await show(legend, mark));
  vi.advanceTimersByTime(500);
});

afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

const names = (): string[] => texts(el, '.dasklens-name');
const row = (name: string): HTMLButtonElement =>
  [...el.querySelectorAll<HTMLButtonElement>('button.dasklens-row')][names().indexOf(name)];
const search = (wanted: string): void => {
  const input = one<HTMLInputElement>(el, 'input');
  input.value = wanted;
  input.dispatchEvent(new Event('input', { bubbles: true }));
};
const note = (): string => one(el, '.dasklens-note').textContent ?? '';

describe('rows', () => {
  it('are none at first', () => {
    expect(names()).toEqual([]);
    expect(note()).toBe('No tasks yet');
  });

  it('come with the most expensive first, ties by name', () => {
    mark.feed([took('b', 1), took('c', 2), took('a', 1), took('d', 0.5)]);
    expect(names()).toEqual(['c', 'a', 'b', 'd']);
    expect(note()).toBe('');
  });

  it('are there with the first tasks, and all of them in the end', async () => {
    mark = new FakeMark();
    ({ el } = await show(legend, mark));
    mark.feed([took('a', 1)]);
    expect(names()).toEqual(['a']);
    mark.feed([took('b', 2)]);
    expect(names()).toEqual(['a']);
    mark.set('phase', 'finished');
    expect(names()).toEqual(['b', 'a']);
  });

  it('tell count, errors, time and colour', () => {
    mark.feed([took('inc', 1.5), took('inc', 2, { error: ['E()', ''] }), took('sum', 1)]);
    expect(row('inc').textContent).toBe('inc✗ 123.5 s');
    expect(row('sum').textContent).toBe('sum11 s');
    expect(row('inc').getAttribute('aria-label')).toBe('inc: 2 tasks, 1 failed, 3.5 s of compute');
    const colour = (name: string): string => one(row(name), '.dasklens-swatch').style.background;
    const css = document.createElement('i');
    css.style.background = colourOf('inc');
    expect(colour('inc')).toBe(css.style.background);
    vi.advanceTimersByTime(500);
    mark.set('palette', { inc: '#010203' });
    expect(colour('inc')).toBe('rgb(1, 2, 3)');
  });

  it('are sorted anew at most twice a second, and stay the same elements', () => {
    mark.feed([took('a', 1), took('b', 2)]);
    const before = row('a');
    mark.feed([took('a', 5)]);
    expect(names()).toEqual(['b', 'a']);
    vi.advanceTimersByTime(499);
    expect(names()).toEqual(['b', 'a']);
    vi.advanceTimersByTime(1);
    expect(names()).toEqual(['a', 'b']);
    expect(row('a')).toBe(before);
    expect(before.textContent).toContain('6 s');
  });

  it('keep their places under the pointer, with new numbers and new rows below', () => {
    mark.feed([took('a', 1), took('b', 2)]);
    const list = one(el, '.dasklens-rows');
    list.dispatchEvent(new Event('pointerenter'));
    vi.advanceTimersByTime(500);
    mark.feed([took('a', 5), took('c', 100)]);
    expect(names()).toEqual(['b', 'a', 'c']);
    expect(row('a').textContent).toContain('6 s');
    vi.advanceTimersByTime(500);
    list.dispatchEvent(new Event('pointerleave'));
    expect(names()).toEqual(['c', 'a', 'b']);
  });

  it('keep the focus when they move', () => {
    mark.feed([took('a', 1), took('b', 2)]);
    row('a').focus();
    vi.advanceTimersByTime(500);
    mark.feed([took('a', 5)]);
    expect(names()).toEqual(['a', 'b']);
    expect(document.activeElement).toBe(row('a'));
  });

  it('are no more than fit a page, and say how many there are', () => {
    mark.feed(Array.from({ length: MOST_ROWS + 1034 }, (_, i) => took(`p${i}`, 1 + i)));
    expect(names()).toHaveLength(MOST_ROWS);
    expect(names()[0]).toBe(`p${MOST_ROWS + 1033}`);
    expect(note()).toBe('and 1,034 more - search to find them');
    search('p0');
    expect(names()).toEqual(['p0']);
    expect(note()).toBe('');
  });

  it('go when the scheduler begins anew', () => {
    mark.feed([took('a', 1)]);
    Object.assign(mark.log, { prefixes: [], slots: [] });
    vi.advanceTimersByTime(500);
    mark.trigger('log:change');
    expect(names()).toEqual([]);
    expect(note()).toBe('No tasks yet');
  });
});

describe('search', () => {
  beforeEach(() => mark.feed([took('Read-Parquet', 3), took('sum', 2), took('reading', 1)]));

  it('finds parts of names in either case', () => {
    search('READ');
    expect(names()).toEqual(['Read-Parquet', 'reading']);
    search('nothing like it');
    expect(names()).toEqual([]);
    expect(note()).toBe('No prefix matches');
  });

  it('ends at Escape', () => {
    const input = one<HTMLInputElement>(el, 'input');
    expect(input.placeholder).toBe('Search prefixes');
    search('sum');
    expect(key(input, 'Escape')).toBe(true);
    expect(input.value).toBe('');
    expect(names()).toHaveLength(3);
  });
});

describe('highlight', () => {
  beforeEach(() => mark.feed([took('a', 3), took('b', 2), took('c', 1)]));

  it('is toggled by the rows, several at once', () => {
    expect(tool(el, 'clear').hidden).toBe(true);
    row('b').click();
    one(row('c'), '.dasklens-name').click();
    expect(mark.kept).toEqual([{ highlight: ['b'] }, { highlight: ['b', 'c'] }]);
    expect(['a', 'b', 'c'].map(name => row(name).getAttribute('aria-pressed'))).toEqual([
      'false',
      'true',
      'true'
    ]);
    row('b').click();
    expect(mark.get('highlight')).toEqual(['c']);
  });

  it('is cleared at once', () => {
    mark.set('highlight', ['a', 'b']);
    const clear = tool(el, 'clear');
    expect(clear.hidden).toBe(false);
    clear.click();
    expect(mark.kept).toEqual([{ highlight: [] }]);
    expect(clear.hidden).toBe(true);
    expect(row('a').getAttribute('aria-pressed')).toBe('false');
  });

  it('is reached by keys: real buttons, with arrows between them', () => {
    expect(row('a').tagName).toBe('BUTTON');
    row('a').focus();
    key(row('a'), 'ArrowDown');
    expect(document.activeElement).toBe(row('b'));
    expect([row('a').tabIndex, row('b').tabIndex, row('c').tabIndex]).toEqual([-1, 0, -1]);
    key(row('b'), 'ArrowUp');
    expect(document.activeElement).toBe(row('a'));
  });
});

describe('key of the patterns', () => {
  const kinds = (): string[] => texts(el, '.dasklens-key > span');

  it('names the kinds that there are', () => {
    expect(kinds()).toEqual([]);
    mark.feed([took('a', 1)]);
    expect(kinds()).toEqual(['compute']);
    vi.advanceTimersByTime(500);
    mark.feed([
      took('a', 1, { error: ['E()', ''] }),
      took('a', 1, { spans: [{ action: 'disk-read', start: 0, stop: 1 }] }),
      took('b', 1, { spans: [{ action: 'transfer', start: 0, stop: 1 }] })
    ]);
    expect(kinds()).toEqual(['compute', 'transfer', 'disk-read', 'failed']);
  });

  it('draws each with its own ink, in tiles of four', () => {
    const actions = ['compute', 'transfer', 'disk-read', 'disk-write', 'deserialize'];
    mark.feed(actions.map(action => took('a', 1, { spans: [{ action, start: 0, stop: 1 }] })));
    vi.advanceTimersByTime(500);
    mark.feed([took('a', 1, { error: ['E()', ''] })]);
    const ink = [...el.querySelectorAll('.dasklens-pattern path')].map(path => path.getAttribute('d') ?? '');
    expect(ink).toHaveLength(6);
    expect(new Set(ink).size).toBe(6);
    expect(ink[0]).toBe('');
    // Hatched: the diagonal of the first tile, and of the one beside it.
    for (const pixel of ['M0 0h', 'M1 1h', 'M2 2h', 'M3 3h', 'M4 0h', 'M5 1h']) {
      expect(ink[1]).toContain(pixel);
    }
    expect(ink[1]).not.toContain('M1 0h');
  });
});
