/**
 * Spans in columns: rows of rectangles sorted by start. The task stream's rows are the bands of its
 * lanes, a flame graph's its depths; nothing here knows which.
 *
 * Words: *start* is in seconds after the table's `base`; *slot* is an index of whoever fills the
 * table (colour and kind); *record* is the number of the thing that the span belongs to.
 *
 * A span costs 18 bytes and at most an eighth of that in room to grow. The duration is a float32: up
 * to four seconds it is as fine as the clock that measured it (a float64 of seconds since the epoch
 * has steps of 0.24 microseconds), beyond that it is right to six parts in a hundred million.
 */

/** Spans a block: of each we keep the latest stop up to its end, to find what overlaps a time. */
const BLOCK_BITS = 6;
const BLOCK = 1 << BLOCK_BITS;

export class Row {
  start = new Float64Array(0);
  duration = new Float32Array(0);
  slot = new Uint16Array(0);
  record = new Uint32Array(0);
  length = 0;
  /** How many of the spans are erred: rows without any are painted by a shorter loop. */
  errors = 0;
  /** Another one whenever the spans are not what they were. */
  version = 0;

  /** Latest stop of any span in the blocks up to and with this one: never falls from left to right. */
  private reach = new Float64Array(0);
  /** Spans in front of this index are in order; those behind wait for `settle`. */
  private settled = 0;

  push(start: number, duration: number, slot: number, record: number): void {
    const i = this.length;
    if (i === this.start.length) {
      this.grow(i + 1);
    }
    this.start[i] = start;
    this.duration[i] = duration;
    this.slot[i] = slot;
    this.record[i] = record;
    this.length = i + 1;
  }

  /** Make room for n more spans at once; a bulk load then leaves no unused room. */
  reserve(n: number): void {
    if (this.length + n > this.start.length) {
      this.grow(this.length + n);
    }
  }

  /**
   * Put what was pushed since the last call into order. Transfers of a task start before its compute
   * ends and are heard of later, so the tail is sorted and merged into the few spans it overlaps.
   */
  settle(): void {
    const from = this.settled;
    const n = this.length;
    if (from === n) {
      return;
    }
    const start = this.start;
    let ordered = true;
    for (let i = Math.max(1, from); i < n; i++) {
      if (start[i] < start[i - 1]) {
        ordered = false;
        break;
      }
    }
    const touched = ordered ? from : this.merge(from);
    this.settled = n;
    this.version++;
    this.extendReach(touched);
  }

  /** Index of the first span that starts at or after the time. */
  lowerBound(time: number): number {
    const start = this.start;
    let low = 0;
    let high = this.settled;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (start[middle] < time) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** An index with no span in front of it that stops after the time; at most a block too early. */
  firstReaching(time: number): number {
    const reach = this.reach;
    let low = 0;
    let high = (this.settled + BLOCK - 1) >> BLOCK_BITS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (reach[middle] < time) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low << BLOCK_BITS;
  }

  stop(i: number): number {
    return this.start[i] + this.duration[i];
  }

  /** Bytes that the row keeps. */
  get bytes(): number {
    return this.start.length * 18 + this.reach.length * 8;
  }

  private grow(needed: number): void {
    const size = Math.max(needed, this.length + (this.length >> 3) + 16);
    this.start = resized(this.start, new Float64Array(size));
    this.duration = resized(this.duration, new Float32Array(size));
    this.slot = resized(this.slot, new Uint16Array(size));
    this.record = resized(this.record, new Uint32Array(size));
  }

  /** Merge the tail from `from` into what is settled; returns the first index that changed. */
  private merge(from: number): number {
    const { start, duration, slot, record, length } = this;
    const m = length - from;
    const order = new Uint32Array(m);
    for (let i = 0; i < m; i++) {
      order[i] = from + i;
    }
    // Equal starts stay in the order they came in, so that a picture does not depend on the batches.
    order.sort((a, b) => start[a] - start[b] || a - b);
    const starts = Float64Array.from(order, i => start[i]);
    const durations = Float32Array.from(order, i => duration[i]);
    const slots = Uint16Array.from(order, i => slot[i]);
    const records = Uint32Array.from(order, i => record[i]);
    let write = length - 1;
    let old = from - 1;
    let late = m - 1;
    while (late >= 0) {
      if (old >= 0 && start[old] > starts[late]) {
        start[write] = start[old];
        duration[write] = duration[old];
        slot[write] = slot[old];
        record[write] = record[old];
        old--;
      } else {
        start[write] = starts[late];
        duration[write] = durations[late];
        slot[write] = slots[late];
        record[write] = records[late];
        late--;
      }
      write--;
    }
    return write + 1;
  }

  private extendReach(touched: number): void {
    const blocks = (this.length + BLOCK - 1) >> BLOCK_BITS;
    if (blocks > this.reach.length) {
      this.reach = resized(this.reach, new Float64Array(blocks + (blocks >> 3)));
    }
    const { start, duration, reach, length } = this;
    const first = touched >> BLOCK_BITS;
    let latest = first > 0 ? reach[first - 1] : -Infinity;
    for (let block = first; block < blocks; block++) {
      const end = Math.min(length, (block + 1) << BLOCK_BITS);
      for (let i = block << BLOCK_BITS; i < end; i++) {
        const stop = start[i] + duration[i];
        if (stop > latest) {
          latest = stop;
        }
      }
      reach[block] = latest;
    }
  }
}

function resized<T extends { set(from: T): void; subarray(a: number, b: number): T; length: number }>(
  from: T,
  into: T
): T {
  into.set(from.length > into.length ? from.subarray(0, into.length) : from);
  return into;
}

export class SpanTable {
  /** Seconds since the epoch that starts are counted from; the first frame sets it. */
  base = 0;
  readonly rows: Row[] = [];
  /** Spans in all rows. */
  count = 0;
  /** Earliest start and latest stop, in seconds after `base`; infinite while there is no span. */
  earliest = Infinity;
  latest = -Infinity;

  private readonly unsettled = new Set<Row>();

  row(id: number): Row {
    while (this.rows.length <= id) {
      this.rows.push(new Row());
    }
    return this.rows[id];
  }

  push(row: number, start: number, duration: number, slot: number, record: number, error = false): void {
    const to = this.row(row);
    to.push(start, duration, slot, record);
    if (error) {
      to.errors++;
    }
    this.unsettled.add(to);
    this.count++;
    if (start < this.earliest) {
      this.earliest = start;
    }
    if (start + duration > this.latest) {
      this.latest = start + duration;
    }
  }

  /** To be called after a batch of `push`: until then nothing of it is found. */
  settle(): void {
    for (const row of this.unsettled) {
      row.settle();
    }
    this.unsettled.clear();
  }

  clear(): void {
    this.rows.length = 0;
    this.unsettled.clear();
    this.count = 0;
    this.earliest = Infinity;
    this.latest = -Infinity;
  }

  get bytes(): number {
    return this.rows.reduce((sum, row) => sum + row.bytes, 0);
  }
}
