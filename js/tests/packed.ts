/** Streams as a report has them. */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import type { PackedStream } from '../src/connect/filestream';

/** The document of a real run: `python tests/make_report.py` wrote it. */
export const SAMPLE = readFileSync(`${__dirname}/../../tests/data/reports/sample.json`, 'utf8');

export function packed(...pieces: (readonly Uint8Array[])[]): PackedStream {
  const frames = pieces.flat().length;
  return { records: frames, frames, data: pieces.map(piece => packedBytes(joined(piece))) };
}

export function packedBytes(bytes: Uint8Array): string {
  return gzipSync(bytes).toString('base64');
}

/** Frames one behind the other, each behind its length. */
export function joined(frames: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    frames.flatMap(frame => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(frame.length);
      return [length, frame];
    })
  );
}
