/** Columns of frames of the sampler's streams, checked against `docs/frames.md`. */

import { FrameError, type Column, type Frame } from './frames';

/** A column of `length` numbers; throws FrameError when it is missing or of another length. */
export function numbers(frame: Frame, name: string, length: number): Column {
  const found = frame.cols.get(name);
  if (!found && length === 0) {
    return new Uint8Array(0);
  }
  if (!found || found.length !== length) {
    throw new FrameError(
      `Expected ${length} values in the column "${name}" of a frame of ${frame.stream}, ` +
        `got ${found ? found.length : 'no such column'}.`
    );
  }
  return found;
}

/** Ids and counts: a column without a sign or a fraction. */
export function whole(frame: Frame, name: string, length = lengthOf(frame, name)): Column {
  const found = numbers(frame, name, length);
  if (!(found instanceof Uint8Array || found instanceof Uint16Array || found instanceof Uint32Array)) {
    throw new FrameError(`Expected whole numbers in the column "${name}" of a frame of ${frame.stream}.`);
  }
  return found;
}

export function ofStream(frame: Frame, stream: string): void {
  if (frame.stream !== stream) {
    throw new FrameError(`Expected a frame of the stream "${stream}", got one of "${frame.stream}".`);
  }
}

function lengthOf(frame: Frame, name: string): number {
  return frame.cols.get(name)?.length ?? 0;
}

/**
 * What became of a frame: its content was `taken`; it was a `duplicate`; or something before it is
 * missing (`gap`): nothing was taken, and the carrier has to ask from `next` and `nNames` on.
 */
export type Taken = 'taken' | 'duplicate' | 'gap';

/** What takes the frames of one stream. */
export interface Taker {
  /** Id of the log, the sample expected next and the number of names known: where to ask from. */
  readonly id: string;
  readonly next: number;
  readonly nNames: number;
  append(frame: Frame): Taken;
}
