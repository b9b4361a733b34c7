// The side panel beside real notebooks with real clusters: nothing of dasklens is run, and nothing clicked.

import { expect, test, type JSHandle, type Page } from '@playwright/test';

import { CLUSTER, endKernels, python } from '../cluster';
import { pixels, type Mark } from '../mark';
import { cell, changeTheme, kernelIdle, runCell, startCell, writeNotebook } from '../notebook';
import {
  canvasIn,
  command,
  expectCase,
  forgetSchedulers,
  headerOf,
  look,
  markIn,
  openPanel,
  panelOf,
  sectionOf
} from '../panel';

const WORK = `
done = client.map(lambda i: time.sleep(0.02), range(60), pure=False)
_ = client.gather(done)
`;
/** Holds the kernel for ten seconds, while the cluster works. */
const BLOCK = `
futures = [client.submit(time.sleep, 0.1, pure=False) for _ in range(400)]
begin = time.time()
while time.time() < begin + 10:
    pass
`;
const CLOSE = 'client.shutdown()';
const [START, WORKS, BLOCKS, CLOSES, STARTS_AGAIN] = [0, 1, 2, 3, 4];

// Each goes on where the one before left the page.
test.describe.configure({ mode: 'serial' });

let page: Page;
/** What nobody caught on the page. */
const problems: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  page.on('pageerror', error => problems.push(error.message));
  await forgetSchedulers(page);
  await writeNotebook(page, 'panel.ipynb', [CLUSTER, WORK, BLOCK, CLOSE, CLUSTER]);
  await writeNotebook(page, 'other.ipynb', [CLUSTER, WORK]);
  await page.goto('/lab/tree/panel.ipynb?reset');
  await kernelIdle(page);
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
});

const nRecords = (mark: JSHandle<Mark>): Promise<number> => mark.evaluate(m => m.log.nRecords);
const fact = (name: string) => headerOf(page).locator(`[data-fact="${name}"]`);
const select = () => headerOf(page).locator('select');

test('before there is a cluster it says what to run', async () => {
  await openPanel(page);
  await expectCase(page, 'none');
  await expect(headerOf(page)).toContainText('No Dask cluster yet');
  await expect(headerOf(page).locator('code')).toHaveText(
    'from dask.distributed import Client; client = Client()'
  );
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await headerOf(page).locator('[data-action=copy]').click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('client = Client()');
  await look(page, 'none');

  await headerOf(page).locator('[data-action=check]').click();
  const checks = page.locator('.dasklens-Checks');
  await expect(checks.locator('li').first()).toBeVisible();
  await look(page, 'checks');
  await page.keyboard.press('Escape');
});

test('two seconds after Client() there is a live picture', async () => {
  await page.evaluate(() => {
    // When the cell ended, and when the first picture was there, by the page's own clock.
    const seen = ((window as any).seen = {} as Record<string, number>);
    const look = (): void => {
      const prompt = document.querySelector('.jp-Notebook .jp-CodeCell .jp-InputArea-prompt');
      seen.client ??= /\[\d+\]/.test(prompt?.textContent ?? '') ? Date.now() : (undefined as never);
      seen.picture ??= document.querySelector('.dasklens-Panel canvas[role=img]')
        ? Date.now()
        : (undefined as never);
      if (!seen.client || !seen.picture) {
        requestAnimationFrame(look);
      }
    };
    look();
  });
  await runCell(page, START);
  await expect(canvasIn(sectionOf(page, 'task-stream'))).toBeVisible();
  await expectCase(page, 'live');
  await page.waitForFunction(() => (window as any).seen.picture && (window as any).seen.client);
  const seen = await page.evaluate(() => (window as any).seen as { client: number; picture: number });
  console.log(`first picture ${seen.picture - seen.client} ms after the cell had ended`);
  expect(seen.picture - seen.client).toBeLessThan(2000);

  await expect(fact('workers')).toHaveText('2 workers');
  await expect(fact('threads')).toHaveText('4 threads');
  await expect(fact('memory')).toHaveText(/^[\d.]+ MiB \/ [\d.]+ GiB memory$/);
  await expect(select().locator('option:checked')).toHaveText('Notebook: panel.ipynb');
});

