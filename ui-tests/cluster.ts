// What runs in the kernel of a test: a cluster, and work that keeps a log of its own.

import type { Page } from '@playwright/test';

import { HERE, headersFor, type Server } from './notebook';

/** A cell: a cluster of two workers with two threads each. */
export const CLUSTER = `
import json, os, random, tempfile, threading, time
import dask.array as da
import dask.dataframe as dd
import distributed
import pandas as pd
from distributed import Client

client = Client(n_workers=2, threads_per_worker=2, dashboard_address=":0")
# What workers say of failing tasks would be a failure of the cell.
client.run(lambda: __import__("logging").getLogger("distributed.worker").setLevel("CRITICAL"))
log = os.path.join(tempfile.mkdtemp(), "log.jsonl")

def logged(i, seconds, log):
    worker = distributed.get_worker()
    # By its estimate of how far the scheduler's clock is ahead a worker corrects the times it reports.
    ahead = worker.scheduler_delay
    start = time.time() + ahead
    time.sleep(seconds)
    stop = time.time() + ahead
    line = {
        "key": worker.get_current_task(),
        "start": start,
        "stop": stop,
        "thread": threading.get_ident(),
        "worker": worker.address,
    }
    # In one piece: several processes append.
    with open(log, "a") as file:
        file.write(json.dumps(line) + "\\n")
    return i

def failing(seconds, text):
    time.sleep(seconds)
    raise ValueError(text)
`;

/** A line of that log. */
export interface Logged {
  key: string;
  start: number;
  stop: number;
  thread: number;
  worker: string;
}

/** Run Python in the notebook's kernel beside its cells; what it prints last, as JSON. */
export async function python<T = unknown>(page: Page, code: string): Promise<T> {
  const printed = await page.evaluate(async source => {
    const { kernel } = (window as any).jupyterapp.shell.currentWidget.sessionContext.session;
    const future = kernel.requestExecute({ code: source, store_history: false });
    let text = '';
    future.onIOPub = ({ content }: any) => {
      text += content.name === 'stdout' ? content.text : '';
    };
    const { content } = await future.done;
    if (content.status !== 'ok') {
      throw new Error(`${content.ename}: ${content.evalue}`);
    }
    return text;
  }, code);
  return (printed ? JSON.parse(printed.trimEnd().split('\n').pop() as string) : null) as T;
}

/** End every kernel, and with it its cluster. */
export async function endKernels(page: Page, server: Server = HERE): Promise<void> {
  const headers = headersFor(server);
  const sessions = (await (await page.request.get(`${server.url}api/sessions`, { headers })).json()) as {
    id: string;
  }[];
  for (const { id } of sessions) {
    await page.request.delete(`${server.url}api/sessions/${id}`, { headers });
  }
}
