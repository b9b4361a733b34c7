/** How the connection is, in a word and by shape: of a mark, or of a part that gets frames itself. */

import type { Phase } from '../marks/spansmodel';
import { h, say } from './elements';

const SYMBOLS: Record<Phase, string> = {
  connecting: '◌',
  live: '●',
  paused: '❚❚',
  lost: '✕',
  finished: '■'
};

/** What has the traits `phase`, `reason` and `retry_at`, and the life of the view that shows them. */
interface Traits {
  get(name: 'phase' | 'reason' | 'retry_at'): unknown;
}
interface View {
  readonly signal: AbortSignal;
  on(events: string, listener: () => void): void;
}

export function phaseBadge(traits: Traits, { signal, on }: View): HTMLElement {
  const symbol = h('span', { class: 'dasklens-symbol', 'aria-hidden': 'true' });
  const words = h('span', { class: 'dasklens-cut' });
  const retry = h('span', { class: 'dasklens-retry', 'aria-live': 'off' });
  const badge = h('span', { class: 'dasklens-phase' }, symbol, words, retry);
  let timer: ReturnType<typeof setInterval> | undefined;

  const showRetry = (): void => {
    const at = traits.get('retry_at');
    const waiting = traits.get('phase') === 'lost' && typeof at === 'number';
    const seconds = waiting ? Math.ceil(at - Date.now() / 1000) : 0;
    say(retry, !waiting ? '' : seconds > 0 ? `retrying in ${seconds} s` : 'retrying now');
  };
  const show = (): void => {
    const phase = traits.get('phase') as Phase;
    const reason = phase === 'live' ? '' : String(traits.get('reason') ?? '');
    badge.dataset.phase = phase;
    say(symbol, SYMBOLS[phase] ?? '');
    say(words, reason ? `${phase}: ${reason}` : phase);
    words.title = reason;
    clearInterval(timer);
    if (phase === 'lost' && traits.get('retry_at') !== null) {
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
