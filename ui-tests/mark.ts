// The model of a task stream in the page of a notebook, and what its view shows.

import { expect, type JSHandle, type Locator, type Page } from '@playwright/test';

import { cell } from './notebook';
import { boxOf, scrollTo } from './scrolling';

type Range = readonly [number, number];

interface StartStop {
  action: string;
  start: number;
  stop: number;
}

/** js/src/core/tasks.ts says what is in it. */
export interface TaskRecord {
  key: string;
  prefix: string;
  worker: string;
  workerName: string;
  thread: number;
  status: string;
  exception: string | null;
  startstops: StartStop[];
}

/** `SpansModel` of js/src/marks, as far as tests ask it. */
export interface Mark {
  readonly time: Range;
  readonly lanesShown: Range;
  readonly log: {
    readonly nRecords: number;
    readonly nSpans: number;
    readonly nErrors: number;
    readonly missed: number;
    readonly lanes: readonly { id: number; worker: string }[];
    readonly prefixes: readonly { name: string; count: number }[];
    record(i: number): TaskRecord;
    laneOf(i: number): { id: number };
    position(lane: number): number;
  };
  get(trait: string): any;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

/** Wait for the figure in a cell's output to be live, and get its mark's model. */
export async function markOf(page: Page, index: number): Promise<JSHandle<Mark>> {
  await expect(canvasOf(page, index)).toBeVisible();
  // What is not on screen is not drawn.
  await scrollTo(canvasOf(page, index));
  // Nothing of the product hands out models: they are found as JupyterLab's own widgets hold them.
  const mark = await page.waitForFunction(at => {
    const { content } = (window as any).jupyterapp.shell.currentWidget;
    const queue = [content.widgets.filter((each: any) => each.model.type === 'code')[at]];
    for (const widget of queue) {
      const model = widget._view?.model;
      if (model?.get('_model_name') === 'VBoxModel') {
        return model.get('children')[1].get('children')[0].get('marks')[0];
      }
      queue.push(...widget.children());
    }
    return null;
  }, index);
  return mark as JSHandle<Mark>;
}

export function canvasOf(page: Page, index: number): Locator {
  return cell(page, index).locator('.jp-Cell-outputArea canvas');
}

/** Part of a figure: toolbar, legend, detail. */
export function partOf(page: Page, index: number, name: string): Locator {
  return cell(page, index).locator(`.dasklens-${name}`);
}

export function tool(page: Page, index: number, action: string): Locator {
  return partOf(page, index, 'toolbar').locator(`[data-action=${action}]`);
}

/** Wait until so many tasks are in the page. */
export async function waitForTasks(mark: JSHandle<Mark>, n: number, timeout = 30_000): Promise<void> {
  await expect.poll(() => mark.evaluate(m => m.log.nRecords), { timeout }).toBe(n);
}

/** Every task that the page has. */
export function tasksOf(mark: JSHandle<Mark>): Promise<TaskRecord[]> {
  return mark.evaluate(({ log }) => Array.from({ length: log.nRecords }, (_, i) => log.record(i)));
}

/** Where on the page the longest span of a task is, below the strip of transfers. */
export async function pointOf(
  page: Page,
  index: number,
  mark: JSHandle<Mark>,
  key: string
): Promise<{ x: number; y: number; width: number }> {
  const box = await boxOf(canvasOf(page, index));
  const at = await mark.evaluate((m, wanted) => {
    const { log, time, lanesShown } = m;
    const i = Array.from({ length: log.nRecords }, (_, k) => k).find(k => log.record(k).key === wanted);
    if (i === undefined) {
      throw new Error(`${wanted} is not in the page`);
    }
    const span = log.record(i).startstops.reduce((a, b) => (b.stop - b.start > a.stop - a.start ? b : a));
    const part = (t: number): number => (t - time[0]) / (time[1] - time[0]);
    const lane = log.position(log.laneOf(i).id);
    return {
      left: part(span.start),
      right: part(span.stop),
      lane: (lane + 0.7 - lanesShown[0]) / (lanesShown[1] - lanesShown[0])
    };
  }, key);
  return {
    x: box.x + ((at.left + at.right) / 2) * box.width,
    y: box.y + at.lane * box.height,
    width: (at.right - at.left) * box.width
  };
}

/** A canvas' picture, short enough to be printed. */
export function pictureOf(canvas: Locator): Promise<string> {
  return canvas.evaluate(async element => {
    const bytes = new TextEncoder().encode((element as HTMLCanvasElement).toDataURL());
    return [...new Uint8Array(await crypto.subtle.digest('SHA-1', bytes))].join(' ');
  });
}

/** Number of pixels of a canvas that are painted (in a colour, in a part of its height). */
export function pixels(
  canvas: Locator,
  which: { colour?: [r: number, g: number, b: number]; from?: number; to?: number } = {}
): Promise<number> {
  return canvas.evaluate((element, { colour, from = 0, to = 1 }) => {
    const { width, height } = element as HTMLCanvasElement;
    const context = (element as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
    const [top, bottom] = [Math.round(from * height), Math.round(to * height)];
    const { data } = context.getImageData(0, top, width, bottom - top);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) {
      const same = colour?.every((channel, k) => Math.abs(channel - data[i + k]) <= 2) ?? true;
      n += Number(same && data[i + 3] > 0);
    }
    return n;
  }, which);
}
