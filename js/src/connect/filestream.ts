/**
 * The third carrier: the frames of a stream out of a file. `openFile` gives what looks like the websocket of a
 * stream, so no code of a figure knows where its frames come from; it says all of them and that it is
 * finished.
 *
 * A *packed stream* is what a report has of one: pieces, each the base64 of the gzip of frames one behind the
 * other, each frame behind its length (u4, little-endian).
 */

import { decode, encode } from '@msgpack/msgpack';

import { sliced } from '../core/treeslices';
import type { Range } from '../core/viewport';
import { bytesOf } from './base64';
import type { OpenStream } from './comm';

export interface PackedStream {
  readonly records: number;
  readonly frames: number;
  readonly data: readonly string[];
}

/** Unpacked bytes of a piece. Writers stop at some 4 MB: more would be a file that wants the page's memory. */
export const MOST_PIECE = 64 << 20;
/** Unpacked bytes of a whole stream; those of three million tasks are a sixth of it. */
export const MOST_STREAM = 2 ** 31;

/** Data that is not a packed stream; the message says what was expected. */
export class FileStreamError extends Error {
  override name = 'FileStreamError';
}

/** Opens the streams of a file. */
export function openFile(streams: Readonly<Record<string, PackedStream>>): OpenStream {
  return (stream, question) => {
    const name = nameOf(stream, question);
    const packed = Object.hasOwn(streams, name) ? streams[name] : undefined;
    return new FileStream(packed, rangeOf(question)) as unknown as WebSocket;
  };
}

/** The frames of a stream, a piece at a time. */
export async function* framesOf({ data }: PackedStream, most = MOST_STREAM): AsyncGenerator<Uint8Array[]> {
  let size = 0;
  let past: number | null = null;
  for (const piece of data) {
    const bytes = await unpacked(piece);
    size += bytes.length;
    if (size > most) {
      throw new FileStreamError(`Expected streams of at most ${most} bytes, got more.`);
    }
    const frames = split(bytes);
    past ??= frames.length > 0 ? pastOf(frames[0]) : null;
    yield past ? frames.map(frame => rebased(frame, past as number)) : frames;
  }
}

/** Of profiles there is one for each kind of thread. */
function nameOf(stream: string, question: string): string {
  if (stream !== 'profile') {
    return stream;
  }
  const { kind = 'worker' } = JSON.parse(question || '{}') as { kind?: string };
  return `profile:${kind}`;
}

/** The stretch of time that is asked for, in seconds since the epoch; null for all of it. */
function rangeOf(question: string): Range | null {
  const { start, stop } = JSON.parse(question || '{}') as { start?: unknown; stop?: unknown };
  return typeof start === 'number' && typeof stop === 'number' ? [start, stop] : null;
}

class FileStream {
  readyState = 0;
  binaryType = 'arraybuffer';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;
  private begun = false;

  constructor(
    private readonly packed: PackedStream | undefined,
    /** Of what can be had by time. */
    private readonly range: Range | null
  ) {
    queueMicrotask(() => {
      if (this.readyState === 0) {
        this.readyState = 1;
        this.onopen?.();
      }
    });
  }

  /** Wherever the reader wants to begin, it gets everything: it knows what it has. Once, for there is no more. */
  send(_position: string): void {
    if (!this.begun) {
      this.begun = true;
      void this.give();
    }
  }

  close(): void {
    this.readyState = 3;
  }

  private async give(): Promise<void> {
    try {
      for await (const frames of this.packed ? framesOf(this.packed) : []) {
        // With a buffer of its own: the others would keep the whole piece.
        frames.forEach(frame => this.say((this.range ? sliced(frame, this.range) : frame).slice().buffer));
      }
      this.state('finished', '');
    } catch (error) {
      this.state('finished', error instanceof Error ? error.message : String(error));
    }
  }

  private state(phase: string, reason: string): void {
    this.say(JSON.stringify({ type: 'state', phase, reason, since: Date.now() / 1000, retry_at: null }));
  }

  private say(data: string | ArrayBuffer): void {
    if (this.readyState === 1) {
      this.onmessage?.({ data });
    }
  }
}

// --- bytes ------------------------------------------------------------------------------------------

/** Unpack a piece; it is given up once it is larger than any that was ever written. */
async function unpacked(piece: string): Promise<Uint8Array> {
  let packed: Uint8Array<ArrayBuffer>;
  try {
    packed = bytesOf(piece);
  } catch {
    throw new FileStreamError('Expected a stream in base64, got other text: the file is damaged.');
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parts.push(read.value);
      size += read.value.length;
      if (size > MOST_PIECE) {
        void reader.cancel();
        break;
      }
    }
  } catch {
    throw new FileStreamError('Expected a stream packed with gzip, got other bytes: the file is damaged.');
  }
  if (size > MOST_PIECE) {
    throw new FileStreamError(`Expected pieces of at most ${MOST_PIECE} bytes, got more.`);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function split(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const from = at + 4;
    const to = from <= bytes.length ? from + view.getUint32(at, true) : Infinity;
    if (to > bytes.length) {
      throw new FileStreamError('A stream of the file ends in the middle of a frame: the file is damaged.');
    }
    frames.push(bytes.subarray(from, to));
    at = to;
  }
  return frames;
}

type Fields = Record<string, unknown>;

/**
 * Samples that were taken before the file begins. Readers of `counts` would wait for them for ever: where they
 * are read live there is always somebody to ask.
 */
function pastOf(bytes: Uint8Array): number {
  const { stream, first, missed } = fieldsOf(bytes);
  return stream === 'counts' && typeof first === 'number' ? first - (Number(missed) || 0) : 0;
}

function rebased(bytes: Uint8Array, by: number): Uint8Array {
  const fields = fieldsOf(bytes);
  return encode({ ...fields, first: Number(fields.first) - by, next: Number(fields.next) - by });
}

/** A frame's fields; none where the bytes are no frame, which its reader will say. */
function fieldsOf(bytes: Uint8Array): Fields {
  try {
    const fields = decode(bytes, { mapKeyConverter: key => String(key) });
    return typeof fields === 'object' && fields !== null ? (fields as Fields) : {};
  } catch {
    return {};
  }
}
