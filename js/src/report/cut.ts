/** Texts of strangers, of which no more is laid out at once than people read: one without a space holds a page up. */

import { thousands } from '../core/format';

/** Letters of a paragraph, and of a name. */
export const PARAGRAPH = 2000;
export const NAME = 200;

/** The beginning of a text, and how much of it that is. */
export function cut(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const [shown, all] = [most, text.length].map(thousands);
  // Half of a letter is none.
  const end = /[\uD800-\uDBFF]/.test(text[most - 1]) ? most - 1 : most;
  return `${text.slice(0, end)}… (${shown} of ${all} letters)`;
}

/** A name within a sentence: short, and the sentence goes on in its own direction. */
export function named(name: string): string {
  return cut(name.replace(/[\u202A-\u202E\u2066-\u2069]/g, ''), 60);
}
