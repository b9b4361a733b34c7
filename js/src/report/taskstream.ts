/** The task stream: the figure of panel and cell; what it shows is part of the page's address. */

import type { Range } from '../core/viewport';
import { emptyNote, figureIn, recordsOf, type Context } from './context';
import type { Hosted } from './shared';
import type { Shown } from './tabs';

export function buildTaskStream(panel: HTMLElement, context: Context): Shown | void {
  const { report, open, address } = context;
  if (recordsOf(report, 'tasks') === 0) {
    panel.append(emptyNote('No task finished while this was recorded.'));
    return undefined;
  }
  const wanted = (): Range | null => {
    const { range } = address;
    return range && [report.start + range[0], report.start + range[1]];
  };
  const prefixes = (): string[] => {
    const prefix = address.get('prefix');
    return prefix === null ? [] : [prefix];
  };
  let hosted: Hosted | null = null;
  const onRange = (range: Range | null): void => {
    const long = range ? range[1] - range[0] : 0;
    const [from, to] = range ? range.map(at => seconds(at - report.start, long)) : [null, null];
    address.setSoon({ from, to });
  };
  void figureIn(panel, context, {
    name: 'task-stream',
    open,
    range: wanted(),
    highlight: prefixes(),
    onRange
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

/** Seconds with as many digits as tell apart what is shown. */
function seconds(value: number, long: number): string {
  const digits = Math.min(6, Math.max(1, 3 - Math.floor(Math.log10(Math.max(1e-9, long)))));
  return String(Number(value.toFixed(digits)));
}
