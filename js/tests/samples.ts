/** Makes frames of the sampler's streams, and a receiver's model as anywidget hands it out. */

import { encode } from '@msgpack/msgpack';
import { vi } from 'vitest';

import { COLUMNS_FOR_TESTS } from './samplecolumnnames';

export interface WorkerSpec {
  address?: string;
  name?: string;
  threads?: number;
  limit?: number;
  status?: string;
  cpu?: number;
  process?: number;
  managed?: number;
  unmanaged?: number;
  spilled?: number;
  processing?: number;
  executing?: number;
  ready?: number;
  seen?: number;
}

type Kind = 'u4' | 'f4' | 'f8';

function column(kind: Kind, values: number[]): [string, Uint8Array] {
  const typed =
    kind === 'u4'
      ? Uint32Array.from(values)
      : kind === 'f4'
        ? Float32Array.from(values)
        : Float64Array.from(values);
  return [kind, new Uint8Array(typed.buffer)];
}

/** Writes workers as a scheduler does: names once, all of them at first and then what changed. */
export class WorkersWriter {
  readonly names: unknown[] = [];
  next = 0;
  private readonly ids = new Map<string, number>();
  private sent = 0;

  constructor(
    readonly log = 'log-1',
    public time = 1.7e9
  ) {}

  /** Those that changed, those that left; `whole` for all that there are. */
  frame(
    workers: WorkerSpec[],
    more: { left?: string[]; whole?: boolean; names0?: number; fields?: Record<string, unknown> } = {}
  ): Uint8Array {
    const first = more.whole || this.next === 0 ? 0 : this.next;
    const names0 = more.names0 ?? (more.whole ? 0 : this.sent);
    const full = workers.map((worker, i) => ({
      address: `tcp://${worker.name ?? i}`,
      name: String(i),
      threads: 2,
      limit: 2 ** 32,
      status: 'running',
      cpu: 50,
      process: 2 ** 30,
      managed: 2 ** 29,
      unmanaged: 2 ** 28,
      spilled: 0,
      processing: 3,
      executing: 1,
      ready: 2,
      seen: -0.5,
      ...worker
    }));
    const ids = full.map(({ address, name, threads, limit }) =>
      this.id(address, [address, name, threads, limit])
    );
    const f4 = (key: keyof (typeof full)[number]): [string, Uint8Array] =>
      column(
        'f4',
        full.map(worker => worker[key] as number)
      );
    const u4 = (key: keyof (typeof full)[number]): [string, Uint8Array] =>
      column(
        'u4',
        full.map(worker => worker[key] as number)
      );
    const zero = column(
      'f4',
      full.map(() => 0)
    );
    const statuses = full.map(({ status }) => this.id(`status ${status}`, status));
    this.next++;
    this.time++;
    this.sent = this.names.length;
    return encode({
      v: 1,
      stream: 'workers',
      log: this.log,
      first,
      next: this.next,
      missed: 0,
      names0,
      names: this.names.slice(names0),
      base: this.time,
      cols: {
        worker: column('u4', ids),
        seen: f4('seen'),
        cpu: f4('cpu'),
        process: f4('process'),
        unmanaged: f4('unmanaged'),
        spilled: f4('spilled'),
        executing: u4('executing'),
        ready: u4('ready'),
        net_read: zero,
        net_write: zero,
        disk_read: zero,
        disk_write: zero,
        load_worker: column('u4', ids),
        status: column('u4', statuses),
        managed: f4('managed'),
        processing: u4('processing'),
        left: column(
          'u4',
          (more.left ?? []).map(address => this.ids.get(address) as number)
        )
      },
      ...more.fields
    });
  }

  private id(key: string, entry: unknown): number {
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.names.push(entry) - 1;
      this.ids.set(key, id);
    }
    return id;
  }
}

/** Writes totals: each record is what differs from nothing. */
export class CountsWriter {
  next = 0;

  constructor(readonly log = 'log-1') {}

  frame(records: Record<string, number>[], more: Record<string, unknown> = {}): Uint8Array {
    const first = this.next + ((more.missed as number | undefined) ?? 0);
    this.next = first + records.length;
    const cols = Object.fromEntries(
      COLUMNS_FOR_TESTS.map(([name, kind]) => [
        name,
        column(
          kind,
          records.map(record => record[name] ?? 0)
        )
      ])
    );
    const prefix = Object.fromEntries(
      [
        '',
        '_released',
        '_waiting',
        '_no_worker',
        '_queued',
        '_processing',
        '_memory',
        '_erred',
        '_forgotten'
      ].map(state => [`prefix${state}`, column('u4', [])])
    );
    return encode({
      v: 1,
      stream: 'counts',
      log: this.log,
      first,
      next: this.next,
      missed: 0,
      names0: 0,
      names: [],
      base: 1.7e9,
      cols: { ...cols, ...prefix },
      ...more
    });
  }
}

type Listener = (...values: unknown[]) => void;

/** A model as AFM modules see it. */
export class FakeModel {
  readonly sent: Record<string, unknown>[] = [];
  readonly save_changes = vi.fn();
  private readonly listeners: [event: string, listener: Listener][] = [];
  readonly traits: Record<string, unknown>;
  widget_manager = {
    get_model: async (id: string): Promise<unknown> => {
      if (!this.models.has(id)) {
        throw new Error('widget model not found');
      }
      return this.models.get(id);
    }
  };

  constructor(
    traits: Record<string, unknown> = {},
    readonly models = new Map<string, unknown>()
  ) {
    this.traits = { phase: 'live', reason: '', retry_at: null, ...traits };
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    if (this.traits[name] !== value) {
      this.traits[name] = value;
      this.trigger(`change:${name}`);
    }
  }

  on(event: string, listener: Listener): void {
    this.listeners.push([event, listener]);
  }

  off(event: string, listener: Listener): void {
    const at = this.listeners.findIndex(([e, l]) => e === event && l === listener);
    if (at >= 0) {
      this.listeners.splice(at, 1);
    }
  }

  send(content: Record<string, unknown>): void {
    this.sent.push(content);
  }

  trigger(event: string, ...values: unknown[]): void {
    [...this.listeners].filter(([e]) => e === event).forEach(([, listener]) => listener(...values));
  }

  get nListeners(): number {
    return this.listeners.length;
  }

  /** Frames come, as ipywidgets hands them out. */
  frames(...frames: Uint8Array[]): void {
    const buffers = frames.map(frame => new DataView(frame.buffer, frame.byteOffset, frame.byteLength));
    this.trigger('msg:custom', { type: 'frames', n: frames.length }, buffers);
  }
}

interface Module {
  initialize(props: never): unknown;
  render(props: never): unknown;
}

/** An instance of a receiver, as anywidget makes it, and its views. */
export function instance(
  make: () => Module,
  model: FakeModel
): { view(): { el: HTMLElement; end: () => void }; end: () => void } {
  const module = make();
  const end = module.initialize({ model } as never) as () => void;
  return {
    end,
    view: () => {
      const el = document.body.appendChild(document.createElement('div'));
      return { el, end: module.render({ model, el } as never) as () => void };
    }
  };
}

/** The next animation frame, with fake timers. */
export async function frame(): Promise<void> {
  await vi.advanceTimersByTimeAsync(20);
}
