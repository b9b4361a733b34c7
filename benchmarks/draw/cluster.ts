/** Frames of a busy cluster that never was: lanes full of short tasks, some with a transfer before. */

import { encode } from '@msgpack/msgpack';

const PREFIXES = [
  'read-parquet',
  'getitem',
  'sum',
  'sum-aggregate',
  'mul',
  'random_sample',
  'merge',
  'store'
];

export class Cluster {
  private cursor = 0;
  private named = false;
  private seed = 42;
  private readonly busyUntil: Float64Array;

  constructor(
    private readonly lanes: number,
    /** Mean length of a task in seconds; lanes are busy four fifths of the time. */
    private readonly mean: number,
    private readonly base = 1.79e9
  ) {
    this.busyUntil = new Float64Array(lanes);
  }

  get newest(): number {
    return this.base + Math.max(...this.busyUntil);
  }

  /** The next frame: `spans` spans, one in eleven a transfer. */
  frame(spans: number): Uint8Array {
    const transfers = Math.floor(spans / 11);
    const n = spans - transfers;
    const group = new Uint32Array(n);
    const lane = new Uint32Array(n);
    const type = new Uint32Array(n).fill(PREFIXES.length + this.lanes);
    const nbytes = new Float64Array(n).fill(131_072);
    const counts = new Uint32Array(n).fill(1);
    const keyLength = new Uint32Array(n).fill(17);
    const key = new Uint8Array(n * 17);
    const action = new Uint32Array(spans);
    const start = new Float64Array(spans);
    const stop = new Float64Array(spans);
    const compute = PREFIXES.length + this.lanes + 1;
    let s = 0;
    for (let i = 0; i < n; i++) {
      const l = i % this.lanes;
      // Runs of the same prefix, as a cluster works through a graph.
      group[i] = Math.floor((this.cursor + i) / 700 + this.random() * 2) % PREFIXES.length;
      lane[i] = PREFIXES.length + l;
      const long = this.mean * (0.25 + 1.5 * this.random());
      const from = this.busyUntil[l] + this.mean * 0.5 * this.random();
      if (i < transfers) {
        counts[i] = 2;
        action[s] = compute + 1;
        start[s] = from - this.mean * 0.4;
        stop[s++] = from - this.mean * 0.1;
      }
      action[s] = compute;
      start[s] = from;
      stop[s++] = this.busyUntil[l] = from + long;
      key[i * 17] = 3;
      for (let k = 1; k < 17; k++) {
        key[i * 17 + k] = this.random() * 256;
      }
    }
    const names = this.named ? [] : this.names();
    const names0 = this.named ? PREFIXES.length + this.lanes + 3 : 0;
    this.named = true;
    const first = this.cursor;
    this.cursor += n;
    const col = (dtype: string, values: { buffer: ArrayBufferLike }): [string, Uint8Array] => [
      dtype,
      new Uint8Array(values.buffer)
    ];
    return encode({
      v: 1,
      stream: 'tasks',
      log: 'benchmark',
      first,
      next: this.cursor,
      missed: 0,
      names0,
      names,
      base: this.base,
      cols: {
        group: col('u4', group),
        lane: col('u4', lane),
        type: col('u4', type),
        stimulus: col('f8', new Float64Array(n)),
        nbytes: col('f8', nbytes),
        spans: col('u4', counts),
        key_len: col('u4', keyLength),
        key: col('u1', key),
        action: col('u4', action),
        start: col('f8', start),
        stop: col('f8', stop)
      }
    }).slice();
  }

  private names(): unknown[] {
    const lanes = Array.from({ length: this.lanes }, (_, l) => {
      const worker = Math.floor(l / 4);
      return [`tcp://10.0.0.${worker}:40000`, l % 4, String(worker)];
    });
    const types = [['numpy.ndarray', new Uint8Array(40)]];
    return [...PREFIXES.map(name => [name, name, null, []]), ...lanes, ...types, 'compute', 'transfer'];
  }

  /** The same run every time. */
  private random(): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return this.seed / 2 ** 32;
  }
}