test('tasks are there a moment after they have finished', async () => {
  const mark = await markIn(page, 'dasklens-panel');
  await mark.evaluate(m => {
    const delays = ((window as any).delays = [] as number[]);
    let known = m.log.nRecords;
    m.on('log:change', () => {
      const now = Date.now() / 1000;
      for (; known < m.log.nRecords; known++) {
        delays.push(now - Math.max(...m.log.record(known).startstops.map(each => each.stop)));
      }
    });
  });
  await runCell(page, WORKS);
  await expect.poll(() => nRecords(mark)).toBe(60);
  const delays = await page.evaluate(() => ((window as any).delays as number[]).sort((a, b) => a - b));
  console.log(`median ${Math.round(1000 * delays[30])} ms from the end of a task to its rectangle`);
  expect(delays[30]).toBeLessThan(0.3);
  expect(await pixels(canvasIn(sectionOf(page, 'task-stream')))).toBeGreaterThan(500);
  await expect(fact('tasks')).toHaveText('60 / 60 tasks done');
  await expect(page.locator('.dasklens-Status')).toHaveText('60 / 60');
  const progress = sectionOf(page, 'progress');
  await expect(progress.locator('.dasklens-progress-words')).toHaveText('finished: 60 of 60 tasks, 100 %');
  await expect(progress.locator('.dasklens-progress-counts')).toHaveText(['60/60', '60/60']);
  await expect(progress.locator('.bqplot .bargroup')).toHaveCount(2);
  const by = progress.getByRole('combobox', { name: 'What a bar stands for' });
  await by.selectOption('group');
  await expect(progress.locator('.dasklens-progress-counts').first()).toHaveText('60/60');
  await expect(progress.locator('.dasklens-progress-name').nth(1)).toHaveAttribute('title', /./);
  await look(page, 'by-group');
  await by.selectOption('span');
  await expect(progress.locator('.dasklens-progress-name')).toHaveText(['all', 'default']);
  await by.selectOption('prefix');
  await expect(progress.locator('.dasklens-progress-counts')).toHaveText(['60/60', '60/60']);
  await expect(sectionOf(page, 'workers')).toContainText('2 workers');
  await expect(sectionOf(page, 'memory').locator('.dasklens-memory-words')).toContainText(
    'in use, 2 workers'
  );
  await look(page, 'light');
  await changeTheme(page, 'Dark');
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
  await look(page, 'dark');
  await changeTheme(page, 'Light');
});

test('nothing reaches beyond a panel of 300 pixels', async () => {
  const beyond = await panelOf(page).evaluate(panel => {
    const { left, right } = panel.getBoundingClientRect();
    const inside = [...panel.querySelectorAll('button, input, select, code, p, h3, span, canvas')];
    return inside
      .filter(each => (each as HTMLElement).checkVisibility())
      .filter(each => !each.closest('.dasklens-scroll, .dasklens-workers-scroll, svg, [hidden]'))
      .map(each => [each.className, each.textContent, each.getBoundingClientRect()] as const)
      .filter(([, , box]) => box.width > 0 && (box.right > right + 0.5 || box.left < left - 0.5))
      .map(([name, text, box]) => `${String(name)} "${text?.slice(0, 40)}" to ${box.right - left}`);
  });
  expect(beyond).toEqual([]);
});

test('while a cell holds the kernel for ten seconds it stays live', async () => {
  const mark = await markIn(page, 'dasklens-panel');
  const before = await nRecords(mark);
  await startCell(page, BLOCKS);
  const prompt = cell(page, BLOCKS).locator('.jp-InputArea-prompt');
  await expect(prompt).toHaveText('[*]:');
  for (let n = 1; n <= 4; n++) {
    const now = await nRecords(mark);
    await expect.poll(() => nRecords(mark), { timeout: 4000 }).toBeGreaterThan(now + 10);
  }
  await expect(prompt).toHaveText('[*]:');
  expect(await nRecords(mark)).toBeGreaterThan(before + 40);
  await expectCase(page, 'live');
  await expect(prompt).toHaveText(/^\[\d+\]:$/, { timeout: 60_000 });
  await python(page, 'del futures');
});

