import { it } from 'vitest';
import { Coverage } from '../src/core/coverage';
import { rowOf, type RowSpan } from './build';
it('x', () => {
  const rows = Array.from({ length: 64 }, (_, lane) => {
    let at = 0;
    const spans: RowSpan[] = [];
    for (let i = 0; i < 46875; i++) {
      const start = at + 0.005 * Math.random();
      at = start + 0.1 * Math.random();
      spans.push({
        start,
        duration: at - start,
        slot: Math.floor((i * 64 + lane) / 700 + Math.random() * 2) % 8
      });
    }
    return rowOf(spans);
  });
  const kinds = new Uint8Array(16);
  const coverage = new Coverage();
  for (const [t0, span, n] of [
    [300, 1500, 950],
    [0, 2461, 950],
    [0, 2461, 100],
    [0, 2461, 10],
    [300, 300, 950]
  ]) {
    const grid = { t0, perSecond: n / span, n, errorWidth: 1 };
    const wide: number[] = [];
    const one = (): number => {
      const begin = performance.now();
      for (const row of rows) {
        wide.length = 0;
        coverage.cover(row, grid, kinds, 0, n, wide, 3);
      }
      return performance.now() - begin;
    };
    const times = Array.from({ length: 60 }, one).sort((a, b) => a - b);
    console.log(span, n, ((46875 * span) / 2461 / n).toFixed(1), 'per pixel', times[30].toFixed(2), 'ms');
  }
});
