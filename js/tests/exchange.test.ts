import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Exchange } from '../src/marks/exchange';

type Model = ConstructorParameters<typeof Exchange>[0];

function fakeModel(pending = 0) {
  return {
    comm_live: true,
    _pending_msgs: pending,
    attributes: {} as Record<string, unknown>,
    changed: {} as Record<string, unknown>,
    save_changes: vi.fn(),
    send: vi.fn()
  };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('changes of one moment are saved together', () => {
  const model = fakeModel();
  const exchange = new Exchange(model as unknown as Model);
  exchange.saveSoon(model as unknown as Model);
  vi.advanceTimersByTime(200);
  exchange.saveSoon(model as unknown as Model);
  vi.advanceTimersByTime(299);
  expect(model.save_changes).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(model.save_changes).toHaveBeenCalledOnce();
});

test('a change while the kernel has not answered is with the model before the echo comes', () => {
  const model = fakeModel(1);
  new Exchange(model as unknown as Model).saveSoon(model as unknown as Model);
  expect(model.save_changes).toHaveBeenCalledOnce();
  vi.runAllTimers();
  expect(model.save_changes).toHaveBeenCalledOnce();
});

test('without a kernel nothing is saved', () => {
  const model = { ...fakeModel(), comm_live: false };
  new Exchange(model as unknown as Model).saveSoon(model as unknown as Model);
  vi.runAllTimers();
  expect(model.save_changes).not.toHaveBeenCalled();
});

test('what the kernel was told is known again, and nothing else', () => {
  const model = fakeModel();
  const exchange = new Exchange(model as unknown as Model);
  const set = (min: number): void => void Object.assign(model.attributes, (model.changed = { min }));
  set(1);
  exchange.saveSoon(model as unknown as Model);
  set(2);
  expect(exchange.isEcho(model as unknown as Model)).toBe(false);
  vi.runAllTimers();
  set(3);
  expect(exchange.isEcho(model as unknown as Model)).toBe(false);
  set(2);
  expect(exchange.isEcho(model as unknown as Model)).toBe(true);
});
