// @vitest-environment jsdom
import { encode } from '@msgpack/msgpack';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { STATES, type State } from '../src/core/progress';
import progress from '../src/parts/progress';
import { HOSTILE, one, texts } from './fakemark';
import { FakeModel, instance } from './samples';

interface Spec {
  name: string;
  counts?: Partial<Record<State, number>>;
  failure?: string[];
}

interface Said {
  status?: number;
  final?: number;
  counting?: number;
  tracked?: number;
  unknown?: number;
  elapsed?: number;
  eta?: number;
}

let next = 0;

/** A frame with all groups. */
function frame(groups: Spec[], said: Said = {}): DataView {
  const names: unknown[] = [];
  const u4 = (values: number[]): [string, Uint8Array] => [
    'u4',
    new Uint8Array(Uint32Array.from(values).buffer)
  ];
  const f8 = (value: number): [string, Uint8Array] => ['f8', new Uint8Array(Float64Array.of(value).buffer)];
  const ids = groups.map(({ name }) => names.push([name]) - 1);
  const failed = groups.map(({ failure }) => (failure ? names.push(failure) : 0));
  const count = (state: State): number[] => groups.map(({ counts }) => counts?.[state] ?? 0);
  const { status = 1, final = 0, counting = 0, tracked = 0, unknown = 0, elapsed = 2, eta = 5 } = said;
  const bytes = encode({
    v: 1,
    stream: 'progress',
    log: 'tracker-1',
    first: 0,
    next: ++next,
    missed: 0,
    names0: 0,
    names,
    base: 0,
    cols: {
      ...Object.fromEntries(
        Object.entries({ status, final, counting, tracked, unknown, reason: 0 }).map(([name, value]) => [
          name,
          u4([value])
        ])
      ),
      elapsed: f8(elapsed),
      eta: f8(eta),
      group: u4(ids),
      place: u4(ids.map((_, i) => i)),
      ...Object.fromEntries(STATES.map(state => [state, u4(count(state))])),
      failed: u4(failed)
    }
  });
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const FAILURE = ['after-0', 'bad-0', 'tcp://1', `ValueError('${HOSTILE}')`, `File "${HOSTILE}"`];

/** A model of bqplot, as far as it is set. */
class Made {
  views = {};

  constructor(readonly traits: Record<string, unknown> = {}) {}

  get(name: string): unknown {
    return this.traits[name];
  }

  set(values: Record<string, unknown>): void {
    Object.assign(this.traits, values);
  }
}

let models: Map<string, Made>;
let model: FakeModel;
let shown: ReturnType<typeof instance>;
let el: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers({ now: 1.7e12 });
  globalThis.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  next = 0;
  models = new Map(['figure', 'bars', 'band', 'share'].map(name => [`id-${name}`, new Made()]));
  models.get('id-figure')?.set({ layout: new Made(), fig_margin: {} });
  model = new FakeModel(
    {
      phase: 'live',
      reason: '',
      retry_at: null,
      streams: ['progress'],
      multi: true,
      models: Object.fromEntries([...models.keys()].map(id => [id.slice(3), `IPY_MODEL_${id}`]))
    },
    models
  );
  shown = instance(progress, model);
  el = shown.view().el;
  await vi.advanceTimersByTimeAsync(20);
});

afterEach(() => {
  vi.useRealTimers();
});

async function feed(groups: Spec[], said: Said = {}): Promise<void> {
  model.trigger('msg:custom', { type: 'frames', n: 1 }, [frame(groups, said)]);
  await vi.advanceTimersByTimeAsync(40);
}

const words = (): string => one(el, '.dasklens-progress-words').textContent ?? '';

it('says how far it is, with a row a group and the total on top', async () => {
  expect(words()).toBe('counting: 0 so far');
  await feed([], { counting: 1, tracked: 40_000 });
  expect(words()).toBe('counting: 40,000 so far');
  await feed([
    { name: 'load', counts: { memory: 30, processing: 10 } },
    { name: HOSTILE, counts: { waiting: 60 } }
  ]);
  expect(words()).toBe('running: 30 of 100 tasks, 30 %');
  expect(one(el, '.dasklens-progress-time').textContent).toBe('2 s elapsed, about 5 s left');
  expect(texts(el, '.dasklens-progress-name')).toEqual(['all', 'load', HOSTILE]);
  expect(texts(el, '.dasklens-progress-counts')[0]).toContain('30 / 100');
  expect(el.querySelector('img')).toBeNull();
  const bars = models.get('id-bars')?.get('y') as Float64Array[];
  expect(bars.map(each => [...each])[STATES.indexOf('memory')]).toEqual([0.3, 0.75, 0]);
  expect(models.get('id-band')?.get('domain')).toEqual([2, 1, 0]);
  expect([model.get('status'), model.get('eta')]).toEqual(['running', 5]);
});

