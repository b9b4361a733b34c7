// The profile in the side panel: without a kernel, of all three kinds of threads, and only while seen.

import { expect, test, type Locator, type Page } from '@playwright/test';

import { CLUSTER, endKernels, python } from '../cluster';
import { kernelIdle, runCell, writeNotebook } from '../notebook';
import { canvasIn, expectCase, forgetSchedulers, look, openPanel, sectionOf } from '../panel';
import { scrollTo } from '../scrolling';

const WORK = `
def grind(seconds):
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        sum(range(1000))

def doze(seconds):
    time.sleep(seconds)

_ = client.gather([client.submit(f, 0.5, pure=False) for f in (grind, doze) for _ in range(6)])
`;
const READING = `
def reading(dask_scheduler):
    return [[list(q.keys), a.running] for q, a in dask_scheduler.plugins["dasklens"].profiles._asked.items()]
print(json.dumps(client.run_on_scheduler(reading)))
`;

// Each goes on where the one before left the page.
test.describe.configure({ mode: 'serial' });

let page: Page;
let section: Locator;

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  await forgetSchedulers(page);
  await writeNotebook(page, 'panel-profile.ipynb', [CLUSTER, WORK]);
  await page.goto('/lab/tree/panel-profile.ipynb?reset');
  await kernelIdle(page);
  await openPanel(page, 420);
  await runCell(page, 0);
  await runCell(page, 1);
  await expectCase(page, 'live');
  section = sectionOf(page, 'profile');
});

test.afterAll(async () => {
  await endKernels(page);
  await page.close();
});

const samples = () => section.locator('.dasklens-covers');

test('it shows what the tasks did, by its name', async () => {
  await scrollTo(section);
  await expect(canvasIn(section)).toBeVisible();
  await expect(samples()).toContainText(/\d+ samples/);
  await section.getByRole('button', { name: 'Table' }).click();
  await expect(section.getByRole('row', { name: /grind/ }).first()).toBeVisible();
  await look(page, 'profile-table');
  await section.getByRole('button', { name: 'Call tree' }).click();
  await look(page, 'profile');
});

test('narrowed to a prefix it has the samples of that alone', async () => {
  const prefix = section.getByRole('combobox', { name: 'Task prefix' });
  await prefix.selectOption({ label: await prefix.locator('option', { hasText: 'doze' }).innerText() });
  await section.getByRole('button', { name: 'Table' }).click();
  await expect(section.getByRole('row', { name: /doze/ }).first()).toBeVisible();
  await expect(section.getByRole('row', { name: /grind/ })).toHaveCount(0);
  await prefix.selectOption('-1');
  await expect(section.getByRole('row', { name: /grind/ }).first()).toBeVisible();
  await section.getByRole('button', { name: 'Call tree' }).click();
});

test('the event loops of workers and scheduler are there, or it says why not', async () => {
  const kind = section.getByRole('combobox', { name: 'Whose stacks' });
  const minor = Number(await python(page, 'import sys; print(sys.version_info.minor)'));
  for (const name of ['server', 'scheduler']) {
    await kind.selectOption(name);
    if (minor === 11) {
      await expect(section).toContainText('Distributed samples no administrative threads on Python 3.11');
    } else {
      await expect(samples()).toContainText(/\d+ samples/);
    }
    await expect(section.getByRole('combobox', { name: 'Task prefix' })).toBeHidden();
    await look(page, `profile-${name}`);
  }
  await kind.selectOption('worker');
  await expect(samples()).toContainText(/\d+ samples/);
});

test('nobody is asked while nobody sees it', async () => {
  const running = async (): Promise<number> =>
    ((await python(page, READING)) as [string[], boolean][]).filter(([, runs]) => runs).length;
  await expect.poll(running).toBeGreaterThan(0);
  await section.getByRole('button', { name: 'Profile', exact: true }).first().click();
  await expect(canvasIn(section)).toBeHidden();
  await expect.poll(running, { timeout: 40_000 }).toBe(0);
  await section.getByRole('button', { name: 'Profile', exact: true }).first().click();
  await expect(samples()).toContainText(/\d+ samples/);
  await expect.poll(running).toBe(1);
});
