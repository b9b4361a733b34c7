/**
 * What a tab shows: one scheduler, for as long as there is one. After a restart of its kernel, or of
 * JupyterLab, the scheduler is another: the tab goes on with the one that took its place.
 */

import { Signal, type ISignal } from '@lumino/signaling';

import type { Scheduler } from './api';
import type { Choice } from './choice';
import type { Registry } from './registry';

export class Bound {
  private readonly _changed = new Signal<this, void>(this);
  private last: Scheduler | null = null;
  private gone = false;

  /** @param id of a scheduler; empty takes the one that the panel shows. */
  constructor(
    private _id: string,
    private readonly registry: Registry,
    private readonly choice: Choice
  ) {
    registry.changed.connect(this.settle, this);
    choice.changed.connect(this.settle, this);
    this.settle();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get id(): string {
    return this._id;
  }

  /** The scheduler as it is now; one that has ended as it was last. */
  get scheduler(): Scheduler | null {
    return this.last;
  }

  get ended(): boolean {
    return this.gone;
  }

  dispose(): void {
    this.registry.changed.disconnect(this.settle, this);
    this.choice.changed.disconnect(this.settle, this);
    Signal.clearData(this);
  }

  private settle(): void {
    if (!this.registry.loaded) {
      return;
    }
    const found = this.registry.get(this._id) ?? this.successor();
    if (found) {
      this._id = found.id;
      this.last = found;
    }
    this.gone = this.last !== null && !found;
    this._changed.emit();
  }

  private successor(): Scheduler | undefined {
    const { last } = this;
    if (!last) {
      return this.choice.ended ? undefined : (this.choice.scheduler ?? undefined);
    }
    return last.kernels.map(kernel => this.choice.of(kernel)).find(each => each !== undefined);
  }
}
