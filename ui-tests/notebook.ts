// A notebook as a test sees it: written to the server, opened in a JupyterLab of its own, run.

import { expect, type Locator, type Page } from '@playwright/test';

const KERNELSPEC = { name: 'python3', display_name: 'Python 3', language: 'python' };

/** A Jupyter server: its base URL, and the token where it wants one. */
export interface Server {
  readonly url: string;
  readonly token?: string;
}

export const HERE: Server = { url: '/' };

export function headersFor({ token }: Server): Record<string, string> {
  return token ? { Authorization: `token ${token}` } : {};
}

/** Write a notebook of these code cells and open it alone (no file browser, no other tab). */
export async function openNotebook(page: Page, name: string, cells: string[]): Promise<void> {
  await writeNotebook(page, name, cells);
  await reopenNotebook(page, name);
}

/** Write a notebook of these code cells. */
export async function writeNotebook(
  page: Page,
  name: string,
  cells: string[],
  server: Server = HERE
): Promise<void> {
  const content = {
    nbformat: 4,
    nbformat_minor: 5,
    // Without a kernelspec JupyterLab asks for one, in a dialog that nobody answers.
    metadata: { kernelspec: KERNELSPEC, language_info: { name: 'python' } },
    cells: cells.map((source, i) => ({
      id: `cell-${i}`,
      cell_type: 'code',
      source,
      metadata: {},
      outputs: [],
      execution_count: null
    }))
  };
  const answer = await page.request.put(`${server.url}api/contents/${name}`, {
    headers: headersFor(server),
    data: { type: 'notebook', format: 'json', content }
  });
  expect(answer.ok(), `writing ${name}: ${answer.status()}`).toBe(true);
}

/** Open a notebook that is there, with whatever its outputs are. */
export async function reopenNotebook(page: Page, name: string): Promise<void> {
  await page.goto(`/doc/tree/${name}?reset`);
  await expect(page.locator('.jp-Notebook .jp-CodeCell').first()).toBeVisible();
  await kernelIdle(page);
}

/** Wait until the kernel of the notebook in front has started. */
export async function kernelIdle(page: Page): Promise<void> {
  // The indicator in the toolbar says "idle" before there is a kernel too.
  await page.waitForFunction(
    () => {
      const context = (window as any).jupyterapp?.shell?.currentWidget?.sessionContext;
      return context?.isReady === true && context.session?.kernel?.status === 'idle';
    },
    undefined,
    { timeout: 90_000 }
  );
}

/** Save what is open; the size of the file on disk, in bytes. */
export async function saveNotebook(page: Page, name: string): Promise<number> {
  await page.evaluate(() => (window as any).jupyterapp.commands.execute('docmanager:save'));
  return (await (await page.request.get(`/api/contents/${name}?content=0`)).json()).size as number;
}

/** JupyterLab's menu entry "Save Widget State Automatically". */
export async function setSaveState(page: Page, on: boolean): Promise<void> {
  const isOn = (): Promise<boolean> =>
    page.evaluate(() =>
      (window as any).jupyterapp.commands.isToggled('@jupyter-widgets/jupyterlab-manager:saveWidgetState')
    );
  if ((await isOn()) !== on) {
    await page.evaluate(() =>
      (window as any).jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')
    );
  }
  await expect.poll(isOn).toBe(on);
}

/** The code cell of this index, counted from 0. */
export function cell(page: Page, index: number): Locator {
  return page.locator('.jp-Notebook .jp-CodeCell').nth(index);
}

/** Start a cell without waiting for its end. */
export async function startCell(page: Page, index: number): Promise<void> {
  // By command, not by key: a key goes wherever the focus went in the meantime.
  await page.evaluate(async at => {
    const { commands, shell } = (window as any).jupyterapp;
    shell.currentWidget.content.activeCellIndex = at;
    void commands.execute('notebook:run-cell');
  }, index);
}

/** Run a cell and wait until it has ended without an error. */
export async function runCell(page: Page, index: number, timeout = 90_000): Promise<Locator> {
  await startCell(page, index);
  const prompt = cell(page, index).locator('.jp-InputArea-prompt');
  await expect(prompt).toHaveText(/^\[\d+\]:$/, { timeout });
  const error = cell(page, index).locator(
    '.jp-OutputArea-output[data-mime-type*="error"], .jp-RenderedText[data-mime-type*="stderr"]'
  );
  if ((await error.count()) > 0) {
    throw new Error(`cell ${index} failed:\n${await error.first().innerText()}`);
  }
  return cell(page, index).locator('.jp-Cell-outputArea');
}

/** Change JupyterLab's theme. */
export async function changeTheme(page: Page, theme: 'Light' | 'Dark'): Promise<void> {
  await page.evaluate(
    name =>
      (window as any).jupyterapp.commands.execute('apputils:change-theme', { theme: `JupyterLab ${name}` }),
    theme
  );
  await expect(page.locator('body')).toHaveAttribute('data-jp-theme-light', String(theme === 'Light'));
  // A second change before the splash of the first has faded has JupyterLab remove it twice.
  await expect(page.locator('#jupyterlab-splash')).toHaveCount(0);
}
