import { describe, expect, it } from 'vitest';

import { Counts, STATES, type State } from '../src/core/counts';
import { ofEverything } from '../src/core/everything';
import { failureOf, none, Rates, type Group } from '../src/core/progress';

const group = (name: string, key: string, blamed: string, erred = 1): Group => ({
  name,
  ident: '',
  place: 0,
  counts: { ...none(), erred },
  failure: { key, blamed, worker: '', exception: `${key} failed`, traceback: '' }
});

describe('rates', () => {
  it('are what was done within the last seconds', () => {
    const rates = new Rates();
    for (let second = 0; second <= 30; second++) {
      rates.note('a', second, second < 20 ? 10 * second : 200);
    }
    expect(rates.of('a')).toBe(0);
    rates.note('a', 31, 211);
    expect(rates.of('a')).toBeCloseTo(1.1, 1);
    expect(rates.of('b')).toBe(0);
  });

  it('begin anew when results were lost', () => {
    const rates = new Rates();
    rates.note('a', 0, 0);
    rates.note('a', 1, 100);
    rates.note('a', 2, 50);
    expect(rates.of('a')).toBe(0);
    rates.note('a', 3, 60);
    expect(rates.of('a')).toBe(10);
  });
});

describe('a failure', () => {
  it('is told by the task that failed itself', () => {
    const found = failureOf([group('after', 'after-0', 'bad-0'), group('bad', 'bad-0', 'bad-0')]);
    expect(found?.exception).toBe('bad-0 failed');
  });

  it('that was tried again is none', () => {
    expect(failureOf([group('bad', 'bad-0', 'bad-0', 0)])).toBeNull();
  });
});

describe('everything', () => {
  it('is nothing before the first sample', () => {
    const progress = ofEverything(new Counts(), new Rates());
    expect(progress.groups).toEqual([]);
    expect(progress.status).toBe('finished');
    expect(progress.elapsed).toBeNaN();
  });

  it('is by prefix, without what was forgotten', () => {
    const counts = new Counts();
    const by = (some: Partial<Record<State, number>>): Record<State, number> => ({
      ...(Object.fromEntries(STATES.map(state => [state, 0])) as Record<State, number>),
      ...some
    });
    counts.prefixes.set('load', by({ memory: 3, queued: 2, no_worker: 1, processing: 4 }));
    counts.prefixes.set('gone', by({ forgotten: 9 }));
    const rates = new Rates();
    rates.note('', 0, 0);
    rates.note('', 1, 2);
    const progress = ofEverything(counts, rates);
    expect(progress.groups.map(({ name }) => name)).toEqual(['load']);
    expect(progress.total).toEqual({ ...none(), memory: 3, processing: 4, waiting: 3 });
    expect([progress.status, progress.eta]).toEqual(['running', 3.5]);
  });
});
