/** The sections that are tables: exceptions, logs, workers, bandwidth, fine metrics. */

import { thousands } from '../core/format';
import { colourOf } from '../core/palette';
import { h, swatch } from '../parts/elements';
import { emptyNote, type Context } from './context';
import { isRedacted, type LogLine, type Report, type Table } from './document';
import type { Section } from './tabs';
import { tableOf, type TableOptions } from './table';

/** The table of this name, or why there is none. */
function tableNamed({ tables }: Report, name: string, missing: string): Table {
  return Object.hasOwn(tables, name) ? tables[name] : { title: '', columns: [], rows: [], empty: missing };
}

const PREFIXES: TableOptions['decorate'] = ({ name }, value) =>
  name === 'prefix' && typeof value === 'string' && value !== '' ? swatch(colourOf(value)) : null;

interface Listed {
  readonly table: string;
  /** Of several tables in one section. */
  readonly title?: string;
  readonly missing: string;
  readonly noun: string;
  /** The column that it is sorted by, from the largest. */
  readonly by?: string;
}

const LISTED: readonly { name: string; title: string; tables: readonly Listed[] }[] = [
  {
    name: 'bandwidth',
    title: 'Bandwidth',
    tables: [
      {
        table: 'bandwidth_workers',
        title: 'Between workers',
        missing: 'No transfer between workers was measured.',
        noun: 'pair',
        by: 'bandwidth'
      },
      {
        table: 'bandwidth_types',
        title: 'By type',
        missing: 'No transfer of any type was measured.',
        noun: 'type',
        by: 'bandwidth'
      }
    ]
  },
  {
    name: 'fine-metrics',
    title: 'Fine metrics',
    tables: [
      { table: 'fine_metrics', missing: 'No fine performance metrics were read.', noun: 'row', by: 'seconds' }
    ]
  },
  {
    name: 'exceptions',
    title: 'Exceptions',
    tables: [{ table: 'exceptions', missing: 'No task failed.', noun: 'exception' }]
  },
  {
    name: 'workers',
    title: 'Workers',
    tables: [{ table: 'workers', missing: 'The workers were not recorded.', noun: 'worker' }]
  }
];

/** The sections, in order, with that of the logs before the last. */
export function listSections(context: Context): Section[] {
  const { report } = context;
  const sections = LISTED.map(({ name, title, tables }): Section => {
    const made = tables.map(each => ({ ...each, made: tableNamed(report, each.table, each.missing) }));
    const rows = made.reduce((sum, { made: { rows } }) => sum + rows.length, 0);
    const counts = name === 'exceptions' || name === 'workers';
    return {
      name,
      title,
      prints: true,
      empty: rows === 0,
      ...(counts && rows > 0 && { badge: thousands(rows) }),
      alarming: name === 'exceptions',
      build: panel => {
        for (const each of made) {
          const column = each.made.columns.findIndex(column => column.name === each.by);
          const options = {
            noun: each.noun,
            decorate: PREFIXES,
            ...(column >= 0 && { sorted: { column, down: true } })
          };
          const shown = tableOf({ ...each.made, title: each.made.title || title }, options);
          panel.append(each.title ? h('section', { class: 'block' }, h('h3', {}, each.title), shown) : shown);
        }
      }
    };
  });
  sections.splice(-1, 0, logs(context));
  return sections;
}

function logs({ report }: Context): Section {
  const { scheduler, workers, empty } = report.logs;
  const lines = (from: string, all: readonly LogLine[]): (string | number | null)[][] =>
    all.map(({ time, level, text }) => [time, from, level, text]);
  const rows = [
    ...lines('scheduler', scheduler),
    ...Object.entries(workers).flatMap(([address, all]) => lines(address, all))
  ].sort((a, b) => Number(a[0] ?? Infinity) - Number(b[0] ?? Infinity));
  return {
    name: 'logs',
    title: 'Logs',
    prints: true,
    empty: rows.length === 0,
    build: panel => {
      if (rows.length === 0) {
        const why = isRedacted(report, 'logs') ? 'The logs were left out on purpose.' : empty;
        panel.append(emptyNote(why || 'Nothing was logged.'));
        return;
      }
      panel.append(
        tableOf(
          {
            title: 'Logs',
            columns: [
              { name: 'time', title: 'Time', unit: '' },
              { name: 'from', title: 'From', unit: '' },
              { name: 'level', title: 'Level', unit: '' },
              { name: 'text', title: 'Message', unit: '' }
            ],
            rows,
            empty: ''
          },
          { noun: 'line', decorate: levelOf }
        )
      );
    }
  };
}

/** A level is said by shape too. */
function levelOf({ name }: { name: string }, value: unknown): Node | null {
  if (name !== 'level') {
    return null;
  }
  const bad = value === 'ERROR' || value === 'CRITICAL';
  return bad || value === 'WARNING'
    ? h('span', { class: bad ? 'level error' : 'level warning', 'aria-hidden': 'true' }, bad ? '✕ ' : '▲ ')
    : null;
}
