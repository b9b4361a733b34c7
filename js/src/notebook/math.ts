/**
 * The script of mathematics, in the pages of notebooks that have any: KaTeX, where nbconvert's own pages fetch
 * MathJax. A formula that KaTeX does not know stays as it was written.
 */

import renderMathInElement from 'katex/contrib/auto-render';

import { note } from './notes';

/** What nbconvert lets MathJax look for. */
const DELIMITERS = [
  { left: '$$', right: '$$', display: true },
  { left: '$', right: '$', display: false },
  { left: '\\(', right: '\\)', display: false },
  { left: '\\[', right: '\\]', display: true },
  ...['equation', 'align', 'alignat', 'gather', 'CD'].flatMap(name =>
    [name, `${name}*`].map(each => ({ left: `\\begin{${each}}`, right: `\\end{${each}}`, display: true }))
  )
];
const PLACES = '.jp-RenderedMarkdown, .jp-RenderedHTML, .jp-RenderedLatex';

function typeset(element: Element): number {
  let failed = 0;
  renderMathInElement(element as HTMLElement, {
    delimiters: DELIMITERS,
    throwOnError: true,
    strict: 'ignore',
    trust: false,
    errorCallback: () => failed++
  });
  return failed;
}

window.dasklensNotebook.typeset = typeset;
// Widgets that show formulas ask for MathJax, in its own words.
Object.assign(window, {
  MathJax: { Hub: { Queue: ([, , element]: [string, unknown, Element]) => typeset(element) } }
});
let failed = 0;
document.querySelectorAll(PLACES).forEach(place => (failed += typeset(place)));
if (failed > 0) {
  const formulas =
    failed === 1 ? '1 formula is shown as it was' : `${failed} formulas are shown as they were`;
  note(`${formulas} written: KaTeX, which typesets this page, does not know all of MathJax.`);
}
