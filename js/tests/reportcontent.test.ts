// @vitest-environment jsdom
import { Blob } from 'node:buffer';

import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { HOSTILE, one, texts } from './fakemark';
import { SAMPLE } from './packed';

type Raw = Record<string, unknown>;

const sample = (): Raw => JSON.parse(SAMPLE) as Raw;

/** A figure without a receiver, whose view says what it is told. */
class Hosted {
  static made: Hosted[] = [];
  /** Resolves what `make` waits for. */
  static hold: Promise<void> = Promise.resolve();
  readonly receivers = [];
  readonly view = new Told();
  looked = false;
  disposed = false;

  constructor(readonly options: { name: string }) {
    Hosted.made.push(this);
  }

  async make(): Promise<Widget | null> {
    await Hosted.hold;
    return this.disposed ? null : this.view;
  }

  look(looked: boolean): void {
    this.looked = looked;
  }

  dispose(): void {
    this.disposed = true;
    this.view.dispose();
  }

  set(): void {}
}

class Observer {
  static readonly observed = new Set<Observer>();
  observe(): void {
    Observer.observed.add(this);
  }
  disconnect(): void {
    Observer.observed.delete(this);
  }
}

vi.stubGlobal('DragEvent', Event);
vi.doMock('../src/host/figure', () => ({ HostedFigure: Hosted }));
const lumino = await import('@lumino/widgets');
const { ReportContent } = await import('../src/lab/reportcontent');

class Told extends lumino.Widget {
  readonly told: string[] = [];
  override processMessage(message: { type: string }): void {
    this.told.push(message.type);
    super.processMessage(message as never);
  }
  attachment(): string[] {
    return this.told.filter(type => /attach|detach/.test(type));
  }
}

/** A file in JupyterLab. */
class File {
  readonly contentChanged = new Signal<this, void>(this);
  readonly model = { contentChanged: this.contentChanged, toString: () => this.text };
  readonly ready = Promise.resolve();
  readonly localPath = 'run.dasklens.json';

  constructor(public text: string) {}

  change(text: string): void {
    this.text = text;
    this.contentChanged.emit();
  }
}

const trans = {
  __: (text: string, ...all: string[]) => text.replace(/%(\d)/g, (_, i) => all[Number(i) - 1])
};
let contents: InstanceType<typeof ReportContent>[];

beforeEach(() => {
  Hosted.made = [];
  Hosted.hold = Promise.resolve();
  contents = [];
  vi.stubGlobal('ResizeObserver', Observer);
  // jsdom's own has no stream.
  vi.stubGlobal('Blob', Blob);
});
afterEach(() => {
  contents.forEach(content => content.dispose());
  document.body.replaceChildren();
});

function opened(file: File): InstanceType<typeof ReportContent> {
  const content = new ReportContent(file as never, trans as never);
  contents.push(content);
  lumino.Widget.attach(content, document.body);
  return content;
}

const panel = ({ node }: Widget, name: string): HTMLElement => one(node, `.panel-${name}`);
const tab = ({ node }: Widget, name: string): HTMLElement => one(node, `[role=tab][id$="-tab-${name}"]`);
const shown = (content: Widget): Promise<unknown> =>
  vi.waitFor(() => expect(content.node.querySelector('.verdict, .fatal')).not.toBeNull());

test('a report is shown from its file, and nothing of the page around it is changed', async () => {
  const [address, title] = [window.location.href, document.title];
  const content = opened(new File(SAMPLE));
  expect(content.node.textContent).toBe('Reading the report…');
  await shown(content);
  expect(panel(content, 'summary').textContent).toContain('chunk_sum');
  tab(content, 'exceptions').click();
  expect(texts(panel(content, 'exceptions'), 'tbody tr')).toHaveLength(1);
  expect([window.location.href, document.title]).toEqual([address, title]);
});

