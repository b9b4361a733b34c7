// A JupyterLab of .venv, with a home folder and a port of its own, and Debian's Chromium: Playwright's
// own browsers are not on any package registry.

import { defineConfig } from '@playwright/test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// Every worker process evaluates this file again and has to come to the same server.
process.env.DASKLENS_UI_PORT ??= String(20000 + Math.floor(Math.random() * 12_000));
process.env.DASKLENS_UI_HOME ??= mkdtempSync(join(tmpdir(), 'dasklens-ui-'));
const port = process.env.DASKLENS_UI_PORT;
const home = process.env.DASKLENS_UI_HOME;

const bin = resolve(__dirname, '../.venv/bin');

export default defineConfig({
  testDir: 'tests',
  timeout: 120_000,
  expect: { timeout: 30_000 },
  // One kernel and one cluster at a time: the machines that run this have two cores.
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    viewport: { width: 1280, height: 900 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-quic'
      ]
    }
  },
  webServer: {
    command: `${bin}/python ${resolve(__dirname, 'jupyter_lab.py')}`,
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: home,
      DASKLENS_UI_PORT: port,
      JUPYTER_CONFIG_DIR: join(home, 'config'),
      JUPYTER_DATA_DIR: join(home, 'data'),
      JUPYTER_RUNTIME_DIR: join(home, 'runtime')
    },
    url: `http://127.0.0.1:${port}/api`,
    timeout: 120_000,
    // A server that runs already would be somebody's own, with another dasklens.
    reuseExistingServer: false
  }
});
