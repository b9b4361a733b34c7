/**
 * Recordings as a person starts and stops them here. The server holds them: other pages, and this one after a
 * reload, see the same.
 */

import { Signal, type ISignal } from '@lumino/signaling';
import { PathExt } from '@jupyterlab/coreutils';

import { ApiError, type Api, type RecordingSaid } from './api';
import type { Choice } from './choice';
import type { Front } from './front';
import type { Recorded, Registry } from './registry';

/** Phases in which it goes on, or is being saved. */
const ACTIVE = ['starting', 'recording', 'stopping', 'making', 'saving'];

export function isActive({ phase }: RecordingSaid): boolean {
  return ACTIVE.includes(phase);
}

export class Recordings {
  private readonly _changed = new Signal<this, void>(this);
  private readonly _saved = new Signal<this, string>(this);
  /** Of schedulers whose recording was stopped on this page, which shows the file: how to look no longer. */
  private readonly stopped = new Map<string, () => void>();
  /** Of schedulers whose recording nobody wants to see any more, here. */
  private readonly closed = new Map<string, string>();
  /** Of schedulers whose recording is being asked for. */
  private readonly asking = new Set<string>();
  /** What a request was refused with, by scheduler. */
  private readonly refused = new Map<string, string>();

  constructor(
    private readonly api: Api,
    private readonly registry: Registry,
    private readonly choice: Choice,
    private readonly front: Front
  ) {
    registry.recordingChanged.connect((_, id) => this.onChange(id));
    choice.changed.connect(() => this._changed.emit());
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A file was saved that is to be shown on this page: its path. */
  get saved(): ISignal<this, string> {
    return this._saved;
  }

  /** The scheduler that it is about: the one shown, or, when that is none, one that is being recorded. */
  get id(): string {
    const chosen = this.choice.scheduler?.id;
    const active = [...this.registry.recordings].find(([, { said }]) => isActive(said) || said.again);
    return chosen ?? active?.[0] ?? '';
  }

  /** What there is to see of its recording. */
  get current(): Recorded | null {
    const { id } = this;
    const recorded = this.registry.recordings.get(id);
    return recorded && this.closed.get(id) !== keyOf(recorded.said) ? recorded : null;
  }

  get error(): string {
    return this.refused.get(this.id) ?? '';
  }

  get canStart(): boolean {
    const { scheduler, ended } = this.choice;
    const recorded = this.registry.recordings.get(this.id);
    const ready = scheduler !== null && !ended && scheduler.state === 'reachable';
    // What could not be saved yet would be lost.
    const kept = recorded && (isActive(recorded.said) || recorded.said.again);
    return ready && !this.asking.has(this.id) && !kept;
  }

  get canStop(): boolean {
    const phase = this.registry.recordings.get(this.id)?.said.phase;
    return phase === 'recording' && !this.asking.has(this.id);
  }

  start(): Promise<void> {
    return this.ask(id => this.api.record(id));
  }

  /** Stop, or try again to save what was stopped: in the folder of the notebook in front. */
  stop(): Promise<void> {
    this.forget(this.id);
    // Until the file is there, though nothing else on the page may look.
    this.stopped.set(this.id, this.registry.look());
    return this.ask(id => this.api.stopRecording(id, this.folder));
  }

  /** Give up what was recorded and could not be saved. */
  discard(): Promise<void> {
    return this.ask(async id => {
      await this.api.discardRecording(id);
      return null;
    });
  }

  /** Show it no longer; a file that was saved stays where it is. */
  close(): void {
    const recorded = this.registry.recordings.get(this.id);
    if (recorded) {
      this.closed.set(this.id, keyOf(recorded.said));
    }
    this.refused.delete(this.id);
    this._changed.emit();
  }

  dispose(): void {
    Signal.clearData(this);
  }

  private get folder(): string {
    return PathExt.dirname(this.front.document?.sessionContext.path ?? '');
  }

  private async ask(act: (id: string) => Promise<RecordingSaid | null>): Promise<void> {
    const { id } = this;
    this.asking.add(id);
    this.refused.delete(id);
    this._changed.emit();
    try {
      this.registry.putRecording(id, await act(id));
    } catch (error) {
      const said = error instanceof ApiError ? `${error.message} ${error.remedy}`.trim() : String(error);
      this.refused.set(id, said);
      // It was not this page that ends it.
      this.forget(id);
    } finally {
      this.asking.delete(id);
      this._changed.emit();
    }
  }

  private forget(id: string): boolean {
    this.stopped.get(id)?.();
    return this.stopped.delete(id);
  }

  private onChange(id: string): void {
    const said = this.registry.recordings.get(id)?.said;
    if (said && !isActive(said) && this.forget(id) && said.phase === 'saved') {
      this._saved.emit(said.path);
    }
    this._changed.emit();
  }
}

/** What tells an end from another. */
function keyOf({ phase, path, reason }: RecordingSaid): string {
  return JSON.stringify([phase, path, reason]);
}
