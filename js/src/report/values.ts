/** Values of tables, in the units that their columns say, as people read them and as programs do. */

import { bytes, clock, day, duration, thousands } from '../core/format';
import { byName } from '../core/order';
import type { Column, Unit, Value } from './document';

/** As it stands in a cell. */
export function shown(value: Value, column: Column): string {
  if (value === null) {
    return '';
  }
  if (typeof value === 'string') {
    return value;
  }
  return isInstant(column, value) ? `${day(value)} ${clock(value, 1)}` : inUnit(value, column.unit);
}

export function inUnit(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) {
    return '';
  }
  switch (unit) {
    case 's':
      return duration(value);
    case 'B':
      return bytes(value);
    case 'B/s':
      return `${bytes(value)}/s`;
    case '%':
      return percent(value / 100);
    default:
      return Number.isInteger(value)
        ? thousands(value)
        : value.toLocaleString('en', { maximumFractionDigits: 3 });
  }
}

/** A part of one as per cent. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0) {
    return '0 %';
  }
  return value < 0.1 ? '< 0.1 %' : `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

/** A column of the unit seconds may hold lengths or instants; an instant is far from 1970. */
export function isInstant({ name, unit }: Column, value: number): boolean {
  return (unit === 's' || unit === '') && value > 1e8 && /time|start|stop|when|seen/.test(name);
}

/** In what order two values of a column stand; nothing comes last. */
export function compare(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') {
    return a - b;
  }
  return byName(String(a), String(b));
}

/** Rows as tab-separated values: a spreadsheet takes them, and no cell becomes two. */
export function tsvOf(columns: readonly Column[], rows: readonly (readonly Value[])[]): string {
  const head = columns.map(({ title, unit }) => cell(unit && unit !== 'n' ? `${title} [${unit}]` : title));
  const lines = rows.map(row => row.map(value => cell(value ?? '')).join('\t'));
  return [head.join('\t'), ...lines].join('\n') + '\n';
}

function cell(value: string | number): string {
  if (typeof value === 'number') {
    return String(value);
  }
  const text = /["\t\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  // A spreadsheet would take it for a formula.
  return /^[=+@-]/.test(text) ? `'${text}` : text;
}
