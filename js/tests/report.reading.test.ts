import { expect, test } from 'vitest';

import { readFile } from '../src/report/reading';
import { HOSTILE } from './fakemark';
import { SAMPLE } from './packed';

/** As `pages.py` writes it: in JSON, `<` and its like are inside strings only. */
const inert = (json: string): string =>
  json.replace(/[<>&]/g, each => `\\u00${each.charCodeAt(0).toString(16)}`);
const OPENING = '<script type="application/json" id="dasklens-document">';
const page = (json: string, before = ''): string =>
  `<!doctype html>\n<html><body>${before}<script type="text/plain" id="dasklens-page">H4sI</script>\n` +
  `${OPENING}${inert(json)}</script>\n</body>\n</html>\n`;

test('the document of a page is that of its JSON', () => {
  expect(readFile(page(SAMPLE))).toEqual(readFile(SAMPLE));
  expect(readFile(`\n ${page(SAMPLE)}`).title).toBe('Correlation of a random matrix');
  expect(readFile(`\ufeff${SAMPLE}`).title).toBe('Correlation of a random matrix');
});

test('what a document says is text, also where it says how one begins', () => {
  const title = `${OPENING}{}</script>${HOSTILE}`;
  const report = { ...(JSON.parse(SAMPLE) as object), title };
  expect(readFile(page(JSON.stringify(report))).title).toBe(title);
});

test('of several documents the last one is it: only what somebody put in comes before', () => {
  const other = `${OPENING}{"format": "dasklens-report", "version": 1, "title": "other"}</script>`;
  expect(readFile(page(SAMPLE, other)).title).toBe('Correlation of a random matrix');
});

const CUT = 'Expected a whole dasklens report, got one that is cut off: fetch or copy it again.';
test.each([
  ['nothing', '', 'Expected a dasklens report, got an empty file.'],
  ['blanks', ' \n\t', 'Expected a dasklens report, got an empty file.'],
  [
    'foreign HTML',
    '<!doctype html><script>window.x = 1</script>',
    'Expected the HTML of a dasklens report, got a file without one.'
  ],
  ['a page cut off in its scripts', page(SAMPLE).slice(0, 75), CUT],
  ['a page cut off in its document', page(SAMPLE).slice(0, 5000), CUT],
  [
    'a cut off document',
    SAMPLE.slice(0, 5000),
    'Expected the JSON of a dasklens report, got other text: the file is damaged.'
  ],
  ['text', 'import dask', 'Expected the JSON of a dasklens report, got other text: the file is damaged.'],
  ['foreign JSON', '[1, 2]', 'Expected a dasklens report, got another kind of document.'],
  ['no object', page('null'), 'Expected a dasklens report, got another kind of document.'],
  [
    'a future version',
    page('{"format": "dasklens-report", "version": 2}'),
    'This page shows reports of version 1 and got version 2: open it with a newer dasklens.'
  ]
])('%s is one clear sentence', (_, text, sentence) => {
  expect(() => readFile(text)).toThrow(expect.objectContaining({ name: 'ReportError', message: sentence }));
});

test('a file that is too large is not parsed', () => {
  const most = 2 << 20;
  expect(() => readFile('{'.padEnd(most + 1), most)).toThrow(
    'Expected a dasklens report of at most 2 MiB, got 3 MiB: read it in Python with dasklens.load_report.'
  );
  expect(() => readFile('{'.padEnd(most), most)).toThrow(/damaged/);
});

test('of what is made into elements at once there is a bounded number', () => {
  const many = `[${Array(10_000).fill('{"name": "x"}').join()}]`;
  const versions = JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`v${i}`, '1'])));
  const report = readFile(
    `{"format": "dasklens-report", "version": 1, "redacted": ${many}, "missed": ${versions},
      "cluster": {"versions": ${versions}}, "tables": {"workers": {"columns": ${many}, "rows": [[1]]}},
      "summary": {"time": ${many}, "prefixes": ${many}, "findings": ${many}, "notes": ${many}}}`
  );
  const { time, prefixes, findings, notes } = report.summary;
  const lists = [report.redacted, time, prefixes, findings, notes, report.tables.workers.columns];
  const sizes = [...lists, Object.keys(report.missed), Object.keys(report.cluster.versions)].map(
    ({ length }) => length
  );
  expect(Math.max(...sizes)).toBe(200);
});

test('what is nested without end is one clear sentence', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const tables = `{"a": {"columns": [{"name": "x"}], "rows": [[${deep}]]}}`;
  expect(() => readFile(`{"format": "dasklens-report", "version": 1, "tables": ${tables}}`)).toThrow(
    /^Expected a dasklens report, got what cannot be read \(/
  );
});
