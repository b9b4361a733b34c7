// @vitest-environment jsdom
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode } from '@msgpack/msgpack';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import progress from '../src/parts/progress';
import { one, texts } from './fakemark';
import { CountsWriter, FakeModel, instance } from './samples';

/** Written by Python: two frames with groups and spans, of which some failed. */
const GROUPS = decode(
  readFileSync(join(import.meta.dirname, '../../tests/data/frames/groups-v1.frames'))
) as Uint8Array[];

/** A model of bqplot, as far as it is set. */
class Made {
  views = {};
  private readonly traits: Record<string, unknown> = {};

  get(name: string): unknown {
    return this.traits[name];
  }

  set(values: Record<string, unknown>): void {
    Object.assign(this.traits, values);
  }
}

let model: FakeModel;
let el: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers({ now: 1.7e12 });
  globalThis.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  const made = new Map(['figure', 'bars', 'band', 'share'].map(name => [`id-${name}`, new Made()]));
  made.get('id-figure')?.set({ layout: new Made(), fig_margin: {} });
  const models = Object.fromEntries([...made.keys()].map(id => [id.slice(3), `IPY_MODEL_${id}`]));
  model = new FakeModel({ streams: ['counts'], multi: true, models, group_by: 'prefix' }, made);
  el = instance(progress, model).view().el;
  model.frames(new CountsWriter().frame([{}]));
  await vi.advanceTimersByTimeAsync(40);
});

afterEach(() => {
  vi.useRealTimers();
});

const select = (): HTMLSelectElement => one(el, '.dasklens-choice') as HTMLSelectElement;
const asked = (): unknown[] => model.sent.map(({ type, stream }) => `${type as string} ${stream as string}`);

async function choose(value: string): Promise<void> {
  select().value = value;
  select().dispatchEvent(new Event('change'));
  await vi.advanceTimersByTimeAsync(40);
}

it('is by prefix, group or span; what is not chosen is not read', async () => {
  expect(select().value).toBe('prefix');
  expect(asked()).toEqual([]);
  await choose('group');
  expect(model.get('group_by')).toBe('group');
  expect(model.save_changes).toHaveBeenCalled();
  expect(asked()).toEqual(['read groups']);
  expect(one(el, '.dasklens-progress-by').textContent).toContain('looking');
  model.frames(...GROUPS);
  await vi.advanceTimersByTimeAsync(40);
  expect(texts(el, '.dasklens-progress-name')).toEqual([
    'all',
    '<img src=x onerror=alert(1)>',
    '✕ inc-2',
    'inc-1'
  ]);
  await choose('span');
  expect(texts(el, '.dasklens-progress-name')).toEqual(['all', 'span-<b>', '✕ outer, ß']);
  await choose('prefix');
  expect(asked()).toEqual(['read groups', 'unread groups']);
});

it('a group that failed says where to see why', async () => {
  await choose('group');
  model.frames(...GROUPS);
  await vi.advanceTimersByTimeAsync(40);
  const opener = [...el.querySelectorAll<HTMLElement>('.dasklens-progress-open')].find(
    each => each.textContent === '✕ inc-2'
  );
  opener?.click();
  expect(one(el, '.dasklens-failure').textContent).toContain('The task stream shows which tasks failed');
  expect(model.get('error')).toBeNull();
});

it('a lost connection colours what says so, and nothing else', async () => {
  model.set('phase', 'lost');
  await vi.advanceTimersByTimeAsync(40);
  expect(one(el, '.dasklens-progress-words').textContent).toBe('Nothing to do');
  const rules =
    document.head.textContent + [...document.querySelectorAll('style')].map(s => s.textContent).join();
  expect(rules).toMatch(/\[data-status=error\][^{]*\.dasklens-progress-words/);
  expect(rules).not.toMatch(/\[data-status=lost\][^{]*\.dasklens-progress-words/);
  expect(one(el, '.dasklens-phase').dataset.phase).toBe('lost');
});
