/** The figure under the keyboard: it takes the focus, and says which keys it knows. */

import type { RowsModel } from './rowsmodel';
import type { SpansModel } from './spansmodel';

/** Part of the width that an arrow key moves by, and of the length that + and - change it by. */
const STEP = 0.1;
const ZOOM = 0.8;

export const KEYS_TEXT =
  'Arrow keys pan, plus and minus zoom, Home shows everything, F follows, Escape clears the selection.';

/** What a key does; undefined for keys that are not ours. */
export function actionOf(key: string, model: SpansModel): (() => void) | undefined {
  switch (key) {
    case 'ArrowLeft':
      return () => model.panBy(-STEP);
    case 'ArrowRight':
      return () => model.panBy(STEP);
    case 'ArrowUp':
    case 'ArrowDown':
      return () => {
        const [top, bottom] = model.lanesShown;
        const by = (key === 'ArrowUp' ? -STEP : STEP) * (bottom - top);
        model.showLanes([top + by, bottom + by]);
      };
    case '+':
    case '=':
      return () => model.zoomBy(ZOOM);
    case '-':
    case '_':
      return () => model.zoomBy(1 / ZOOM);
    case 'Home':
    case '0':
      return () => model.zoomReset();
    case 'f':
    case 'F':
      return () => model.keep({ follow: !model.get('follow') });
    case 'Escape':
      return () => model.keep({ selected: null, interval: null });
    default:
      return undefined;
  }
}

/** Listen until the signal is aborted. */
export function listenToKeyboard(el: HTMLElement, model: RowsModel, signal: AbortSignal): void {
  el.tabIndex = 0;
  el.setAttribute('role', 'group');
  el.setAttribute('aria-label', model.title);
  // JupyterLab takes keys on their way down: there, 0 restarts the kernel and arrows change the cell.
  el.setAttribute('data-lm-suppress-shortcuts', 'true');
  el.addEventListener(
    'keydown',
    event => {
      if (event.target !== el || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      const action = model.keyAction(event.key);
      if (action) {
        event.preventDefault();
        event.stopPropagation();
        action();
      }
    },
    { signal }
  );
}
