/**
 * What a span is: its kind decides the band of the lane it is drawn in and its pattern.
 *
 * A lane has two bands, each a row of its own in the table of spans: `compute` over the full height
 * of the lane, and input/output as a strip over its top. An action that we do not know is work.
 */

export const COMPUTE = 0;
export const TRANSFER = 1;
export const DISK_READ = 2;
export const DISK_WRITE = 3;
export const DESERIALIZE = 4;
export const ERROR = 5;

/** Names of the kinds for people, by number. */
export const KIND_NAMES = ['compute', 'transfer', 'disk-read', 'disk-write', 'deserialize', 'error'] as const;

const KINDS: ReadonlyMap<string, number> = new Map([
  ['compute', COMPUTE],
  ['transfer', TRANSFER],
  ['disk-read', DISK_READ],
  ['disk-write', DISK_WRITE],
  ['deserialize', DESERIALIZE]
]);

export function kindOf(action: string): number {
  return KINDS.get(action) ?? COMPUTE;
}

/** Whether spans of this kind go into the strip over the lane's top. */
export function isStrip(kind: number): boolean {
  return kind >= TRANSFER && kind <= DESERIALIZE;
}

/** The part of a lane's height that the strip of input and output takes. */
export const STRIP = 0.35;

/** Patterns are tiles of PERIOD x PERIOD pixels. */
export const PERIOD = 4;

/**
 * Per kind the tile: bit `4 * y + x` is set where ink goes. Compute is plain; transfers are hatched,
 * reads dotted, writes striped across, deserialization striped down, errors crossed.
 */
export const PATTERNS: readonly number[] = [
  0x0000,
  tile('#...', '.#..', '..#.', '...#'),
  tile('#...', '....', '..#.', '....'),
  tile('####', '....', '....', '....'),
  tile('#...', '#...', '#...', '#...'),
  tile('#..#', '.##.', '.##.', '#..#')
];

function tile(...rows: string[]): number {
  let bits = 0;
  rows.forEach((row, y) => {
    for (let x = 0; x < PERIOD; x++) {
      if (row[x] === '#') {
        bits |= 1 << (PERIOD * y + x);
      }
    }
  });
  return bits;
}
