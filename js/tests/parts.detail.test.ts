// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { clock } from '../src/core/format';
import detail, { HINT } from '../src/parts/detail';
import { FakeMark, HOSTILE, key, one, recordOf, show, texts, tool } from './fakemark';

let mark: FakeMark;
let el: HTMLElement;
const FRAME = 17;

beforeEach(async () => {
  vi.useFakeTimers();
  mark = new FakeMark();
  ({ el } = await show(detail, mark));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

const line = (): string => one(el, '.dasklens-detail-line').textContent ?? '';
const panel = (): HTMLElement => one(el, '.dasklens-panel');
const frame = (): unknown => vi.advanceTimersByTime(FRAME);
const span = { action: 'transfer', start: 1.7e9, stop: 1.7e9 + 0.25 };
const hover = (task: unknown): void => {
  mark.trigger('hover', task);
  frame();
};

describe('the line', () => {
  it('says what to do when there is nothing to say', () => {
    expect(line()).toBe(HINT);
    expect(panel().hidden).toBe(true);
  });

  it('tells of the hovered task', () => {
    hover({ ...recordOf(), span });
    const facts = texts(el, '.dasklens-detail-line > span');
    expect(facts).toEqual([
      'inc-1',
      'inc',
      'worker alice',
      'thread 7',
      'transfer',
      clock(1.7e9, 3),
      '250 ms',
      '2.00 KiB',
      'numpy.ndarray'
    ]);
    expect(one(el, '.dasklens-detail-line').title).toBe(facts.join(', '));
    expect(el.querySelectorAll('.dasklens-swatch')).toHaveLength(1);
    hover(null);
    expect(line()).toBe(HINT);
  });

  it('tells why a task failed, with a symbol', () => {
    const failed = recordOf({ status: 'error', exception: `ValueError(${HOSTILE})`, nbytes: null });
    hover({ ...failed, span: { action: '', start: 1.7e9, stop: 1.7e9 } });
    expect(one(el, '.dasklens-failed').textContent).toBe(`✗ failed: ValueError(${HOSTILE})`);
    expect(line()).not.toContain('?');
    expect(el.querySelector('img')).toBeNull();
  });

  it('cuts a key that is a page long', () => {
    hover({ ...recordOf({ key: 'k'.repeat(1e5) }), span });
    expect(one(el, '.dasklens-detail-line').title.length).toBeLessThan(1000);
  });

  it('changes at most once a frame', () => {
    mark.trigger('hover', { ...recordOf({ key: 'one' }), span });
    mark.trigger('hover', { ...recordOf({ key: 'two' }), span });
    expect(line()).toBe(HINT);
    frame();
    expect(line()).toMatch(/^two/);
  });

  it('prefers the hovered task, then the interval, then the selected task', () => {
    mark.set('selected', recordOf({ key: 'chosen' }));
    frame();
    // The work stands for the task.
    expect(line()).toMatch(/^choseninc.*compute.*1\.5 s/);
    mark.set('interval', [1.7e9 + 0.12, 1.7e9 + 2.43]);
    frame();
    expect(line()).toBe(`selected interval 2.31 s: ${clock(1.7e9 + 0.12, 3)} - ${clock(1.7e9 + 2.43, 3)}`);
    hover({ ...recordOf({ key: 'under the pointer' }), span });
    expect(line()).toMatch(/^under the pointer/);
    hover(null);
    tool(el, 'clear-interval').click();
    expect(mark.kept).toEqual([{ interval: null }]);
    frame();
    expect(line()).toMatch(/^chosen/);
  });
});

describe('the panel of the selected task', () => {
  const failed = recordOf({
    key: `('${HOSTILE}', 0)`,
    status: 'error',
    nbytes: null,
    exception: HOSTILE,
    traceback: `File "x"\n${HOSTILE}`
  });

  it('tells all', () => {
    mark.set('selected', recordOf());
    expect(panel().hidden).toBe(false);
    expect(texts(el, 'tbody tr')).toEqual([
      `transfer${clock(1.7e9, 3)}250 ms`,
      `compute${clock(1.7e9 + 0.25, 3)}1.5 s`
    ]);
    expect(texts(el, 'dd')).toEqual([
      'alice (tcp://10.0.0.1:4000)',
      '7',
      'inc',
      'OK',
      '2.00 KiB numpy.ndarray'
    ]);
    expect(el.querySelector('pre')).toBeNull();
  });

  it('stays while other tasks are hovered', () => {
    mark.set('selected', recordOf({ key: 'chosen' }));
    hover({ ...recordOf({ key: 'another' }), span });
    expect(line()).toMatch(/^another/);
    expect(one(panel(), 'code').textContent).toBe('chosen');
  });

  it('shows exception and traceback of a failed task, as text', () => {
    mark.set('selected', failed);
    expect(texts(el, 'pre')).toEqual([`✗ ${HOSTILE}`, `File "x"\n${HOSTILE}`]);
    expect(el.querySelector('img')).toBeNull();
  });

  it('does without times: it failed before any work began', () => {
    mark.set('selected', { ...failed, startstops: [], thread: null });
    frame();
    expect(el.querySelector('table')).toBeNull();
    expect(line()).toContain('✗ failed');
  });

  it('closes', () => {
    mark.set('selected', recordOf());
    const close = tool(el, 'close');
    close.focus();
    close.click();
    expect(mark.kept).toEqual([{ selected: null }]);
    expect(panel().hidden).toBe(true);
    expect(el.contains(document.activeElement)).toBe(true);
  });

  it('closes at Escape, then the interval goes', () => {
    mark.set('interval', [1, 2]);
    mark.set('selected', recordOf());
    expect(key(tool(el, 'close'), 'Escape')).toBe(true);
    expect(mark.kept).toEqual([{ selected: null }]);
    expect(key(one(el, '.dasklens-detail-line'), 'Escape')).toBe(true);
    expect(mark.kept).toEqual([{ selected: null }, { interval: null }]);
    expect(key(one(el, '.dasklens-detail-line'), 'Escape')).toBe(false);
  });

  it('copies key and traceback', async () => {
    const writeText = vi.fn<(text: string) => Promise<void>>().mockResolvedValue();
    vi.stubGlobal('navigator', { clipboard: { writeText } });
    mark.set('selected', failed);
    tool(el, 'copy-key').click();
    await vi.waitFor(() => expect(one(el, '[role=status]').textContent).toBe('Copied the key.'));
    tool(el, 'copy-traceback').click();
    await vi.waitFor(() => expect(one(el, '[role=status]').textContent).toBe('Copied the traceback.'));
    expect(writeText.mock.calls).toEqual([[failed.key], [failed.traceback]]);
  });

  it.each([
    ['refused', { clipboard: { writeText: () => Promise.reject(new Error('not allowed')) } }, 'not allowed'],
    ['missing', {}, 'no access to the clipboard']
  ])('says when the clipboard is %s', async (_, navigator, why) => {
    vi.stubGlobal('navigator', navigator);
    mark.set('selected', recordOf());
    tool(el, 'copy-key').click();
    await vi.waitFor(() => expect(one(el, '[role=status]').textContent).toContain(why));
  });
});
