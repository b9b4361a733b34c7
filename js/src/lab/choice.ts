/**
 * Which scheduler the panel shows: that of the notebook in front, unless a person chose another.
 */

import { Signal, type ISignal } from '@lumino/signaling';

import type { Scheduler } from './api';
import type { Front } from './front';
import type { Registry } from './registry';

export class Choice {
  private readonly _changed = new Signal<this, void>(this);
  private pinnedId: string | null = null;
  private id: string | null = null;
  private last: Scheduler | null = null;
  private gone = false;

  constructor(
    private readonly registry: Registry,
    private readonly front: Pick<Front, 'kernel' | 'changed'>
  ) {
    registry.changed.connect(this.settle, this);
    front.changed.connect(this.settle, this);
    this.settle();
  }

  /** Another scheduler, or something of it is otherwise. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The chosen one as it is now; one that has ended as it was last. Null when there never was one. */
  get scheduler(): Scheduler | null {
    return this.last;
  }

  /** Whether the chosen one has gone: what is shown of it is the last there was. */
  get ended(): boolean {
    return this.gone;
  }

  /** Whether a person chose. */
  get pinned(): boolean {
    return this.pinnedId !== null;
  }

  /** Show this one until told otherwise; null goes back to the notebook's. */
  pin(id: string | null): void {
    this.pinnedId = id;
    this.settle();
  }

  /** The scheduler of a kernel: the one that came last. */
  of(kernel: string | null): Scheduler | undefined {
    const found = this.registry.schedulers.filter(each => kernel !== null && each.kernels.includes(kernel));
    return found.reverse().find(each => each.state === 'reachable') ?? found[0];
  }

  dispose(): void {
    this.registry.changed.disconnect(this.settle, this);
    this.front.changed.disconnect(this.settle, this);
    Signal.clearData(this);
  }

  private settle(): void {
    if (this.pinnedId !== null && this.registry.loaded && !this.registry.get(this.pinnedId)) {
      this.pinnedId = null;
    }
    const found = this.found();
    if (found) {
      this.id = found.id;
      this.last = found;
    }
    this.gone = this.last !== null && this.registry.loaded && !found;
    this._changed.emit();
  }

  private found(): Scheduler | undefined {
    const { registry } = this;
    if (this.pinnedId !== null) {
      return registry.get(this.pinnedId);
    }
    const own = this.of(this.front.kernel);
    if (own) {
      return own;
    }
    const before = this.id === null ? undefined : registry.get(this.id);
    if (before) {
      return before;
    }
    // The notebook's own cluster has ended: its last picture says more than somebody else's live one.
    if (this.last && this.front.kernel !== null && this.last.kernels.includes(this.front.kernel)) {
      return undefined;
    }
    const all = [...registry.schedulers].reverse();
    return all.find(each => each.state === 'reachable') ?? all[0];
  }
}
