// @vitest-environment jsdom
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { expect, test, vi } from 'vitest';

import type { Scheduler } from '../src/lab/api';
import type { Hub } from '../src/lab/hub';
import { Options } from '../src/lab/options';

type Heeded = (value: unknown) => void;

/** A figure with one receiver, of the progress of everything. */
class Hosted {
  static readonly made: Hosted[] = [];
  readonly traits: Record<string, unknown> = { group_by: 'prefix' };
  readonly heeded: Record<string, Heeded> = {};

  constructor() {
    Hosted.made.push(this);
  }

  make(): Promise<Widget> {
    return Promise.resolve(new lumino.Widget());
  }

  set(_stream: string, trait: string, value: unknown): void {
    if (trait in this.traits && this.traits[trait] !== value) {
      this.traits[trait] = value;
      this.heeded[trait]?.(value);
    }
  }

  heed(trait: string, act: Heeded): void {
    this.heeded[trait] = act;
  }

  look(): void {}
  hold(): void {}
  dispose(): void {}
}

/** Everything is seen at once. */
class Seen {
  constructor(private readonly act: (entries: { isIntersecting: boolean }[]) => void) {}
  observe(): void {
    queueMicrotask(() => this.act([{ isIntersecting: true }]));
  }
  disconnect(): void {}
}

// Lumino looks for it when it is loaded, and this page has none.
vi.stubGlobal('DragEvent', Event);
vi.stubGlobal('IntersectionObserver', Seen);
vi.doMock('../src/host/figure', () => ({ HostedFigure: Hosted }));
const lumino = await import('@lumino/widgets');
const { LiveFigure } = await import('../src/lab/live');

function hubOf(options: Options): Hub {
  const hub = { options, paused: false, trans: { __: String } };
  return Object.assign(hub, { pausedChanged: new Signal<unknown, void>(hub) }) as unknown as Hub;
}

async function shown(options: Options): Promise<Hosted> {
  const n = Hosted.made.length;
  new LiveFigure('progress', hubOf(options)).follow({ id: 'one', state: 'reachable' } as Scheduler);
  await vi.waitFor(() => expect(Hosted.made[n]?.heeded).toHaveProperty('group_by'));
  return Hosted.made[n];
}

test('what bars stand for is chosen in one figure, and kept for all and for the next time', async () => {
  const options = new Options();
  const kept = vi.spyOn(options, 'set');
  const first = await shown(options);
  const other = await shown(options);
  expect(kept).not.toHaveBeenCalled();
  first.set('counts', 'group_by', 'span');
  expect(kept.mock.calls).toEqual([['groupBy', 'span']]);
  expect(other.traits.group_by).toBe('span');
  expect((await shown(options)).traits.group_by).toBe('span');
});
