/**
 * Frames: a batch of columns of one stream, as msgpack bytes. `docs/frames.md` is the format,
 * `python/dasklens/wire/frames.py` the twin of this module; golden files hold both to it.
 */

import { decode } from '@msgpack/msgpack';

export { keyText } from './keys';

/** The versions this reader takes: its own and the one before. */
export const READABLE: readonly number[] = [1];

/** In a column of name ids: this record has none. */
export const NO_NAME = 0xffffffff;

export type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export interface Frame {
  readonly stream: string;
  /** Id of the log that the cursors belong to. */
  readonly log: string;
  /** Cursor of the first record in the frame, and of the one behind its last. */
  readonly first: number;
  readonly next: number;
  /** Records before `first` that were asked for and are gone. */
  readonly missed: number;
  /** Id of the first entry of `names`. */
  readonly names0: number;
  readonly names: readonly unknown[];
  /** Seconds since the epoch that times in the columns are offsets from; any number if a clock was broken. */
  readonly base: number;
  readonly cols: ReadonlyMap<string, Column>;
}

/** Bytes that are not a frame this version can read; the message says what was expected. */
export class FrameError extends Error {
  override name = 'FrameError';
}

/**
 * Read one frame.
 *
 * Every column gets an ArrayBuffer of its own: its bytes lie at any offset in the message, where a
 * typed array could not start, and a view would keep the whole message alive.
 */
export function decodeFrame(buffer: ArrayBuffer | Uint8Array | DataView): Frame {
  let raw: unknown;
  try {
    raw = decode(bytesOf(buffer), ANY_KEYS);
  } catch (error) {
    throw new FrameError(`Expected a frame, got bytes that are not msgpack (${String(error)}).`);
  }
  if (!isMap(raw) || !('v' in raw)) {
    throw new FrameError('Expected a frame (a map with its version), got something else.');
  }
  if (!READABLE.includes(raw.v as number)) {
    throw new FrameError(
      `This page reads frames of version ${READABLE.join(', ')} and got version ${shown(raw.v)}. ` +
        'Reload the page; if that does not help, install the same dasklens in the kernel, on the ' +
        'scheduler and in JupyterLab.'
    );
  }
  const frame: Frame = {
    stream: text(raw, 'stream'),
    log: text(raw, 'log'),
    first: count(raw, 'first'),
    next: count(raw, 'next'),
    missed: count(raw, 'missed'),
    names0: count(raw, 'names0'),
    names: list(raw, 'names'),
    base: number(raw, 'base'),
    cols: columns(raw)
  };
  if (frame.next < frame.first) {
    throw new FrameError(`A frame runs from cursor ${frame.first} back to ${frame.next}.`);
  }
  return frame;
}

/** Where a reader stands that has taken a frame; null when it is no frame. Cheap: no column is made. */
export function framePosition(
  buffer: ArrayBuffer | Uint8Array | DataView
): { cursor: number; names: number; log: string } | null {
  try {
    const raw: unknown = decode(bytesOf(buffer), ANY_KEYS);
    if (!isMap(raw)) {
      return null;
    }
    return {
      cursor: count(raw, 'next'),
      names: count(raw, 'names0') + list(raw, 'names').length,
      log: text(raw, 'log')
    };
  } catch {
    return null;
  }
}

type Fields = Record<string, unknown>;

const utf8 = new TextDecoder();

/**
 * Names may hold maps of anybody's making, with keys that no object can have. We never look into
 * them, so any other key will do; not reading them would lose the frame.
 */
const ANY_KEYS = {
  mapKeyConverter: (key: unknown) =>
    typeof key === 'string' || typeof key === 'number' ? key : `(${typeof key})`,
  // `__proto__` is refused before the converter is asked, and the reader of keys comes earlier still.
  keyDecoder: {
    canBeCached: () => true,
    decode: (bytes: Uint8Array, at: number, size: number) => {
      const key = utf8.decode(bytes.subarray(at, at + size));
      return key === '__proto__' ? '(__proto__)' : key;
    }
  }
};

/** A value of unknown kind for a message: not everything that msgpack can say survives `String`. */
function shown(value: unknown): string {
  return typeof value === 'object' ? '(not a number)' : String(value);
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bytesOf(buffer: ArrayBuffer | Uint8Array | DataView): Uint8Array {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}

function broken(field: string, wanted: string, value: unknown): FrameError {
  const came = value === undefined ? 'nothing' : typeof value;
  return new FrameError(`Expected a whole frame: its ${field} should be ${wanted}, got ${came}.`);
}

function text(raw: Fields, field: string): string {
  const value = raw[field];
  if (typeof value !== 'string') {
    throw broken(field, 'text', value);
  }
  return value;
}

function number(raw: Fields, field: string): number {
  const value = raw[field];
  if (typeof value !== 'number') {
    throw broken(field, 'a number', value);
  }
  return value;
}

function count(raw: Fields, field: string): number {
  const value = number(raw, field);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw broken(field, 'a whole number, not negative', value);
  }
  return value;
}

function list(raw: Fields, field: string): unknown[] {
  const value = raw[field];
  if (!Array.isArray(value)) {
    throw broken(field, 'a list', value);
  }
  return value;
}

const READERS: ReadonlyMap<unknown, { size: number; make: (buffer: ArrayBuffer) => Column }> = new Map([
  ['u1', { size: 1, make: buffer => new Uint8Array(buffer) }],
  ['u2', { size: 2, make: buffer => new Uint16Array(buffer) }],
  ['u4', { size: 4, make: buffer => new Uint32Array(buffer) }],
  ['i4', { size: 4, make: buffer => new Int32Array(buffer) }],
  ['f4', { size: 4, make: buffer => new Float32Array(buffer) }],
  ['f8', { size: 8, make: buffer => new Float64Array(buffer) }]
]);

function columns(raw: Fields): Map<string, Column> {
  const cols = raw.cols;
  if (!isMap(cols)) {
    throw broken('cols', 'a map', cols);
  }
  const made = new Map<string, Column>();
  for (const [name, entry] of Object.entries(cols)) {
    const [dtype, bytes] = Array.isArray(entry) ? (entry as unknown[]) : [];
    const reader = READERS.get(dtype);
    if (!reader || !(bytes instanceof Uint8Array) || bytes.length % reader.size) {
      throw new FrameError(
        `Column "${name}" of a frame is broken: expected a dtype of ${[...READERS.keys()].join(' ')} ` +
          'and bytes of a whole number of values.'
      );
    }
    made.set(name, reader.make(bytes.slice().buffer));
  }
  return made;
}
