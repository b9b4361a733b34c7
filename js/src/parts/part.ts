/**
 * What the parts around a figure share. A *part* is an anywidget (AFM) module beside the mark: it
 * finds the mark's model through its own trait `mark`, shows something of it, and lets go of it all
 * when its view goes. Each is bundled alone, so of the mark only the type is imported.
 */

import type { Render } from '@anywidget/types';

import type { SpansModel } from '../marks/spansmodel';

/** One view of a part, until `signal` is aborted. */
export interface Part<M = SpansModel> {
  readonly mark: M;
  readonly el: HTMLElement;
  readonly signal: AbortSignal;
  /** Listen to events of the mark, several with spaces between. */
  on(events: string, listener: (value?: unknown) => void): void;
}

export interface PartTraits {
  /** `IPY_MODEL_<id>`. */
  mark: string;
}

export const GONE = "This view's figure is gone; run the cell again.";

/** An AFM module that builds a part in `el`, under the class names `dasklens-part dasklens-<name>`. */
export function part<M = SpansModel>(
  name: string,
  css: string,
  build: (part: Part<M>) => void
): { render: Render<PartTraits> } {
  return {
    async render({ model, el, signal: viewSignal }) {
      const { signal, end } = lifeOf(viewSignal);
      const mark = await markOf(model);
      if (signal.aborted) {
        return end;
      }
      dress(el, name, css, signal);
      if (!mark) {
        el.textContent = GONE;
        return end;
      }
      const on: Part['on'] = (events, listener) => {
        mark.on(events, listener);
        signal.addEventListener('abort', () => mark.off(events, listener));
      };
      build({ mark: mark as M, el, signal, on });
      return end;
    }
  };
}

/**
 * The life of a view: until anywidget's own signal is aborted (before anywidget 0.10 there is none) or
 * `end`, the clean-up, is called.
 */
export function lifeOf(viewSignal: AbortSignal | undefined): { signal: AbortSignal; end: () => void } {
  const ended = new AbortController();
  const { signal } = ended;
  const end = (): void => ended.abort();
  if (viewSignal?.aborted) {
    end();
  }
  viewSignal?.addEventListener('abort', end, { signal });
  return { signal, end };
}

/** Give an element the look of a part, until the view goes. */
export function dress(el: HTMLElement, name: string, css: string, signal: AbortSignal): void {
  const classes = ['dasklens-part', `dasklens-${name}`];
  adopt('part', PART_CSS);
  adopt(name, css);
  el.classList.add(...classes);
  // JupyterLab takes keys on their way down: on a focused button, d d would delete the cell.
  el.setAttribute('data-lm-suppress-shortcuts', 'true');
  signal.addEventListener('abort', () => {
    el.replaceChildren();
    el.classList.remove(...classes);
  });
}

async function markOf(model: Parameters<Render<PartTraits>>[0]['model']): Promise<SpansModel | null> {
  try {
    const id = model.get('mark').replace('IPY_MODEL_', '');
    return (((await model.widget_manager.get_model(id)) as unknown) ?? null) as SpansModel | null;
  } catch {
    return null;
  }
}

/** Once per document, however many views; another version's style is replaced, not kept. */
function adopt(name: string, css: string): void {
  const id = `dasklens-css-${name}`;
  let style = document.getElementById(id);
  if (!style) {
    style = document.createElement('style');
    style.id = id;
    document.head.append(style);
  }
  if (style.textContent !== css) {
    style.textContent = css;
  }
}

/** Call `act` at once, but not again within `ms` of the last time: then once, when they are over. */
export function paced(ms: number, signal: AbortSignal, act: () => void): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    timer = undefined;
    last = performance.now();
    act();
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  return () => {
    if (timer === undefined) {
      const wait = last + ms - performance.now();
      if (wait > 0) {
        timer = setTimeout(run, wait);
      } else {
        run();
      }
    }
  };
}

// Outside JupyterLab there are no --jp variables: what is inherited then fits light and dark pages.
const PART_CSS = `
.dasklens-part{box-sizing:border-box;font:var(--jp-ui-font-size1,13px)/1.4 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,inherit);scrollbar-color:color-mix(in srgb,currentColor 40%,transparent) transparent;--dasklens-line:var(--jp-border-color2,color-mix(in srgb,currentColor 25%,transparent));--dasklens-hover:var(--jp-layout-color2,color-mix(in srgb,currentColor 12%,transparent));--dasklens-brand:var(--jp-brand-color1,#1976d2)}
.dasklens-part *{box-sizing:border-box}
.dasklens-part [hidden]{display:none!important}
.dasklens-part button{margin:0;padding:0 4px;min-width:24px;height:24px;display:inline-flex;align-items:center;justify-content:center;gap:4px;flex:none;border:0;border-radius:var(--jp-border-radius,2px);background:none;color:inherit;font:inherit;white-space:nowrap;cursor:pointer}
.dasklens-part button:hover{background:var(--dasklens-hover)}
.dasklens-part button[aria-pressed=true]{background:color-mix(in srgb,var(--dasklens-brand) 18%,transparent);box-shadow:inset 0 -2px var(--dasklens-brand)}
.dasklens-part button:is([data-action^=copy],[data-action=clear]){border:1px solid var(--dasklens-line)}
.dasklens-part :focus-visible{outline:2px solid var(--dasklens-brand);outline-offset:-2px}
.dasklens-icon{width:16px;height:16px;fill:none;stroke:currentColor;stroke-width:1.5;flex:none}
.dasklens-swatch{display:inline-block;width:12px;height:12px;flex:none;border-radius:2px;forced-color-adjust:none}
.dasklens-error{color:var(--jp-error-color1,color-mix(in srgb,#e1002d 75%,currentColor))}
.dasklens-cut{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.dasklens-dim{color:var(--jp-ui-font-color2,inherit)}
`;
