import { describe, expect, test } from 'vitest';

import { cut } from '../src/report/cut';
import { readReport, ReportError, VERSION } from '../src/report/document';
import { compare, inUnit, percent, shown, tsvOf } from '../src/report/values';
import { SAMPLE } from './packed';

const raw = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({ format: 'dasklens-report', version: 1, ...more });

test('a whole document is read', () => {
  const report = readReport(SAMPLE);
  expect(report.title).toBe('Correlation of a random matrix');
  expect(report.summary.time.map(({ name }) => name)).toEqual([
    'compute',
    'transfer',
    'serialization',
    'disk',
    'idle'
  ]);
  expect(report.summary.findings[0].link).toMatch(/^https:/);
  expect(report.code?.line).toBe(6);
  expect(Object.keys(report.tables)).toContain('fine_metrics');
});

test('whatever is missing is nothing', () => {
  const report = readReport(raw());
  expect(report.exception).toBeNull();
  expect(report.code).toBeNull();
  expect(report.streams).toEqual({});
  expect(report.summary).toMatchObject({ verdict: '', time: [], findings: [], looked: false });
  expect(report.start).toBeNaN();
});

test('what is of another type than it should be is nothing, too', () => {
  const report = readReport(
    raw({
      title: { toString: 1 },
      start: '1',
      streams: { tasks: 7, counts: { records: 'many', data: [1, 'x'] } },
      tables: { a: { columns: [{ name: 'x', unit: 'parsec' }], rows: [[{ a: 1 }], 'no', [1, 2]] }, b: null },
      logs: { scheduler: [['x', 1, null], 'no'], workers: [1] },
      summary: { time: [{ share: 7 }], prefixes: 'x', findings: [{ link: 'javascript:alert(1)' }] },
      missed: { tasks: 'x' }
    })
  );
  expect(report.title).toBe('');
  expect(report.start).toBeNaN();
  expect(report.streams.tasks).toEqual({ records: 0, frames: 0, data: [] });
  expect(report.streams.counts.data).toEqual(['x']);
  expect(report.tables.a).toMatchObject({
    columns: [{ name: 'x', title: 'x', unit: '' }],
    rows: [['{"a":1}'], [null], [1]]
  });
  expect(report.logs.scheduler[0]).toEqual({ time: null, level: '1', text: '' });
  expect(report.summary.time[0].share).toBe(1);
  expect(report.summary.findings[0].link).toBe('');
  expect(report.missed.tasks).toBe(0);
});

test('of a text that is shown at once the beginning is, and how much of it that is', () => {
  const long = 'A'.repeat(100_000);
  const report = readReport(
    raw({
      title: long,
      ended_early: long,
      cluster: { versions: { [long]: long } },
      exception: { traceback: long },
      summary: { verdict: long, prefixes: [{ prefix: long }], findings: [{ evidence: long }] },
      tables: { a: { columns: [{ name: 'x', title: long }], rows: [[long]] } }
    })
  );
  const [name, said] = ['A'.repeat(200), 'A'.repeat(2000)];
  expect(report.title).toBe(`${name}… (200 of 100,000 letters)`);
  expect(report.tables.a.columns[0].title).toBe(report.title);
  expect(report.summary.verdict).toBe(`${said}… (2,000 of 100,000 letters)`);
  expect(report.summary.findings[0].evidence).toBe(report.summary.verdict);
  expect(report.endedEarly).toBe(report.summary.verdict);
  // What is opened, looked for or copied is whole.
  expect(report.exception?.traceback).toBe(long);
  expect(report.summary.prefixes[0].prefix).toBe(long);
  expect(report.tables.a.rows).toEqual([[long]]);
  // No letter is halved.
  expect(cut('a😀b', 2)).toBe('a… (2 of 4 letters)');
});

test.each([
  ['https://docs.dask.org/en/stable/limits.html#x', true],
  ['https://distributed.dask.org/en/stable/', true],
  ['http://docs.dask.org/', false],
  ['https://docs.dask.org.evil.example/', false],
  ['https://docs.dask.org:8443/', false],
  ['https://evil.example@docs.dask.org/', false],
  ['https://evil.example/docs.dask.org', false],
  ['javascript:alert(1)//https://docs.dask.org', false]
])('only a page of the documentation is a link: %s', (link, good) => {
  const { findings } = readReport(raw({ summary: { findings: [{ link }] } })).summary;
  expect(findings[0].link).toBe(good ? link : '');
});

test.each([
  ['{', /damaged/],
  ['[]', /another kind/],
  ['{"format": "speedscope"}', /another kind/],
  [raw({ version: VERSION + 1 }), /newer dasklens/],
  [raw({ version: 'x' }), /newer dasklens/]
])('another document is refused: %s', (text, why) => {
  expect(() => readReport(text)).toThrow(ReportError);
  expect(() => readReport(text)).toThrow(why);
});

describe('values', () => {
  test.each([
    [1.5, 's', '1.5 s'],
    [2 ** 21, 'B', '2.00 MiB'],
    [2 ** 21, 'B/s', '2.00 MiB/s'],
    [41.2, '%', '41 %'],
    [0.01, '%', '< 0.1 %'],
    [12345, 'n', '12,345'],
    [NaN, 's', '']
  ] as const)('%s in %s is %s', (value, unit, text) => {
    expect(inUnit(value, unit)).toBe(text);
  });

  test('an instant is a time of day, a length is not', () => {
    const column = (name: string) => ({ name, title: name, unit: 's' as const });
    expect(shown(1.7e9, column('time'))).toMatch(/^2023-11-1\d \d\d:\d\d:\d\d\.0$/);
    expect(shown(12, column('time'))).toBe('12 s');
    expect(shown(null, column('time'))).toBe('');
  });

  test('numbers in text are compared as numbers', () => {
    expect(['w10', 'w9'].sort(compare)).toEqual(['w9', 'w10']);
    expect(percent(0)).toBe('0 %');
  });

  test('of text that is copied no cell becomes two, and none a formula', () => {
    const columns = [
      { name: 'a', title: 'A', unit: '' as const },
      { name: 'b', title: 'B', unit: 's' as const }
    ];
    const rows = [
      ['a\tb', 1.25],
      ['say "x"\n', null],
      ['=1+1', 3]
    ];
    expect(tsvOf(columns, rows)).toBe('A\tB [s]\n"a\tb"\t1.25\n"say ""x""\n"\t\n\'=1+1\t3\n');
  });
});
