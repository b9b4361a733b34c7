// A scheduler in a process of its own that knows nothing of dasklens: it appears when a notebook connects
// to it, and the panel says what becomes of it.

import { expect, test, type Page, type WebSocketRoute } from '@playwright/test';

import { endKernels, python } from '../cluster';
import { pixels } from '../mark';
import { kernelIdle, runCell, writeNotebook } from '../notebook';
import {
  canvasIn,
  command,
  expectCase,
  forgetSchedulers,
  headerOf,
  look,
  markIn,
  openPanel,
  sectionOf
} from '../panel';

const REMOTE = `
import os, signal, subprocess, sys, time
code = """
import asyncio, sys
from distributed import Scheduler, Worker

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
        async with Worker(scheduler.address, nthreads=2, name="far"):
            print(scheduler.address, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""
# As in an environment without dasklens: no preload, no announcement.
env = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "[]"}
process = subprocess.Popen(
    [sys.executable, "-c", code], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL, text=True,
)
address = process.stdout.readline().strip()
`;
const CONNECT = `
from distributed import Client
client = Client(address)
done = client.map(abs, range(50), pure=False)
_ = client.gather(done)
`;

// Each goes on where the one before left the page.
test.describe.configure({ mode: 'serial' });

let page: Page;

/** Websockets of ours that the page has open; none gets through while the net is cut. */
const sockets = new Set<WebSocketRoute>();
let cut = false;

test.beforeAll(async ({ browser }) => {
  page = await browser.newPage();
  await page.routeWebSocket(/dasklens\/api/, socket => {
    if (cut) {
      void socket.close();
      return;
    }
    socket.connectToServer();
    sockets.add(socket);
  });
  await forgetSchedulers(page);
  await writeNotebook(page, 'remote.ipynb', [REMOTE, CONNECT]);
  await page.goto('/lab/tree/remote.ipynb?reset');
  await kernelIdle(page);
  await openPanel(page);
});

test.afterAll(async () => {
  await python(page, 'process.kill()');
  await endKernels(page);
  await page.close();
});

const count = async (): Promise<number> =>
  (await markIn(page, 'dasklens-panel')).evaluate(m => m.log.nRecords);

test('it appears when the notebook connects to it, with its tasks', async () => {
  await runCell(page, 0);
  await expectCase(page, 'none');
  await runCell(page, 1);
  await expectCase(page, 'live');
  await expect(headerOf(page).locator('[data-fact="workers"]')).toHaveText('1 worker');
  await expect.poll(count).toBe(50);
});

test('suspended it is lost, with why; it goes on where it was', async () => {
  await python(page, 'os.kill(process.pid, signal.SIGSTOP)');
  await expectCase(page, 'lost', 60_000);
  await expect(headerOf(page)).toContainText(/lost since .*retrying/);
  expect(await pixels(canvasIn(sectionOf(page, 'task-stream')))).toBeGreaterThan(50);
  await look(page, 'lost');
  await python(page, 'os.kill(process.pid, signal.SIGCONT)');
  await expectCase(page, 'live', 60_000);
  await python(page, 'more = client.gather(client.map(abs, range(20), pure=False))');
  await expect.poll(count).toBe(70);
});

test('paused it asks for nothing, and catches up', async () => {
  await command(page, 'dasklens:pause');
  await expectCase(page, 'paused');
  await python(page, 'more = client.gather(client.map(abs, range(10), pure=False))');
  await command(page, 'dasklens:pause');
  await expectCase(page, 'live');
  await expect.poll(count).toBe(80);
});

test('cut off from the Jupyter server it says so, and misses nothing', async () => {
  cut = true;
  await Promise.all([...sockets].map(socket => socket.close()));
  sockets.clear();
  await expectCase(page, 'offline');
  await expect(headerOf(page)).toContainText('the Jupyter server does not answer; retrying');
  await expect(sectionOf(page, 'task-stream').locator('.dasklens-phase')).toHaveAttribute(
    'data-phase',
    'lost'
  );
  await python(page, 'more = client.gather(client.map(abs, range(10), pure=False))');
  expect(await count()).toBe(80);
  cut = false;
  await expectCase(page, 'live', 60_000);
  await expect.poll(count, { timeout: 60_000 }).toBe(90);
});

test('killed it is lost, with why, and the last picture stays', async () => {
  await python(page, 'process.kill(); process.wait()');
  await expectCase(page, 'lost');
  await expect(headerOf(page)).toContainText('What helps');
  await expect(sectionOf(page, 'task-stream').locator('.dasklens-phase')).toHaveAttribute(
    'data-phase',
    'lost'
  );
  expect(await pixels(canvasIn(sectionOf(page, 'task-stream')))).toBeGreaterThan(50);
  expect(await count()).toBe(90);
  await look(page, 'killed');
});
