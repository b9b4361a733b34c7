/** What may be set: `schema/settings.json` as typed values, with or without a settings registry. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal, type ISignal } from '@lumino/signaling';

import type { GroupBy } from '../core/everything';

/** A section of the panel. */
export interface SectionOption {
  readonly name: string;
  readonly folded: boolean;
}

/** Where an item of a layout goes; the format of dask-labextension's `defaultLayout`. */
export interface Place {
  readonly mode?: 'split-top' | 'split-left' | 'split-right' | 'split-bottom' | 'tab-before' | 'tab-after';
  readonly ref?: string | null;
}

export type Layout = Readonly<Record<string, Place>>;

export interface Values {
  readonly window: number;
  readonly palette: Readonly<Record<string, string>>;
  /** What a bar of progress stands for. */
  readonly groupBy: GroupBy;
  readonly sections: readonly SectionOption[];
  readonly defaultLayout: Layout;
  readonly layouts: Readonly<Record<string, Layout>>;
  readonly statusBar: boolean;
  readonly openOnFirstCluster: boolean;
  /** Seconds that the summary is of. */
  readonly summaryOf: number;
}

const DEFAULTS: Values = {
  window: 30,
  palette: {},
  groupBy: 'prefix',
  sections: [],
  defaultLayout: {},
  layouts: {},
  statusBar: true,
  openOnFirstCluster: false,
  summaryOf: 300
};

export class Options {
  private readonly _changed = new Signal<this, void>(this);
  private settings: ISettingRegistry.ISettings | null = null;
  private here: Partial<Values> = {};

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get<K extends keyof Values>(name: K): Values[K] {
    const value = (this.here[name] ?? this.settings?.composite[name]) as Values[K] | undefined;
    return value ?? DEFAULTS[name];
  }

  /** Set it, and keep it for the next time. */
  async set<K extends keyof Values>(name: K, value: Values[K]): Promise<void> {
    // Seen at once: keeping it takes a request.
    this.here[name] = value;
    this._changed.emit();
    await this.settings?.set(name, value as never);
    // Unless it was set again in the meantime: what is kept by now is older than that.
    if (this.settings && this.here[name] === value) {
      delete this.here[name];
    }
  }

  /** Take values from here on. */
  use(settings: ISettingRegistry.ISettings): void {
    this.settings = settings;
    settings.changed.connect(() => this._changed.emit(), this);
    this._changed.emit();
  }

  dispose(): void {
    Signal.clearData(this);
  }
}
