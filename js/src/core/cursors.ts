/** Where records stand in the scheduler's log: one after the other, but where it had dropped some. */

export class Cursors {
  /** Where cursors jump: record number and its cursor. */
  private jumps: { record: number; cursor: number }[] = [];

  /** From this record on they count from this cursor. */
  jump(record: number, cursor: number): void {
    this.jumps.push({ record, cursor });
  }

  /** Cursor of a record. */
  of(record: number): number {
    let jump = this.jumps[0];
    for (const next of this.jumps) {
      if (next.record > record) {
        break;
      }
      jump = next;
    }
    return jump.cursor + (record - jump.record);
  }

  /** Number of the record with this cursor, or -1; there are `n` records. */
  recordAt(cursor: number, n: number): number {
    for (let k = this.jumps.length - 1; k >= 0; k--) {
      const jump = this.jumps[k];
      if (cursor >= jump.cursor) {
        const record = jump.record + (cursor - jump.cursor);
        return record < (this.jumps[k + 1]?.record ?? n) ? record : -1;
      }
    }
    return -1;
  }

  clear(): void {
    this.jumps = [];
  }
}