it('marks a group that failed, and tells all of it', async () => {
  await feed([{ name: 'bad', counts: { erred: 1 }, failure: FAILURE }], { status: 3 });
  expect(words()).toBe('✕ 1 failed: 0 of 1 task done, 0 %');
  const opener = one(el, '.dasklens-progress-row[data-total=false] button') as HTMLButtonElement;
  expect(opener.textContent).toBe('✕ bad');
  opener.click();
  expect(texts(el, '.dasklens-failure dd')).toEqual([FAILURE[3], 'bad-0', 'tcp://1', 'after-0']);
  expect(one(el, '.dasklens-failure pre').textContent).toBe(FAILURE[4]);
  expect(el.querySelector('img')).toBeNull();
  expect((model.get('error') as Record<string, string>).key).toBe('after-0');
  opener.click();
  expect((one(el, '.dasklens-failure') as HTMLElement).hidden).toBe(true);
});

it('says how many failed: not that what is done did', async () => {
  await feed([{ name: 'bad', counts: { memory: 201, erred: 1 }, failure: FAILURE }], { status: 3 });
  expect(words()).toBe('✕ 1 failed: 201 of 202 tasks done, 99 %');
});

it('shows twenty groups and opens the rest', async () => {
  await feed(
    Array.from({ length: 300 }, (_, i) => ({ name: `${'x'.repeat(200)}${i}`, counts: { memory: 1 } }))
  );
  expect(texts(el, '.dasklens-progress-row').length).toBe(21);
  const more = one(el, '[data-action=more]') as HTMLButtonElement;
  expect(more.textContent).toBe('280 more');
  more.click();
  expect(texts(el, '.dasklens-progress-row').length).toBe(301);
});

it('says what it waits for, what is lost, and that there was nothing', async () => {
  await feed([], { status: 0, unknown: 2 });
  expect(words()).toBe('waiting: 0 of 2 tasks, 0 %; 2 keys are not known to the scheduler (yet)');
  model.set('phase', 'lost');
  expect(words()).toMatch(/^lost: /);
  model.set('phase', 'live');
  await feed([], { status: 2, final: 1 });
  expect(words()).toBe('finished: there was nothing to do');
});

it('shows what was saved while it ran as such, until something comes', async () => {
  const groups = [{ name: 'bad', counts: { memory: 40, erred: 1, waiting: 59 }, failure: FAILURE }];
  model.traits.snapshot = frame(groups, { status: 3 });
  el = instance(progress, model).view().el;
  await vi.advanceTimersByTimeAsync(20);
  expect(words()).toBe('✕ 1 failed when this was saved: 40 of 100 tasks done, 40 %');
  expect(one(el, '.dasklens-progress-time').textContent).toBe('2 s elapsed');
  expect(el.hasAttribute('data-old')).toBe(true);
  (one(el, '.dasklens-progress-row[data-total=false] button') as HTMLButtonElement).click();
  expect(texts(el, '.dasklens-failure dd')[0]).toBe(FAILURE[3]);
  model.sent.length = 0;
  await vi.advanceTimersByTimeAsync(1000);
  expect(model.sent).toContainEqual({ type: 'read', stream: 'progress', cursor: 0, names: 0, log: '' });
  await feed([{ name: 'good', counts: { memory: 50, waiting: 50 } }]);
  expect(words()).toBe('running: 50 of 100 tasks, 50 %');
  expect(texts(el, '.dasklens-progress-name > :not([hidden])')).toEqual(['all', 'good']);
  expect(el.hasAttribute('data-old')).toBe(false);
});

it('shows what was saved when it was over as it was', async () => {
  model.traits.snapshot = frame([{ name: 'good', counts: { memory: 6 } }], { status: 2, final: 1 });
  model.traits.phase = 'finished';
  el = instance(progress, model).view().el;
  await vi.advanceTimersByTimeAsync(20);
  expect(words()).toBe('finished: 6 of 6 tasks, 100 %');
  expect(el.hasAttribute('data-old')).toBe(false);
});
