/** Elements of SVG, and a legend's entries. */

import { h } from './elements';

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag: string, attributes: Record<string, string>, ...children: Node[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** What a sample of 22 by 12 stands for. */
export function entry(sample: SVGElement, name: string, long: string): HTMLElement {
  const picture = svg('svg', { width: '22', height: '12', 'aria-hidden': 'true' }, sample);
  return h('span', { role: 'listitem', title: long }, picture, name);
}
