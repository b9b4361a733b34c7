/** Colours of the page's theme, as the canvas can use them. */

import { ERROR_COLOUR } from '../core/palette';

export interface Theme {
  /** Erred spans, as `#rrggbb`. */
  readonly error: string;
  readonly selection: string;
  /** Between the lanes of two workers. */
  readonly separator: string;
  readonly text: string;
}

const FALLBACK = { selection: '#1976d2', separator: '#9e9e9e', text: '#444444' };

/** Read the colours that apply at an element: our own variables first, then JupyterLab's. */
export function readTheme(element: Element): Theme {
  const style = getComputedStyle(element);
  const pick = (fallback: string, ...names: string[]): string => {
    const value = names.map(name => style.getPropertyValue(name).trim()).find(each => each !== '');
    return value === undefined ? fallback : hexColour(value, fallback);
  };
  return {
    error: pick(ERROR_COLOUR, '--dasklens-error-color', '--jp-error-color1'),
    selection: pick(FALLBACK.selection, '--dasklens-selection-color', '--jp-brand-color1'),
    separator: pick(FALLBACK.separator, '--dasklens-separator-color', '--jp-border-color1'),
    text: pick(FALLBACK.text, '--dasklens-text-color', '--jp-content-font-color1')
  };
}

let probe: CanvasRenderingContext2D | null | undefined;

/** Any CSS colour as `#rrggbb`: a canvas normalises what it is given. */
function hexColour(value: string, fallback: string): string {
  probe ??= document.createElement('canvas').getContext('2d');
  if (!probe) {
    return fallback;
  }
  // A value that is no colour leaves what was there before.
  probe.fillStyle = fallback;
  probe.fillStyle = value;
  const normal = String(probe.fillStyle);
  if (normal.startsWith('#')) {
    return normal;
  }
  const channels = /^rgba?\((\d+), (\d+), (\d+)/.exec(normal);
  return channels
    ? `#${channels
        .slice(1)
        .map(channel => Number(channel).toString(16).padStart(2, '0'))
        .join('')}`
    : fallback;
}

/** Call back when the page changes between light and dark; returns how to stop. */
export function onThemeChange(callback: () => void): () => void {
  const observer = new MutationObserver(callback);
  const attributeFilter = ['data-jp-theme-name', 'data-jp-theme-light', 'class', 'style'];
  observer.observe(document.body, { attributes: true, attributeFilter });
  observer.observe(document.documentElement, { attributes: true, attributeFilter });
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', callback);
  };
}
