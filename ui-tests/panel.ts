// The side panel as a test sees it.

import { expect, type JSHandle, type Locator, type Page } from '@playwright/test';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Mark } from './mark';

export const panelOf = (page: Page): Locator => page.locator('.dasklens-Panel');
export const headerOf = (page: Page): Locator => page.locator('.dasklens-Header');
export const sectionOf = (page: Page, name: string): Locator =>
  page.locator(`.dasklens-Section[data-section="${name}"]`);
export const canvasIn = (place: Locator): Locator => place.locator('canvas').first();

/** Execute a command of JupyterLab. */
export async function command(page: Page, name: string, args: object = {}): Promise<void> {
  await page.evaluate(
    // What it gives is a widget, which no test can have.
    async ([id, more]) => void (await (window as any).jupyterapp.commands.execute(id, more)),
    [name, args] as const
  );
}

/** Open the panel, so many pixels wide. */
export async function openPanel(page: Page, width = 300): Promise<void> {
  await command(page, 'dasklens:show-panel');
  await expect(panelOf(page)).toBeVisible();
  const now = (await panelOf(page).boundingBox())?.width ?? 0;
  const handle = await page.locator('#jp-main-split-panel > .lm-SplitPanel-handle').first().boundingBox();
  if (!handle) {
    throw new Error('there is no handle beside the panel');
  }
  const x = handle.x + handle.width / 2;
  await page.mouse.move(x, 500);
  await page.mouse.down();
  await page.mouse.move(x + width - now, 500, { steps: 3 });
  await page.mouse.up();
}

/** The header says that it is live, lost, … */
export async function expectCase(page: Page, name: string, timeout = 30_000): Promise<void> {
  await expect(headerOf(page)).toHaveAttribute('data-case', name, { timeout });
}

/** The mark of the task stream in a lumino widget of this id; null before there is one. */
export async function markIn(page: Page, id: string): Promise<JSHandle<Mark>> {
  const mark = await page.waitForFunction(wanted => {
    const shell = (window as any).jupyterapp?.shell;
    if (!shell) {
      return null;
    }
    const areas = ['left', 'main', 'right'].flatMap(area => [...shell.widgets(area)]);
    const queue = areas.filter(widget => widget.id.startsWith(wanted));
    for (const widget of queue) {
      const model = widget._view?.model;
      if (model?.get('_model_name') === 'VBoxModel') {
        const plot = model.get('children')[1];
        const marks = plot.get('children')?.[0]?.get('marks');
        if (marks) {
          return marks[0];
        }
      }
      queue.push(...widget.children());
    }
    return null;
  }, id);
  return mark as JSHandle<Mark>;
}

/** Save a picture of the page where somebody wants to look at it. */
export async function look(page: Page, name: string): Promise<void> {
  if (process.env.DASKLENS_PICTURES) {
    await page.screenshot({ path: `test-results/panel-${name}.png` });
  }
}

/** Have the server know no scheduler: those of earlier tests ended with their kernels, without a word. */
export async function forgetSchedulers(page: Page): Promise<void> {
  const folder = join(process.env.DASKLENS_UI_HOME as string, 'runtime', 'dasklens');
  const known = async (): Promise<number> => {
    const answer = await page.request.get('/dasklens/api/schedulers');
    return ((await answer.json()) as { schedulers: unknown[] }).schedulers.length;
  };
  try {
    readdirSync(folder).forEach(name => rmSync(join(folder, name)));
  } catch {
    // Nobody has announced anything yet.
  }
  await expect.poll(known).toBe(0);
}
