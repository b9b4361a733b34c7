/** What the plugins of dasklens share: which schedulers there are, which one is shown, what is set. */

import { type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';

import { PLUGIN } from '../tokens';
import { Api } from './api';
import { Choice } from './choice';
import { Facts } from './facts';
import { Front } from './front';
import { Options } from './options';
import { Recordings } from './recordings';
import { Registry } from './registry';

export class Hub {
  readonly api: Api;
  readonly registry: Registry;
  readonly front: Front;
  readonly choice: Choice;
  readonly facts: Facts;
  readonly recordings: Recordings;
  readonly options = new Options();
  private readonly _pausedChanged = new Signal<this, void>(this);
  private _paused = false;

  constructor(
    app: JupyterFrontEnd,
    readonly trans: TranslationBundle
  ) {
    this.api = new Api(app.serviceManager.serverSettings);
    this.registry = new Registry(() => this.api.changes());
    this.front = new Front(app.shell);
    this.choice = new Choice(this.registry, this.front);
    this.facts = new Facts(this.api);
    this.recordings = new Recordings(this.api, this.registry, this.choice, this.front);
    this.choice.changed.connect(() => {
      const { scheduler, ended } = this.choice;
      this.facts.show(ended ? null : scheduler);
    });
  }

  /** Whether a person said that all figures are to stand still. */
  get paused(): boolean {
    return this._paused;
  }

  set paused(paused: boolean) {
    if (paused !== this._paused) {
      this._paused = paused;
      this._pausedChanged.emit();
    }
  }

  get pausedChanged(): ISignal<this, void> {
    return this._pausedChanged;
  }
}

export const IHub = new Token<Hub>('dasklens:IHub', 'What the plugins of dasklens share.');

const plugin: JupyterFrontEndPlugin<Hub> = {
  id: PLUGIN.hub,
  description: 'Knows which Dask schedulers there are and which one belongs to the notebook in front.',
  autoStart: true,
  provides: IHub,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) =>
    new Hub(app, (translator ?? nullTranslator).load('dasklens'))
};

export default plugin;
