// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import memory from '../src/parts/memory';
import { GONE } from '../src/parts/part';
import { HOSTILE, one, texts } from './fakemark';
import { CountsWriter, FakeModel, frame, instance, WorkersWriter, type WorkerSpec } from './samples';

const GIB = 2 ** 30;

/** A model of bqplot: what was set, and how often. */
class Made {
  views: Record<string, Promise<unknown>> = {};
  sets = 0;

  constructor(readonly traits: Record<string, unknown> = {}) {}

  get(name: string): unknown {
    return this.traits[name];
  }

  set(values: Record<string, unknown> | string, value?: unknown): void {
    this.sets++;
    Object.assign(this.traits, typeof values === 'string' ? { [values]: value } : values);
  }
}

const OVER_TIME = ['figure', 'time', 'size', 'limit', 'time_axis', 'size_axis'];
const LINES = ['target', 'spill', 'pause', 'limit'];
const NAMES = [
  'box',
  ...[...OVER_TIME, 'stack'].map(part => `total_${part}`),
  ...[...OVER_TIME, 'bands', 'median'].map(part => `spread_${part}`),
  ...['figure', 'size', 'place', 'band', 'bars', ...LINES, 'size_axis', 'place_axis'].map(
    part => `workers_${part}`
  ),
  ...['figure', 'size', 'number', 'band', 'bars', ...LINES, 'size_axis', 'number_axis'].map(
    part => `histogram_${part}`
  )
];

let models: Map<string, Made>;
let model: FakeModel;
let workers: WorkersWriter;
let counts: CountsWriter;
let shown: ReturnType<typeof instance>;
let el: HTMLElement;
let end: () => void;

const made = (name: string): Made => models.get(`id-${name}`) as Made;

beforeEach(async () => {
  vi.useFakeTimers({ now: 1.7e12 });
  globalThis.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  models = new Map(
    NAMES.map(name => [
      `id-${name}`,
      new Made(name.endsWith('_figure') ? { layout: new Made(), fig_margin: { left: 64 } } : {})
    ])
  );
  made('box').traits.children = ['part'];
  const references = Object.fromEntries(NAMES.map(name => [name, `IPY_MODEL_id-${name}`]));
  model = new FakeModel({ models: references, window: 300 }, models as Map<string, unknown>);
  workers = new WorkersWriter();
  counts = new CountsWriter();
  shown = instance(memory as never, model);
  ({ el, end } = shown.view());
  await frame();
});

afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

const children = (): string[] =>
  (made('box').get('children') as unknown[]).map(child =>
    child === 'part'
      ? 'part'
      : ([...models].find(([, each]) => each === child)?.[0] ?? '?').replace('id-', '')
  );

const totals = (more: Record<string, number> = {}): Record<string, number> => ({
  process: 3 * GIB,
  managed: GIB,
  unmanaged: GIB,
  recent: GIB,
  limit: 8 * GIB,
  workers: 2,
  running: 2,
  target: 0.6,
  spill: 0.75,
  pause: NaN,
  ...more
});

async function come(specs: WorkerSpec[], ...records: Record<string, number>[]): Promise<void> {
  model.frames(workers.frame(specs), counts.frame(records));
  await frame();
}

const many = Array.from({ length: 101 }, (_, i) => ({
  name: `w${i}`,
  limit: 4 * GIB,
  process: (i / 101) * 4 * GIB
}));

