/**
 * The document in the text of a file: what a `.json` is, and an `.html` holds as the text of one element. That
 * is looked for as text: nothing of the file is parsed as HTML, and none of its scripts is anything but text.
 * `python/dasklens/report/pages.py` writes and reads the same.
 */

import { readReport, ReportError, type Report } from './document';
import { IDS } from './shared';

/** Characters of a file. Those of three million tasks are some 90 million; browsers end at 500 million. */
export const MOST_TEXT = 256 << 20;

const OPENING = `<script type="application/json" id="${IDS.document}">`;
const CLOSING = '</script>';

/**
 * Read the text of a file.
 *
 * @throws ReportError for a file that is no report, only the beginning of one, too large, or of a later version.
 */
export function readFile(text: string, most = MOST_TEXT): Report {
  if (text.length > most) {
    throw new ReportError(
      `Expected a dasklens report of at most ${most >> 20} MiB, got ${Math.ceil(text.length / (1 << 20))} MiB: ` +
        'read it in Python with dasklens.load_report.'
    );
  }
  // With them goes the mark that some editors put at the beginning.
  const said = text.trimStart();
  if (said === '') {
    throw new ReportError('Expected a dasklens report, got an empty file.');
  }
  try {
    return readReport(said.startsWith('<') ? documentIn(said) : said);
  } catch (error) {
    // What is nested without end takes more than any reader has.
    throw error instanceof ReportError
      ? error
      : new ReportError(`Expected a dasklens report, got what cannot be read (${String(error)}).`);
  }
}

/** The JSON in a page. */
function documentIn(page: string): string {
  // The last one: a page is ours to write, and nothing comes behind the document.
  const found = page.lastIndexOf(OPENING);
  if (found < 0) {
    throw new ReportError(
      page.includes(`id="${IDS.page}"`)
        ? 'Expected a whole dasklens report, got one that is cut off: fetch or copy it again.'
        : 'Expected the HTML of a dasklens report, got a file without one.'
    );
  }
  const start = found + OPENING.length;
  const stop = page.indexOf(CLOSING, start);
  if (stop < 0) {
    throw new ReportError(
      'Expected a whole dasklens report, got one that is cut off: fetch or copy it again.'
    );
  }
  return page.slice(start, stop);
}
