// @vitest-environment jsdom

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Scheduler } from '../src/lab/api';
import type { LiveSummary as Live } from '../src/lab/livesummary';

/** Whether the widget is on the screen. */
let see: (seen: boolean) => void;

vi.stubGlobal(
  'IntersectionObserver',
  class {
    constructor(act: (entries: { isIntersecting: boolean }[]) => void) {
      see = isIntersecting => act([{ isIntersecting }]);
    }

    observe(): void {}

    disconnect(): void {}
  }
);

// Lumino looks for it when it is loaded, and this page has none.
vi.stubGlobal('DragEvent', Event);
const { ApiError } = await import('../src/lab/api');
const { LiveSummary } = await import('../src/lab/livesummary');

const BAD = '<img src=x onerror=alert(1)>';
const FINDING = {
  severity: 'warning',
  title: 'Tasks are far too short',
  evidence: `most are of ${BAD}`,
  remedy: 'Make fewer.',
  link: 'https://docs.dask.org/en/stable/x.html'
};
const said = (verdict: string, findings: object[] = [FINDING]): object => ({
  summary: {
    verdict,
    time: [
      { name: 'compute', seconds: 1, share: 0.25, how: 'by its spans' },
      { name: 'idle', seconds: 3, share: 0.75, how: 'the rest' }
    ],
    prefixes: [{ prefix: BAD, tasks: 10, seconds: 1, share: 1, median: 0.1 }],
    findings,
    notes: [],
    figures: { tasks: 10 }
  },
  scope: { note: 'Of 12 tasks, the newest 10.' },
  state: { phase: 'live', reason: '', since: 1 }
});

const summary = vi.fn();
const values: Record<string, number> = {};
const hub = {
  trans: nullTranslator.load('dasklens'),
  paused: false,
  pausedChanged: new Signal<object, void>({}),
  api: { summary },
  options: {
    changed: new Signal<object, void>({}),
    get: (name: string) => values[name],
    set: (name: string, value: number) => {
      values[name] = value;
      hub.options.changed.emit();
      return Promise.resolve();
    }
  }
};
const scheduler = { id: 'a', state: 'reachable' } as Scheduler;
let widget: Live;

const one = (selector: string): HTMLElement => widget.node.querySelector<HTMLElement>(selector)!;
const settled = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(0);
};

beforeEach(() => {
  vi.useFakeTimers();
  summary.mockReset();
  values.summaryOf = 300;
  hub.paused = false;
  widget = new LiveSummary(hub as never);
  document.body.append(widget.node);
});

afterEach(() => {
  widget.dispose();
  document.body.replaceChildren();
  vi.useRealTimers();
});

test('it is asked for while it is seen, and not otherwise', async () => {
  summary.mockResolvedValue(said('10 tasks.'));
  widget.follow(scheduler);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(summary).not.toHaveBeenCalled();
  see(true);
  await settled();
  expect(summary).toHaveBeenLastCalledWith('a', 300);
  await vi.advanceTimersByTimeAsync(5_100);
  expect(summary).toHaveBeenCalledTimes(3);
  see(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(summary).toHaveBeenCalledTimes(3);
  see(true);
  hub.paused = true;
  hub.pausedChanged.emit();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(summary.mock.calls.length).toBeLessThanOrEqual(4);
});

test('it says what it was told, as text', async () => {
  summary.mockResolvedValue(said('10 tasks kept 1 thread busy.'));
  widget.follow(scheduler);
  see(true);
  await settled();
  expect(one('.verdict').textContent).toBe('10 tasks kept 1 thread busy.');
  expect(one('.aside').textContent).toBe('Of 12 tasks, the newest 10.');
  expect(one('.findings b').textContent).toContain('Tasks are far too short');
  expect(one('.findings p').textContent).toContain(BAD);
  expect(one('.named').textContent).toBe(BAD);
  expect(widget.node.querySelector('img')).toBeNull();
  expect([...widget.node.querySelectorAll('.timebar > span')].map(each => each.className)).toEqual([
    'spent-compute',
    'rest'
  ]);
  // How a number is computed is a word on its row.
  expect(one('.timebar + .scroll tbody tr').title).toBe('by its spans');
});

test('what a person is in stays as it is until they leave', async () => {
  summary.mockResolvedValue(said('first'));
  widget.follow(scheduler);
  see(true);
  await settled();
  const link = one('.findings a');
  link.focus();
  summary.mockResolvedValue(said('second', [{ ...FINDING, title: 'Workers spilled' }]));
  await vi.advanceTimersByTimeAsync(2_600);
  expect(one('.verdict').textContent).toBe('second');
  expect(one('.findings a')).toBe(link);
  link.blur();
  await vi.advanceTimersByTimeAsync(2_600);
  expect(one('.findings b').textContent).toContain('Workers spilled');
});

test('who hears the page is told what looks wrong, and not every number', async () => {
  summary.mockResolvedValue(said('first'));
  widget.follow(scheduler);
  see(true);
  await settled();
  const heard = one('.unseen[role=status]');
  expect(heard.textContent).toBe('Tasks are far too short');
  summary.mockResolvedValue(said('second', []));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(heard.textContent).toBe('Tasks are far too short');
  await vi.advanceTimersByTimeAsync(15_000);
  expect(heard.textContent).toBe('');
  expect(one('.verdict').getAttribute('aria-live')).toBeNull();
});

test('a failure is said, with what there was, and it goes on', async () => {
  summary.mockResolvedValue(said('first'));
  widget.follow(scheduler);
  see(true);
  await settled();
  summary.mockRejectedValue(new ApiError('The process ended.', 'It is tried again.', 503));
  await vi.advanceTimersByTimeAsync(2_600);
  expect(one('.empty').textContent).toBe('The process ended. It is tried again.');
  expect(one('.empty').hidden).toBe(false);
  expect(one('.verdict').textContent).toBe('first');
  summary.mockResolvedValue(said('second'));
  await vi.advanceTimersByTimeAsync(5_100);
  expect(one('.empty').hidden).toBe(true);
  expect(one('.verdict').textContent).toBe('second');
});

test('an answer of another scheduler, or of another time, is not shown', async () => {
  let answer = (_: object): void => {};
  summary.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
  summary.mockResolvedValue(said('of b'));
  widget.follow(scheduler);
  see(true);
  await settled();
  widget.follow({ ...scheduler, id: 'b' });
  await settled();
  answer(said('of a'));
  await settled();
  expect(one('.verdict').textContent).toBe('of b');
  const select = one('select') as HTMLSelectElement;
  select.value = '60';
  select.dispatchEvent(new Event('change'));
  await settled();
  expect(summary).toHaveBeenLastCalledWith('b', 60);
});

test('a cluster that has ended leaves what was said last', async () => {
  summary.mockResolvedValue(said('first'));
  widget.follow(scheduler);
  see(true);
  await settled();
  widget.follow(scheduler, true);
  const n = summary.mock.calls.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(summary.mock.calls.length).toBe(n);
  expect(one('.verdict').textContent).toBe('first');
});
