/** The task stream: the figure of panel and cell; what it shows is part of the page's address. */

import type { Range } from '../core/viewport';
import { emptyNote, figureIn, rangeIn, recordsOf, sayRange, type Context } from './context';
import type { Hosted } from './shared';
import type { Shown } from './tabs';

export function buildTaskStream(panel: HTMLElement, context: Context): Shown | void {
  const { report, open, address } = context;
  if (recordsOf(report, 'tasks') === 0) {
    panel.append(emptyNote('No task finished while this was recorded.'));
    return undefined;
  }
  const wanted = (): Range | null => rangeIn(context);
  const prefixes = (): string[] => {
    const prefix = address.get('prefix');
    return prefix === null ? [] : [prefix];
  };
  let hosted: Hosted | null = null;
  void figureIn(panel, context, {
    name: 'task-stream',
    open,
    range: wanted(),
    highlight: prefixes(),
    onRange: range => sayRange(context, range)
  }).then(made => {
    hosted = made;
  });
  return {
    shown: () => {
      const range = wanted();
      if (range) {
        hosted?.showTime(range);
      }
      if (address.get('prefix') !== null) {
        hosted?.highlight(prefixes());
      }
    }
  };
}