describe('what is drawn', () => {
  it('is nothing without workers', () => {
    expect(one(el, '.dasklens-empty').textContent).toBe('No workers yet. Start some, e.g. cluster.scale(2).');
    expect(children()).toEqual(['part']);
  });

  it('is a bar for each worker, and the cluster over time, in one unit', async () => {
    await come(
      [
        { name: 'a', limit: 4 * GIB, process: 2 * GIB, managed: GIB, unmanaged: GIB / 2, spilled: GIB },
        { name: 'b', limit: 4 * GIB, process: GIB, managed: GIB, unmanaged: 0 }
      ],
      totals()
    );
    expect(children()).toEqual(['part', 'total_figure', 'workers_figure']);
    const y = (made('workers_bars').get('y') as Float64Array[]).map(each => [...each]);
    expect(y).toEqual([
      [1, 1],
      [0.5, 0],
      [0.5, 0],
      [1, 0]
    ]);
    expect(made('workers_size_axis').get('label')).toBe('GiB');
    expect(made('workers_place_axis').get('tick_labels')).toEqual({ 0: 'a', 1: 'b' });
    const stack = (made('total_stack').get('y') as Float64Array[]).map(each => [...each]);
    expect(stack).toEqual([[0], [1], [2], [3], [3]]);
    expect([...(made('total_limit').get('y') as Float64Array)]).toEqual([8]);
    expect(one(el, '.dasklens-memory-words').textContent).toBe(
      '3.00 GiB of 8.00 GiB (38 %) in use, 2 workers'
    );
  });

  it('is ten seconds at least, or what was asked for if that is shorter', async () => {
    const shownFor = (): number =>
      (made('total_time').get('max') as number) - (made('total_time').get('min') as number);
    await come([{ name: 'a', limit: 4 * GIB }], totals({ time: 5 }), totals({ time: 5.4 }));
    expect(shownFor()).toBeCloseTo(10, 3);
    model.set('window', 0.6);
    await frame();
    expect(shownFor()).toBeCloseTo(0.6, 3);
  });

  it('has lines where workers spill and pause, as far as that is known', async () => {
    await come(
      [
        { name: 'a', limit: 4 * GIB },
        { name: 'b', limit: 8 * GIB }
      ],
      totals()
    );
    const ends = (name: string): number[] =>
      (made(`workers_${name}`).get('x') as Float64Array[]).map(each => each[0]);
    expect(ends('limit')).toEqual([4, 8]);
    expect(ends('spill')).toEqual([3, 6]);
    expect(ends('pause')).toEqual([]);
    const explained = [...el.querySelectorAll<HTMLElement>('[role=listitem]')].filter(each => !each.hidden);
    expect(explained.map(each => each.textContent)).toEqual([
      'managed',
      'unmanaged',
      'unmanaged recent',
      'spilled to disk',
      'target',
      'spill',
      'limit'
    ]);
  });

  it('is quantiles and a histogram above a hundred workers', async () => {
    await come(many.slice(0, 100), totals());
    expect(children()).toEqual(['part', 'total_figure', 'workers_figure']);
    await come(many.slice(100), totals({ memory_0: GIB, memory_50: 2 * GIB, memory_100: 3 * GIB }));
    expect(children()).toEqual(['part', 'total_figure', 'spread_figure', 'histogram_figure']);
    const bins = made('histogram_bars').get('y') as Float64Array;
    expect(bins.reduce((a, b) => a + b)).toBe(101);
    expect((made('spread_bands').get('y') as Float64Array[])[3].at(-1)).toBe(3);
    expect((made('spread_median').get('y') as Float64Array).at(-1)).toBe(2);
    const explained = [...el.querySelectorAll<HTMLElement>('[role=listitem]')].filter(each => !each.hidden);
    expect(explained.map(each => each.textContent)).toContain('median');
  });

  it('names as many workers as there is room for, cut in the middle', async () => {
    await come([{ name: 'a-very-long-name-of-a-worker-1' }, { name: 'ab' }], totals());
    const labels = Object.values(made('workers_place_axis').get('tick_labels') as Record<string, string>);
    expect(labels).toContain('ab');
    expect(labels.every(label => label.length <= 16)).toBe(true);
    expect(labels.some(label => /^a.*….*1$/.test(label))).toBe(true);
    const few = many.slice(0, 90).map(each => ({ ...each, name: `x${each.name}` }));
    await come(few, totals());
    expect(Object.keys(made('workers_place_axis').get('tick_labels') as object).length).toBeLessThan(40);
  });

  it('is told apart by patterns of this very part', () => {
    const fills = made('workers_bars').get('colors') as string[];
    expect(new Set(fills).size).toBe(4);
    for (const fill of fills) {
      const id = /^url\(#(.+)\)$/.exec(fill)?.[1] as string;
      expect(el.querySelector(`pattern#${id}`)).not.toBeNull();
    }
    const other = shown.view();
    expect(el.querySelector('pattern')?.id).not.toBe(other.el.querySelector('pattern')?.id);
  });

  it('is set again only when it differs', async () => {
    await come([{ name: 'a' }], totals());
    const before = ['workers_band', 'box', 'workers_place_axis', 'workers_size_axis'].map(
      name => made(name).sets
    );
    await come([{ name: 'a', process: 5 }], totals());
    expect(
      ['workers_band', 'box', 'workers_place_axis', 'workers_size_axis'].map(name => made(name).sets)
    ).toEqual(before);
  });
});

describe('the pointer', () => {
  const hover = async (figure: string, x: number, y: number): Promise<string> => {
    const view = document.body.appendChild(document.createElement('div'));
    const canvas = document.createElement('canvas');
    vi.spyOn(canvas, 'getBoundingClientRect').mockReturnValue(new DOMRect(0, 0, 100, 100));
    made(`${figure}_figure`).views = { v: Promise.resolve({ el: view, webGLCanvas: canvas }) };
    await come([]);
    view.dispatchEvent(new MouseEvent('pointermove', { clientX: x, clientY: y }));
    const tip = one(el, '.dasklens-memory-tip');
    expect(view.getAttribute('role')).toBe('img');
    expect(view.getAttribute('aria-label')).toMatch(/in use/);
    return tip.hidden ? '' : (tip.textContent ?? '');
  };

  it('says what a worker uses, its name as text', async () => {
    await come(
      [
        { name: HOSTILE, status: 'paused' },
        { name: 'w', process: GIB, limit: 4 * GIB }
      ],
      totals()
    );
    expect(await hover('workers', 50, 10)).toContain(`${HOSTILE} (paused)`);
    expect(await hover('workers', 50, 90)).toContain('in use 1.00 GiB of 4.00 GiB');
    expect(await hover('workers', 150, 90)).toBe('');
    expect(el.querySelector('img')).toBeNull();
  });

  it('says what the cluster used then', async () => {
    await come(
      [{ name: 'a' }],
      totals({ time: 0, process: GIB }),
      totals({ time: 50, process: 2 * GIB }),
      totals({ time: 100 })
    );
    expect(await hover('total', 1, 50)).toContain('in use 1.00 GiB of 8.00 GiB');
    expect(await hover('total', 51, 50)).toContain('in use 2.00 GiB of 8.00 GiB');
  });

  it('says how many workers there are in a bin', async () => {
    await come(many, totals());
    expect(await hover('histogram', 1, 50)).toMatch(/^\d+ workers\n0 B to 180\.9 MiB$/);
    expect(await hover('spread', 99, 50)).toContain('median');
  });
});

it('goes on while a figure of its is on screen, and stops while none is', async () => {
  const observers: { act: IntersectionObserverCallback; watched: Set<Element> }[] = [];
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      private readonly mine;
      constructor(act: IntersectionObserverCallback) {
        this.mine = { act, watched: new Set<Element>() };
        observers.push(this.mine);
      }
      observe(element: Element): void {
        this.mine.watched.add(element);
      }
      disconnect(): void {}
    }
  );
  const figure = document.body.appendChild(document.createElement('div'));
  made('total_figure').views = { v: Promise.resolve({ el: figure }) };
  const { el } = shown.view();
  vi.unstubAllGlobals();
  const words = (): string => one(el, '.dasklens-memory-words').textContent ?? '';
  const see = async (target: Element, isIntersecting: boolean): Promise<void> => {
    observers[0].act([{ target, isIntersecting }] as never, {} as never);
    await frame();
  };
  await come([{ name: 'a' }], totals());
  expect(observers[0].watched).toEqual(new Set([el, figure]));
  await see(el, false);
  await come([], totals({ process: GIB }));
  expect(words()).toContain('1.00 GiB');
  await see(figure, false);
  await come([], totals({ process: 2 * GIB }));
  expect(words()).toContain('1.00 GiB');
  await see(figure, true);
  expect(words()).toContain('2.00 GiB');
});

it('says so when its figures are gone', async () => {
  const gone = new FakeModel({ models: { box: 'IPY_MODEL_none' }, window: 300 });
  const { el } = instance(memory as never, gone).view();
  await frame();
  expect(el.textContent).toBe(GONE);
});

it('asks for both streams, each from its place, and lets go of everything', async () => {
  await vi.advanceTimersByTimeAsync(1100);
  expect(model.sent.map(each => each.stream)).toEqual(['counts', 'workers']);
  await come([{ name: 'a' }], totals());
  expect(texts(el, '.dasklens-phase')).toEqual(['●live']);
  end();
  shown.end();
  expect(el.childElementCount).toBe(0);
  expect(model.nListeners).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
