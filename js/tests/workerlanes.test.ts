import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Lane } from '../src/core/tasks';
import { inSight, lanesOf } from '../src/marks/workerlanes';

const lanes = (...workers: string[]): Lane[] =>
  workers.map((worker, id) => ({ id, worker, workerName: worker, thread: id }));

describe('the lanes of a worker', () => {
  it('lie side by side', () => {
    const all = lanes('a', 'a', 'b', 'c', 'c', 'c');
    expect(lanesOf(all, 'a')).toEqual([0, 2]);
    expect(lanesOf(all, 'c')).toEqual([3, 6]);
    expect(lanesOf(all, 'd')).toBeNull();
    expect(lanesOf(all, null)).toBeNull();
  });

  it('are left where they are when they are in sight', () => {
    expect(inSight([0, 8], [2, 4])).toBeNull();
  });

  it('are brought into sight, whole, and not too thin', () => {
    const range = fc
      .tuple(fc.nat(3000), fc.integer({ min: 1, max: 3000 }))
      .map(([a, n]) => [a, a + n] as const);
    const some = fc
      .tuple(fc.nat(3000), fc.integer({ min: 1, max: 100 }))
      .map(([a, n]) => [a, a + n] as const);
    fc.assert(
      fc.property(range, some, (shown, wanted) => {
        const [top, bottom] = inSight(shown, wanted) ?? shown;
        expect(top).toBeLessThanOrEqual(wanted[0] + 0.5);
        expect(bottom).toBeGreaterThanOrEqual(wanted[1] - 0.5);
        expect(bottom - top).toBeLessThanOrEqual(Math.max(40, wanted[1] - wanted[0], 0));
      })
    );
  });
});
