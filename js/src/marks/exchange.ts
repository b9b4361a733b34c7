/**
 * What the model tells the kernel, and when. The kernel may be busy for minutes: what is said while a
 * cell runs waits in its queue, so we say things once, late, and not again too soon.
 */

import type { WidgetModel } from '@jupyter-widgets/base';

/** How long the kernel is left alone after something changed here, in milliseconds. */
const SAVE_AFTER = 300;
/** Between two questions for missing frames, at first and at most, in milliseconds. */
const ASK_AGAIN = 2000;
const ASK_AGAIN_MOST = 30000;
/** How long nobody has to look before the kernel is told, in milliseconds: one that
 * runs a cell again takes the view away for a moment only. */
const LEAVE_AFTER = 10000;

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
  private askedAt = -Infinity;
  private delay = ASK_AGAIN;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  /** What the kernel was told of each model last. */
  private readonly told = new WeakMap<WidgetModel, Record<string, unknown>>();

  constructor(private readonly model: WidgetModel) {}

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

  /**
   * Ask for frames from a cursor and a name on. Frames that were under way come in the meantime and
   * show the same gap again: they are no reason to ask again.
   */
  ask(cursor: number, names: number, log: string, stream = 'tasks'): void {
    const now = Date.now();
    if (!this.model.comm_live || now - this.askedAt < this.delay) {
      return;
    }
    if (this.askedAt > 0) {
      this.delay = Math.min(ASK_AGAIN_MOST, this.delay * 2);
    }
    this.askedAt = now;
    this.model.send({ type: 'read', stream, cursor, names, log }, {});
  }

  /** A frame fitted: the next gap is a new one. */
  answered(): void {
    this.askedAt = -Infinity;
    this.delay = ASK_AGAIN;
  }

  /** Nobody looks any more: unless somebody does again, the kernel need not read on. */
  leave(): void {
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => {
      if (this.model.comm_live) {
        this.model.send({ type: 'unwatched' }, {});
      }
    }, LEAVE_AFTER);
  }

  stay(): void {
    clearTimeout(this.leaving);
  }

  close(): void {
    clearTimeout(this.leaving);
    clearTimeout(this.timer);
  }

  private save(model: WidgetModel): void {
    this.told.set(model, { ...model.attributes });
    model.save_changes();
  }
}
