// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import toolbar from '../src/parts/toolbar';
import { FakeMark, HOSTILE, key, one, show, took, tool } from './fakemark';

let mark: FakeMark;
let el: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers({ now: 1.7e12 });
  mark = new FakeMark();
  ({ el } = await show(toolbar, mark));
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  document.body.replaceChildren();
});

const text = (selector: string): string => one(el, selector).textContent ?? '';

describe('buttons', () => {
  it('follow and pause', () => {
    const follow = tool(el, 'follow');
    expect([follow.textContent, follow.getAttribute('aria-pressed')]).toEqual(['Following', 'true']);
    follow.click();
    expect(mark.kept).toEqual([{ follow: false }]);
    expect([follow.textContent, follow.getAttribute('aria-pressed')]).toEqual(['Follow', 'false']);
    follow.click();
    expect(mark.get('follow')).toBe(true);
    mark.set('follow', false);
    expect(follow.textContent).toBe('Follow');
    expect(follow.querySelectorAll('svg')).toHaveLength(1);
  });

  it('zoom', () => {
    tool(el, 'reset').click();
    tool(el, 'zoom-in').click();
    tool(el, 'zoom-out').click();
    expect(mark.zoomReset).toHaveBeenCalledOnce();
    const [[inwards], [outwards]] = mark.zoomBy.mock.calls as [[number], [number]];
    expect(inwards).toBeLessThan(1);
    expect(inwards * outwards).toBe(1);
  });

  it('brush, without a word to the kernel', () => {
    const brush = tool(el, 'brush');
    expect(brush.getAttribute('aria-pressed')).toBe('false');
    brush.click();
    expect(mark.get('brush')).toBe(true);
    expect(brush.getAttribute('aria-pressed')).toBe('true');
    expect(mark.kept).toEqual([]);
    brush.click();
    expect(mark.get('brush')).toBe(false);
  });

  it('are one stop of Tab, and arrows go on', () => {
    const buttons = [...el.querySelectorAll('button')];
    const stops = (): HTMLButtonElement[] => buttons.filter(each => each.tabIndex === 0);
    expect(one(el, '[role=toolbar]').contains(buttons[0])).toBe(true);
    expect(stops()).toEqual([buttons[0]]);
    buttons[0].focus();
    expect(key(buttons[0], 'ArrowRight')).toBe(true);
    expect(document.activeElement).toBe(buttons[1]);
    expect(stops()).toEqual([buttons[1]]);
    key(buttons[1], 'End');
    expect(document.activeElement).toBe(buttons.at(-1));
    key(buttons.at(-1) as Element, 'ArrowRight');
    expect(document.activeElement).toBe(buttons[0]);
    key(buttons[0], 'ArrowLeft');
    expect(document.activeElement).toBe(buttons.at(-1));
    key(buttons.at(-1) as Element, 'Home');
    expect(document.activeElement).toBe(buttons[0]);
    expect(key(buttons[0], 'x')).toBe(false);
  });
});

describe('pictures', () => {
  const saved: { href: string; download: string }[] = [];

  beforeEach(() => {
    saved.length = 0;
    URL.createObjectURL = vi.fn(() => 'blob:picture');
    URL.revokeObjectURL = vi.fn();
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      saved.push({ href: this.href, download: this.download });
    });
  });

  it.each(['png', 'svg'])('are saved as %s', async kind => {
    const blob = new Blob();
    mark.savePicture.mockResolvedValue(blob);
    tool(el, `save-${kind}`).click();
    await vi.waitFor(() =>
      expect(saved).toEqual([{ href: 'blob:picture', download: `task-stream.${kind}` }])
    );
    expect(mark.savePicture).toHaveBeenCalledWith(kind);
    expect(URL.createObjectURL).toHaveBeenCalledWith(blob);
    expect(URL.revokeObjectURL).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:picture');
  });

  it('that fail are spoken of, until one succeeds', async () => {
    mark.savePicture.mockRejectedValueOnce(new Error(HOSTILE)).mockResolvedValueOnce(new Blob());
    tool(el, 'save-png').click();
    await vi.waitFor(() => expect(text('[role=status]')).toContain(`No picture was saved: ${HOSTILE}`));
    expect(el.querySelector('img')).toBeNull();
    expect(saved).toEqual([]);
    tool(el, 'save-png').click();
    await vi.waitFor(() => expect(saved).toHaveLength(1));
    expect(text('.dasklens-message')).toBe('');
  });
});

