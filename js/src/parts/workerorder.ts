/** Which workers are shown, and in which order. */

import type { Worker } from '../core/workers';
import { BY_KEY } from './workercolumns';

export interface Sort {
  /** Of a column; any other means the order of the names. */
  readonly key: string;
  readonly descending: boolean;
}

/** Workers in whose name, address or status the text is found, whatever its case. */
export function filtered(workers: readonly Worker[], text: string): Worker[] {
  const wanted = text.trim().toLowerCase();
  return workers.filter(
    ({ name, address, status }) =>
      wanted === '' ||
      name.toLowerCase().includes(wanted) ||
      address.toLowerCase().includes(wanted) ||
      status.toLowerCase().includes(wanted)
  );
}

/**
 * Keeps workers in order. While the pointer is on them, each keeps its place and only new ones come,
 * at the end: numbers change every second, and a click would hit another worker.
 */
export class Order {
  private places = new Map<Worker, number>();
  private held = '';

  constructor(private readonly hold: () => boolean) {}

  /** `workers` come in the order of their names. */
  of(workers: readonly Worker[], sort: Sort, generation: number): Worker[] {
    const asked = `${sort.key} ${sort.descending}`;
    const column = BY_KEY.get(sort.key);
    const ordered = [...workers];
    if (this.hold() && this.held === asked) {
      const last = this.places.size;
      ordered.sort((a, b) => (this.places.get(a) ?? last) - (this.places.get(b) ?? last));
    } else if (column && column.key !== 'name') {
      const way = sort.descending ? -1 : 1;
      const values = new Map(workers.map(worker => [worker, column.sort(worker)]));
      const value = (worker: Worker): number | string => values.get(worker) ?? 0;
      // Stable, so that equals stay in the order of their names.
      ordered.sort((a, b) => (value(a) < value(b) ? -way : value(a) > value(b) ? way : 0));
    } else if (sort.descending) {
      ordered.reverse();
    }
    this.held = asked;
    if (!this.hold() || this.generation !== generation || this.places.size !== ordered.length) {
      this.places = new Map(ordered.map((worker, i) => [worker, i]));
      this.generation = generation;
    }
    return ordered;
  }

  private generation = -1;
}
