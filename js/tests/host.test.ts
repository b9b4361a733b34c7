import { readdirSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import figures from '../src/host/figures.json';
import { PART_NAMES } from '../src/host/parts';
import { partOf } from '../src/report/hostparts';
import { HOSTED } from '../src/report/shared';

interface Model {
  name: string;
  module: string;
  state: Record<string, unknown>;
}

const models = figures.flatMap(figure => Object.values(figure.models) as Model[]);

test('every part that there is can be shown without a kernel', () => {
  const all = readdirSync('src/parts').filter(file =>
    /^export default/m.test(readFileSync(`src/parts/${file}`, 'utf8'))
  );
  expect(PART_NAMES.map(name => `${name.replace(/Part$/, '').toLowerCase()}.ts`).sort()).toEqual(all.sort());
});

test('every part that a figure is made of is known', () => {
  const parts = models
    .filter(model => model.module === 'anywidget')
    .map(model => String(model.state._anywidget_id).split('.').pop());
  expect(parts.length).toBeGreaterThan(0);
  expect(parts.filter(part => !PART_NAMES.includes(part as string))).toEqual([]);
});

test('a report has every part of the figures that it hosts, and says which it has not', async () => {
  const parts = figures
    .filter(({ name }) => (HOSTED as readonly string[]).includes(name))
    .flatMap(figure => Object.values(figure.models) as Model[])
    .filter(model => model.module === 'anywidget')
    .map(model => String(model.state._anywidget_id));
  expect(parts.length).toBeGreaterThan(8);
  for (const part of parts) {
    expect(await partOf(part)).toHaveProperty('render');
  }
  await expect(partOf('dasklens.widgets.workers.Workers')).rejects.toThrow('no part');
});

test('figures are made of what the page has', () => {
  const known = [
    '@jupyter-widgets/base',
    '@jupyter-widgets/controls',
    'anywidget',
    'bqplot',
    'bqscales',
    'dasklens'
  ];
  expect(models.map(model => model.module).filter(module => !known.includes(module))).toEqual([]);
});
