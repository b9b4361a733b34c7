// @vitest-environment jsdom
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import flamebar from '../src/parts/flamebar';
import flamedetail from '../src/parts/flamedetail';
import flametable, { MOST_ROWS } from '../src/parts/flametable';
import flametimeline from '../src/parts/flametimeline';
import { GONE } from '../src/parts/part';
import { FakeFlame } from './fakeflame';
import { HOSTILE, key, one, show, texts, tool } from './fakemark';
import type { Spec } from './trees';

const PARTS = Object.entries({ flamebar, flametable, flametimeline, flamedetail });
const TREE: Spec = {
  count: 10,
  children: [
    {
      name: 'load',
      file: 'io.py',
      line: 3,
      library: 'pandas',
      count: 6,
      children: [{ name: 'read', count: 4 }]
    },
    { name: 'add', file: 'me.py', library: 'your code', count: 3 }
  ]
};
const ABOUT = {
  kind: 'worker',
  interval: 0.01,
  cycle: 1,
  threads: 2,
  workers: ['tcp://a', 'tcp://b'],
  prefixes: [
    ['inc', 7],
    ['sum', 3]
  ]
};

beforeAll(() => {
  // jsdom has no layout, and so nobody to tell of it.
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      disconnect(): void {}
    }
  );
});

afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

const shown = async (
  part: (typeof PARTS)[number][1],
  mark: FakeFlame
): Promise<Awaited<ReturnType<typeof show>>> => show(part, mark as never);

