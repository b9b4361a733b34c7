// The world of the security tests: see world.py.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface World {
  /** Base URL of the Jupyter server. */
  url: string;
  token: string;
  /** Ports. */
  dashboard: number;
  collector: number;
  /** Path of Jupyter's log. */
  log: string;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const python = resolve(__dirname, '../../.venv/bin/python');
  const child = spawn(python, [resolve(__dirname, 'world.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>(done => child.once('exit', () => done()));
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((done, fail) => {
    lines.once('line', done);
    child.once('exit', code => fail(new Error(`the world ended with ${code}`)));
  });
  return {
    ...(JSON.parse(line) as Omit<World, 'stop'>),
    stop: async () => {
      child.stdin.end();
      await ended;
    }
  };
}
