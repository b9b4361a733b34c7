import { Signal } from '@lumino/signaling';
import { describe, expect, test } from 'vitest';

import { Options } from '../src/lab/options';

/** Settings whose keeping takes as long as the test wants. */
class Slow {
  readonly changed = new Signal<this, void>(this);
  composite: Record<string, unknown> = {};
  readonly keeping: (() => void)[] = [];

  set(name: string, value: unknown): Promise<void> {
    return new Promise(done => {
      this.keeping.push(() => {
        this.composite = { ...this.composite, [name]: value };
        this.changed.emit();
        done();
      });
    });
  }
}

describe('what is set', () => {
  test('is there at once, and stays while an older value is still being kept', async () => {
    const slow = new Slow();
    const options = new Options();
    options.use(slow as never);
    const seen: number[] = [];
    options.changed.connect(() => seen.push(options.get('window')));
    const first = options.set('window', 10);
    const second = options.set('window', 20);
    slow.keeping[0]();
    await first;
    expect(options.get('window')).toBe(20);
    slow.keeping[1]();
    await second;
    expect(options.get('window')).toBe(20);
    expect(seen).toEqual([10, 20, 20, 20]);
  });
});
