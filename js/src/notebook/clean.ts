/** HTML that a widget holds, without what could run, ask for anything, or send the reader elsewhere by itself. */

import sanitize from 'sanitize-html';

const SVG = [
  'circle',
  'clippath',
  'defs',
  'ellipse',
  'g',
  'line',
  'lineargradient',
  'path',
  'polygon',
  'polyline',
  'radialgradient',
  'rect',
  'stop',
  'svg',
  'text',
  'tspan'
];

const DRAWN = [
  'clip-path',
  'cx',
  'cy',
  'd',
  'dx',
  'dy',
  'fill',
  'fill-opacity',
  'font-size',
  'gradienttransform',
  'gradientunits',
  'offset',
  'opacity',
  'points',
  'r',
  'rx',
  'ry',
  'stop-color',
  'stroke',
  'stroke-width',
  'text-anchor',
  'transform',
  'viewbox',
  'x',
  'x1',
  'x2',
  'xmlns',
  'y',
  'y1',
  'y2'
];

export function clean(html: string): string {
  return sanitize(html, {
    allowedTags: [
      ...sanitize.defaults.allowedTags,
      ...SVG,
      'button',
      'del',
      'details',
      'img',
      'ins',
      'summary'
    ],
    // The page's policy sees to it that no style fetches.
    allowedAttributes: {
      '*': [
        'align',
        'aria-*',
        'class',
        'colspan',
        'height',
        'id',
        'role',
        'rowspan',
        'style',
        'title',
        'width'
      ],
      a: ['href'],
      img: ['alt', 'src'],
      details: ['open'],
      ol: ['start'],
      ...Object.fromEntries(SVG.map(tag => [tag, DRAWN]))
    },
    allowedSchemes: ['http', 'https', 'mailto'],
    // An address without a scheme is of a file beside the page.
    exclusiveFilter: ({ tag, attribs }) => tag === 'img' && !/^data:image\//i.test(attribs.src ?? ''),
    allowedSchemesByTag: { img: ['data'] },
    parseStyleAttributes: false
  });
}
