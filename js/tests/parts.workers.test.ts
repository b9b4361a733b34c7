// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import workers from '../src/parts/workers';
import { columnsFor } from '../src/parts/workercolumns';
import { HOSTILE, key, one, texts, tool } from './fakemark';
import { FakeModel, frame, instance, WorkersWriter, type WorkerSpec } from './samples';

let model: FakeModel;
let writer: WorkersWriter;
let shown: ReturnType<typeof instance>;
let el: HTMLElement;
let end: () => void;

beforeEach(() => {
  vi.useFakeTimers({ now: 1.7e12 });
  // Wide enough for every column; jsdom lays nothing out.
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(2000);
  model = new FakeModel({ selected: null, columns: [], sort: '' });
  writer = new WorkersWriter();
  shown = instance(workers as never, model);
  ({ el, end } = shown.view());
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

const names = (): string[] => texts(el, '.dasklens-line [data-key=name] .dasklens-text');
const grid = (): HTMLElement => one(el, '[role=grid]');
const row = (name: string): HTMLElement =>
  [...el.querySelectorAll<HTMLElement>('.dasklens-line')].find(
    each => one(each, '[data-key=name]').textContent === name
  ) as HTMLElement;
const header = (title: string): HTMLElement =>
  [...el.querySelectorAll<HTMLElement>('[role=columnheader]')].find(
    each => each.textContent === title
  ) as HTMLElement;

async function come(specs: WorkerSpec[], more = {}): Promise<void> {
  model.frames(writer.frame(specs, more));
  await frame();
}

describe('what it says', () => {
  it('without workers depends on the state', () => {
    const empty = one(el, '.dasklens-empty');
    expect(empty.textContent).toBe('No workers yet. Start some, e.g. cluster.scale(2).');
    model.set('phase', 'connecting');
    expect(empty.textContent).toBe('Connecting to the scheduler…');
    model.set('phase', 'finished');
    expect(empty.textContent).toBe('There were no workers.');
    expect(grid().hidden).toBe(true);
  });

  it('of a worker is in its row, of all in the row of sums', async () => {
    await come([
      { name: 'a', process: 2 ** 30, limit: 2 ** 31, cpu: 150, processing: 1200, spilled: 2 ** 20 },
      { name: 'b', process: 2 ** 29, limit: 2 ** 31, cpu: 50, processing: 5 }
    ]);
    const cell = (name: string, column: string): string =>
      one(row(name), `[data-key=${column}]`).textContent ?? '';
    expect(cell('a', 'process')).toBe('1.00 / 2.00 GiB');
    expect([cell('a', 'cpu'), cell('a', 'processing'), cell('a', 'spilled')]).toEqual([
      '150 %',
      '1,200',
      '1.00 MiB'
    ]);
    expect([cell('a', 'status'), cell('a', 'address'), cell('a', 'seen')]).toEqual([
      'running',
      'tcp://a',
      'now'
    ]);
    const sum = one(el, '.dasklens-sum');
    expect(one(sum, '[data-key=name]').textContent).toBe('Total (2)');
    expect(one(sum, '[data-key=process]').textContent).toBe('1.50 / 4.00 GiB');
    expect(one(sum, '[data-key=processing]').textContent).toBe('1,205');
    expect(one(sum, '[data-key=cpu]').textContent).toBe('50 %');
    expect(one(sum, '[data-key=cpu]').title).toContain('200 % of 400 %');
    expect(one(el, '.dasklens-count').textContent).toBe('2 workers');
  });

  it('of memory is a bar too, in parts that are told apart', async () => {
    await come([{ process: 2 ** 30, limit: 2 ** 32, managed: 2 ** 29, unmanaged: 2 ** 28 }]);
    const pieces = [...one(row('0'), '[data-key=process] .dasklens-bar').children] as HTMLElement[];
    expect(pieces.map(each => [each.dataset.kind, each.style.left, each.style.width])).toEqual([
      ['managed', '0%', '12.5%'],
      ['unmanaged', '12.5%', '6.3%'],
      ['recent', '18.8%', '6.3%']
    ]);
    expect(one(row('0'), '[data-key=process]').title).toContain('managed 512.0 MiB');
  });

  it('is text, whatever the name', async () => {
    await come([{ name: HOSTILE, address: HOSTILE, status: HOSTILE }]);
    expect(names()).toEqual([HOSTILE]);
    expect(el.querySelector('img')).toBeNull();
  });

  it('of a worker that is paused or has left is a word', async () => {
    await come([{ name: 'a' }, { name: 'b', status: 'paused' }]);
    expect(one(row('b'), '[data-key=status]').textContent).toBe('paused');
    model.set('columns', ['cpu']);
    expect(names()).toEqual(['a', 'b · paused']);
    model.set('columns', []);
    await come([], { left: ['tcp://a'] });
    expect(names()).toEqual(['b', 'a']);
    expect(one(row('a'), '[data-key=status]').textContent).toBe('left now');
    expect(one(el, '.dasklens-count').textContent).toBe('1 worker, 1 left');
    await vi.advanceTimersByTimeAsync(5000);
    expect(one(row('a'), '[data-key=status]').textContent).toMatch(/^left [45] s ago$/);
  });
});

describe('the order', () => {
  const some = [
    { name: 'w10', processing: 5 },
    { name: 'w9', processing: 50 },
    { name: 'w1', processing: 1 }
  ];

  it('is that of the names, numbers as numbers', async () => {
    await come(some);
    expect(names()).toEqual(['w1', 'w9', 'w10']);
    expect(header('Worker').getAttribute('aria-sort')).toBe('ascending');
  });

  it('follows a click on a header, and the kernel hears of it', async () => {
    await come(some);
    one(header('Processing'), 'button').click();
    expect(names()).toEqual(['w9', 'w10', 'w1']);
    expect(header('Processing').getAttribute('aria-sort')).toBe('descending');
    expect(header('Worker').getAttribute('aria-sort')).toBe('none');
    expect(model.get('sort')).toBe('-processing');
    expect(model.save_changes).toHaveBeenCalled();
    one(header('Processing'), 'button').click();
    expect(names()).toEqual(['w1', 'w10', 'w9']);
  });

  it('does not change under the pointer', async () => {
    model.set('sort', '-processing');
    await come(some);
    const body = one(el, '.dasklens-body');
    body.dispatchEvent(new Event('pointerenter'));
    await come([
      { name: 'w1', processing: 500 },
      { name: 'w7', processing: 1000 }
    ]);
    expect(names()).toEqual(['w9', 'w10', 'w1', 'w7']);
    grid().dispatchEvent(new Event('pointerleave'));
    expect(names()).toEqual(['w7', 'w1', 'w9', 'w10']);
  });
});

describe('a filter', () => {
  it('finds names, addresses and states, and says how many', async () => {
    await come([
      { name: 'alpha' },
      { name: 'beta', status: 'paused' },
      { name: 'gamma', address: 'tcp://10.0.0.7:1' }
    ]);
    const search = one<HTMLInputElement>(el, 'input[type=search]');
    const find = (text: string): void => {
      search.value = text;
      search.dispatchEvent(new Event('input'));
    };
    for (const [text, found] of Object.entries({ ALPHA: 'alpha', paus: 'beta', '10.0.0.7': 'gamma' })) {
      find(text);
      expect(names()).toEqual([found]);
      expect(one(el, '.dasklens-count').textContent).toBe('1 of 3 workers');
    }
    find('nobody');
    expect(one(el, '.dasklens-empty').textContent).toBe('No worker matches.');
    expect(key(search, 'Escape')).toBe(true);
    expect(names()).toHaveLength(3);
  });
});

describe('choosing', () => {
  it('is a click, and another one takes it back', async () => {
    await come([{ name: 'a' }, { name: 'b' }]);
    row('b').click();
    expect(model.get('selected')).toBe('tcp://b');
    expect([row('a'), row('b')].map(each => each.getAttribute('aria-selected'))).toEqual(['false', 'true']);
    row('b').click();
    expect(model.get('selected')).toBeNull();
  });

  it('goes by keys', async () => {
    await come(Array.from({ length: 5 }, (_, i) => ({ name: `w${i}` })));
    grid().focus();
    expect(key(grid(), 'ArrowDown')).toBe(true);
    key(grid(), 'ArrowDown');
    expect(grid().getAttribute('aria-activedescendant')).toBe(row('w1').id);
    key(grid(), 'End');
    key(grid(), 'ArrowDown');
    key(grid(), 'ArrowUp');
    key(grid(), 'Enter');
    expect(model.get('selected')).toBe('tcp://w3');
    expect(key(grid(), 'Escape')).toBe(true);
    expect(model.get('selected')).toBeNull();
    expect(key(grid(), 'x')).toBe(false);
  });

  it('keeps to the worker when the order changes', async () => {
    model.set('sort', '-processing');
    await come([
      { name: 'a', processing: 2 },
      { name: 'b', processing: 1 }
    ]);
    grid().focus();
    key(grid(), 'Home');
    await come([{ name: 'b', processing: 3 }]);
    expect(names()).toEqual(['b', 'a']);
    key(grid(), 'Enter');
    expect(model.get('selected')).toBe('tcp://a');
  });
});

describe('the rows', () => {
  it('in the page are those on screen, and all are counted', async () => {
    await come(Array.from({ length: 1000 }, (_, i) => ({ name: `w${i}` })));
    expect(names().length).toBeLessThan(60);
    expect(grid().getAttribute('aria-rowcount')).toBe('1002');
    expect(one(el, '.dasklens-body').style.height).toBe('24000px');
    const elements = new Set(el.querySelectorAll('.dasklens-line'));
    grid().scrollTop = 500 * 24;
    grid().dispatchEvent(new Event('scroll'));
    expect(names()).toContain('w500');
    expect(row('w500').getAttribute('aria-rowindex')).toBe('503');
    // Rows are filled anew, not made anew.
    expect(
      [...el.querySelectorAll('.dasklens-line')].filter(each => !elements.has(each)).length
    ).toBeLessThan(10);
  });
});

describe('columns', () => {
  it('give way from the least telling one', () => {
    const keys = (width: number): string[] => columnsFor(width, []).map(column => column.key);
    expect(keys(282)).toEqual(['name', 'cpu', 'process']);
    expect(keys(0)).toEqual(['name', 'process']);
    expect(keys(400)).toEqual(['name', 'cpu', 'process', 'processing']);
    for (let width = 300; width < 2000; width += 50) {
      expect(keys(width + 50)).toEqual(expect.arrayContaining(keys(width)));
    }
  });

  it('can be chosen', async () => {
    await come([{ name: 'a' }]);
    const opener = tool(el, 'columns');
    opener.click();
    expect(opener.getAttribute('aria-expanded')).toBe('true');
    const box = (value: string): HTMLInputElement => one(el, `.dasklens-choices input[value="${value}"]`);
    expect(box('').checked).toBe(true);
    box('address').click();
    expect(model.get('columns')).not.toContain('address');
    expect(header('Address')).toBeUndefined();
    expect(box('').checked).toBe(false);
    box('').click();
    expect(model.get('columns')).toEqual([]);
    key(opener, 'Escape');
    expect(opener.getAttribute('aria-expanded')).toBe('false');
  });
});

describe('a receiver', () => {
  it('asks when nothing came, and for what is missing', async () => {
    expect(model.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1100);
    const start = { type: 'read', stream: 'workers', cursor: 0, names: 0, log: '' };
    expect(model.sent).toEqual([start]);
    await come([{ name: 'a' }]);
    writer.frame([{ name: 'b' }]);
    await come([{ name: 'c' }]);
    expect(model.sent[1]).toEqual({ ...start, cursor: 1, names: 2, log: 'log-1' });
    expect(names()).toEqual(['a']);
    await come([{ name: 'c' }]);
    expect(model.sent).toHaveLength(2);
  });

  it('does not ask when something came', async () => {
    await come([{ name: 'a' }]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(model.sent).toEqual([]);
  });

  it('says when nobody looks, and asks to go on when somebody does', async () => {
    await come([{ name: 'a' }]);
    const second = shown.view();
    end();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(model.sent).toEqual([]);
    second.end();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(model.sent).toEqual([{ type: 'unwatched' }]);
    model.set('phase', 'paused');
    shown.view();
    expect(model.sent[1]).toEqual({ type: 'read', stream: 'workers', cursor: 1, names: 2, log: 'log-1' });
  });

  it('shows what came before there was a view', async () => {
    await come([{ name: 'a' }]);
    const second = shown.view();
    expect(texts(second.el, '.dasklens-line [data-key=name]')).toEqual(['a']);
  });

  it('shows a frame that is none as a loss, with why', () => {
    model.frames(new Uint8Array([1, 2, 3]));
    expect(model.get('phase')).toBe('lost');
    expect(el.textContent).toContain('Expected a frame');
  });

  it('shows the end of its kernel, and keeps the last picture', async () => {
    await come([{ name: 'a' }]);
    model.trigger('comm_live_update');
    expect(el.textContent).toContain('the kernel was restarted or has ended');
    expect(names()).toEqual(['a']);
  });

  it('lets go of everything', async () => {
    await come([{ name: 'a' }]);
    end();
    expect(el.childElementCount).toBe(0);
    shown.end();
    expect(model.nListeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
