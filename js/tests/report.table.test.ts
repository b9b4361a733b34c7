// @vitest-environment jsdom
import { afterEach, expect, test, vi } from 'vitest';

import type { Table } from '../src/report/document';
import { tableOf } from '../src/report/table';
import { one, texts } from './fakemark';

afterEach(() => vi.unstubAllGlobals());

const TABLE: Table = {
  title: 'Workers',
  columns: [
    { name: 'address', title: 'Address', unit: '' },
    { name: 'tasks', title: 'Tasks', unit: 'n' }
  ],
  rows: [
    ['tcp://w10', 5],
    ['tcp://w9', 50],
    ['tcp://w8', null]
  ],
  empty: 'None were there.'
};

const firsts = (el: HTMLElement): (string | null)[] => texts(el, 'tbody td:first-child');
const sort = (el: HTMLElement, title: string): void =>
  [...el.querySelectorAll<HTMLElement>('thead button')].find(each => each.textContent === title)?.click();

test('a click on a column sorts by it, numbers from the largest, nothing last', () => {
  const el = tableOf(TABLE);
  expect(firsts(el)).toEqual(['tcp://w10', 'tcp://w9', 'tcp://w8']);
  sort(el, 'Tasks');
  expect(firsts(el)).toEqual(['tcp://w9', 'tcp://w10', 'tcp://w8']);
  sort(el, 'Tasks');
  expect(firsts(el)).toEqual(['tcp://w10', 'tcp://w9', 'tcp://w8']);
  expect([...el.querySelectorAll('th')].map(th => th.getAttribute('aria-sort'))).toEqual([
    'none',
    'ascending'
  ]);
  sort(el, 'Address');
  expect(firsts(el)).toEqual(['tcp://w8', 'tcp://w9', 'tcp://w10']);
});

test('search keeps the rows that have every word', () => {
  const el = tableOf(TABLE, { noun: 'worker' });
  const search = one<HTMLInputElement>(el, 'input');
  search.value = 'W9 50';
  search.dispatchEvent(new Event('input'));
  expect(firsts(el)).toEqual(['tcp://w9']);
  expect(one(el, '.count').textContent).toBe('1 of 3 workers');
});

test('what is listed is copied, in its order', async () => {
  const writeText = vi.fn().mockResolvedValue(undefined);
  vi.stubGlobal('navigator', { clipboard: { writeText } });
  const el = tableOf(TABLE);
  sort(el, 'Tasks');
  one<HTMLElement>(el, '[data-action=copy]').click();
  await vi.waitFor(() => expect(one(el, '.said').textContent).toBe('Copied the 3 rows.'));
  expect(writeText).toHaveBeenCalledWith('Address\tTasks\ntcp://w9\t50\ntcp://w10\t5\ntcp://w8\t\n');
});

test('without rows it says why', () => {
  expect(tableOf({ ...TABLE, rows: [] }).textContent).toBe('None were there.');
});

test('of many rows the page gets some at a time', () => {
  const rows = Array.from({ length: 1500 }, (_, i) => [`w${i}`, i]);
  const el = tableOf({ ...TABLE, rows });
  expect(firsts(el)).toHaveLength(200);
  one<HTMLElement>(el, '.more').click();
  expect(firsts(el)).toHaveLength(1200);
  one<HTMLElement>(el, '.more').click();
  expect(firsts(el)).toHaveLength(1500);
  expect(one<HTMLElement>(el, '.more').hidden).toBe(true);
});

test('a text of many lines is opened by who wants to read it', () => {
  const el = tableOf({ ...TABLE, rows: [['first\nsecond', 1]] });
  expect(one(el, 'summary').textContent).toBe('first …');
  expect(one(el, 'pre').textContent).toBe('first\nsecond');
});
