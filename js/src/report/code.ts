/** The code that was recorded, with the line that called. */

import { h } from '../parts/elements';
import { emptyNote } from './context';
import { cut, PARAGRAPH } from './cut';
import { isRedacted, type Report } from './document';

/** Lines shown around the call; the rest is opened. */
const AROUND = 30;

export function codeOf(report: Report): Node {
  const { code } = report;
  if (!code || !code.text.trim()) {
    return emptyNote(
      isRedacted(report, 'code') ? 'The code was left out on purpose.' : 'The calling code is not known.'
    );
  }
  const lines = code.text.replace(/\n$/, '').split('\n');
  const first = code.line > AROUND ? code.line - AROUND : 1;
  const last = Math.min(lines.length, Math.max(code.line, 1) + AROUND);
  const box = h('div', { class: 'code', tabindex: '0', role: 'group', 'aria-label': 'Calling code' });
  const show = (from: number, to: number): void => {
    const shown = document.createDocumentFragment();
    lines.slice(from - 1, to).forEach((text, i) => shown.append(line(text, from + i, code.line)));
    box.replaceChildren(shown);
  };
  show(first, last);
  const all = h('div', {}, box);
  if (first > 1 || last < lines.length) {
    const more = h('button', { type: 'button', class: 'button' }, `Show all ${lines.length} lines`);
    more.addEventListener('click', () => {
      show(1, lines.length);
      more.remove();
    });
    all.append(more);
  }
  if (code.file) {
    const where = code.line > 0 ? [`, line ${code.line}`] : [];
    all.prepend(h('p', { class: 'file' }, h('bdi', {}, code.file), ...where));
  }
  return all;
}

function line(text: string, number: number, called: number): HTMLElement {
  const calls = number === called;
  const attributes = { class: calls ? 'line called' : 'line', ...(calls && { 'aria-current': 'true' }) };
  return h(
    'div',
    attributes,
    h('span', { class: 'lineno', 'aria-hidden': 'true' }, String(number)),
    h('code', {}, cut(text, PARAGRAPH) || ' ')
  );
}
