import { expect, test } from 'vitest';

import { counted, thousands } from '../src/core/format';
import { byName } from '../src/core/order';

const NAMES = [
  ...['w1', 'w10', 'w9', 'w01', 'w', 'W2', '', '7', '07', '12', '012', 'a7b', 'a7c', 'a12b', 'a1b2', 'a1b10'],
  ...[
    'tcp://127.0.0.1:40001',
    'tcp://127.0.0.1:4013',
    'tcp://10.0.0.2:1',
    'tls://10.0.0.2:1',
    'node-3.cluster'
  ],
  ...[
    'node-12.cluster',
    'Node-3.cluster',
    'ä1',
    'a1',
    'z',
    '９',
    '1'.repeat(20),
    '2'.repeat(20),
    '140130857973440'
  ]
];

test('names are sorted as Intl sorts them, and numbers in them as numbers', () => {
  const { compare } = new Intl.Collator('en', { numeric: true });
  for (const a of NAMES) {
    for (const b of NAMES) {
      expect([a, b, Math.sign(byName(a, b))]).toEqual([a, b, Math.sign(compare(a, b))]);
    }
  }
});

test('thousands are set apart as Intl sets them', () => {
  for (const n of [
    0,
    7,
    999,
    1000,
    12345,
    1234567,
    -1,
    -999,
    -1000,
    -123456,
    1e15,
    1.5,
    -0.25,
    NaN,
    Infinity
  ]) {
    expect(thousands(n)).toBe(n.toLocaleString('en'));
  }
  expect(counted(3000, 'task')).toBe('3,000 tasks');
});
