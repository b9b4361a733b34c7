/** Slots as pixels: their colour, the ink of their pattern, and whether highlighting dims them. */

import { ERROR, PATTERNS } from '../core/kinds';
import { colourOf, ERROR_COLOUR, rgb, wantsDarkText } from '../core/palette';
import type { Slot } from '../core/tasks';

/** What is left of a dimmed slot's alpha. */
export const DIMMED = 0.18;

export class SlotColours {
  /** Per slot its colour as 0x00bbggrr: with the alpha above it, a pixel of ImageData. */
  plain = new Uint32Array(64);
  /** The same, where the pattern puts ink. */
  ink = new Uint32Array(64);
  /** Per slot the tile of its pattern, see kinds.ts. */
  pattern = new Uint16Array(64);
  /** Per slot 1 if another prefix is highlighted. */
  dimmed = new Uint8Array(64);
  /** Per slot the colour of text on it. */
  text: string[] = [];
  /** The slots whose colours are here, and how many of them. */
  private of: readonly Slot[] = [];
  private known = 0;

  /** Forget everything: the palette, the highlight or the theme changed. */
  clear(): void {
    this.known = 0;
  }

  /** Take in slots that came since the last call. */
  update(
    slots: readonly Slot[],
    overrides: Readonly<Record<string, string>>,
    highlight: readonly string[],
    errorColour: string
  ): void {
    if (slots !== this.of || slots.length < this.known) {
      this.of = slots;
      this.known = 0;
    }
    if (slots.length > this.plain.length) {
      this.grow(slots.length * 2);
    }
    const lit = new Set(highlight);
    for (let s = this.known; s < slots.length; s++) {
      const { prefix, kind } = slots[s];
      const error = kind === ERROR;
      const colour = error ? validColour(errorColour) : (slots[s].colour ?? colourOf(prefix, overrides));
      const dark = wantsDarkText(colour);
      this.plain[s] = packed(rgb(colour));
      this.ink[s] = packed(rgb(colour).map(c => Math.round(dark ? c * 0.45 : c + (255 - c) * 0.62)));
      this.pattern[s] = PATTERNS[kind];
      // An error is never hidden, whatever is highlighted.
      const back = slots[s].dimmed ?? (lit.size > 0 && !lit.has(prefix));
      this.dimmed[s] = back && !error ? 1 : 0;
      this.text[s] = dark ? '#000000' : '#ffffff';
    }
    this.known = slots.length;
  }

  private grow(size: number): void {
    this.known = 0;
    this.plain = new Uint32Array(size);
    this.ink = new Uint32Array(size);
    this.pattern = new Uint16Array(size);
    this.dimmed = new Uint8Array(size);
  }
}

function packed(channels: number[]): number {
  const [r, g, b] = channels;
  return (b << 16) | (g << 8) | r;
}

function validColour(colour: string): string {
  return /^#[0-9a-f]{6}$/i.test(colour) ? colour : ERROR_COLOUR;
}
