/** Icons of our own, in the colours that JupyterLab's themes give to icons. */

import { LabIcon } from '@jupyterlab/ui-components';

function icon(name: string, inside: string): LabIcon {
  return new LabIcon({
    name: `dasklens:${name}`,
    svgstr:
      `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">` +
      `<g class="jp-icon3" fill="#616161">${inside}</g></svg>`
  });
}

/** A lens over lanes of spans. */
export const lensIcon = icon(
  'lens',
  '<path d="M6.5 1a5.5 5.5 0 0 1 4.4 8.8l3.9 3.9-1.1 1.1-3.9-3.9A5.5 5.5 0 1 1 6.5 1zm0 1.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z"/>' +
    '<path d="M3.6 4.2h3.2v1.2H3.6zM5.2 5.9h4.2v1.2H5.2zM3.6 7.6h2.6v1.2H3.6z"/>'
);
export const pauseIcon = icon('pause', '<path d="M4 3h3v10H4zM9 3h3v10H9z"/>');
export const playIcon = icon('play', '<path d="M4.5 2.5v11l9-5.5z"/>');
export const layoutIcon = icon(
  'layout',
  '<path d="M2 2h12v12H2zm1.4 1.4v9.2h3.9V3.4zm5.3 0v3.9h3.9V3.4zm0 5.3v3.9h3.9V8.7z"/>'
);
/** Out of the panel, into the main area. */
export const openIcon = icon(
  'open',
  '<path d="M2 3h6v1.4H3.4v8.2h8.2V8H13v6H2z"/><path d="M9.5 2H14v4.5h-1.4V4.4L8 9 7 8l4.6-4.6H9.5z"/>'
);
export const insertIcon = icon(
  'insert',
  '<path d="M2 2h12v1.4H2zM2 12.6h12V14H2zM7.3 5h1.4v2.3H11v1.4H8.7V11H7.3V8.7H5V7.3h2.3z"/>'
);
export const recordIcon = icon('record', '<circle cx="8" cy="8" r="5"/>');
export const stopIcon = icon('stop', '<path d="M3.5 3.5h9v9h-9z"/>');
