// Notebooks as pages: `jupyter nbconvert --to dasklens`, opened from disk.

import type { TestInfo } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..');
const EXPORTER = 'dasklens.report.nbexport.DasklensExporter';

export type Data = Record<string, unknown>;

interface Cell {
  readonly source: string;
  readonly markdown?: boolean;
  readonly outputs?: readonly Data[];
}

/** A notebook of format 4.5. */
export function notebook(cells: readonly Cell[], state: Data = {}): Data {
  return {
    cells: cells.map(({ source, markdown, outputs = [] }, i) => ({
      id: `cell-${i}`,
      source,
      metadata: {},
      ...(markdown
        ? { cell_type: 'markdown' }
        : {
            cell_type: 'code',
            execution_count: null,
            outputs: outputs.map(data => ({ output_type: 'display_data', metadata: {}, data }))
          })
    })),
    metadata: {
      kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' },
      widgets: {
        'application/vnd.jupyter.widget-state+json': { version_major: 2, version_minor: 0, state }
      }
    },
    nbformat: 4,
    nbformat_minor: 5
  };
}

/** The data of an output that shows a widget. */
export function shows(model_id: string, more: Data = {}): Data {
  return {
    'application/vnd.jupyter.widget-view+json': { version_major: 2, version_minor: 0, model_id },
    'text/plain': 'A widget',
    ...more
  };
}

/** A model as Jupyter saves it. */
export function model(name: string, state: Data = {}, module = '@jupyter-widgets/controls'): Data {
  return {
    model_name: `${name}Model`,
    model_module: module,
    model_module_version: '2.0.0',
    state: {
      _model_name: `${name}Model`,
      _model_module: module,
      _view_name: `${name}View`,
      _view_module: module,
      ...state
    }
  };
}

const ALL = `
import json, sys
import ipywidgets as w
from ipywidgets.embed import dependency_state
more = {"Image": {"value": b"x"}, "Video": {"value": b"x"}, "Audio": {"value": b"x"}}
chosen = ("Dropdown", "RadioButtons", "Select", "SelectMultiple", "SelectionRangeSlider", "SelectionSlider", "ToggleButtons")
bare = ("DOMWidget", "GridspecLayout", "interactive")
made = [
    kind(**({"options": ["a", "b"]} if name in chosen else more.get(name, {})))
    for name, kind in sorted(vars(w).items())
    if isinstance(kind, type) and issubclass(kind, w.DOMWidget) and name not in bare
]
json.dump([[each.model_id for each in made], dependency_state(made, drop_defaults=False)], sys.stdout)`;

/** A notebook with every widget that ipywidgets has. */
export function ofAllControls(): Data {
  const python = join(ROOT, '.venv/bin/python');
  const [ids, state] = JSON.parse(execFileSync(python, ['-c', ALL], { encoding: 'utf8' })) as [
    string[],
    Data
  ];
  return notebook([{ source: '', outputs: ids.map(id => shows(id)) }], state);
}

/** Convert a notebook, with more arguments for nbconvert; the address of the page. */
export function converted(nb: Data, info: TestInfo, ...more: string[]): string {
  const file = info.outputPath('run.ipynb');
  writeFileSync(file, JSON.stringify(nb));
  const python = join(ROOT, '.venv/bin/python');
  const asked = ['-m', 'nbconvert', '--to', EXPORTER, '--log-level=ERROR', ...more, file];
  for (let left = 1; ; left--) {
    try {
      execFileSync(python, asked, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000 });
      break;
    } catch (error) {
      // A kernel's ports are those that were free: where another program took one meanwhile, a cell never ends.
      if (left === 0 || (error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') {
        throw error;
      }
    }
  }
  return `file://${info.outputPath('run.html')}`;
}
