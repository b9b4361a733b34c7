/** What stands in the way, in words that anyone can read, with what to do about it. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { clock } from '../core/format';
import type { Scheduler } from './api';
import { copyLine, h, textButton } from './dom';

export const START_LINE = 'from dask.distributed import Client; client = Client()';
/** Brings the recorder to a scheduler that has none, through the client. */
export const RECORD_LINE = 'import dasklens; dasklens.TaskStream(client)';

export interface Situation {
  readonly loaded: boolean;
  /** Whether the Jupyter server does not answer. */
  readonly lost: boolean;
  readonly scheduler: Scheduler | null;
  readonly ended: boolean;
  readonly paused: boolean;
}

/** What is the case, one of few; a style sheet and tests know them by these names. */
export type Case = 'connecting' | 'offline' | 'none' | 'live' | 'paused' | 'lost' | 'refused' | 'finished';

export function caseOf({ loaded, lost, scheduler, ended, paused }: Situation): Case {
  if (lost) {
    return 'offline';
  }
  if (!scheduler) {
    return loaded ? 'none' : 'connecting';
  }
  if (ended) {
    return 'finished';
  }
  switch (scheduler.state) {
    case 'checking':
      return 'connecting';
    case 'unreachable':
      return 'lost';
    case 'refused':
      return 'refused';
    default:
      return paused ? 'paused' : 'live';
  }
}

/** Shape, so that it is not told by colour alone. */
export const SYMBOLS: Readonly<Record<Case, string>> = {
  connecting: '◌',
  offline: '✕',
  none: '○',
  live: '●',
  paused: '❚❚',
  lost: '✕',
  refused: '⊘',
  finished: '■'
};

/** A few words for the line of state. */
export function wordsOf(situation: Situation, trans: TranslationBundle): string {
  const { scheduler } = situation;
  const since = scheduler ? clock(scheduler.since) : '';
  switch (caseOf(situation)) {
    case 'connecting':
      return trans.__('connecting');
    case 'offline':
      return trans.__('lost: the Jupyter server does not answer; retrying');
    case 'none':
      return trans.__('no cluster yet');
    case 'live':
      return trans.__('live');
    case 'paused':
      return trans.__('paused');
    case 'lost':
      return trans.__('lost since %1; retrying', since);
    case 'refused':
      return trans.__('refused since %1', since);
    case 'finished':
      return trans.__('finished: the cluster has ended; this is its last picture');
  }
}

export interface NoticeActions {
  check(): void;
  add(): void;
}

/** What to show under the line of state; nothing while all is well. */
export function noticeOf(
  situation: Situation,
  trans: TranslationBundle,
  actions: NoticeActions
): HTMLElement[] {
  const { scheduler } = situation;
  const why = (): HTMLElement => textButton('check', trans.__("Why can't I see it?"), () => actions.check());
  switch (caseOf(situation)) {
    case 'none':
      return [
        h('h3', {}, trans.__('No Dask cluster yet')),
        h('p', {}, trans.__('Run this in a notebook, and it shows up here by itself:')),
        copyLine(START_LINE, trans),
        h(
          'div',
          { class: 'dasklens-lab-buttons' },
          why(),
          textButton('add', trans.__('Add by address…'), () => actions.add())
        )
      ];
    case 'lost':
    case 'refused':
      return [
        ...paragraphs(scheduler as Scheduler, trans),
        h('div', { class: 'dasklens-lab-buttons' }, why())
      ];
    case 'live':
    case 'paused':
      return scheduler?.recorded === false ? plain(scheduler, trans, why()) : versions(scheduler, trans);
    default:
      return [];
  }
}

function plain(scheduler: Scheduler, trans: TranslationBundle, why: HTMLElement): HTMLElement[] {
  return [
    h('h3', {}, trans.__('This scheduler runs without dasklens')),
    ...paragraphs(scheduler, trans),
    h(
      'p',
      {},
      trans.__(
        'Shown is what it says to anybody: tasks that finish from now on, without those that fail. For all ' +
          'of them, run this once in a notebook that has a client of it:'
      )
    ),
    copyLine(RECORD_LINE, trans),
    h('div', { class: 'dasklens-lab-buttons' }, why)
  ];
}

/** A reachable scheduler has words only when something of it does not fit. */
function versions(scheduler: Scheduler | null, trans: TranslationBundle): HTMLElement[] {
  return scheduler?.reason ? paragraphs(scheduler, trans) : [];
}

function paragraphs({ reason, remedy }: Scheduler, trans: TranslationBundle): HTMLElement[] {
  const made: HTMLElement[] = [];
  if (reason) {
    made.push(h('p', {}, reason));
  }
  if (remedy) {
    made.push(h('p', { class: 'dasklens-remedy' }, trans.__('What helps: %1', remedy)));
  }
  return made;
}
