// @vitest-environment jsdom
import { Blob } from 'node:buffer';

import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest';

import { readReport } from '../src/report/document';
import { readCounts } from '../src/report/histories';
import type { FigureOptions, HostFigure } from '../src/report/shared';
import { HOSTILE, one, texts } from './fakemark';
import { SAMPLE } from './packed';

type Raw = Record<string, unknown>;

const sample = (): Raw => JSON.parse(SAMPLE) as Raw;
let hosted: FigureOptions[];
let listening: MockInstance<typeof window.addEventListener>;

beforeEach(() => {
  hosted = [];
  vi.resetModules();
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => {} }));
  // jsdom's own has no stream.
  vi.stubGlobal('Blob', Blob);
  listening = vi.spyOn(window, 'addEventListener');
  window.location.hash = '';
});
afterEach(async () => {
  await vi.waitFor(() => expect(document.querySelector('[aria-busy], .waiting')).toBeNull());
  // A page of its own for each test, in the same window.
  listening.mock.calls.forEach(([type, listener]) => window.removeEventListener(type, listener));
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

async function open(document_: Raw | string, hash = '', still?: HostFigure): Promise<void> {
  window.location.hash = hash;
  window.dasklensReport = {
    text: () => (typeof document_ === 'string' ? document_ : JSON.stringify(document_)),
    unpack: () => {},
    run: () => Promise.resolve(),
    host: (_node, options) => {
      hosted.push(options);
      return Promise.resolve({ showTime: () => {}, highlight: () => {} });
    },
    ...(still && { still })
  };
  await import('../src/report/page');
}

const panel = (name: string): HTMLElement => one(document.body, `#panel-${name}`);
const isBuilt = (name: string): boolean =>
  panel(name).querySelector(':scope > :not(.printed, .unprinted)') !== null;
const tab = (name: string): HTMLElement => one(document.body, `#tab-${name}`);
const NAMES = [
  'summary',
  'task-stream',
  'progress',
  'profile',
  'system',
  'bandwidth',
  'fine-metrics',
  'exceptions',
  'logs',
  'workers'
];

test('the summary says what came of it', async () => {
  await open(sample());
  expect(document.title).toBe('Correlation of a random matrix – Dask report');
  const text = panel('summary').textContent;
  for (const said of [
    'computed',
    'Few threads were busy',
    'chunk_sum',
    'Sum of the compute spans',
    'distributed'
  ]) {
    expect(text).toContain(said);
  }
  expect(one(panel('summary'), '.called').textContent).toContain('.std().compute()');
  expect(texts(panel('summary'), '.tile.bad dt')).toEqual(['Errors']);
  const links = [...panel('summary').querySelectorAll('a')];
  expect(links.map(({ rel, href }) => [rel, new URL(href).host])).toEqual([
    ['noopener noreferrer', 'docs.dask.org'],
    ['noopener noreferrer', 'docs.dask.org']
  ]);
});

test('the second at which it began is not after what happened in it', async () => {
  const report = { ...sample(), start: 1_700_000_000.7, created: 1_700_000_005.9 };
  await open(report);
  expect(one(document.body, '.facts').textContent).toContain(':20 ·');
  expect(one(document.body, '.foot').textContent).toMatch(/:25\. Read/);
});

test('of the memory its own stretch of time is shown, however short', async () => {
  const report = sample();
  const last = (await readCounts(readReport(SAMPLE).streams.counts)).last('time');
  await open({ ...report, start: last - 0.6 }, '#tab=system');
  await vi.waitFor(() => expect(hosted.map(({ name }) => name)).toContain('memory'));
  const memory = hosted.find(({ name }) => name === 'memory');
  expect(memory?.traits?.counts.window).toBeCloseTo(0.6, 3);
});

test('of a block shorter than the time between two samples, memory is shown from the one before on', async () => {
  const report = sample();
  const time = (await readCounts(readReport(SAMPLE).streams.counts)).column('time');
  const last = time[time.length - 1];
  await open({ ...report, start: last - 0.01 }, '#tab=system');
  await vi.waitFor(() => expect(hosted.map(({ name }) => name)).toContain('memory'));
  const memory = hosted.find(({ name }) => name === 'memory');
  const window_ = memory?.traits?.counts.window as number;
  expect(time.filter(at => at >= last - window_)).toHaveLength(2);
});

test('of very many prefixes the first ones are shown, and one without a time spoils no meter', async () => {
  const prefixes = Array.from({ length: 200_000 }, (_, i) => ({ prefix: `p${i}`, seconds: i || 'x' }));
  await open({ ...sample(), summary: { prefixes } });
  expect(texts(panel('summary'), '.named')).toHaveLength(200);
  expect(one(panel('summary'), 'tr:last-child .meter').style.width).toBe('100%');
});

test('a section is made when it is first shown', async () => {
  await open(sample());
  expect(NAMES.map(name => isBuilt(name))).toEqual(NAMES.map(name => name === 'summary'));
  tab('exceptions').click();
  expect(panel('summary').hidden).toBe(true);
  expect(texts(panel('exceptions'), 'tbody tr')).toHaveLength(1);
  expect(window.location.hash).toBe('#tab=exceptions');
  tab('task-stream').click();
  await vi.waitFor(() => expect(hosted.map(({ name }) => name)).toEqual(['task-stream']));
  tab('summary').click();
  tab('task-stream').click();
  expect(hosted).toHaveLength(1);
});

test('arrow keys go from one section to the next', async () => {
  await open(sample());
  tab('summary').focus();
  tab('summary').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
  expect(document.activeElement).toBe(tab('workers'));
  expect(tab('workers').getAttribute('aria-selected')).toBe('true');
  expect(tab('summary').tabIndex).toBe(-1);
});

test('an address leads to a section and a stretch of time', async () => {
  const report = sample();
  await open(report, '#tab=task-stream&from=1&to=2.5&prefix=weigh');
  await vi.waitFor(() => expect(hosted).toHaveLength(1));
  const [{ range, highlight }] = hosted;
  const begun = report.start as number;
  expect(range).toEqual([begun + 1, begun + 2.5]);
  expect(highlight).toEqual(['weigh']);
});

test('the profile of an address is the one that is shown', async () => {
  await open(sample(), '#tab=profile&profile=server');
  await vi.waitFor(() => expect(hosted).toHaveLength(1));
  expect(one(panel('profile'), '[data-action=profile-server]').getAttribute('aria-pressed')).toBe('true');
  expect(hosted[0].traits).toEqual({ profile: { kind: 'server' } });
});

test('every section without content says why', async () => {
  await open({
    format: 'dasklens-report',
    version: 1,
    tables: { exceptions: { rows: [], empty: 'All went well.' } }
  });
  for (const name of NAMES) {
    tab(name).click();
    expect(panel(name).querySelectorAll('.empty, .verdict').length, name).toBeGreaterThan(0);
  }
  expect(panel('exceptions').textContent).toContain('All went well.');
  expect(hosted).toEqual([]);
});

test('what a reader has to know comes first', async () => {
  const report = sample();
  report.exception = { type: 'KeyError', text: "'x'", traceback: 'Traceback …' };
  report.ended_early = 'the scheduler went away at 12:00:00';
  report.missed = { tasks: 12345 };
  report.redacted = ['code', 'logs'];
  report.code = null;
  report.logs = {};
  await open(report);
  const said = texts(document.body, '.banner');
  expect(said).toHaveLength(4);
  expect(said[0]).toContain("KeyError: 'x'");
  expect(said[1]).toContain('the scheduler went away');
  expect(said[2]).toContain('12,345 tasks are missing');
  expect(said[3]).toContain('code, logs');
  expect(panel('summary').textContent).toContain('The code was left out on purpose.');
  tab('logs').click();
  expect(panel('logs').textContent).toContain('The logs were left out on purpose.');
});

test('a document of another kind is one clear sentence', async () => {
  await open('{"format": "x"}');
  expect(one(document.body, '.fatal').textContent).toBe(
    'Expected a dasklens report, got another kind of document.'
  );
});

test('everything can be printed at once, in light colours and unfolded', async () => {
  document.documentElement.dataset.theme = 'dark';
  await open(sample());
  window.dispatchEvent(new Event('beforeprint'));
  const traceback = one<HTMLDetailsElement>(panel('exceptions'), 'details');
  expect([document.documentElement.dataset.theme, traceback.open]).toEqual(['light', true]);
  window.dispatchEvent(new Event('afterprint'));
  expect([document.documentElement.dataset.theme, traceback.open]).toEqual(['dark', false]);
  const built = NAMES.filter(name => isBuilt(name));
  expect(built).toEqual(['summary', 'bandwidth', 'fine-metrics', 'exceptions', 'logs', 'workers']);
});

describe('text of strangers', () => {
  test('turns nothing around but itself', async () => {
    const report = sample();
    const around = 'x\u202e';
    const code = { text: 'a\nb', file: around, line: 1 };
    const finding = { severity: 'warning', title: around, evidence: '', remedy: around, link: '' };
    const exception = { type: around, text: around };
    await open({ ...report, dasklens: around, code, exception, summary: { findings: [finding] } });
    expect(texts(document.body, 'bdi')).toEqual(Array.from({ length: 6 }, () => around));
    expect(one(document.body, '.banner code').textContent).toBe(`${around}: ${around}`);
    expect(one(document.body, '.file').textContent).toBe(`${around}, line 1`);
    expect(one(document.body, '.foot').textContent).toContain(`dasklens ${around} on`);
  });

  /** The same document with markup in every text of it. */
  const spoilt = (value: unknown, name = ''): unknown =>
    Array.isArray(value)
      ? value.map(each => spoilt(each, name))
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value).map(([key, each]) => [
              name === 'versions' || name === 'workers' ? HOSTILE : key,
              spoilt(each, key)
            ])
          )
        : typeof value === 'string' &&
            !['data', 'format', 'name', 'unit', 'severity', 'redacted'].includes(name)
          ? HOSTILE
          : value;

  test('is text wherever it stands', async () => {
    const report = sample();
    const bad = spoilt({ ...report, exception: { type: 'x', text: 'x', traceback: 'x' } }) as Raw;
    bad.streams = report.streams;
    bad.redacted = [HOSTILE];
    bad.ended_early = HOSTILE;
    await open(bad);
    for (const name of NAMES) {
      tab(name).click();
    }
    expect(document.body.textContent).toContain(HOSTILE);
    expect(document.querySelectorAll('img, script, [onerror]')).toHaveLength(0);
    expect([...document.querySelectorAll('a')].map(a => a.href)).toEqual([]);
  });
});

test('pictures of every figure are made for paper, and are in the page while it is printed', async () => {
  // Pages of tests before may make theirs meanwhile: the same ones.
  const made = new Set<string>();
  await open(sample(), '#tab=logs&from=1&to=2', (node, { name, range, traits }) => {
    const kind = String(traits?.profile?.kind ?? '');
    made.add(`${name} ${kind} ${range ? 'of a part' : 'of all'}`);
    node.append('a picture');
    return Promise.resolve({ showTime: () => {}, highlight: () => {} });
  });
  const printed = (): boolean => {
    window.dispatchEvent(new Event('beforeprint'));
    return ['task-stream', 'progress', 'profile', 'system'].every(name =>
      panel(name).querySelector(':scope > .onpaper')?.textContent.includes('a picture')
    );
  };
  await vi.waitFor(() => expect(printed()).toBe(true), 5000);
  expect([...made].sort()).toEqual([
    'memory  of all',
    'profile scheduler of a part',
    'profile server of a part',
    'profile worker of a part',
    'progress  of all',
    'task-stream  of a part'
  ]);
  window.dispatchEvent(new Event('afterprint'));
  expect(document.querySelector('.onpaper')).toBeNull();
  delete document.documentElement.dataset.paper;
});
