/**
 * The kernel of the notebook (or console) in front: of the one that was used last, whatever else is looked
 * at meanwhile. What is needed of a notebook's panel is said here; its package would bring half of
 * JupyterLab along.
 */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISessionContext } from '@jupyterlab/apputils';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

/** A notebook's or a console's widget. */
export interface WithKernel extends Widget {
  readonly sessionContext: ISessionContext;
}

export function hasKernel(widget: Widget | null | undefined): widget is WithKernel {
  const context = (widget as Partial<WithKernel> | null | undefined)?.sessionContext;
  return typeof context === 'object' && context !== null && 'kernelChanged' in context;
}

export class Front {
  private readonly _changed = new Signal<this, void>(this);
  private widget: WithKernel | null = null;
  private told: string | null = null;

  constructor(private readonly shell: JupyterFrontEnd.IShell) {
    shell.currentChanged?.connect(this.look, this);
    this.look();
  }

  /** Another kernel is in front. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Id of the kernel, or null. */
  get kernel(): string | null {
    return this.widget?.sessionContext.session?.kernel?.id ?? null;
  }

  /** What it runs in. */
  get document(): WithKernel | null {
    return this.widget;
  }

  dispose(): void {
    this.shell.currentChanged?.disconnect(this.look, this);
    this.leave();
    Signal.clearData(this);
  }

  private look(): void {
    const current = this.shell.currentWidget;
    if (current !== this.widget && hasKernel(current)) {
      this.take(current);
    } else if (!this.widget) {
      const found = [...this.shell.widgets('main')].find(hasKernel);
      if (found) {
        this.take(found as WithKernel);
      }
    }
    this.tell();
  }

  private take(widget: WithKernel): void {
    this.leave();
    this.widget = widget;
    widget.sessionContext.kernelChanged.connect(this.tell, this);
    widget.disposed.connect(this.onDisposed, this);
  }

  private leave(): void {
    this.widget?.sessionContext.kernelChanged.disconnect(this.tell, this);
    this.widget?.disposed.disconnect(this.onDisposed, this);
    this.widget = null;
  }

  private onDisposed(): void {
    this.leave();
    this.look();
  }

  private tell(): void {
    if (this.kernel !== this.told) {
      this.told = this.kernel;
      this._changed.emit();
    }
  }
}
