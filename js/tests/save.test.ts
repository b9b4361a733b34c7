// @vitest-environment jsdom
import type { Figure } from 'bqplot';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { figureAsPng, figureAsSvg } from '../src/marks/save';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('a picture', () => {
  const bad = `a\u0000\u001b\ud800\ufffe\tb😀`;
  const fixed = 'a\ufffd\ufffd\ufffd\ufffd\tb😀';

  function figure(): Figure {
    const svg = (): SVGElement => document.createElementNS('http://www.w3.org/2000/svg', 'g');
    const lanes = svg();
    const label = lanes.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'text'));
    label.setAttribute('aria-label', bad);
    label.appendChild(document.createTextNode(bad));
    const node = (element: SVGElement) => ({ node: () => element });
    return {
      el: document.createElement('div'),
      webGLCanvas: {
        getBoundingClientRect: () => new DOMRect(),
        toDataURL: () => 'data:,'
      },
      svg_background: node(svg()),
      svg: node(lanes)
    } as unknown as Figure;
  }

  it('is XML whatever the names are', async () => {
    const serialize = vi.spyOn(XMLSerializer.prototype, 'serializeToString');
    await figureAsSvg(figure());
    // jsdom says the namespace twice when it is set as an attribute as well; browsers do not.
    const text = (serialize.mock.results[0].value as string).replace(/( xmlns="[^"]+")(.*?)\1/, '$1$2');
    const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
    expect(parsed.querySelector('parsererror')).toBeNull();
    const label = parsed.querySelector('text');
    expect(label?.textContent).toBe(fixed);
    expect(label?.getAttribute('aria-label')).toBe(fixed);
  });

  it('can be drawn with names that are half a character', async () => {
    const Image = class {
      src = '';
      decode = () => Promise.resolve();
    };
    vi.stubGlobal('Image', Image);
    vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null);
    vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation(done => done(new Blob()));
    await expect(figureAsPng(figure())).resolves.toBeInstanceOf(Blob);
  });
});
