/**
 * A picture of a figure, as it is on screen: background, axes, canvas, and what lies above it.
 *
 * bqplot's own pictures stretch the canvas over the whole figure and come out distorted when it has
 * margins, so this one is put together here. Styles are written into the elements: the picture then
 * needs no style sheet and looks the same everywhere.
 */

import type { Figure } from 'bqplot';

const SVG = 'http://www.w3.org/2000/svg';

/** Styles that make a difference in bqplot's SVG. */
const STYLES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'font-style',
  'text-anchor',
  'dominant-baseline',
  'shape-rendering',
  'visibility'
];

export async function figureAsSvg(figure: Figure): Promise<Blob> {
  return new Blob([composed(figure).text], { type: 'image/svg+xml;charset=utf-8' });
}

export async function figureAsPng(figure: Figure): Promise<Blob> {
  const { text, width, height } = composed(figure);
  const ratio = window.devicePixelRatio || 1;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      blob => (blob ? resolve(blob) : reject(new Error('The browser made no PNG of the figure.'))),
      'image/png'
    )
  );
}

function composed(figure: Figure): { text: string; width: number; height: number } {
  const outer = figure.el.getBoundingClientRect();
  const width = Math.ceil(outer.width);
  const height = Math.ceil(outer.height);
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('xmlns', SVG);
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', String(height));
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const background = svg.appendChild(document.createElementNS(SVG, 'rect'));
  background.setAttribute('width', String(width));
  background.setAttribute('height', String(height));
  background.setAttribute('fill', backgroundOf(figure.el));

  const canvas = figure.webGLCanvas;
  const plot = canvas.getBoundingClientRect();
  const image = document.createElementNS(SVG, 'image');
  image.setAttribute('x', String(plot.left - outer.left));
  image.setAttribute('y', String(plot.top - outer.top));
  image.setAttribute('width', String(plot.width));
  image.setAttribute('height', String(plot.height));
  image.setAttribute('preserveAspectRatio', 'none');
  image.setAttribute('href', canvas.toDataURL('image/png'));

  svg.append(layer(figure.svg_background.node(), outer), image, layer(figure.svg.node(), outer));
  return { text: new XMLSerializer().serializeToString(svg), width, height };
}

/** A layer of the figure as a group at its place, with its styles written in. */
function layer(source: SVGElement, outer: DOMRect): SVGGElement {
  const group = document.createElementNS(SVG, 'g');
  const box = source.getBoundingClientRect();
  group.setAttribute('transform', `translate(${box.left - outer.left}, ${box.top - outer.top})`);
  for (const child of source.children) {
    const copy = styledCopy(child);
    if (copy) {
      group.appendChild(copy);
    }
  }
  return group;
}

function styledCopy(source: Element): Element | null {
  const style = getComputedStyle(source);
  if (style.display === 'none' && source.closest('defs') === null) {
    return null;
  }
  const copy = source.cloneNode(false) as Element;
  copy.removeAttribute('class');
  copy.removeAttribute('style');
  for (const attribute of copy.attributes) {
    attribute.value = inXml(attribute.value);
  }
  if (source instanceof SVGGraphicsElement) {
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value) {
        copy.setAttribute(name, value);
      }
    }
  }
  // Invisible, there to catch the pointer.
  if (source.classList.contains('plotarea_events')) {
    return null;
  }
  for (const child of source.childNodes) {
    if (child instanceof Element) {
      const inner = styledCopy(child);
      if (inner) {
        copy.appendChild(inner);
      }
    } else if (child.nodeType === Node.TEXT_NODE) {
      copy.appendChild(document.createTextNode(inXml(child.nodeValue ?? '')));
    }
  }
  return copy;
}

/** What a name holds that XML cannot (control characters, halves of characters) replaced. */
function inXml(text: string): string {
  return text.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}

/** The colour that the figure stands on: its own, or that of the nearest ancestor which has one. */
function backgroundOf(element: Element | null): string {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour && colour !== 'transparent' && !/, 0\)$/.test(colour)) {
      return colour;
    }
  }
  return '#ffffff';
}
