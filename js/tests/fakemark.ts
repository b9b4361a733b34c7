/** A mark as the parts see it: Backbone's events, traits, and a real log. */

import type { Render } from '@anywidget/types';
import { vi } from 'vitest';

import { colourOf } from '../src/core/palette';
import { TaskLog, type TaskRecord } from '../src/core/tasks';
import { FrameWriter, type TaskSpec } from './build';

type Listener = (value?: unknown) => void;

export const HOSTILE = '<img src=x onerror=alert(1)>';

export class FakeMark {
  readonly log = new TaskLog();
  readonly zoomReset = vi.fn();
  readonly zoomBy = vi.fn();
  readonly savePicture = vi.fn<(kind: string) => Promise<Blob>>();
  private readonly writer = new FrameWriter();
  private readonly listeners: [event: string, listener: Listener][] = [];
  private readonly traits: Record<string, unknown> = {
    follow: true,
    selected: null,
    interval: null,
    highlight: [],
    palette: {},
    phase: 'live',
    reason: '',
    retry_at: null,
    brush: false
  };
  /** What the kernel would be told. */
  readonly kept: Record<string, unknown>[] = [];

  on(events: string, listener: Listener): void {
    events.split(' ').forEach(event => this.listeners.push([event, listener]));
  }

  off(events: string, listener: Listener): void {
    for (const event of events.split(' ')) {
      const at = this.listeners.findIndex(([e, l]) => e === event && l === listener);
      if (at >= 0) {
        this.listeners.splice(at, 1);
      }
    }
  }

  get nListeners(): number {
    return this.listeners.length;
  }

  trigger(event: string, value?: unknown): void {
    [...this.listeners].filter(([e]) => e === event).forEach(([, listener]) => listener(value));
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

  keep(values: Record<string, unknown>): void {
    this.kept.push(values);
    Object.entries(values).forEach(([name, value]) => this.set(name, value));
  }

  colourOf(prefix: string): string {
    return colourOf(prefix, this.get('palette') as Record<string, string>);
  }

  /** Tasks arrive; `missed` before them were lost. */
  feed(tasks: TaskSpec[], missed = 0): void {
    this.writer.cursor += missed;
    this.log.feed(this.writer.frame(tasks, { missed }));
    this.trigger('log:change');
  }
}

/** A task of a prefix that computed for so many seconds. */
export function took(prefix: string, seconds: number, more: TaskSpec = {}): TaskSpec {
  return { prefix, group: prefix, spans: [{ start: 0, stop: seconds }], ...more };
}

export function recordOf(more: Partial<TaskRecord> = {}): TaskRecord {
  return {
    key: 'inc-1',
    prefix: 'inc',
    group: 'inc',
    worker: 'tcp://10.0.0.1:4000',
    workerName: 'alice',
    thread: 7,
    status: 'OK',
    nbytes: 2048,
    typename: 'numpy.ndarray',
    exception: null,
    traceback: null,
    startstops: [
      { action: 'transfer', start: 1.7e9, stop: 1.7e9 + 0.25 },
      { action: 'compute', start: 1.7e9 + 0.25, stop: 1.7e9 + 1.75 }
    ],
    cursor: 0,
    ...more
  };
}

interface AnyPart {
  render: Render<{ mark: string }>;
}

export interface Shown {
  el: HTMLElement;
  /** The signal of the view, as anywidget gives it, and the clean-up that the part returned. */
  controller: AbortController;
  cleanup: () => void;
}

/** Render a part as anywidget does. Without a mark the manager says that there is none. */
export async function show(part: AnyPart, mark: FakeMark | null, el = newEl()): Promise<Shown> {
  const controller = new AbortController();
  const model = {
    get: () => 'IPY_MODEL_abc',
    widget_manager: {
      get_model: async (id: string) => {
        if (!mark || id !== 'abc') {
          throw new Error('widget model not found');
        }
        return mark;
      }
    }
  };
  const props = { model, el, signal: controller.signal } as unknown;
  const cleanup = await part.render(props as Parameters<AnyPart['render']>[0]);
  return { el, controller, cleanup: cleanup as () => void };
}

function newEl(): HTMLElement {
  return document.body.appendChild(document.createElement('div'));
}

export function one<E extends HTMLElement = HTMLElement>(el: ParentNode, selector: string): E {
  const found = el.querySelectorAll<E>(selector);
  if (found.length !== 1) {
    throw new Error(`${found.length} elements match ${selector}, expected one`);
  }
  return found[0];
}

export function tool(el: ParentNode, action: string): HTMLButtonElement {
  return one<HTMLButtonElement>(el, `button[data-action="${action}"]`);
}

/** Press a key on an element; whether the default was prevented. */
export function key(target: Element, name: string): boolean {
  return !target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
}

export function texts(el: ParentNode, selector: string): string[] {
  return [...el.querySelectorAll(selector)].map(each => each.textContent ?? '');
}
