// Worlds of the tests: servers in processes of their own, see world.py and front.py.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface Started {
  /** Base URL of the Jupyter server. */
  url: string;
  token: string;
  /** Have it do something, and wait until it has. */
  ask(what: object): Promise<void>;
  stop(): Promise<void>;
}

export interface World extends Started {
  /** Ports. */
  dashboard: number;
  collector: number;
  /** Path of Jupyter's log. */
  log: string;
}

/** A Jupyter server with a hostile dashboard. */
export function startWorld(): Promise<World> {
  return start<World>('world.py');
}

/** A Jupyter server behind TLS, and a scheduler. */
export function startFront(): Promise<Started> {
  return start<Started>('front.py');
}

async function start<T extends Started>(script: string): Promise<T> {
  const python = resolve(__dirname, '../../.venv/bin/python');
  const child = spawn(python, [resolve(__dirname, script)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>(done => child.once('exit', () => done()));
  const lines = createInterface({ input: child.stdout });
  const line = (): Promise<string> =>
    new Promise<string>((done, fail) => {
      const failed = (code: number | null): void => fail(new Error(`${script} ended with ${code}`));
      child.once('exit', failed);
      lines.once('line', text => {
        child.off('exit', failed);
        done(text);
      });
    });
  return {
    ...JSON.parse(await line()),
    ask: async (what: object) => {
      const answered = line();
      child.stdin.write(`${JSON.stringify(what)}\n`);
      await answered;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    }
  } as T;
}
