/**
 * Columns that only grow at their end, kept in pages: they never move, and never hold more than one
 * page of unused room (a doubling array would hold up to its own size).
 */

const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const BYTE_PAGE = 1 << 16;

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

export class Pages<T extends Numbers> {
  length = 0;
  private readonly pages: T[] = [];

  constructor(private readonly page: new (size: number) => T) {}

  push(value: number): void {
    const at = this.length++;
    if ((at & (PAGE - 1)) === 0) {
      this.pages.push(new this.page(PAGE));
    }
    this.pages[at >> PAGE_BITS][at & (PAGE - 1)] = value;
  }

  get(i: number): number {
    return this.pages[i >> PAGE_BITS][i & (PAGE - 1)];
  }

  get bytes(): number {
    return this.pages.reduce((sum, page) => sum + page.byteLength, 0);
  }
}

/** Short byte strings, such as packed keys, one behind the other: a byte of overhead each. */
export class ByteStrings {
  length = 0;
  private readonly pages: Uint8Array[] = [];
  private size = 0;
  /** Length of each, LONG for those in `long`. */
  private readonly lengths = new Pages(Uint8Array);
  private readonly long = new Map<number, number>();
  /** Where every GROUP-th starts; the others are found by adding lengths. */
  private readonly starts = new Pages(Float64Array);

  push(bytes: Uint8Array): void {
    if (this.length % GROUP === 0) {
      this.starts.push(this.size);
    }
    if (bytes.length >= LONG) {
      this.long.set(this.length, bytes.length);
    }
    this.lengths.push(Math.min(bytes.length, LONG));
    this.length++;
    let from = 0;
    while (from < bytes.length) {
      const at = this.size % BYTE_PAGE;
      if (at === 0) {
        this.pages.push(new Uint8Array(BYTE_PAGE));
      }
      const n = Math.min(bytes.length - from, BYTE_PAGE - at);
      this.pages[this.pages.length - 1].set(bytes.subarray(from, from + n), at);
      from += n;
      this.size += n;
    }
  }

  get(i: number): Uint8Array {
    let start = this.starts.get(Math.floor(i / GROUP));
    for (let k = i - (i % GROUP); k < i; k++) {
      start += this.lengthOf(k);
    }
    const bytes = new Uint8Array(this.lengthOf(i));
    let done = 0;
    while (done < bytes.length) {
      const at = (start + done) % BYTE_PAGE;
      const n = Math.min(bytes.length - done, BYTE_PAGE - at);
      const page = this.pages[Math.floor((start + done) / BYTE_PAGE)];
      bytes.set(page.subarray(at, at + n), done);
      done += n;
    }
    return bytes;
  }

  get bytes(): number {
    return this.pages.length * BYTE_PAGE + this.lengths.bytes + this.starts.bytes;
  }

  private lengthOf(i: number): number {
    const length = this.lengths.get(i);
    return length === LONG ? (this.long.get(i) as number) : length;
  }
}

const LONG = 255;
const GROUP = 64;
