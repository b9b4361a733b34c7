/** How the connection of a figure is: a symbol, a word, why, and when it tries again. */

import type { Phase } from '../marks/spansmodel';
import { h, say } from './elements';
import type { Part } from './part';

const SYMBOLS: Record<Phase, string> = {
  connecting: '◌',
  live: '●',
  paused: '❚❚',
  lost: '✕',
  finished: '■'
};

export function phaseBadge({ mark, signal, on }: Part<{ get(trait: string): unknown }>): HTMLElement {
  const symbol = h('span', { class: 'dasklens-symbol', 'aria-hidden': 'true' });
  const words = h('span', { class: 'dasklens-cut' });
  const retry = h('span', { class: 'dasklens-retry', 'aria-live': 'off' });
  const badge = h('span', { class: 'dasklens-phase' }, symbol, words, retry);
  let timer: ReturnType<typeof setInterval> | undefined;

  const showRetry = (): void => {
    const at: unknown = mark.get('retry_at');
    const waiting = mark.get('phase') === 'lost' && typeof at === 'number';
    const seconds = waiting ? Math.ceil(at - Date.now() / 1000) : 0;
    say(retry, !waiting ? '' : seconds > 0 ? `retrying in ${seconds} s` : 'retrying now');
  };
  const show = (): void => {
    const phase = mark.get('phase') as Phase;
    const reason = phase === 'live' ? '' : String(mark.get('reason') ?? '');
    badge.dataset.phase = phase;
    say(symbol, SYMBOLS[phase] ?? '');
    say(words, reason ? `${phase}: ${reason}` : phase);
    words.title = reason;
    clearInterval(timer);
    if (phase === 'lost' && mark.get('retry_at') !== null) {
      timer = setInterval(showRetry, 1000);
    }
    showRetry();
  };
  on('change:phase change:reason change:retry_at', show);
  signal.addEventListener('abort', () => clearInterval(timer));
  show();
  return badge;
}

export const PHASE_CSS = `
.dasklens-phase{display:flex;flex:1 1 12em;justify-content:flex-end;gap:4px;min-width:0}
.dasklens-phase[data-phase=live] .dasklens-symbol{color:var(--jp-success-color1,#388e3c)}
.dasklens-phase[data-phase=lost]{color:var(--jp-error-color1,color-mix(in srgb,#e1002d 75%,currentColor))}
`;
