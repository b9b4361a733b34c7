// A report as a notebook, and a report in a cell: live figures without a kernel, pictures without trust.

import { expect, test, type Locator, type Page } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { endKernels } from '../cluster';
import { canvasOf, markOf, partOf, pixels } from '../mark';
import { cell, changeTheme, openNotebook, reopenNotebook, runCell, saveNotebook } from '../notebook';
import { sample, type Raw } from '../report';
import { scrollTo } from '../scrolling';

const ROOT = resolve(__dirname, '../..');
const SAMPLE = resolve(ROOT, 'tests/data/reports/sample.json');
const HOSTILE = '<img src=x onerror=window.pwned=1> **b** [l](javascript:window.pwned=1) $x$ `c`';
const WRITE = `
import json, sys
import dasklens
raw = json.load(sys.stdin)
dasklens.load_report(json.dumps(raw).encode()).save(sys.argv[1])`;

/** Code cells of the notebook, by what they show. */
const [SUMMARY, STREAM, , MEMORY, , PROFILE] = [0, 1, 2, 3, 4, 5];

test.describe.configure({ mode: 'serial', timeout: 90_000 });

/** Write the notebook of a report as a person does who serves the folder. */
function writeHere(document: Raw, name: string): void {
  const home = process.env.DASKLENS_UI_HOME as string;
  const env = { ...process.env, JUPYTER_DATA_DIR: join(home, 'data') };
  const input = JSON.stringify(document);
  execFileSync(join(ROOT, '.venv/bin/python'), ['-c', WRITE, join(home, 'notebooks', name)], { env, input });
}

function notebookOf(document: Raw, path: string): Raw {
  execFileSync(join(ROOT, '.venv/bin/python'), ['-c', WRITE, path], { input: JSON.stringify(document) });
  return JSON.parse(readFileSync(path, 'utf8')) as Raw;
}

/** Put a notebook of a stranger into the server's folder. */
async function put(page: Page, name: string, content: Raw): Promise<void> {
  const data = { type: 'notebook', format: 'json', content };
  expect((await page.request.put(`/api/contents/${name}`, { data })).ok()).toBe(true);
}

/** Shut the kernel down that JupyterLab started with the notebook. */
async function withoutKernel(page: Page): Promise<void> {
  await endKernels(page);
  await page.evaluate(() => (window as any).jupyterapp.shell.currentWidget.sessionContext.shutdown());
}

function outputOf(page: Page, index: number): Locator {
  return cell(page, index).locator('.jp-Cell-outputArea');
}

async function see(page: Page, index: number): Promise<Locator> {
  const output = outputOf(page, index);
  await scrollTo(cell(page, index));
  return output;
}

test('written here it has live figures without a kernel', async ({ page }, info) => {
  writeHere(sample(), 'run.ipynb');
  await reopenNotebook(page, 'run.ipynb');
  // Before anything is restored ipywidgets asks the kernel what it has, and gives up if that ends meanwhile.
  await see(page, STREAM);
  await markOf(page, STREAM);
  await withoutKernel(page);
  await expect(outputOf(page, SUMMARY)).toContainText('What looks wrong');
  const mark = await markOf(page, STREAM);
  await expect.poll(() => mark.evaluate(m => m.log.nRecords)).toBe(366);
  await expect(partOf(page, STREAM, 'phase')).toContainText('finished: saved with the notebook');
  await see(page, STREAM);
  await expect.poll(() => pixels(canvasOf(page, STREAM))).toBeGreaterThan(500);
  // The live figure is there in place of the picture.
  await expect(outputOf(page, STREAM).locator('img')).toHaveCount(0);
  const memory = await see(page, MEMORY);
  await expect(memory.locator('.bqplot')).toBeVisible();
  await expect.poll(() => memory.locator('.bqplot path').count()).toBeGreaterThan(5);
  await expect(memory).toContainText('managed: results of tasks');
  await see(page, PROFILE);
  await expect.poll(() => pixels(canvasOf(page, PROFILE))).toBeGreaterThan(500);
  for (const theme of ['Dark', 'Light'] as const) {
    await changeTheme(page, theme);
    for (const [name, at] of Object.entries({
      summary: SUMMARY,
      stream: STREAM,
      memory: MEMORY,
      profile: PROFILE
    })) {
      await (await see(page, at)).screenshot({ path: info.outputPath(`${name}-${theme}.png`) });
    }
    await page.screenshot({ path: info.outputPath(`page-${theme}.png`) });
  }
});

test('names of strangers are text in it, and without trust there are pictures', async ({ page }, info) => {
  const document = sample();
  document.title = HOSTILE;
  document.summary.verdict = HOSTILE;
  document.code.text = HOSTILE;
  await put(page, 'strange.ipynb', notebookOf(document, info.outputPath('strange.ipynb')));
  await reopenNotebook(page, 'strange.ipynb');
  await expect(page.locator('.jp-MarkdownCell h1')).toContainText(HOSTILE);
  await expect(outputOf(page, SUMMARY)).toContainText(HOSTILE);
  const picture = (await see(page, STREAM)).getByRole('img', { name: /^Task stream: 366 tasks, 1 failed/ });
  await expect(picture).toBeVisible();
  expect(await picture.evaluate(element => (element as HTMLImageElement).naturalWidth)).toBe(960);
  await expect(outputOf(page, STREAM).locator('canvas')).toHaveCount(0);
  await changeTheme(page, 'Dark');
  await (await see(page, STREAM)).screenshot({ path: info.outputPath('still-Dark.png') });
  await changeTheme(page, 'Light');
  await expect(page.locator('img[src="x"], img[onerror], a[href^="javascript"]')).toHaveCount(0);
  expect(await page.evaluate(() => (window as any).pwned as unknown)).toBeUndefined();
});

test('a report in a cell has its figures in tabs, and pictures when it is opened again', async ({
  page
}, info) => {
  const code = `import dasklens\ndasklens.load_report(${JSON.stringify(SAMPLE)})`;
  await openNotebook(page, 'shown.ipynb', [code]);
  const output = await runCell(page, 0);
  await expect(output).toContainText('What looks wrong');
  await expect(partOf(page, 0, 'count').first()).toContainText('366 tasks');
  await expect.poll(() => pixels(canvasOf(page, 0).first())).toBeGreaterThan(500);
  await output.screenshot({ path: info.outputPath('tabs-stream.png') });
  for (const tab of ['Profile', 'Memory', 'Progress']) {
    await output.locator('.lm-TabBar-tab').filter({ hasText: tab }).click();
    await output.screenshot({ path: info.outputPath(`tabs-${tab}.png`) });
    await expect(output.locator('.bqplot:visible').first()).toBeVisible();
    await output.screenshot({ path: info.outputPath(`tabs-${tab}.png`) });
  }
  await changeTheme(page, 'Dark');
  await output.screenshot({ path: info.outputPath('tabs-Dark.png') });
  await changeTheme(page, 'Light');
  expect(await saveNotebook(page, 'shown.ipynb')).toBeLessThan(500_000);
  await endKernels(page);
  await reopenNotebook(page, 'shown.ipynb');
  await expect(outputOf(page, 0).getByRole('img', { name: /^Task stream: / })).toBeVisible();
  await expect(outputOf(page, 0).locator('canvas')).toHaveCount(0);
  await outputOf(page, 0).screenshot({ path: info.outputPath('reopened.png') });
});
