/** Names as people sort them. */

/** Digits of a number that is compared as one. */
const MOST_DIGITS = 15;
let collator: Intl.Collator | null = null;

/** Compare two names: numbers in them count as numbers, so `w10` comes behind `w9`. */
export function byName(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  // Names of workers and threads mostly differ in one number; the first use of Intl takes ten milliseconds.
  let at = 0;
  while (at < a.length && a[at] === b[at]) {
    at++;
  }
  while (at > 0 && isDigit(a, at - 1)) {
    at--;
  }
  const [x, y] = [numberAt(a, at), numberAt(b, at)];
  if (x !== y && x >= 0 && y >= 0) {
    return x - y;
  }
  collator ??= new Intl.Collator('en', { numeric: true });
  return collator.compare(a, b);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** The number that stands there; -1 where there is none, or one too long. */
function numberAt(text: string, at: number): number {
  let end = at;
  while (isDigit(text, end)) {
    end++;
  }
  return end > at && end - at <= MOST_DIGITS ? Number(text.slice(at, end)) : -1;
}
