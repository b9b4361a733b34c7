// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from 'vitest';

import detail from '../src/parts/detail';
import legend from '../src/parts/legend';
import { GONE } from '../src/parts/part';
import toolbar from '../src/parts/toolbar';
import { FakeMark, HOSTILE, recordOf, show, took } from './fakemark';

const PARTS = Object.entries({ toolbar, legend, detail });

afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

describe.each(PARTS)('%s', (name, part) => {
  it('says so when its mark is gone', async () => {
    const { el } = await show(part, null);
    expect(el.textContent).toBe(GONE);
  });

  it('shows hostile names as text', async () => {
    const mark = new FakeMark();
    mark.set('phase', 'lost');
    mark.set('reason', HOSTILE);
    mark.feed([took(HOSTILE, 1, { worker: HOSTILE, workerName: HOSTILE, error: [HOSTILE, HOSTILE] })]);
    mark.set('selected', mark.log.record(0));
    const { el } = await show(part, mark);
    expect(el.textContent).toContain(HOSTILE);
    expect(el.querySelector('img')).toBeNull();
  });

  it.each(['clean-up', 'signal'])('lets go of everything at the %s', async how => {
    vi.useFakeTimers();
    const mark = new FakeMark();
    mark.set('phase', 'lost');
    mark.set('retry_at', Date.now() / 1000 + 60);
    const { el, cleanup, controller } = await show(part, mark);
    const shown = el.className;
    expect(shown).toContain(`dasklens-${name}`);
    expect(mark.nListeners).toBeGreaterThan(0);
    // Leave something waiting in every timer there is.
    mark.feed([took('inc', 1)]);
    mark.feed([took('inc', 1)]);
    mark.trigger('hover', { ...recordOf(), span: { action: 'compute', start: 0, stop: 1 } });
    expect(vi.getTimerCount()).toBeGreaterThan(0);

    (how === 'signal' ? () => controller.abort() : cleanup)();
    expect(mark.nListeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(el.childElementCount).toBe(0);
    expect(el.className).toBe('');
  });

  it('is not built when its view goes before the mark is found', async () => {
    const mark = new FakeMark();
    const el = document.createElement('div');
    const controller = new AbortController();
    const model = {
      get: () => 'IPY_MODEL_abc',
      widget_manager: { get_model: async () => (controller.abort(), mark) }
    };
    await part.render({ model, el, signal: controller.signal } as never);
    expect(mark.nListeners).toBe(0);
    expect(el.childElementCount).toBe(0);
  });

  it('has as many views as you like, and one style', async () => {
    const mark = new FakeMark();
    const first = await show(part, mark);
    const alone = mark.nListeners;
    const second = await show(part, mark);
    expect(mark.nListeners).toBe(2 * alone);
    first.cleanup();
    expect(mark.nListeners).toBe(alone);
    expect(second.el.childElementCount).toBeGreaterThan(0);
    expect(document.querySelectorAll(`style#dasklens-css-${name}`)).toHaveLength(1);
  });

  it('names every button, and keeps JupyterLab from taking its keys', async () => {
    const mark = new FakeMark();
    mark.feed([took('inc', 1)]);
    mark.set('selected', recordOf());
    const { el } = await show(part, mark);
    for (const button of el.querySelectorAll('button')) {
      expect(button.getAttribute('aria-label') ?? button.textContent).toMatch(/\w/);
      expect(button.title).not.toBe('');
      expect(button.type).toBe('button');
    }
    expect(el.hasAttribute('data-lm-suppress-shortcuts')).toBe(true);
  });
});
