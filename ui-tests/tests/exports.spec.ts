// What is exported of a run, read by tools that know nothing of us: a library for traces, and speedscope.

import { expect, test } from '@playwright/test';
import { buildModel } from '@tracerbench/trace-model';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

import { openInSpeedscope } from '../speedscope';

const ROOT = resolve(__dirname, '../..');

const EXPORT = `
import json, sys
from dasklens import load_report
report = load_report("tests/data/reports/sample.json")
table = report.to_pandas()
compute = table[table.action == "compute"]
lanes = table[["worker", "thread"]].drop_duplicates()
print(json.dumps({
    "trace": report.to_trace_events().decode(),
    "speedscope": report.to_speedscope().decode(),
    "tasks": len(report),
    "spans": len(table),
    "transfers": int((table.action == "transfer").sum()),
    "workers": sorted(table.worker.unique()),
    "lanes": len(lanes),
    "seconds": compute.groupby("prefix", observed=True).duration.sum().to_dict(),
}))`;

interface Exported {
  trace: string;
  speedscope: string;
  tasks: number;
  spans: number;
  transfers: number;
  workers: string[];
  lanes: number;
  seconds: Record<string, number>;
}

const run = JSON.parse(
  execFileSync(join(ROOT, '.venv/bin/python'), ['-c', EXPORT], {
    encoding: 'utf8',
    cwd: ROOT,
    maxBuffer: 1 << 28
  })
) as Exported;

test('a library for traces finds every worker, thread and task', () => {
  const model = buildModel(JSON.parse(run.trace));
  const workers = model.processes.filter(process => process.name !== 'Cluster');
  expect(workers.map(process => process.name)).toEqual(run.workers.map((worker, at) => `${at} (${worker})`));
  const threads = workers.flatMap(process => process.threads.filter(thread => thread.name));
  expect(threads.filter(thread => /^thread \d+$/.test(thread.name ?? ''))).toHaveLength(run.lanes);
  const tasks = threads.flatMap(thread => thread.events.filter(event => event.hasCategory('task')));
  expect(tasks).toHaveLength(run.spans);
  // By containment, none is taken for a part of another.
  expect(tasks.filter(event => event.parent !== undefined)).toEqual([]);
  const seconds: Record<string, number> = {};
  for (const event of tasks) {
    if ((event.args as { action: string }).action === 'compute') {
      seconds[event.name] = (seconds[event.name] ?? 0) + event.duration / 1e6;
    }
  }
  expect(Object.keys(seconds).sort()).toEqual(Object.keys(run.seconds).sort());
  for (const [prefix, spent] of Object.entries(run.seconds)) {
    expect(seconds[prefix]).toBeCloseTo(spent, 4);
  }
  const sent = threads.flatMap(thread => thread.events.filter(event => event.hasCategory('sent')));
  expect(sent).toHaveLength(run.transfers);
});

test('speedscope opens the trace and finds the workers and their tasks', async ({ page }, info) => {
  const wrong = await openInSpeedscope(page, 'run.trace.json', run.trace);
  const [prefix] = Object.entries(run.seconds).sort(([, a], [, b]) => b - a)[0];
  await expect(page.getByText(/thread 1/).first()).toBeVisible();
  await page.screenshot({ path: info.outputPath('trace.png') });
  await page.getByText('Sandwich').click();
  await expect(page.getByText(new RegExp(`^${prefix}`)).first()).toBeVisible();
  await page.screenshot({ path: info.outputPath('trace-sandwich.png') });
  // Which processes and threads there are to choose from.
  await page
    .getByText(/thread \d/)
    .first()
    .click();
  for (const worker of run.workers) {
    await expect(page.getByText(new RegExp(`${worker}.*thread 1`)).last()).toBeVisible();
  }
  await page.screenshot({ path: info.outputPath('trace-threads.png') });
  expect(wrong).toEqual({ errors: [], asked: [] });
});

test('speedscope opens call trees and threads from one file', async ({ page }, info) => {
  const wrong = await openInSpeedscope(page, 'run.speedscope.json', run.speedscope);
  await expect(page.getByText(/worker threads \(samples\)/).first()).toBeVisible();
  await page.screenshot({ path: info.outputPath('trees.png') });
  await page
    .getByText(/worker threads \(samples\)/)
    .first()
    .click();
  await page
    .getByText(/, thread 1$/)
    .first()
    .click();
  await expect(page.getByText(/, thread 1/).first()).toBeVisible();
  await page.screenshot({ path: info.outputPath('thread.png') });
  expect(wrong).toEqual({ errors: [], asked: [] });
});
