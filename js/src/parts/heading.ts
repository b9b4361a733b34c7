/** A line above a figure: plain text, whatever is in it. Widgets' own labels take formulas for more than that. */

import type { Render } from '@anywidget/types';

import { h } from './elements';
import { dress, lifeOf } from './part';

const LONGEST = 300;

const render: Render<{ text: string }> = ({ model, el, signal: viewSignal }) => {
  const { signal, end } = lifeOf(viewSignal);
  dress(el, 'heading', CSS, signal);
  el.append(h('h4', {}, h('bdi', {}, (model.get('text') ?? '').slice(0, LONGEST))));
  return end;
};

const CSS = `
.dasklens-part.dasklens-heading h4{margin:12px 0 2px;font-size:1em;font-weight:600;overflow-wrap:anywhere}
`;

export default { render };