test('two reports share no id', async () => {
  const all = [opened(new File(SAMPLE)), opened(new File(SAMPLE))];
  await Promise.all(all.map(shown));
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id).filter(id => /panel|tab/.test(id));
  expect(ids.length).toBeGreaterThan(20);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a fragment leads to a section', async () => {
  const content = opened(new File(SAMPLE));
  content.go('#tab=logs');
  await vi.waitFor(() => expect(panel(content, 'logs').hidden).toBe(false));
  content.go('#tab=workers');
  expect(panel(content, 'workers').hidden).toBe(false);
});

test('a file that is none says so, with its name, and is read anew when it changes', async () => {
  const file = new File(`<p>${HOSTILE}</p>`);
  const content = opened(file);
  await shown(content);
  expect(content.node.textContent).toBe(
    'run.dasklens.json cannot be shown as a Dask report. ' +
      'Expected the HTML of a dasklens report, got a file without one.'
  );
  file.change(SAMPLE);
  await vi.waitFor(() => expect(panel(content, 'summary').textContent).toContain('chunk_sum'));
  // Where a reader was is where the new one is looked at.
  tab(content, 'logs').click();
  file.change(JSON.stringify({ ...sample(), title: 'Another' }));
  await vi.waitFor(() => expect(texts(content.node, 'h1')).toEqual(['Another']));
  expect(panel(content, 'logs').hidden).toBe(false);
});

test('text of strangers is text', async () => {
  const content = opened(new File(JSON.stringify({ ...sample(), title: HOSTILE, ended_early: HOSTILE })));
  await shown(content);
  expect(texts(content.node, 'h1')).toEqual([HOSTILE]);
  expect(content.node.querySelectorAll('img, script, [onerror]')).toHaveLength(0);
});

test('a figure is attached with the tab, and goes with it', async () => {
  const content = opened(new File(SAMPLE));
  await shown(content);
  tab(content, 'task-stream').click();
  await vi.waitFor(() => expect(Hosted.made[0]?.looked).toBe(true));
  const [{ view, options }] = Hosted.made;
  expect(options.name).toBe('task-stream');
  expect(panel(content, 'task-stream').contains(view.node)).toBe(true);
  expect(view.isVisible).toBe(true);
  // As when a tab is dragged to another place.
  lumino.Widget.detach(content);
  lumino.Widget.attach(content, document.body);
  expect(view.attachment()).toEqual([
    'before-attach',
    'after-attach',
    'before-detach',
    'after-detach',
    'before-attach',
    'after-attach'
  ]);
  content.dispose();
  expect([view.isDisposed, view.isAttached, Observer.observed.size]).toEqual([true, false, 0]);
});

test('the figures of what was shown go when the file changes', async () => {
  const file = new File(SAMPLE);
  const content = opened(file);
  await shown(content);
  tab(content, 'task-stream').click();
  await vi.waitFor(() => expect(Hosted.made[0]?.looked).toBe(true));
  file.change(JSON.stringify({ ...sample(), title: 'Another' }));
  await vi.waitFor(() => expect(Hosted.made).toHaveLength(2));
  await vi.waitFor(() => expect(Hosted.made[1].looked).toBe(true));
  expect(Hosted.made.map(({ disposed }) => disposed)).toEqual([true, false]);
  expect([...(content.layout as Iterable<Widget>)]).toEqual([Hosted.made[1].view]);
});

test('a figure that is still being made does not outlive its tab', async () => {
  let go = (): void => {};
  Hosted.hold = new Promise(resolve => (go = resolve));
  const content = opened(new File(SAMPLE));
  await shown(content);
  tab(content, 'task-stream').click();
  await vi.waitFor(() => expect(Hosted.made).toHaveLength(1));
  content.dispose();
  go();
  await Hosted.hold;
  const [{ disposed, looked, view }] = Hosted.made;
  expect([disposed, looked, view.isAttached, Observer.observed.size]).toEqual([true, false, false, 0]);
});