describe('phase', () => {
  it.each([
    ['connecting', '', '◌connecting'],
    ['live', 'an old reason', '●live'],
    ['paused', '', '❚❚paused'],
    ['lost', 'the scheduler is gone', '✕lost: the scheduler is gone'],
    ['finished', 'the block ended', '■finished: the block ended']
  ])('%s is told in a word and by shape', (phase, reason, shown) => {
    mark.set('reason', reason);
    mark.set('phase', phase);
    expect(text('.dasklens-phase')).toBe(shown);
    expect(one(el, '.dasklens-phase').dataset.phase).toBe(phase);
  });

  it('is live while the user does not follow', () => {
    mark.set('follow', false);
    expect(text('.dasklens-phase')).toBe('●live');
  });

  it('counts down to the next try, and only while it is lost', () => {
    expect(vi.getTimerCount()).toBe(0);
    mark.set('retry_at', Date.now() / 1000 + 2.5);
    mark.set('phase', 'lost');
    const seen = [text('.dasklens-retry')];
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(1000);
      seen.push(text('.dasklens-retry'));
    }
    expect(seen).toEqual(['retrying in 3 s', 'retrying in 2 s', 'retrying in 1 s', 'retrying now']);
    mark.set('retry_at', Date.now() / 1000 + 10);
    expect(text('.dasklens-retry')).toBe('retrying in 10 s');
    mark.set('phase', 'live');
    expect(text('.dasklens-retry')).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not speak the seconds', () => {
    const region = one(el, '[role=status]');
    expect(region.getAttribute('aria-live')).toBe('polite');
    for (const quiet of ['.dasklens-retry', '.dasklens-count']) {
      expect(one(region, quiet).getAttribute('aria-live')).toBe('off');
    }
  });
});

describe('counts', () => {
  it('say how many tasks there are', () => {
    expect(text('.dasklens-count')).toBe('0 tasks');
    vi.advanceTimersByTime(1000);
    mark.feed(Array.from({ length: 1234 }, () => took('inc', 1)));
    expect(text('.dasklens-count')).toBe('1,234 tasks');
    expect(text('.dasklens-failed')).toBe('');
  });

  it('say N of M once the log dropped some', () => {
    vi.advanceTimersByTime(1000);
    mark.feed([took('inc', 1)]);
    mark.feed([took('inc', 1)], 3000);
    vi.advanceTimersByTime(1000);
    expect(text('.dasklens-count')).toBe('showing 2 of 3,002 tasks');
    expect(one(el, '.dasklens-count').title).toBe(
      "The scheduler's log dropped the oldest 3,000 tasks before they could be read; " +
        'raise dasklens.log.limit.'
    );
  });

  it('say how many failed, with a symbol', () => {
    vi.advanceTimersByTime(1000);
    mark.feed([1, 2, 3].map(() => took('inc', 1, { error: ['E()', ''] })));
    expect(text('.dasklens-failed')).toBe('✗ 3 failed');
  });

  it('are there with the first tasks, and with the last', () => {
    mark.feed([took('inc', 1)]);
    expect(text('.dasklens-count')).toBe('1 task');
    mark.feed([took('inc', 1)]);
    expect(text('.dasklens-count')).toBe('1 task');
    mark.set('phase', 'finished');
    expect(text('.dasklens-count')).toBe('2 tasks');
  });

  it('change at most once a second', async () => {
    vi.advanceTimersByTime(1000);
    const changes: string[] = [];
    const observer = new MutationObserver(() => changes.push(text('.dasklens-count')));
    observer.observe(one(el, '.dasklens-count'), { childList: true, characterData: true, subtree: true });
    for (let frame = 0; frame < 60; frame++) {
      mark.feed([took('inc', 1)]);
      await vi.advanceTimersByTimeAsync(16);
    }
    expect(changes).toEqual(['1 task']);
    await vi.advanceTimersByTimeAsync(1000);
    expect(changes).toEqual(['1 task', '60 tasks']);
    mark.trigger('log:change');
    await vi.advanceTimersByTimeAsync(5000);
    expect(changes).toHaveLength(2);
    observer.disconnect();
  });
});
