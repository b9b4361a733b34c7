import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { COMPUTE, DISK_READ, ERROR, PATTERNS, TRANSFER } from '../src/core/kinds';
import type { SlotColours } from '../src/draw/colours';
import type { Picture } from '../src/draw/geometry';
import { HitTest } from '../src/draw/hit';
import { Raster } from '../src/draw/raster';
import { lanesOf, paintSlowly, type Look, type Span } from './painter';

/** Slots 0 to 3 are work, 4 and 5 the strip's, 6 and 7 errors. */
const KINDS = Uint8Array.from([COMPUTE, COMPUTE, COMPUTE, COMPUTE, TRANSFER, DISK_READ, ERROR, ERROR]);
const LOOK: Look = {
  kinds: KINDS,
  plain: Uint32Array.from([0x0000c8, 0x00c800, 0xc80000, 0x646464, 0xffff00, 0xff00ff, 0x0a0b0c, 0x0d0e0f]),
  ink: Uint32Array.from([1, 2, 3, 4, 0x101010, 0x202020, 0x303030, 0x404040]),
  pattern: Uint16Array.from(KINDS, kind => PATTERNS[kind]),
  dimmed: Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 0])
};

// As in coverage.test.ts: multiples of powers of two, so that sums are exact in any order.
const time = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most }).map(n => n / 64);
const LANES = 9;

const spans = fc.array(
  fc
    .record({
      lane: fc.integer({ min: 0, max: LANES - 1 }),
      strip: fc.boolean(),
      start: time(1200),
      duration: fc.oneof(time(4), time(64), time(1500), fc.constant(0)),
      which: fc.nat()
    })
    .map(({ which, ...span }): Span => ({
      ...span,
      slot: span.strip ? 4 + (which % 2) : [0, 1, 2, 3, 6, 7][which % 6]
    })),
  { maxLength: 70 }
);

const pictures: fc.Arbitrary<Picture> = fc
  .record({
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 44 }),
    ratio: fc.constantFrom(0.5, 0.75, 1, 1.25, 1.5, 2, 3),
    t0: fc.integer({ min: -300, max: 1300 }).map(n => n / 64),
    perSecond: fc.constantFrom(0.25, 1, 2, 8, 64, 512),
    lane0: fc.integer({ min: -8, max: 8 * LANES }).map(n => n / 8),
    // From several lanes on a line to one lane over all of them.
    perLane: fc.constantFrom(0.125, 0.25, 0.5, 1, 1.25, 1.5, 2, 2.5, 3, 4.75, 5, 8, 16, 64)
  })
  .map(({ width, height, ratio, t0, perSecond, lane0, perLane }) => ({
    width,
    height,
    ratio,
    t0,
    t1: t0 + width / perSecond,
    lane0,
    lane1: lane0 + height / perLane
  }));

function painted(picture: Picture, all: Span[], raster = new Raster()): Uint32Array {
  const pixels = new Uint32Array(picture.width * picture.height).fill(0xdeadbeef);
  raster.paint(picture, lanesOf(all, LANES, KINDS), LOOK as unknown as SlotColours, pixels);
  return pixels;
}

function channels(pixel: number): number[] {
  return [pixel & 0xff, (pixel >> 8) & 0xff, (pixel >> 16) & 0xff, pixel >>> 24];
}

describe('the raster', () => {
  it('paints what a painter does who asks every span for every pixel', () => {
    const raster = new Raster();
    fc.assert(
      fc.property(spans, pictures, (all, picture) => {
        const got = painted(picture, all, raster);
        paintSlowly(picture, LANES, all, LOOK).forEach((line, y) =>
          line.forEach(({ rgba }, x) => {
            const pixel = channels(got[y * picture.width + x]);
            // The raster rounds each colour once more than the painter.
            const far = pixel.some((value, i) => Math.abs(value - rgba[i]) > 1.01);
            if (far) {
              expect({ x, y, pixel }).toEqual({ x, y, pixel: rgba });
            }
          })
        );
      }),
      { numRuns: 1500 }
    );
  });

  it('shows every erred task of the lanes on screen, whatever else is there', () => {
    const colours = new Set([...LOOK.plain.slice(6), ...LOOK.ink.slice(6)]);
    fc.assert(
      fc.property(spans, pictures, (all, picture) => {
        const got = painted(picture, all);
        const perSecond = picture.width / (picture.t1 - picture.t0);
        for (const { lane, slot, start } of all) {
          const x = Math.floor((start - picture.t0) * perSecond);
          const whole = lane >= picture.lane0 && lane + 1 <= picture.lane1;
          if (KINDS[slot] !== ERROR || !whole || x < 0 || x >= picture.width) {
            continue;
          }
          const column = Array.from({ length: picture.height }, (_, y) => got[y * picture.width + x]);
          const seen = column.some(pixel => pixel >>> 24 === 255 && colours.has(pixel & 0xffffff));
          expect({ lane, x, seen }).toEqual({ lane, x, seen: true });
        }
      }),
      { numRuns: 3000 }
    );
  });
});

