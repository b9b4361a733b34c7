/**
 * What the frames of the stream `groups` said: the scheduler's tasks by group and by span, as they are now.
 * `python/dasklens/model/samples.py` is the twin.
 */

import { STATES, type State } from './counts';
import { FrameError, type Frame } from './frames';
import { ofStream, whole, type Taken, type Taker } from './samplecolumns';

export interface GroupRow {
  readonly name: string;
  /** The prefix of a group, the id of a span. */
  readonly ident: string;
  readonly counts: Readonly<Record<State, number>>;
}

const KINDS = ['group', 'span'] as const;
export type Kind = (typeof KINDS)[number];

/** Ids that a log may come to: more would be a frame that wants the page's memory. */
const MOST_NAMES = 1e6;

export class GroupTable implements Taker {
  id = '';
  next = 0;
  /** How many there are: the newest are told. */
  readonly all: Record<Kind, number> = { group: 0, span: 0 };

  private names: unknown[] = [];
  private rows: Record<Kind, Map<number, GroupRow>> = { group: new Map(), span: new Map() };

  get nNames(): number {
    return this.names.length;
  }

  /** Groups or spans that are told, the newest first. */
  newest(kind: Kind): readonly GroupRow[] {
    return [...this.rows[kind]].sort(([a], [b]) => b - a).map(([, row]) => row);
  }

  append(frame: Frame): Taken {
    ofStream(frame, 'groups');
    const fresh = frame.first === 0;
    const same = frame.log === this.id;
    if (!fresh && (!same || frame.first > this.next)) {
      return 'gap';
    }
    if (!fresh && frame.next <= this.next) {
      return 'duplicate';
    }
    const known = same ? this.names : [];
    if (frame.names0 > known.length) {
      return 'gap';
    }
    if (frame.names0 + frame.names.length > MOST_NAMES) {
      throw new FrameError('Expected fewer names in the frames of groups.');
    }
    const names = frame.names.length ? [...known.slice(0, frame.names0), ...frame.names] : known;
    const told = KINDS.map(kind => rowsOf(frame, kind, names));
    const all = KINDS.map(kind => whole(frame, `${kind}s`, 1)[0]);
    const left = whole(frame, 'left');
    if (told.some(rows => rows === null)) {
      return 'gap';
    }
    if (fresh) {
      this.rows = { group: new Map(), span: new Map() };
    }
    this.id = frame.log;
    this.next = frame.next;
    this.names = names;
    KINDS.forEach((kind, k) => {
      this.all[kind] = all[k];
      told[k]?.forEach((row, id) => this.rows[kind].set(id, row));
      left.forEach(id => this.rows[kind].delete(id));
    });
    return 'taken';
  }
}

/** The rows of a frame by id; null when one has no name. */
function rowsOf(frame: Frame, kind: Kind, names: readonly unknown[]): Map<number, GroupRow> | null {
  const ids = whole(frame, kind);
  const columns = STATES.map(state => whole(frame, `${kind}_${state}`, ids.length));
  const found = new Map<number, GroupRow>();
  for (let i = 0; i < ids.length; i++) {
    const entry = names[ids[i]];
    if (entry === undefined) {
      return null;
    }
    if (!Array.isArray(entry) || entry.length < 2 || !entry.every(part => typeof part === 'string')) {
      throw new FrameError(`Expected the name of a ${kind} to be two texts, got something else.`);
    }
    const [name, ident] = entry as string[];
    const counts = Object.fromEntries(STATES.map((state, k) => [state, columns[k][i]]));
    found.set(ids[i], { name, ident, counts: counts as Record<State, number> });
  }
  return found;
}
