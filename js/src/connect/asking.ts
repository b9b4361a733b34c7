/**
 * What a model asks its other end for: frames that are missing, and to be left alone when nobody
 * looks. The other end may be a kernel that is busy for minutes: what is said waits in its queue, so
 * we say it once, and not again too soon.
 */

/** Between two questions for missing frames, at first and at most, in milliseconds. */
const ASK_AGAIN = 2000;
const ASK_AGAIN_MOST = 30000;
/** How long nobody has to look before the other end is told, in milliseconds: one that runs a cell
 * again takes the view away for a moment only. */
const LEAVE_AFTER = 8000;

/** What a receiver says to the other end. */
export type Said =
  | {
      type: 'read';
      stream?: string;
      question?: string;
      /** Not only what there is: look anew. */
      again?: true;
      cursor: number;
      names: number;
      log: string;
    }
  | { type: 'unread'; stream: string }
  | { type: 'unwatched' };

/** Sends a message, if there is anybody to send it to; whether there was. */
export type Send = (content: Said) => boolean;

/** Asks for the missing frames of one stream. */
export class Asking {
  private askedAt = -Infinity;
  private delay = ASK_AGAIN;
  /** What is asked of the stream; null where that was never said. */
  private question: string | null = null;

  constructor(
    private readonly send: Send,
    /** Left out of the question where it is the only one. */
    private readonly stream?: string
  ) {}

  /**
   * Ask for frames from a cursor and a name on. Frames that were under way come in the meantime and
   * show the same gap again: they are no reason to ask again.
   */
  ask(cursor: number, names: number, log: string, again = false): void {
    const now = Date.now();
    if (now - this.askedAt < this.delay) {
      return;
    }
    const stream = this.stream === undefined ? {} : { stream: this.stream };
    const question = this.question === null ? {} : { question: this.question };
    if (!this.send({ type: 'read', ...stream, ...question, ...(again && { again }), cursor, names, log })) {
      return;
    }
    if (this.askedAt > 0) {
      this.delay = Math.min(ASK_AGAIN_MOST, this.delay * 2);
    }
    this.askedAt = now;
  }

  /**
   * Ask something else of the stream from now on, all of it. A kernel hears by the traits what is wanted;
   * this is for the other end that has no traits.
   */
  askAbout(question: string): void {
    if (question !== (this.question ?? '')) {
      this.question = question;
      this.answered();
      this.ask(0, 0, '');
    }
  }

  /** A frame fitted: the next gap is a new one. */
  answered(): void {
    this.askedAt = -Infinity;
    this.delay = ASK_AGAIN;
  }
}

/** Says so when nobody has looked for a while. */
export class Watching {
  private leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: Send) {}

  /** Nobody looks any more: unless somebody does again, the other end need not read on. */
  leave(): void {
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.send({ type: 'unwatched' }), LEAVE_AFTER);
  }

  stay(): void {
    clearTimeout(this.leaving);
  }
}