describe('lanes lower than pixels', () => {
  it('are painted alike when there are so many slots that a line is made in pieces', () => {
    const many = new Uint8Array(0xfffe);
    many.set(KINDS);
    fc.assert(
      fc.property(spans, pictures, (all, picture) => {
        const thin = { ...picture, lane0: 0, lane1: Math.max(LANES, picture.height) };
        const pixels = new Uint32Array(picture.width * picture.height);
        new Raster().paint(thin, lanesOf(all, LANES, many), LOOK as unknown as SlotColours, pixels);
        expect(pixels).toEqual(painted(thin, all));
      }),
      { numRuns: 30 }
    );
  });
});

describe('the hit test', () => {
  it('finds at every pixel a span of the slot that is painted there, and none where nothing is', () => {
    const test = new HitTest();
    fc.assert(
      fc.property(spans, pictures, (all, picture) => {
        const lanes = lanesOf(all, LANES, KINDS);
        paintSlowly(picture, LANES, all, LOOK).forEach((line, y) =>
          line.forEach(({ owner }, x) => {
            const hit = test.at(picture, lanes, x, y);
            const slot = hit ? hit.row.slot[hit.index] : -1;
            if (slot !== owner) {
              expect({ x, y, slot }).toEqual({ x, y, slot: owner });
            }
          })
        );
      }),
      { numRuns: 600 }
    );
  });

  it('agrees with the raster to the bit, for times as clocks give them', () => {
    const second = fc.double({ min: 0, max: 20, noNaN: true });
    const clocked = fc.array(
      fc.record({
        lane: fc.integer({ min: 0, max: 2 }),
        strip: fc.constant(false),
        start: second,
        duration: second.map(value => (value / 20) ** 4),
        slot: fc.integer({ min: 0, max: 3 })
      }),
      { maxLength: 60 }
    );
    const bare = { ...LOOK, pattern: new Uint16Array(8), dimmed: new Uint8Array(8) };
    const test = new HitTest();
    fc.assert(
      fc.property(clocked, second, second, fc.constantFrom(3, 5, 9), (all, t0, long, height) => {
        const picture = { width: 97, height, ratio: 1, t0, t1: t0 + 0.01 + long, lane0: 0, lane1: 3 };
        const lanes = lanesOf(all, 3, KINDS);
        const pixels = new Uint32Array(picture.width * height);
        new Raster().paint(picture, lanes, bare as unknown as SlotColours, pixels);
        pixels.forEach((pixel, i) => {
          const hit = test.at(picture, lanes, i % picture.width, Math.floor(i / picture.width));
          const slot = hit ? hit.row.slot[hit.index] : -1;
          const owner = pixel === 0 ? -1 : LOOK.plain.indexOf(pixel & 0xffffff);
          if (slot !== owner) {
            expect({ i, slot }).toEqual({ i, slot: owner });
          }
        });
      }),
      { numRuns: 400 }
    );
  });

  it('finds nothing outside the canvas', () => {
    const picture = { width: 10, height: 10, ratio: 1, t0: 0, t1: 10, lane0: 0, lane1: 1 };
    const lanes = lanesOf([{ lane: 0, strip: false, start: -100, duration: 1000, slot: 1 }], 1, KINDS);
    const at = (x: number, y: number): boolean => new HitTest().at(picture, lanes, x, y) !== null;
    expect([at(0, 0), at(9, 8), at(-1, 0), at(0, -1), at(10, 0), at(0, 10)]).toEqual([
      true,
      true,
      false,
      false,
      false,
      false
    ]);
  });
});
