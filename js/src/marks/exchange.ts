/**
 * What the model tells the kernel, and when. The kernel may be busy for minutes: what is said while a
 * cell runs waits in its queue, so we say things once, late, and not again too soon.
 */

import type { WidgetModel } from '@jupyter-widgets/base';

import { Asking, Watching, type Send } from '../connect/asking';

/** How long the kernel is left alone after something changed here, in milliseconds. */
const SAVE_AFTER = 300;
/** A compressed frame, as it is saved with a notebook. */
export async function inflate(data: DataView): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(data.byteLength);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return new Response(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  ).arrayBuffer();
}

/** Whether the kernel was told something of a model and has not answered yet. */
function isBeingSaved(model: WidgetModel): boolean {
  return (model as unknown as { _pending_msgs: number })._pending_msgs > 0;
}

/** Bytes in a buffer of their own: what saves a widget's state takes the buffer behind a view. */
export function bytesAlone(data: DataView | null): DataView | null {
  return data && new DataView(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

export class Exchange {
  private readonly unsaved = new Set<WidgetModel>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly asking: Asking;
  private readonly watching: Watching;
  /** What the kernel was told of each model last. */
  private readonly told = new WeakMap<WidgetModel, Record<string, unknown>>();

  /** Without a stream's name it is left out of what is asked. */
  constructor(model: WidgetModel, stream?: string) {
    const send: Send = content => {
      if (model.comm_live) {
        model.send(content, {});
      }
      return Boolean(model.comm_live);
    };
    this.asking = new Asking(send, stream);
    this.watching = new Watching(send);
  }

  /** Save what changed in a model, together with all that changes within the next moment. */
  saveSoon(model: WidgetModel): void {
    if (isBeingSaved(model)) {
      // The model keeps it until the kernel has answered. If it were told later, the kernel's echo of
      // what it was told before would undo it here.
      this.save(model);
      return;
    }
    this.unsaved.add(model);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const models = [...this.unsaved];
      this.unsaved.clear();
      models.filter(each => each.comm_live).forEach(each => this.save(each));
    }, SAVE_AFTER);
  }

  /** Whether a change of a model only says what the kernel was told of it. */
  isEcho(model: WidgetModel): boolean {
    const told = this.told.get(model);
    return !!told && Object.entries(model.changed).every(([name, value]) => told[name] === value);
  }

  /** Ask for frames from a cursor and a name on. */
  ask(cursor: number, names: number, log: string, again = false): void {
    this.asking.ask(cursor, names, log, again);
  }

  /** Ask something else of the stream from now on. */
  askAbout(question: string): void {
    this.asking.askAbout(question);
  }

  /** A frame fitted: the next gap is a new one. */
  answered(): void {
    this.asking.answered();
  }

  /** Nobody looks any more. */
  leave(): void {
    this.watching.leave();
  }

  stay(): void {
    this.watching.stay();
  }

  close(): void {
    this.watching.stay();
    clearTimeout(this.timer);
  }

  private save(model: WidgetModel): void {
    this.told.set(model, { ...model.attributes });
    model.save_changes();
  }
}
