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

/** What the threads of workers do with their time; idling is what is left. */
export const SPENT_COLOURS: Readonly<Record<string, string>> = {
  compute: '#4477aa',
  transfer: '#e69f00',
  serialization: '#aa4499',
  disk: '#996633',
  idle: ''
};

/** A person's own code stands out; the interpreter and what Dask brings along keep to the background. */
export const LIBRARY_COLOURS: Readonly<Record<string, string>> = {
  'your code': '#e69f00',
  python: '#a3a3a3',
  dask: '#a9c4d8',
  distributed: '#8fb3cc',
  numpy: '#44aa99',
  pandas: '#aa4499',
  pyarrow: '#117733',
  scipy: '#4477aa',
  xarray: '#7766cc',
  sklearn: '#999933',
  numba: '#996633'
};

/** What other libraries share: the colours of none of those above. */
const OTHER_LIBRARIES = [
  '#cc79a7',
  '#56b4e9',
  '#ddcc77',
  '#88ccee',
  '#009e73',
  '#bbcc33',
  '#c08b5c',
  '#9a8fd8'
];

/** A comparison: what takes less than before, as much, and more. Blue and orange part for everybody. */
export const LESS_COLOUR = '#2166ac';
export const SAME_COLOUR = '#c8c8c8';
export const MORE_COLOUR = '#d95f02';

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

/** Shades of a library's colour: neighbours of the same library are to be told apart. */
export const SHADES = 4;
const LIGHTER = [0, 0.14, 0.28, -0.1];

/** The shade of a function, always the same. */
export function shadeOf(id: string): number {
  return hash(id) % SHADES;
}

/** The colour of a library's frames in a call tree, in one of its shades. */
export function libraryColour(library: string, shade = 0): string {
  const own = Object.hasOwn(LIBRARY_COLOURS, library)
    ? LIBRARY_COLOURS[library]
    : OTHER_LIBRARIES[hash(library) % OTHER_LIBRARIES.length];
  const lighter = LIGHTER[shade] ?? 0;
  return mixed(own, lighter < 0 ? '#000000' : '#ffffff', Math.abs(lighter));
}

/** Steps of colour on either side of no change. */
const STEPS = 8;
export const CHANGES = 2 * STEPS + 1;
/** A change of this share of all samples has the full colour. */
const FULL = 0.1;

/** A change of a share (-1 to 1) as a step of colour, -8 to 8: fine where changes are small. */
export function changeStep(change: number): number {
  return Math.round(Math.sign(change) * STEPS * Math.sqrt(Math.min(1, Math.abs(change) / FULL)));
}

export function changeColour(change: number): string {
  const step = changeStep(change);
  return mixed(SAME_COLOUR, step < 0 ? LESS_COLOUR : MORE_COLOUR, Math.abs(step) / STEPS);
}

function mixed(colour: string, other: string, part: number): string {
  const [to, from] = [rgb(other), rgb(colour)];
  const channels = from.map((c, i) => Math.round(c + (to[i] - c) * part));
  return `#${channels.map(c => c.toString(16).padStart(2, '0')).join('')}`;
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
