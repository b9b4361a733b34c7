/** A code cell for a notebook. What is needed of a notebook is said here; see front.ts for why. */

import type { Scheduler } from './api';
import type { WithKernel } from './front';

interface Notebook {
  activeCellIndex: number;
  readonly model: {
    readonly sharedModel: {
      insertCell(index: number, cell: { cell_type: string; source: string; metadata: object }): unknown;
    };
  } | null;
}

function notebookOf(document: WithKernel | null): Notebook | null {
  const content = (document as { content?: Partial<Notebook> } | null)?.content;
  const insert: unknown = content?.model?.sharedModel?.insertCell;
  return typeof insert === 'function' && typeof content?.activeCellIndex === 'number'
    ? (content as Notebook)
    : null;
}

export function canInsert(document: WithKernel | null): boolean {
  return notebookOf(document) !== null;
}

/** Put a code cell below the one that is active. It is not run: that is for the person to do. */
export function insertCell(document: WithKernel | null, source: string): void {
  const notebook = notebookOf(document);
  if (notebook?.model) {
    const at = notebook.activeCellIndex + 1;
    notebook.model.sharedModel.insertCell(at, { cell_type: 'code', source, metadata: {} });
    notebook.activeCellIndex = at;
  }
}

/**
 * What shows a figure in a cell.
 *
 * @param python name of the figure in the Python package.
 * @param own schedulers that the notebook's kernel uses.
 */
export function lineFor(python: string, scheduler: Scheduler | null, own: readonly Scheduler[]): string {
  const isOnlyOne = own.length === 1 && own[0].id === scheduler?.id;
  if (!scheduler || isOnlyOne) {
    return `import dasklens\n\ndasklens.${python}()`;
  }
  return (
    'import dasklens\nfrom dask.distributed import Client\n\n' +
    `dasklens.${python}(Client(${JSON.stringify(scheduler.scheduler)}))`
  );
}
