/** Search among functions: a regular expression, or the text itself where it is none. */

import type { FunctionInfo } from './calltree';

/** Characters of a name and of a file that are searched: an expression may take its time over each. */
const LONGEST = 300;

export interface Found {
  /** Per function 1 if it matches. */
  readonly wanted: Uint8Array;
  readonly count: number;
  /** What is wrong with the expression, or nothing; it is then searched for as text. */
  readonly problem: string;
}

/** Case matters if the text has an upper-case letter. */
export function search(functions: readonly FunctionInfo[], text: string): Found | null {
  if (text === '') {
    return null;
  }
  const flags = /\p{Lu}/u.test(text.replace(/\\./g, '')) ? 'u' : 'iu';
  let expression: RegExp;
  let problem = '';
  try {
    expression = new RegExp(text, flags);
  } catch (error) {
    expression = new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), flags);
    problem = error instanceof Error ? error.message.replace(/^.*: /, '') : String(error);
  }
  const wanted = Uint8Array.from(functions, ({ name, file }) =>
    expression.test(name.slice(0, LONGEST)) || expression.test(file.slice(0, LONGEST)) ? 1 : 0
  );
  return { wanted, count: wanted.reduce((sum, each) => sum + each, 0), problem };
}
