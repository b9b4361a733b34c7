/**
 * A figure of one scheduler in a lumino layout: made when it is first seen, fed while it is seen, and made
 * anew for another scheduler. When its scheduler goes, the last picture stays.
 */

import { Signal } from '@lumino/signaling';
import { PanelLayout, Widget } from '@lumino/widgets';

import type { State } from '../connect/framesocket';
import type { GroupBy } from '../core/everything';
import { HostedFigure } from '../host/figure';
import type { Scheduler } from './api';
import type { Hub } from './hub';
import { onSeen } from './looking';

export class LiveFigure extends Widget {
  private readonly stopSeen: () => void;
  private seen = false;
  private figure: HostedFigure | null = null;
  private shown = '';
  private scheduler: Scheduler | null = null;
  private message: Widget | null = null;

  constructor(
    readonly name: string,
    private readonly hub: Hub,
    private readonly onState: (state: State | null) => void = () => {}
  ) {
    super();
    this.layout = new PanelLayout();
    this.addClass('dasklens-Figure');
    hub.options.changed.connect(this.setOptions, this);
    hub.pausedChanged.connect(this.hold, this);
    this.stopSeen = onSeen(this.node, seen => {
      this.seen = seen;
      this.settle();
    });
  }

  /** Show this scheduler; `null`, or one that has ended, leaves the last picture. */
  follow(scheduler: Scheduler | null, ended = false): void {
    const back = this.scheduler?.state !== 'reachable' && scheduler?.state === 'reachable';
    this.scheduler = ended ? null : scheduler;
    if (ended) {
      this.figure?.finish(this.hub.trans.__('the cluster has ended'));
    } else if (back && scheduler?.id === this.shown) {
      this.figure?.again();
    }
    this.settle();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.stopSeen();
    this.figure?.dispose();
    this.figure = null;
    Signal.clearData(this);
    super.dispose();
  }

  private settle(): void {
    const { scheduler } = this;
    if (this.seen && scheduler && scheduler.id !== this.shown && scheduler.state !== 'checking') {
      this.make(scheduler.id);
    }
    this.figure?.look(this.seen);
  }

  private make(id: string): void {
    this.figure?.dispose();
    this.shown = id;
    this.onState(null);
    const figure = new HostedFigure({
      name: this.name,
      open: (stream, question) => this.hub.api.frames(id, stream, question),
      onState: state => this.onState(state)
    });
    this.figure = figure;
    figure.make().then(
      view => {
        if (view && this.figure === figure) {
          this.put(view);
          this.setOptions();
          figure.heed('group_by', chosen => this.keepGroupBy(chosen as GroupBy));
          this.hold();
        }
      },
      (reason: unknown) => {
        if (this.figure === figure) {
          this.fail(reason);
        }
      }
    );
  }

  private put(widget: Widget): void {
    const layout = this.layout as PanelLayout;
    this.message?.dispose();
    this.message = null;
    layout.widgets.slice().forEach(each => each.dispose());
    layout.addWidget(widget);
  }

  private fail(reason: unknown): void {
    console.error(`dasklens: the figure ${this.name} cannot be shown`, reason);
    const message = new Widget();
    message.addClass('dasklens-lab-failure');
    message.node.textContent = this.hub.trans.__(
      'This figure cannot be shown: %1',
      reason instanceof Error ? reason.message : String(reason)
    );
    this.put(message);
    this.message = message;
  }

  private setOptions(): void {
    const { figure, hub } = this;
    figure?.set('tasks', 'window', hub.options.get('window'));
    figure?.set('tasks', 'palette', { ...hub.options.get('palette') });
    figure?.set('counts', 'group_by', hub.options.get('groupBy'));
  }

  private keepGroupBy(chosen: GroupBy): void {
    const { options } = this.hub;
    if (chosen !== options.get('groupBy')) {
      void options.set('groupBy', chosen);
    }
  }

  private hold(): void {
    const { figure, hub } = this;
    figure?.hold(hub.paused ? hub.trans.__('paused in the dasklens panel') : '');
  }
}
