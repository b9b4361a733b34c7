/** The golden pictures: what Python paints for viewers that run no script is what the mark paints here. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';

import { CallTree } from '../src/core/calltree';
import { NOBODY, type Pixels } from '../src/core/coverage';
import { Flame } from '../src/core/flame';
import { ERROR_COLOUR } from '../src/core/palette';
import { TaskLog, type Slot } from '../src/core/tasks';
import { SlotColours } from '../src/draw/colours';
import { clearEdges, EDGED } from '../src/draw/edges';
import { isThin, type Picture } from '../src/draw/geometry';
import { Raster, type Lanes } from '../src/draw/raster';

const FOLDER = join(import.meta.dirname, '../../tests/data/pictures');

type Runs<T> = [T, number][];
interface Golden {
  stream: string;
  /** Names of slots; of a call tree their colours. */
  slots: string[];
  windows: {
    window: { width: number; height: number; begin: number; end: number; rows: number };
    owner: Runs<Runs<number>>;
    colour: Runs<Runs<string>>;
  }[];
}

interface Painted {
  rows: Lanes;
  slots: readonly Slot[];
  base: number;
  edged: boolean;
  nameOf(slot: number): string;
}

/** Runs written out. */
function unrolled<T>(runs: Runs<T>): T[] {
  return runs.flatMap(([value, n]) => Array.from({ length: n }, () => value));
}

function open(frames: Uint8Array[], stream: string): Painted {
  if (stream === 'profile') {
    const flame = new Flame(...treeOf(frames[0]));
    const { table, lanes, kinds, slots } = flame;
    const empty = table.row(lanes.length);
    const rows: Lanes = { length: lanes.length, kinds, compute: row => table.rows[row], strip: () => empty };
    return { rows, slots, base: 0, edged: true, nameOf: slot => slots[slot].colour as string };
  }
  const log = new TaskLog();
  frames.forEach(frame => log.feed(frame));
  const { lanes, kinds, table, slots } = log;
  const rows: Lanes = {
    length: lanes.length,
    kinds,
    compute: lane => table.rows[2 * lanes[lane].id],
    strip: lane => table.rows[2 * lanes[lane].id + 1]
  };
  const nameOf = (slot: number): string => `${slots[slot].prefix} ${slots[slot].kind} ${slots[slot].action}`;
  return { rows, slots, base: table.base, edged: false, nameOf };
}

function treeOf(frame: Uint8Array): [CallTree, CallTree['functions']] {
  const tree = CallTree.read(frame);
  return [tree, tree.functions];
}

function pictureOf({ window }: Golden['windows'][number], base: number): Picture {
  const { width, height, begin, end, rows } = window;
  return { width, height, ratio: 1, t0: begin - base, t1: end - base, lane0: 0, lane1: rows };
}

/** The slot that is seen first at each pixel. */
function ownersOf(picture: Picture, { rows, slots }: Painted): number[][] {
  const owners = Array.from({ length: picture.height }, () => new Array<number>(picture.width).fill(-1));
  const pixels = new Uint32Array(picture.width * picture.height);
  const put = ({ owner }: Pixels, top: number, end: number): void => {
    for (let y = top; y < Math.min(end, picture.height); y++) {
      for (let x = 0; x < picture.width; x++) {
        owners[y][x] = owner[x] === NOBODY ? owners[y][x] : owner[x];
      }
    }
  };
  // Where lanes share lines nothing is blended: a colour that is a slot's number says whose the pixel is.
  const colours = new SlotColours();
  colours.update(slots, {}, [], ERROR_COLOUR);
  colours.plain.forEach((_, slot) => (colours.plain[slot] = slot));
  colours.pattern.fill(0);
  new Raster().paint(picture, rows, colours, pixels, Infinity, (_lane, box, compute, strip) => {
    put(compute, box.top, box.bottom);
    if (strip) {
      put(strip, box.top, box.stripBottom);
    }
  });
  if (isThin(picture)) {
    pixels.forEach((pixel, i) => {
      owners[Math.floor(i / picture.width)][i % picture.width] = pixel === 0 ? -1 : pixel & 0xffffff;
    });
  }
  return owners;
}

function coloursOf(picture: Picture, { rows, slots, edged }: Painted): number[][][] {
  const pixels = new Uint32Array(picture.width * picture.height);
  const colours = new SlotColours();
  colours.update(slots, {}, [], ERROR_COLOUR);
  new Raster().paint(picture, rows, colours, pixels, EDGED, (lane, box, _compute, _strip, wide) => {
    if (edged) {
      clearEdges(picture, rows.compute(lane), box, wide, pixels);
    }
  });
  return Array.from({ length: picture.height }, (_, y) =>
    Array.from(pixels.subarray(y * picture.width, (y + 1) * picture.width), pixel =>
      [0, 8, 16, 24].map(bits => (pixel >>> bits) & 0xff)
    )
  );
}

describe.runIf(existsSync(FOLDER))('golden pictures', () => {
  const names = readdirSync(FOLDER)
    .filter(name => name.endsWith('.frames'))
    .map(name => name.replace(/\.frames$/, ''));

  it('are there', () => {
    expect(names.length).toBeGreaterThan(3);
  });

  describe.each(names)('%s', name => {
    const golden = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Golden;
    const frames = decode(readFileSync(join(FOLDER, `${name}.frames`))) as Uint8Array[];
    const painted = open(frames, golden.stream);
    const windows = golden.windows.map((window, i) => ({ i, window }));

    it.each(windows)('window $i: a pixel is of the same slot', ({ window }) => {
      const got = ownersOf(pictureOf(window, painted.base), painted).map(line =>
        line.map(slot => (slot < 0 ? '' : painted.nameOf(slot)))
      );
      const wanted = unrolled(window.owner).map(line =>
        unrolled(line).map(slot => (slot < 0 ? '' : golden.slots[slot]))
      );
      expect(got).toEqual(wanted);
    });

    it.each(windows)('window $i: a pixel has the same colour', ({ window }) => {
      const got = coloursOf(pictureOf(window, painted.base), painted);
      unrolled(window.colour).forEach((line, y) =>
        unrolled(line).forEach((hex, x) => {
          const wanted = [0, 2, 4, 6].map(at => parseInt(hex.slice(at, at + 2), 16));
          // Both round a blend once, perhaps to another side.
          if (wanted.some((value, i) => Math.abs(value - got[y][x][i]) > 1)) {
            expect({ x, y, rgba: got[y][x] }).toEqual({ x, y, rgba: wanted });
          }
        })
      );
    });
  });
});
