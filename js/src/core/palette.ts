/**
 * Key prefix -> colour. `python/dasklens/model/palette.py` holds the same list and the same hash: a
 * prefix has one colour everywhere and always, so it follows from the name alone.
 *
 * The colours keep apart under the common kinds of colour blindness as far as sixteen can (after the
 * qualitative schemes of Okabe and Ito and of Paul Tol); red is left to errors. Two prefixes may
 * share a colour: labels, legend and hover name them.
 */

export const COLOURS: readonly string[] = [
  '#4477aa',
  '#e69f00',
  '#44aa99',
  '#aa4499',
  '#88ccee',
  '#117733',
  '#ddcc77',
  '#7766cc',
  '#999933',
  '#cc79a7',
  '#009e73',
  '#56b4e9',
  '#bbcc33',
  '#996633',
  '#99ddff',
  '#8a8a8a'
];

/** Erred tasks, when the page's style does not say otherwise. */
export const ERROR_COLOUR = '#d4002a';

const utf8 = new TextEncoder();

/** Chosen so that the prefixes that Dask's own collections make side by side seldom share a colour. */
const SEED = 0xe20af70f;

/** 32-bit FNV-1a of the UTF-8 bytes, its bits mixed at the end: the same in both languages. */
export function hash(text: string): number {
  let h = SEED;
  for (const byte of utf8.encode(text)) {
    h = Math.imul(h ^ byte, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** The colour of a prefix as `#rrggbb`; `overrides` come from the user. */
export function colourOf(prefix: string, overrides: Readonly<Record<string, string>> = {}): string {
  const own = Object.hasOwn(overrides, prefix) ? overrides[prefix] : undefined;
  return own && /^#[0-9a-f]{6}$/i.test(own) ? own : COLOURS[hash(prefix) % COLOURS.length];
}

/** `#rrggbb` as three numbers from 0 to 255. */
export function rgb(colour: string): [r: number, g: number, b: number] {
  const n = parseInt(colour.slice(1), 16);
  return [n >> 16, (n >> 8) & 0xff, n & 0xff];
}

/** Whether dark text reads better than light on this colour. */
export function wantsDarkText(colour: string): boolean {
  const [r, g, b] = rgb(colour);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140;
}