describe.each(PARTS)('%s', (name, part) => {
  it('says so when its mark is gone', async () => {
    const { el } = await show(part, null);
    expect(el.textContent).toBe(GONE);
  });

  it('shows hostile names as text', async () => {
    const mark = new FakeFlame();
    mark.set('view', 'table');
    mark.set('reason', HOSTILE);
    mark.set('phase', 'lost');
    const hostile = { name: HOSTILE, file: HOSTILE, source: HOSTILE, library: HOSTILE, count: 3 };
    mark.take(
      { count: 3, children: [hostile] },
      { ...ABOUT, prefixes: [[HOSTILE, 3]], missing: [[HOSTILE, HOSTILE]] }
    );
    mark.zoomed = mark.picked = 1;
    const { el } = await shown(part, mark);
    expect(el.textContent).toContain('<img');
    expect(el.querySelector('img')).toBeNull();
  });

  it('lets go of everything', async () => {
    vi.useFakeTimers();
    const mark = new FakeFlame();
    mark.take(TREE, ABOUT);
    const { el, cleanup } = await shown(part, mark);
    expect(mark.nListeners).toBeGreaterThan(0);
    mark.trigger('log:change');
    mark.trigger('log:change');
    cleanup();
    expect(mark.nListeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(el.childElementCount).toBe(0);
    expect(el.className).toBe('');
  });

  it('names every button and choice', async () => {
    const mark = new FakeFlame();
    mark.set('view', 'table');
    mark.take(TREE, ABOUT);
    const { el } = await shown(part, mark);
    for (const each of el.querySelectorAll('button, select, input')) {
      expect(each.getAttribute('aria-label') ?? each.textContent).toMatch(/\w/);
    }
    expect(el.className).toContain(`dasklens-${name}`);
  });
});

describe('the bar', () => {
  it('changes the view, and shows which one it is', async () => {
    const mark = new FakeFlame();
    const { el } = await shown(flamebar, mark);
    tool(el, 'view-inverted').click();
    expect(mark.kept).toEqual([{ view: 'inverted' }]);
    expect(tool(el, 'view-inverted').getAttribute('aria-pressed')).toBe('true');
    expect(tool(el, 'view-tree').getAttribute('aria-pressed')).toBe('false');
  });

  it('narrows to a prefix and a worker, and back', async () => {
    const mark = new FakeFlame();
    mark.take(TREE, ABOUT);
    const { el } = await shown(flamebar, mark);
    const choice = one<HTMLSelectElement>(el, '.dasklens-choose-highlight');
    expect(texts(choice, 'option')).toEqual(['all prefixes', 'inc (7)', 'sum (3)']);
    choice.value = '1';
    choice.dispatchEvent(new Event('change'));
    expect(mark.get('highlight')).toEqual(['sum']);
    choice.value = '-1';
    choice.dispatchEvent(new Event('change'));
    expect(mark.get('highlight')).toEqual([]);
    mark.set('highlight', ['inc', 'gone']);
    expect(choice.selectedOptions[0].textContent).toBe('2 chosen');
    const workers = one<HTMLSelectElement>(el, '.dasklens-choose-workers');
    workers.value = '0';
    workers.dispatchEvent(new Event('change'));
    expect(mark.get('workers')).toEqual(['tcp://a']);
  });

  it('leads back along the way', async () => {
    const mark = new FakeFlame();
    mark.take(TREE);
    mark.zoomed = 2;
    const { el } = await shown(flamebar, mark);
    expect(texts(el, '.dasklens-crumb')).toEqual(['all', 'load', 'read']);
    el.querySelectorAll<HTMLButtonElement>('.dasklens-crumb')[1].click();
    expect(mark.zoomTo).toHaveBeenCalledWith(1);
  });

  it('searches, clears, and takes the focus when asked', async () => {
    const mark = new FakeFlame();
    mark.take(TREE);
    const { el } = await shown(flamebar, mark);
    const input = one<HTMLInputElement>(el, '.dasklens-search');
    input.value = 'read';
    input.dispatchEvent(new Event('input'));
    expect(mark.get('search')).toBe('read');
    expect(key(input, 'Escape')).toBe(true);
    expect(mark.get('search')).toBe('');
    mark.trigger('search:focus');
    expect(document.activeElement).toBe(input);
  });
});

describe('the table', () => {
  const names = (el: HTMLElement): string[] => texts(el, 'tbody td[data-column=name]');

  it('has the most expensive first, and sorts by any column both ways', async () => {
    const mark = new FakeFlame();
    mark.set('view', 'table');
    mark.take(TREE, ABOUT);
    const { el } = await shown(flametable, mark);
    expect(names(el)).toEqual(['read', 'add', 'load']);
    one(el, '[data-sort=total]').click();
    expect(names(el)).toEqual(['load', 'read', 'add']);
    one(el, '[data-sort=name]').click();
    expect(names(el)).toEqual(['add', 'load', 'read']);
    one(el, '[data-sort=name]').click();
    expect(names(el)).toEqual(['read', 'load', 'add']);
    expect(one(el, 'th[data-column=name]').getAttribute('aria-sort')).toBe('descending');
    el.querySelector<HTMLElement>('tbody button')?.click();
    expect(mark.showCallers).toHaveBeenCalledTimes(1);
  });

  it('is there only when it is asked for, and is no longer than a page bears', async () => {
    const mark = new FakeFlame();
    mark.take({
      count: 1000,
      children: Array.from({ length: 1000 }, (_, i) => ({ name: `f${i}`, count: 1 }))
    });
    const { el } = await shown(flametable, mark);
    expect(el.hidden).toBe(true);
    mark.set('view', 'table');
    expect(el.hidden).toBe(false);
    expect(names(el)).toHaveLength(MOST_ROWS);
    expect(el.textContent).toContain('and 700 more');
  });
});

describe('the timeline', () => {
  it('says what is covered and who is missing, or why there is nothing', async () => {
    const mark = new FakeFlame();
    mark.take(TREE, { ...ABOUT, missing: [['tcp://b', 'gone']] });
    const { el } = await shown(flametimeline, mark);
    const covers = one(el, '.dasklens-covers');
    expect(covers.textContent).toContain('10 samples · one every 10 ms · 100 ms of threads');
    expect(covers.textContent).toContain('✗ 1 worker did not answer: tcp://b (gone)');
    expect(texts(el, '.dasklens-key > span')).toContain('pandas 20.0 %');
    expect(covers.hasAttribute('data-empty')).toBe(false);
    const empty = new FakeFlame();
    const { el: without } = await shown(flametimeline, empty);
    expect(without.textContent).toContain('Nothing, and why.');
    // A page whose picture says it too leaves it out there.
    expect(one(without, '.dasklens-covers').hasAttribute('data-empty')).toBe(true);
  });
});
