// A scheduler's page that means harm, in a frame of JupyterLab and in a tab of its own: it may show
// itself and speak with its own scheduler, and nothing else.

import { chromium, expect, test, type Frame, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';

import { type World, startWorld } from '../security/start';

let world: World;

test.beforeAll(async () => {
  world = await startWorld();
});

test.afterAll(() => world.stop());

/** Log in as a person does who follows the link that Jupyter printed. */
async function logIn(page: Page): Promise<void> {
  await page.goto(`${world.url}lab?token=${world.token}&reset`);
  await expect(page.locator('#jp-main-dock-panel')).toBeVisible();
}

/** Ask Jupyter's own page to call the API, with the cookies and the XSRF token that it has. */
function api<T>(
  page: Page,
  method: string,
  path: string,
  body?: unknown
): Promise<{ status: number; json: T }> {
  return page.evaluate(
    async ([how, url, what]) => {
      const xsrf = /_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? '';
      const answer = await fetch(url as string, {
        method: how as string,
        headers: { 'X-XSRFToken': xsrf, 'Content-Type': 'application/json' },
        body: what === null ? undefined : JSON.stringify(what)
      });
      return { status: answer.status, json: await answer.json() };
    },
    [method, world.url + path, body ?? null] as const
  );
}

/** Add the hostile dashboard and get the address of its pages. */
async function capability(page: Page): Promise<string> {
  const added = await api<{ id: string; state: string }>(page, 'POST', 'dasklens/api/schedulers', {
    url: `http://127.0.0.1:${world.dashboard}/status`
  });
  expect([200, 201]).toContain(added.status);
  const minted = await api<{ url: string }>(page, 'POST', `dasklens/api/schedulers/${added.json.id}/page`);
  expect(minted.status).toBe(200);
  return new URL(minted.json.url, world.url).href;
}

async function reportOf(frame: Frame): Promise<Record<string, string>> {
  await expect(frame.locator('#done')).toHaveText('done', { timeout: 60_000 });
  return JSON.parse(await frame.locator('#report').innerText()) as Record<string, string>;
}

/** What came over connections to the listener. */
async function connections(page: Page): Promise<string[]> {
  const answer = await page.request.get(`http://127.0.0.1:${world.collector}/hits`);
  return (await answer.json()).connections;
}

async function hits(page: Page): Promise<{ uri: string; headers: Record<string, string> }[]> {
  const answer = await page.request.get(`http://127.0.0.1:${world.collector}/hits`);
  return (await answer.json()).hits;
}

/** What the page may have got, and nothing beyond. */
function expectHarmless(report: Record<string, string>): void {
  // WebRTC is what remains (docs/security.md): Chromium does not know `webrtc 'block'` yet. A page can send by
  // it what it knows itself, to nobody who answers as Jupyter does.
  const { origin, ownScript, ownSocket, inlineScript, webrtc: _, ...rest } = report;
  expect(origin).toBe('got null');
  expect(ownScript).toBe('got loaded');
  expect(ownSocket).toBe('got hello');
  expect(inlineScript).toBe('got ran');
  // These tell the page nothing of what became of them: that nothing arrived is what counts.
  const blind = ['form', 'download', 'cssOutside', 'beaconOutside'];
  const got = Object.entries(rest).filter(([name, what]) => what.startsWith('got') && !blind.includes(name));
  expect(got).toEqual([]);
}

test('a hostile page in a frame gets nowhere', async ({ page }) => {
  await logIn(page);
  const url = await capability(page);
  const before = (await page.context().cookies()).map(c => `${c.name}=${c.value}`).sort();
  let downloads = 0;
  page.on('download', () => (downloads += 1));
  let popups = 0;
  page.on('popup', () => (popups += 1));
  await page.evaluate(src => {
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.src = src;
    frame.name = 'hostile';
    document.body.append(frame);
  }, `${url}status`);
  await expect.poll(() => page.frame('hostile')?.url()).toContain('/status');
  expectHarmless(await reportOf(page.frame('hostile') as Frame));
  expect(await hits(page)).toEqual([]);
  expect(downloads + popups).toBe(0);
  // JupyterLab is still there, logged in, at its own address.
  expect(page.url()).toContain('/user/someone/lab');
  expect((await page.context().cookies()).map(c => `${c.name}=${c.value}`).sort()).toEqual(before);
  expect((await api(page, 'GET', 'api/contents')).status).toBe(200);
});

test('a hostile page in its own tab gets nowhere', async ({ page }) => {
  await logIn(page);
  const url = await capability(page);
  let downloads = 0;
  page.on('download', () => (downloads += 1));
  let popups = 0;
  page.on('popup', () => (popups += 1));
  await page.goto(`${url}status`);
  expectHarmless(await reportOf(page.mainFrame()));
  expect(await hits(page)).toEqual([]);
  expect(downloads + popups).toBe(0);
  await page.goto(`${world.url}lab`);
  expect((await api(page, 'GET', 'api/contents')).status).toBe(200);
});

test('the page needs no cookie, and a guessed address shows nothing', async ({ page, browser }) => {
  await logIn(page);
  const url = await capability(page);
  const stranger = await browser.newContext();
  const without = await stranger.newPage();
  expect((await without.goto(`${url}status`))?.status()).toBe(200);
  const guess = url.replace(/.(?=\/$)/, c => (c === 'A' ? 'B' : 'A'));
  const refused = await without.goto(`${guess}status`);
  expect(refused?.status()).toBe(404);
  expect(await without.content()).not.toContain(guess.split('/').at(-2));
  await stranger.close();
});

test('a page that goes elsewhere takes neither cookie nor Referer along', async ({ page }) => {
  await logIn(page);
  const url = await capability(page);
  await page.goto(`${url}away`);
  await expect(page.locator('#outside')).toBeVisible();
  const [hit] = (await hits(page)).filter(each => each.uri === '/away');
  const names = Object.keys(hit.headers).map(name => name.toLowerCase());
  expect(names).not.toContain('cookie');
  expect(names).not.toContain('referer');
});

test('a page that a link leads to goes nowhere else, and nothing is sent there', async ({ page }) => {
  await logIn(page);
  await capability(page);
  const blocked = page.waitForEvent('console', line => /frame-src|Framing/.test(line.text()));
  const before = (await hits(page)).length;
  await page.goto(`${world.url}dasklens/open/127.0.0.1:${world.dashboard}/away`);
  await blocked;
  expect(page.url()).toContain('/dasklens/open/');
  expect(await hits(page)).toHaveLength(before);
});

/** A browser of its own that does ahead what those of tests are told not to. */
async function eager(look: (page: Page) => Promise<void>): Promise<void> {
  const context = await chromium.launchPersistentContext('', {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-component-update', '--disable-sync'],
    ignoreDefaultArgs: ['--disable-background-networking']
  });
  try {
    await look(await context.newPage());
  } finally {
    await context.close();
  }
}

// What remains, by docs/security.md: a browser that does less is welcome.

test('a page in a frame can have a connection made ahead, on which nothing is said', async () => {
  await eager(async page => {
    await logIn(page);
    await capability(page);
    const before = (await hits(page)).length;
    await page.goto(`${world.url}dasklens/open/127.0.0.1:${world.dashboard}/ahead`);
    await expect(page.frameLocator('iframe').locator('#ahead')).toBeVisible();
    await expect.poll(async () => (await connections(page)).length).toBeGreaterThan(0);
    expect((await connections(page)).join('')).toBe('');
    expect(await hits(page)).toHaveLength(before);
  });
});

test('a page at its bare address can have another one fetched ahead, with nothing of ours', async ({
  page
}) => {
  await logIn(page);
  const url = await capability(page);
  const before = (await hits(page)).length;
  // Without cookies of that host: where there are some, Chromium fetches nothing ahead.
  await eager(async stranger => {
    await stranger.goto(`${url}ahead`);
    await expect(stranger.locator('#ahead')).toBeVisible();
    await expect.poll(async () => (await hits(page)).length).toBeGreaterThan(before);
  });
  for (const hit of (await hits(page)).slice(before)) {
    expect(['/ahead', '/rendered']).toContain(hit.uri);
    const names = Object.keys(hit.headers).map(name => name.toLowerCase());
    expect(names).not.toContain('cookie');
    expect(names).not.toContain('referer');
    expect(JSON.stringify(hit)).not.toContain(url.split('/').at(-2));
  }
});

test('no other site can show a page of a scheduler in a frame', async ({ page }) => {
  await logIn(page);
  const url = await capability(page);
  await page.goto(`http://127.0.0.1:${world.collector}/frames-it`);
  await page.evaluate(src => {
    const frame = document.createElement('iframe');
    frame.name = 'framed';
    frame.src = src;
    document.body.append(frame);
  }, `${url}status`);
  await expect.poll(() => page.frame('framed')?.url() ?? '').toContain('chrome-error');
});

test('the address of a page is in no log', async ({ page }) => {
  await logIn(page);
  const url = await capability(page);
  const secret = url.split('/').at(-2) as string;
  expect(secret).toHaveLength(43);
  for (const path of ['status', 'missing', 'echo', '..%2f..%2fx', 'individual-hostile?token=x']) {
    await page.request.get(url + path, { failOnStatusCode: false });
  }
  const log = readFileSync(world.log, 'utf8');
  expect(log).toContain('dasklens');
  expect(log).not.toContain(secret);
});
