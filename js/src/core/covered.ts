/** What a call tree covers, in words: and why it is empty, when it is. */

import type { About, CallTree } from './calltree';
import { clock, counted, duration, thousands } from './format';

/** What was asked for, as the traits of the mark have it. */
export interface Narrowed {
  readonly highlight: readonly string[];
  readonly workers: readonly string[];
  readonly interval: readonly [number, number] | null;
}

/** Whose stacks: of the threads that run tasks, of the workers' event loops, of the scheduler's. */
export type Kind = 'worker' | 'server' | 'scheduler';

/** What is asked of the stream `profile` for that, as JSON; empty for everything of the threads. */
export function questionOf(kind: Kind, { highlight, workers, interval }: Narrowed): string {
  const question = {
    ...(kind !== 'worker' && { kind }),
    ...(highlight.length > 0 && kind === 'worker' && { prefixes: highlight }),
    ...(workers.length > 0 && kind !== 'scheduler' && { workers }),
    ...(interval && { start: interval[0], stop: interval[1] })
  };
  return Object.keys(question).length > 0 ? JSON.stringify(question) : '';
}

/** Workers named that did not answer. */
const NAMED = 3;

/** The stretch of time in which there were samples, within the interval if there is one. */
export function stretchOf(tree: CallTree, interval: Narrowed['interval']): [number, number] | null {
  const { time, samples } = tree.timeline;
  const inside = Array.from(time, (_, i) => i).filter(
    i =>
      samples[i] > 0 && (!interval || (time[i] >= interval[0] && time[i] - tree.about.cycle <= interval[1]))
  );
  return inside.length > 0
    ? [time[inside[0]] - (tree.about.cycle || 0), time[inside[inside.length - 1]]]
    : null;
}

/** The facts, each a sentence's worth; `problems` are those that people should not miss. */
export function coverage(tree: CallTree, narrowed: Narrowed): { facts: string[]; problems: string[] } {
  const { about, total } = tree;
  const facts = [counted(total[0], 'sample')];
  if (tree.before) {
    facts[0] = `${counted(total[0], 'sample')} compared with ${thousands(tree.before[0])}`;
  } else if (about.interval > 0) {
    facts.push(`one every ${duration(about.interval)}`);
    facts.push(`${duration(total[0] * about.interval)} of threads' time`);
  }
  const stretch = stretchOf(tree, narrowed.interval);
  if (stretch) {
    facts.push(`${clock(stretch[0])} to ${clock(stretch[1])} (${duration(stretch[1] - stretch[0])})`);
  }
  const answered = about.workers.length - about.missing.length;
  if (about.threads > 0 && answered > 0) {
    const asked = narrowed.workers.length > 0 ? Math.min(answered, narrowed.workers.length) : answered;
    facts.push(`${counted(about.threads, 'thread')} of ${counted(asked, 'worker')}`);
  }
  return { facts, problems: problemsOf(about) };
}

function problemsOf({ missing, dropped, cycle }: About): string[] {
  const problems: string[] = [];
  if (missing.length > 0) {
    const named = missing.slice(0, NAMED).map(([worker, why]) => `${worker} (${why.slice(0, 200)})`);
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    problems.push(`${counted(missing.length, 'worker')} did not answer: ${named.join(', ')}${more}`);
  }
  if (dropped) {
    problems.push(
      `older samples are gone: workers keep so many steps${cycle > 0 ? ` of ${duration(cycle)}` : ''}, ` +
        'distributed.admin.low-level-log-length of them'
    );
  }
  return problems;
}

/** Why there is no sample, and what to do. */
export function whyEmpty(tree: CallTree | null, narrowed: Narrowed, phase: string): string {
  if (!tree) {
    return phase === 'connecting' || phase === 'live' ? 'Reading the profile…' : 'There is no profile here.';
  }
  const { about } = tree;
  if (!about.enabled) {
    return (
      'Profiling is off: distributed.worker.profile.enabled is false. ' +
      'Set it to true in the Dask configuration of the workers and start them again.'
    );
  }
  if (about.deadlock) {
    return (
      'Distributed samples no administrative threads on Python 3.11, where that could stop them ' +
      '(dask/distributed#8616). Use another Python there.'
    );
  }
  if (about.kind !== '' && about.kind !== 'scheduler' && about.workers.length === 0) {
    return 'There are no workers to sample.';
  }
  if (about.missing.length > 0 && about.missing.length >= about.workers.length) {
    return 'No worker answered.';
  }
  const every = about.interval > 0 ? `every ${duration(about.interval)}` : 'now and then';
  const step = duration(about.cycle > 0 ? about.cycle : 1);
  const took = `Workers look at their threads ${every} and hand out what they saw in steps of ${step}`;
  if (!tree.timeline.samples.some(n => n > 0) && about.kind === 'worker') {
    return narrowed.highlight.length > 0
      ? `No sample of ${narrowed.highlight.join(', ').slice(0, 200)}. ${took}: shorter work is missed.`
      : `No sample yet. ${took}: run something that takes longer.`;
  }
  if (narrowed.interval) {
    return `No sample in this stretch of time. ${took}: select a longer one.`;
  }
  return narrowed.highlight.length > 0 || narrowed.workers.length > 0
    ? `No sample of what was asked for. ${took}: shorter work is missed.`
    : `No sample. ${took}: shorter work is missed.`;
}
