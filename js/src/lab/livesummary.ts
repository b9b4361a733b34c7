/**
 * Where the time of the last minutes went, and what looks wrong: the summary of a report, live. Asked for while it
 * is seen; when it is not, nothing is made anywhere.
 */

import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { clock } from '../core/format';
import { h, say } from '../parts/elements';
import { summaryOf, type Summary } from '../report/document';
import { findingsOf, prefixesOf, spentOf } from '../report/verdict';
import { ApiError, type Scheduler, type SummarySaid } from './api';
import type { Hub } from './hub';
import { onSeen } from './looking';

/** Milliseconds from an answer to the next question, and after one that failed. */
const EVERY = 2500;
const RETRY = 5000;
/** Milliseconds between two words to those who hear the page. */
const SPEAK = 30_000;
const WINDOWS = [60, 300, 1800];

export class LiveSummary extends Widget {
  private readonly select = h('select');
  private readonly when = h('span', { class: 'when' });
  private readonly verdict = h('p', { class: 'verdict' });
  private readonly note = h('p', { class: 'aside' });
  private readonly failure = h('p', { class: 'empty', role: 'status' });
  private readonly heard = h('p', { class: 'unseen', role: 'status' });
  private readonly spent = h('div', { class: 'part' });
  private readonly findings = h('div', { class: 'part' });
  private readonly prefixes = h('div', { class: 'part' });
  private readonly drawn = new Map<HTMLElement, string>();
  private readonly stopSeen: () => void;
  private scheduler: Scheduler | null = null;
  private shown = '';
  private seen = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What an answer is compared with: it may come after another scheduler was chosen. */
  private turn = 0;
  private asking = false;
  private spoke = -Infinity;
  private seconds = 0;
  private known = '';

  constructor(private readonly hub: Hub) {
    super();
    const { trans, options } = hub;
    this.addClass('dasklens-Report');
    this.addClass('dasklens-LiveSummary');
    for (const seconds of WINDOWS) {
      const minutes = seconds / 60;
      const text = trans._n('last minute', 'last %1 minutes', minutes, minutes);
      this.select.append(h('option', { value: String(seconds) }, text));
    }
    this.select.setAttribute('aria-label', trans.__('Time that the summary is of'));
    this.select.addEventListener('change', () => void options.set('summaryOf', Number(this.select.value)));
    this.node.append(
      h('div', { class: 'chosen' }, this.select, this.when),
      this.failure,
      this.verdict,
      this.note,
      this.spent,
      this.findings,
      this.prefixes,
      this.heard
    );
    options.changed.connect(this.onOptions, this);
    hub.pausedChanged.connect(this.settle, this);
    this.stopSeen = onSeen(this.node, seen => {
      this.seen = seen;
      this.settle();
    });
    this.onOptions();
    this.fail('');
  }

  /** Show this scheduler; `null`, or one that has ended, leaves what was said last. */
  follow(scheduler: Scheduler | null, ended = false): void {
    this.scheduler = ended ? null : scheduler;
    if (scheduler && scheduler.id !== this.shown) {
      this.shown = scheduler.id;
      this.clear();
    }
    this.settle();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.stopSeen();
      clearTimeout(this.timer);
      this.turn++;
      Signal.clearData(this);
      super.dispose();
    }
  }

  private onOptions(): void {
    const seconds = this.hub.options.get('summaryOf');
    if (this.seconds !== seconds) {
      this.seconds = seconds;
      this.select.value = String(seconds);
      this.turn++;
      this.asking = false;
      this.settle();
    }
  }

  private clear(): void {
    this.turn++;
    this.asking = false;
    this.drawn.clear();
    this.known = '';
    [this.when, this.verdict, this.note, this.spent, this.findings, this.prefixes].forEach(each =>
      each.replaceChildren()
    );
    this.fail('');
  }

  private settle(): void {
    clearTimeout(this.timer);
    const { scheduler, hub } = this;
    if (this.seen && !hub.paused && scheduler?.state === 'reachable' && !this.asking) {
      void this.ask(scheduler.id);
    }
  }

  private async ask(id: string): Promise<void> {
    const turn = this.turn;
    this.asking = true;
    if (!this.verdict.textContent && !this.failure.textContent) {
      this.fail(this.hub.trans.__('Looking at what ran…'));
    }
    let pause = EVERY;
    try {
      const said = await this.hub.api.summary(id, this.seconds);
      if (turn !== this.turn) {
        return;
      }
      this.take(said);
    } catch (error) {
      if (turn !== this.turn) {
        return;
      }
      pause = RETRY;
      this.fail(error instanceof ApiError ? `${error.message} ${error.remedy}`.trim() : String(error));
    }
    this.asking = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), pause);
  }

  private take({ summary: raw, scope, state }: SummarySaid): void {
    if (!raw) {
      this.fail(state.reason || this.hub.trans.__('Looking at what ran…'));
      return;
    }
    const summary = summaryOf(raw);
    const some = summary.figures.tasks > 0;
    this.fail(state.phase === 'lost' || state.phase === 'finished' ? state.reason : '');
    say(this.verdict, summary.verdict);
    say(this.when, some ? stretch(scope) : '');
    say(this.note, typeof scope?.note === 'string' ? scope.note : '');
    this.note.hidden = !this.note.textContent;
    this.draw(this.spent, summary.time, () => (some ? spentOf(summary.time, false) : null));
    this.draw(this.findings, [summary.findings, summary.notes, some], () =>
      some ? findingsOf(summary) : null
    );
    this.draw(this.prefixes, summary.prefixes, () =>
      summary.prefixes.length > 0 ? prefixesOf(summary.prefixes) : null
    );
    this.speak(summary);
  }

  /** Made anew only when it says something else, and not while a person is in it. */
  private draw(place: HTMLElement, said: unknown, make: () => HTMLElement | null): void {
    const text = JSON.stringify(said);
    if (this.drawn.get(place) !== text && !place.contains(document.activeElement)) {
      this.drawn.set(place, text);
      const made = make();
      place.replaceChildren(...(made ? [made] : []));
    }
  }

  /** What looks wrong, when that is something else: not every number that changes. */
  private speak({ findings }: Summary): void {
    const titles = findings.map(({ title }) => title).join('. ');
    const now = performance.now();
    if (titles !== this.known && now - this.spoke > SPEAK) {
      this.known = titles;
      this.spoke = now;
      say(this.heard, titles);
    }
  }

  private fail(words: string): void {
    say(this.failure, words);
    this.failure.hidden = !words;
  }
}

/** From the first task to the last. */
function stretch(scope: SummarySaid['scope']): string {
  const { start, stop } = scope ?? {};
  return typeof start === 'number' && typeof stop === 'number' ? `${clock(start)} – ${clock(stop)}` : '';
}
