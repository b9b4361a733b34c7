import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { COMPUTE, ERROR, TRANSFER } from '../src/core/kinds';
import type { Row } from '../src/core/spantable';
import type { SlotColours } from '../src/draw/colours';
import { laneBox, pixelsPerLane, xOf, type Picture } from '../src/draw/geometry';
import { Labels, longestRun } from '../src/draw/labels';
import { Raster } from '../src/draw/raster';
import { lanesOf, paintSlowly, type Look, type Span } from './painter';

const KINDS = Uint8Array.from([COMPUTE, COMPUTE, TRANSFER, ERROR]);
const LOOK: Look = {
  kinds: KINDS,
  plain: Uint32Array.from([1, 2, 3, 4]),
  ink: Uint32Array.from([1, 2, 3, 4]),
  pattern: new Uint16Array(4),
  dimmed: new Uint8Array(4)
};
const LANES = 3;

const spans = fc.array(
  fc
    .record({
      lane: fc.integer({ min: 0, max: LANES - 1 }),
      strip: fc.boolean(),
      start: fc.integer({ min: -50, max: 300 }),
      duration: fc.integer({ min: 0, max: 200 }),
      which: fc.nat()
    })
    .map(({ which, ...span }): Span => ({ ...span, slot: span.strip ? 2 : [0, 1, 3][which % 3] })),
  { maxLength: 12 }
);

const pictures: fc.Arbitrary<Picture> = fc
  .record({
    width: fc.integer({ min: 20, max: 300 }),
    ratio: fc.constantFrom(1, 1.5, 2),
    t0: fc.integer({ min: -20, max: 250 }),
    perSecond: fc.constantFrom(0.5, 1, 2),
    lane0: fc.constantFrom(0, 0.25, 1),
    perLane: fc.constantFrom(10, 12, 20, 40)
  })
  .map(({ width, ratio, t0, perSecond, lane0, perLane }) => ({
    width,
    height: 2 * perLane,
    ratio,
    t0,
    t1: t0 + width / perSecond,
    lane0,
    lane1: lane0 + 2
  }));

/** Labels with the lanes they were found in, as the view of the mark collects them. */
function labelled(
  picture: Picture,
  all: Span[],
  textOf: (row: Row, i: number) => string = () => ''
): { labels: Labels; lanes: number[] } {
  const labels = new Labels();
  const lanes: number[] = [];
  const rows = lanesOf(all, LANES, KINDS);
  const pixels = new Uint32Array(picture.width * picture.height);
  const wideAt = Labels.wideAt(picture, pixelsPerLane(picture));
  new Raster().paint(
    picture,
    rows,
    LOOK as unknown as SlotColours,
    pixels,
    wideAt,
    (lane, box, own, strip, wide) => {
      labels.collect(picture, rows.compute(lane), box, own, strip, wide, textOf);
      while (lanes.length < labels.list.length) {
        lanes.push(lane);
      }
    }
  );
  return { labels, lanes };
}

describe('a label', () => {
  it('lies inside a span of its slot, over pixels that show it', () => {
    fc.assert(
      fc.property(spans, pictures, (all, picture) => {
        const { labels, lanes } = labelled(picture, all);
        const shown = paintSlowly(
          picture,
          LANES,
          all.filter(span => !span.strip),
          LOOK
        );
        labels.list.forEach(({ x, width, y, slot }, i) => {
          const box = laneBox(picture, lanes[i]);
          expect(y).toBeGreaterThan(box.top);
          expect(y).toBeLessThan(box.bottom);
          const inside = all.some(
            span =>
              span.lane === lanes[i] &&
              span.slot === slot &&
              xOf(picture, span.start) <= x &&
              x + width <= xOf(picture, span.start + span.duration)
          );
          expect(inside).toBe(true);
          const line = shown[Math.min(picture.height, box.bottom) - 1];
          expect(line.slice(x, x + width).every(({ owner }) => owner === slot)).toBe(true);
        });
      }),
      { numRuns: 400 }
    );
  });

  it('is there for every span that is wide, alone and high enough', () => {
    const picture = { width: 200, height: 40, ratio: 1, t0: 0, t1: 200, lane0: 0, lane1: 2 };
    const alone = (start: number, duration: number, lane = 0): Span[] => [
      { lane, strip: false, start, duration, slot: 1 }
    ];
    const found = (all: Span[], where: Picture = picture): number => labelled(where, all).labels.list.length;
    expect(found(alone(10, 50))).toBe(1);
    expect(found(alone(-500, 10_000, 1))).toBe(1);
    expect(found(alone(10, 20))).toBe(0);
    expect(found(alone(10, 50), { ...picture, ratio: 2 })).toBe(0);
    expect(found(alone(10, 50), { ...picture, lane1: 5 })).toBe(0);
    expect(found([...alone(10, 50), ...alone(70, 50), ...alone(130, 50, 1)])).toBe(3);
  });

  it('goes below the strip where there is room', () => {
    const picture = { width: 200, height: 80, ratio: 1, t0: 0, t1: 200, lane0: 0, lane1: 2 };
    const all = [
      { lane: 0, strip: false, start: 0, duration: 100, slot: 0 },
      { lane: 0, strip: true, start: 50, duration: 1, slot: 2 },
      { lane: 0, strip: false, start: 110, duration: 80, slot: 1 }
    ];
    const box = laneBox(picture, 0);
    expect(labelled(picture, all).labels.list.map(label => label.y)).toEqual([
      (box.stripBottom + box.bottom) / 2,
      (box.top + box.bottom) / 2
    ]);
  });
});

