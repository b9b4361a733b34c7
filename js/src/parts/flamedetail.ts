/** The line under a flame graph: the frame under the pointer, or the selected one. */

import { thousands } from '../core/format';
import { changeColour, libraryColour } from '../core/palette';
import type { FlameModel } from '../marks/flamemodel';
import { flat, numbersOf, placeOf, type HoveredFrame } from '../core/frametext';
import { button, h, swatch } from './elements';
import { CLOSE } from './icons';
import { part, type Part } from './part';

export const HINT =
  'Hover a frame to see what it is, click to zoom. Scroll to zoom, drag to pan, / to search.';
export const TABLE_HINT = 'Click a column to sort by it, a function to see who calls it.';
const LONGEST = 300;

function build({ mark, el, signal, on }: Part<FlameModel>): void {
  const line = h('div', { class: 'dasklens-frame' });
  // What the arrow keys select is spoken; what the pointer is on is not.
  const spoken = h('div', { class: 'dasklens-spoken', role: 'status', 'aria-live': 'polite' });
  el.replaceChildren(line, spoken);
  const forget = button('clear-selected', CLOSE, 'Clear the selection');
  forget.addEventListener('click', () => mark.choose(-1), { signal });

  const hint = (): HTMLElement =>
    h('span', { class: 'dasklens-dim' }, mark.get('view') === 'table' ? TABLE_HINT : HINT);
  let hovered: HoveredFrame | null = null;
  let frame = 0;
  const show = (): void => {
    frame = 0;
    const selected = mark.facts(mark.picked);
    const facts = hovered ?? selected;
    line.replaceChildren(...(facts ? piecesOf(facts) : [hint()]));
    if (facts && !hovered) {
      line.append(forget);
    }
    spoken.textContent = selected ? [selected.name.slice(0, LONGEST), ...numbersOf(selected)].join(', ') : '';
  };
  const soon = (): void => {
    if (frame === 0) {
      frame = requestAnimationFrame(show);
    }
  };
  signal.addEventListener('abort', () => cancelAnimationFrame(frame));
  on('hover', value => {
    hovered = (value as HoveredFrame | null) ?? null;
    soon();
  });
  on('change:selected log:change change:view', () => {
    hovered = null;
    soon();
  });
  show();
}

function piecesOf(facts: HoveredFrame): HTMLElement[] {
  const fact = (text: string, className = ''): HTMLElement =>
    h('span', className ? { class: className } : {}, text);
  const name = fact(flat(facts.name).slice(0, LONGEST), 'dasklens-task dasklens-cut');
  if (facts.library) {
    name.prepend(swatch(facts.change === null ? libraryColour(facts.library) : changeColour(facts.change)));
  }
  const pieces = [name, ...numbersOf(facts).map(text => fact(text))];
  if (facts.together) {
    pieces.push(fact(`with ${thousands(facts.together.count - 1)} more in this pixel`));
  }
  const place = placeOf(facts);
  const where = h('span', { class: 'dasklens-place dasklens-dim', title: place.slice(0, 1000) });
  where.append(h('bdi', {}, flat(place.slice(-LONGEST))));
  const second = [
    ...(facts.source ? [h('code', { class: 'dasklens-cut' }, flat(facts.source).slice(0, LONGEST))] : []),
    ...(place ? [where] : []),
    ...(facts.library ? [fact(facts.library, 'dasklens-dim')] : [])
  ];
  return [h('div', {}, ...pieces), h('div', {}, ...second)];
}

const CSS = `
.dasklens-flamedetail{padding:0 4px}
.dasklens-frame{position:relative;height:46px;overflow:hidden;padding-right:28px}
.dasklens-frame>div{display:flex;align-items:center;gap:12px;height:22px;white-space:nowrap;min-width:0}
.dasklens-frame>div>span{flex:none}
.dasklens-frame .dasklens-task{flex:0 1 auto;font-weight:bold;min-width:4em}
.dasklens-frame .dasklens-swatch{margin-right:5px;vertical-align:-1px}
.dasklens-frame>div>:is(code,.dasklens-place){flex:0 1 auto;min-width:0}
.dasklens-frame code{font:var(--jp-code-font-size,13px)/1.4 var(--jp-code-font-family,monospace);background:none;color:inherit;padding:0}
.dasklens-frame .dasklens-place{overflow:hidden;text-overflow:ellipsis;direction:rtl}
.dasklens-frame>[data-action]{position:absolute;right:0;top:0}
.dasklens-spoken{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
`;

export default part<FlameModel>('flamedetail', CSS, build);