test('sections fold, move by keyboard, and are so after a reload', async () => {
  const names = (): Promise<(string | null)[]> =>
    page
      .locator('.dasklens-Section')
      .evaluateAll(all => all.map(each => (each as HTMLElement).dataset.section ?? null));
  expect(await names()).toEqual([
    'progress',
    'task-stream',
    'summary',
    'workers',
    'memory',
    'profile',
    'dashboards'
  ]);
  const fold = (name: string) => sectionOf(page, name).locator('.dasklens-lab-fold');
  await fold('memory').focus();
  await page.keyboard.press('Alt+ArrowUp');
  await expect
    .poll(names)
    .toEqual(['progress', 'task-stream', 'summary', 'memory', 'workers', 'profile', 'dashboards']);
  await expect(fold('memory')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(fold('memory')).toHaveAttribute('aria-expanded', 'false');
  await expect(sectionOf(page, 'memory').locator('.dasklens-Figure')).toBeHidden();
  // So that both ends of the way are in sight.
  const inTheWay = ['task-stream', 'summary', 'workers', 'profile'];
  for (const name of inTheWay) {
    await fold(name).click();
  }
  const dragged = ['progress', 'dashboards', 'task-stream', 'summary', 'memory', 'workers', 'profile'];
  // A section that changes its height under the pointer has the drag end elsewhere.
  await expect(async () => {
    await fold('dashboards').dragTo(fold('task-stream'), { targetPosition: { x: 20, y: 4 } });
    await expect.poll(names, { timeout: 2000 }).toEqual(dragged);
  }).toPass();
  await fold('task-stream').click();
  const by = () => sectionOf(page, 'progress').getByRole('combobox', { name: 'What a bar stands for' });
  await by().selectOption('group');

  await page.reload();
  await kernelIdle(page);
  await command(page, 'dasklens:show-panel');
  await expect
    .poll(names)
    .toEqual(['progress', 'dashboards', 'task-stream', 'summary', 'memory', 'workers', 'profile']);
  await expect(fold('memory')).toHaveAttribute('aria-expanded', 'false');
  await fold('memory').click();
  await expect(fold('memory')).toHaveAttribute('aria-expanded', 'true');
  await expect(by()).toHaveValue('group');
  await by().selectOption('prefix');
  let before = await names();
  for (let i = before.indexOf('dashboards') + 1; i < before.length; i++) {
    // After a reload JupyterLab may still take the focus to the notebook.
    await expect(async () => {
      await fold('dashboards').press('Alt+ArrowDown');
      await expect.poll(names, { timeout: 2000 }).not.toEqual(before);
    }).toPass();
    before = await names();
  }
  const first = ['progress', 'task-stream', 'summary', 'workers', 'memory', 'profile', 'dashboards'];
  await expect(async () => {
    await fold('memory').press('Alt+ArrowDown');
    await expect.poll(names, { timeout: 2000 }).toEqual(first);
  }).toPass();
});

test('a figure opens beside the notebook, and is there after a reload', async () => {
  await sectionOf(page, 'task-stream').locator('[data-action=open]').click();
  const tab = page.locator('.dasklens-FigureTab');
  await expect(canvasIn(tab)).toBeVisible();
  const mark = await markIn(page, 'dasklens-tab-task-stream');
  await expect.poll(() => nRecords(mark)).toBeGreaterThan(60);
  await expect(page.locator('.jp-Notebook').first()).toBeVisible();
  // Layouts are saved a moment after they changed.
  const saved = async (): Promise<string> => (await page.request.get('/lab/api/workspaces/default')).text();
  await expect.poll(async () => (await saved()).includes('dasklens-figures:')).toBe(true);
  await page.goto('/lab');
  await expect(canvasIn(page.locator('.dasklens-FigureTab'))).toBeVisible();
  const restored = await markIn(page, 'dasklens-tab-task-stream');
  await expect.poll(() => nRecords(restored)).toBeGreaterThan(60);
  await command(page, 'dasklens:close-layout');
  await expect(tab).toHaveCount(0);
});

test('"Insert into the notebook" writes the line that shows the figure', async () => {
  await page.locator('.lm-TabBar-tab', { hasText: 'panel.ipynb' }).click();
  await kernelIdle(page);
  await command(page, 'dasklens:show-panel');
  const before = await page.locator('.jp-Notebook .jp-CodeCell').count();
  await page.evaluate(() => ((window as any).jupyterapp.shell.currentWidget.content.activeCellIndex = 4));
  await sectionOf(page, 'workers').locator('[data-action=insert]').click();
  await expect(page.locator('.jp-Notebook .jp-CodeCell')).toHaveCount(before + 1);
  await expect(cell(page, before).locator('.jp-InputArea')).toContainText('dasklens.Workers()');
  await runCell(page, before);
  await expect(cell(page, before).locator('.dasklens-workers')).toContainText('2 workers');
  await command(page, 'notebook:delete-cell');
});

test('two notebooks, two clusters: it follows the one in front, or stays with the one that was chosen', async () => {
  const first = await python<string>(page, 'print(json.dumps(client.scheduler.address))');
  await command(page, 'docmanager:open', { path: 'other.ipynb', factory: 'Notebook' });
  await page.waitForFunction(
    () => (window as any).jupyterapp.shell.currentWidget?.title.label === 'other.ipynb'
  );
  await kernelIdle(page);
  // Its kernel has no cluster yet.
  await expectCase(page, 'live');
  await page.evaluate(async () => {
    const { commands, shell } = (window as any).jupyterapp;
    shell.currentWidget.content.activeCellIndex = 0;
    await commands.execute('notebook:run-cell');
  });
  const second = await python<string>(page, 'print(json.dumps(client.scheduler.address))');
  expect(second).not.toBe(first);
  const where = headerOf(page).locator('.dasklens-lab-where');
  await expect(where).toContainText(second);
  await expect(select().locator('option:checked')).toHaveText('Notebook: other.ipynb');
  const mark = await markIn(page, 'dasklens-panel');
  await expect.poll(() => nRecords(mark)).toBe(0);

  await page.locator('.lm-TabBar-tab', { hasText: 'panel.ipynb' }).click();
  await expect(where).toContainText(first);
  await select().selectOption({
    index: (await select().locator('option').allInnerTexts()).findIndex(
      (text, i) => i > 0 && text.includes('other.ipynb')
    )
  });
  await expect(where).toContainText(second);
  await page.locator('.lm-TabBar-tab', { hasText: 'panel.ipynb' }).click();
  await expect(where).toContainText(second);
  await select().selectOption('');
  await expect(where).toContainText(first);
  await look(page, 'two');
});

test('a cluster that ends leaves its last picture, and the next one of its notebook takes its place', async () => {
  await page.locator('.lm-TabBar-tab', { hasText: 'panel.ipynb' }).click();
  const mark = await markIn(page, 'dasklens-panel');
  await expect.poll(() => nRecords(mark)).toBeGreaterThan(60);
  const before = await nRecords(mark);
  await runCell(page, CLOSES);
  await expectCase(page, 'finished');
  await expect(sectionOf(page, 'task-stream').locator('.dasklens-phase')).toHaveAttribute(
    'data-phase',
    'finished'
  );
  expect(await nRecords(mark)).toBeGreaterThanOrEqual(before);
  expect(await pixels(canvasIn(sectionOf(page, 'task-stream')))).toBeGreaterThan(500);
  await look(page, 'finished');
  await runCell(page, STARTS_AGAIN);
  await expectCase(page, 'live');
  const next = await markIn(page, 'dasklens-panel');
  await expect.poll(() => nRecords(next)).toBe(0);
});

test('out of sight, moved, and gone, nothing was thrown that nobody caught', async () => {
  await page.evaluate(() => {
    const { shell } = (window as any).jupyterapp;
    shell.activateById('filebrowser');
    shell.collapseLeft();
    shell.expandLeft();
  });
  await expect(panelOf(page)).toBeHidden();
  await command(page, 'dasklens:show-panel');
  await expect(canvasIn(sectionOf(page, 'task-stream'))).toBeVisible();
  expect(problems).toEqual([]);
});
