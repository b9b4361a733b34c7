/** Icons as strokes in a box of 16 x 16, in the colour of the text beside them. */

const SVG = 'http://www.w3.org/2000/svg';

export const PAUSE = 'M5.5 3v10M10.5 3v10';
export const PLAY = 'M5 3l8 5-8 5z';
export const EVERYTHING = 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4';
export const ZOOM_OUT = 'M7 2a5 5 0 1 0 0 10A5 5 0 1 0 7 2zM10.5 10.5L14 14M4.5 7h5';
export const ZOOM_IN = `${ZOOM_OUT}M7 4.5v5`;
export const INTERVAL = 'M2.5 2v12M13.5 2v12M5 8h6M7 6L5 8l2 2M9 6l2 2-2 2';
export const DOWNLOAD = 'M8 2v8M5 7l3 3 3-3M2.5 13.5h11';
export const REFRESH = 'M13 3v4H9M13 7a5.2 5.2 0 1 0 .2 3';
export const CLOSE = 'M4 4l8 8M12 4l-8 8';

/** An SVG element with one path. */
export function drawn(path: string, width: number, height: number, className: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  svg.appendChild(document.createElementNS(SVG, 'path')).setAttribute('d', path);
  return svg;
}

export function icon(path: string): SVGSVGElement {
  return drawn(path, 16, 16, 'dasklens-icon');
}
