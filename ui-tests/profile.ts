// The model of a flame graph in the page of a notebook, and where its frames are.

import { expect, type JSHandle, type Locator, type Page } from '@playwright/test';

import { canvasOf } from './mark';
import { boxOf, scrollTo } from './scrolling';

interface Facts {
  name: string;
  samples: number;
  own: number;
  share: number;
  library: string;
}

/** `FlameModel` of js/src/marks, as far as tests ask it. */
export interface FlameMark {
  readonly time: readonly [number, number];
  readonly lanesShown: readonly [number, number];
  readonly zoomed: number;
  readonly picked: number;
  readonly foundShare: number;
  readonly tree: { readonly total: Float64Array; readonly functions: readonly { name: string }[] } | null;
  readonly flame: {
    readonly nodes: { readonly n: number };
    readonly start: Float64Array;
    readonly wide: Float64Array;
    readonly depth: Uint32Array;
    readonly width: number;
    functionOf(node: number): { name: string };
    childrenOf(node: number): Uint32Array;
  } | null;
  facts(node: number): Facts | null;
  get(trait: string): any;
}

/** Wait for the flame graph in a cell's output to have samples, and get its mark's model. */
export async function flameOf(page: Page, index: number): Promise<JSHandle<FlameMark>> {
  await expect(canvasOf(page, index).first()).toBeVisible();
  await scrollTo(canvasOf(page, index).first());
  const mark = await page.waitForFunction(at => {
    const { content } = (window as any).jupyterapp.shell.currentWidget;
    const queue = [content.widgets[at]];
    for (const widget of queue) {
      const model = widget._view?.model;
      if (model?.get('_model_name') === 'VBoxModel') {
        const found = model.get('children')[1].get('marks')[0];
        return found.tree?.total[0] > 0 ? found : null;
      }
      queue.push(...widget.children());
    }
    return null;
  }, index);
  return mark as JSHandle<FlameMark>;
}

/** The widest frame of this name, or -1. */
export function nodeOf(mark: JSHandle<FlameMark>, name: string): Promise<number> {
  return mark.evaluate((m, wanted) => {
    let best = -1;
    for (let node = 1; m.flame && node < m.flame.nodes.n; node++) {
      if (m.flame.functionOf(node).name === wanted && (best < 0 || m.flame.wide[node] > m.flame.wide[best])) {
        best = node;
      }
    }
    return best;
  }, name);
}

/** Where on the page a frame is. */
export async function pointOfFrame(
  page: Page,
  index: number,
  mark: JSHandle<FlameMark>,
  name: string
): Promise<{ x: number; y: number }> {
  const node = await nodeOf(mark, name);
  if (node < 0) {
    throw new Error(`there is no frame ${name}`);
  }
  await atRest(mark);
  const box = await boxOf(canvasOf(page, index).first());
  const at = await mark.evaluate((m, n) => {
    const { start, wide, depth } = m.flame as NonNullable<FlameMark['flame']>;
    const [from, to] = m.time;
    const [top, bottom] = m.lanesShown;
    const left = Math.max(from, start[n]);
    const right = Math.min(to, start[n] + wide[n]);
    return {
      x: ((left + right) / 2 - from) / (to - from),
      y: (depth[n] + 0.5 - top) / (bottom - top)
    };
  }, node);
  return { x: box.x + at.x * box.width, y: box.y + at.y * box.height };
}

/** Wait until the picture has come to where it was going. */
export async function atRest(mark: JSHandle<FlameMark>): Promise<void> {
  await mark.evaluate(async m => {
    let last = '';
    for (let same = 0; same < 3;) {
      await new Promise(resolve => requestAnimationFrame(resolve));
      const now = String([...m.time, ...m.lanesShown]);
      same = now === last ? same + 1 : 0;
      last = now;
    }
  });
}

export function crumbs(output: Locator): Promise<string[]> {
  return output.locator('.dasklens-breadcrumb:visible .dasklens-crumb').allInnerTexts();
}

/** JupyterLab in light or in dark. */
export async function setTheme(page: Page, dark: boolean): Promise<void> {
  const theme = dark ? 'JupyterLab Dark' : 'JupyterLab Light';
  await page.evaluate(
    name => (window as any).jupyterapp.commands.execute('apputils:change-theme', { theme: name }),
    theme
  );
  await expect(page.locator('body')).toHaveAttribute('data-jp-theme-light', String(!dark));
}
