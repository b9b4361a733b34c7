/** Why a task failed: its key, worker, exception and traceback, to be read and copied. All of it is text. */

import type { Failure } from '../core/progress';
import { copied } from './copied';
import { button, h, say } from './elements';
import { CLOSE } from './icons';

export class FailureDetail {
  readonly element = h('section', {
    class: 'dasklens-failure',
    'aria-label': 'Why it failed',
    tabindex: '-1'
  });
  private shown = '';

  /** @param onClose is called when it is closed from here. */
  constructor(private readonly onClose: () => void) {
    this.element.hidden = true;
    this.element.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        onClose();
      }
    });
  }

  show(group: string, failure: Failure | null): void {
    this.element.hidden = failure === null;
    const text = failure ? textOf(failure) : '';
    if (!failure || text === this.shown) {
      return;
    }
    this.shown = text;
    const said = h('span', { class: 'dasklens-dim', role: 'status' });
    const copy = button('copy', '', 'Copy key, worker, exception and traceback', 'Copy');
    copy.addEventListener('click', () => {
      void copied('failure', text).then(words => say(said, words));
    });
    const close = button('close', CLOSE, 'Close');
    close.addEventListener('click', this.onClose);
    this.element.replaceChildren(
      h(
        'div',
        { class: 'dasklens-failure-head' },
        h('strong', { class: 'dasklens-error dasklens-cut' }, `✕ ${group}`),
        said,
        copy,
        close
      ),
      h('dl', {}, ...rowsOf(failure).flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
      ...(failure.traceback
        ? [h('pre', { tabindex: '0', 'aria-label': 'Traceback' }, failure.traceback)]
        : [])
    );
  }
}

function rowsOf(failure: Failure): [string, string][] {
  const rows: [string, string][] = [
    ['exception', failure.exception],
    ['key', failure.blamed || failure.key],
    ['worker', failure.worker]
  ];
  if (failure.blamed && failure.blamed !== failure.key) {
    rows.push(['needed by', failure.key]);
  }
  return rows.filter(([, value]) => value !== '');
}

export function textOf(failure: Failure): string {
  const rows = rowsOf(failure).map(([name, value]) => `${name}: ${value}`);
  return [...rows, ...(failure.traceback ? ['traceback:', failure.traceback] : [])].join('\n');
}

export const FAILURE_CSS = `
.dasklens-failure{margin:4px 0;padding:4px 8px;border:1px solid var(--jp-error-color1,#d4002a);border-radius:var(--jp-border-radius,2px)}
.dasklens-failure-head{display:flex;align-items:center;gap:8px}
.dasklens-failure-head strong{flex:1 1 auto}
.dasklens-failure dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 12px;margin:4px 0}
.dasklens-failure dt{color:var(--jp-ui-font-color2,inherit)}
.dasklens-failure dd{margin:0;overflow-wrap:anywhere;white-space:pre-wrap;max-height:8em;overflow:auto;font-family:var(--jp-code-font-family,monospace)}
.dasklens-failure pre{margin:4px 0;padding:4px;max-height:16em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;font:var(--jp-code-font-size,12px)/1.35 var(--jp-code-font-family,monospace);border-top:1px solid var(--dasklens-line)}
`;