describe('the text of a label', () => {
  /** A canvas' context whose letters are as wide as their code says. */
  function context(): { said: [text: string, x: number][]; canvas: CanvasRenderingContext2D } {
    const said: [string, number][] = [];
    const canvas = {
      font: '',
      measureText(text: string) {
        return { width: widthOf(text) * parseFloat(this.font) };
      },
      fillText(text: string, x: number) {
        said.push([text, x]);
      }
    };
    return { said, canvas: canvas as unknown as CanvasRenderingContext2D };
  }
  const widthOf = (text: string): number =>
    [...text].reduce((sum, char) => sum + (1 + ((char.codePointAt(0) as number) % 13)) / 13, 0);
  const SIZE = 11;

  it('is the prefix, or a beginning of it, and ends inside the label', () => {
    const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        names,
        fc.boolean(),
        fc.constantFrom(1, 2),
        fc.integer({ min: 30, max: 200 }),
        (name, erred, ratio, long) => {
          const picture = { width: 500, height: 50, ratio, t0: 0, t1: 500, lane0: 0, lane1: 1 };
          const slot = erred ? 3 : 0;
          const whole = erred ? `✗ ${name}` : name;
          const span = { lane: 0, strip: false, start: 7, duration: long * ratio, slot };
          const { labels } = labelled(picture, [span], () => whole);
          const { said, canvas } = context();
          labels.draw(canvas, picture, {
            text: ['#000', '#000', '#000', '#000'],
            dimmed: new Uint8Array(4)
          });
          for (const [text, x] of said) {
            expect(text === whole || (text.endsWith('…') && whole.startsWith(text.slice(0, -1)))).toBe(true);
            expect(text).not.toMatch(/\p{Surrogate}/u);
            expect(x).toBeGreaterThanOrEqual(7);
            expect(x + widthOf(text) * SIZE * ratio).toBeLessThanOrEqual(7 + long * ratio);
          }
          if (widthOf(whole) * SIZE <= long - 8) {
            expect(said.map(([text]) => text)).toEqual([whole]);
          }
        }
      ),
      { numRuns: 500 }
    );
  });

  it('is not there for what highlighting dims', () => {
    const picture = { width: 500, height: 50, ratio: 1, t0: 0, t1: 500, lane0: 0, lane1: 1 };
    const { labels } = labelled(picture, [{ lane: 0, strip: false, start: 0, duration: 400, slot: 0 }]);
    const { said, canvas } = context();
    labels.draw(canvas, picture, {
      text: ['#000'],
      dimmed: Uint8Array.from([1])
    });
    expect(said).toEqual([]);
  });
});

describe('the longest run', () => {
  it('is the longest, and the first of several', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 30 }), values => {
        const owner = Uint16Array.from(values);
        const [from, to] = longestRun(owner, 1, 0, owner.length);
        const runs = values.join('').match(/1+/g) ?? [];
        const most = Math.max(0, ...runs.map(run => run.length));
        expect(to - from).toBe(most);
        if (most > 0) {
          expect(from).toBe(values.join('').indexOf('1'.repeat(most)));
        }
      })
    );
  });
});
