/** The button that records, and what becomes of the recording: a timer, how far its report is, where it went. */

import { closeIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { counted, stopwatch } from '../core/format';
import { COMMAND } from '../tokens';
import type { RecordingSaid } from './api';
import { h, say, textButton, tool } from './dom';
import type { Hub } from './hub';
import { recordIcon, stopIcon } from './icons';
import { onSeen } from './looking';
import { FACTORY } from './reportviewer';

export class RecordBar extends Widget {
  /** Starts a recording; it stands beside the state of the scheduler. */
  readonly button: HTMLButtonElement;
  private readonly timer = h('span', { class: 'dasklens-lab-timer', role: 'timer', 'aria-live': 'off' });
  private readonly line = h('div', { class: 'dasklens-lab-recordLine' });
  private readonly words = h('p', { class: 'dasklens-lab-recordWords', role: 'status' });
  private readonly more = h('p', { class: 'dasklens-lab-recordMore' });
  private readonly actions = h('div', { class: 'dasklens-lab-buttons' });
  private readonly stopSeen: () => void;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private seen = false;
  private shown = '';

  constructor(
    private readonly hub: Hub,
    private readonly commands: CommandRegistry
  ) {
    super();
    const { trans } = hub;
    this.addClass('dasklens-RecordBar');
    this.button = textButton('record', trans.__('Record'), () => this.execute(COMMAND.startRecording));
    this.button.title = trans.__('Record this cluster into a report, until it is stopped; no code is needed');
    this.button.prepend(iconOf(recordIcon));
    this.node.append(this.line, this.words, this.more, this.actions);
    hub.recordings.changed.connect(this.showAll, this);
    hub.registry.changed.connect(this.showAll, this);
    this.stopSeen = onSeen(this.node, seen => {
      this.seen = seen;
      this.tick();
    });
    this.showAll();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.stopSeen();
      clearInterval(this.ticking);
      Signal.clearData(this);
      super.dispose();
    }
  }

  private execute(command: string): void {
    void this.commands.execute(command);
  }

  private showAll(): void {
    const { recordings } = this.hub;
    const { current, error } = recordings;
    const said = current?.said ?? null;
    this.button.hidden = !recordings.canStart;
    this.node.hidden = !said && !error;
    this.node.dataset.phase = error ? 'refused' : (said?.phase ?? '');
    say(this.words, error || (said ? this.wordsOf(said) : ''));
    say(this.more, said ? moreOf(said, this.hub) : '');
    this.words.hidden = !this.words.textContent;
    this.more.hidden = !this.more.textContent;
    this.showLine(said);
    this.showActions(said, error);
    this.tick();
  }

  /** Made anew only for another phase: a button that is pressed has to stay. */
  private showLine(said: RecordingSaid | null): void {
    const { trans } = this.hub;
    const going = said?.phase === 'recording' || said?.phase === 'starting';
    if (going && !this.line.firstChild) {
      const stop = textButton('stop', trans.__('Stop'), () => this.execute(COMMAND.stopRecording));
      stop.title = trans.__('Save it as a report beside the notebook, and show that');
      stop.prepend(iconOf(stopIcon));
      const dot = h('span', { class: 'dasklens-lab-recording', 'aria-hidden': 'true' }, '●');
      this.line.append(
        dot,
        h('span', { class: 'dasklens-lab-unseen' }, trans.__('Recording')),
        this.timer,
        stop
      );
    } else if (!going) {
      this.line.replaceChildren();
    }
    this.showTime();
  }

  private showActions(said: RecordingSaid | null, error: string): void {
    const { hub, commands } = this;
    const { recordings, trans } = hub;
    const shown = JSON.stringify([said?.phase, said?.path, said?.again, error]);
    if (shown === this.shown) {
      return;
    }
    this.shown = shown;
    const all: HTMLElement[] = [];
    if (said?.phase === 'saved' && !error) {
      const open = textButton('open-report', trans.__('Open'), () => {
        void commands.execute('docmanager:open', { path: said.path, factory: FACTORY });
      });
      all.push(open);
    }
    if (said?.again) {
      all.push(textButton('again', trans.__('Try again'), () => void recordings.stop()));
      all.push(textButton('discard', trans.__('Give it up'), () => void recordings.discard()));
    } else if (error || said?.phase === 'saved' || said?.phase === 'failed') {
      all.push(tool(closeIcon, 'close-recording', trans.__('Close'), () => recordings.close()));
    }
    this.actions.replaceChildren(...all);
    this.actions.hidden = all.length === 0;
  }

  private wordsOf({ phase, progress, path, reason }: RecordingSaid): string {
    const { trans } = this.hub;
    switch (phase) {
      case 'saved':
        return trans.__('Saved as %1', path);
      case 'failed':
        return reason;
      case 'recording':
        return '';
      case 'starting':
        return trans.__('Starting…');
      default:
        return `${progress || trans.__('Making the report')}…`;
    }
  }

  private tick(): void {
    const going = this.hub.recordings.current?.said.phase === 'recording';
    clearInterval(this.ticking);
    if (going && this.seen) {
      this.ticking = setInterval(() => this.showTime(), 1000);
      this.showTime();
    }
  }

  private showTime(): void {
    const { current } = this.hub.recordings;
    if (current) {
      const since = current.said.seconds + (performance.now() - current.at) / 1000;
      say(this.timer, `${stopwatch(since)} · ${counted(current.said.tasks, 'task')}`);
    }
  }
}

/** What is not as it should be. */
function moreOf({ phase, trouble, lacks, missed, full }: RecordingSaid, { trans }: Hub): string {
  if (phase !== 'recording') {
    return '';
  }
  return [
    full
      ? trans.__('It has reached the most that a recording may take: nothing is added to it any more.')
      : '',
    trouble ? trans.__('Nothing comes just now: %1 What came before is kept.', trouble) : '',
    missed > 0
      ? trans.__(
          '%1 missing: the scheduler had to forget them before they were read.',
          counted(missed, 'task')
        )
      : '',
    lacks
  ]
    .filter(Boolean)
    .join(' ');
}

function iconOf(icon: typeof recordIcon): HTMLElement {
  return icon.element({ tag: 'span' });
}
