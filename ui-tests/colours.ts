// How legible a text on the page is: contrast by the Web Content Accessibility Guidelines 2.2.

import type { Locator } from '@playwright/test';

export interface Legible {
  text: string;
  /** 1 to 21; 4.5 is what small text needs. */
  contrast: number;
}

/** Every text within an element that is on screen, with its contrast to what it stands on. */
export function textsIn(element: Locator): Promise<Legible[]> {
  return element.evaluate(root => {
    const context = document.createElement('canvas').getContext('2d', {
      willReadFrequently: true
    }) as CanvasRenderingContext2D;
    const paint = (colour: string): void => {
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
    };
    const luminance = (): number => {
      const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map(channel => {
        const c = channel / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrastOf = (at: Element): number => {
      const behind: string[] = [];
      for (let up: Element | null = at; up; up = up.parentElement) {
        behind.unshift(getComputedStyle(up).backgroundColor);
      }
      ['#ffffff', ...behind].forEach(paint);
      const ground = luminance();
      const style = getComputedStyle(at);
      paint(at instanceof SVGElement ? style.fill : style.color);
      const [low, high] = [ground, luminance()].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    return [...root.querySelectorAll('*')]
      .filter(each => {
        const own = [...each.childNodes].some(
          node => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim()
        );
        return (
          own &&
          !each.closest('[aria-hidden=true]') &&
          each.checkVisibility({ opacityProperty: true, visibilityProperty: true })
        );
      })
      .map(each => ({ text: each.textContent ?? '', contrast: contrastOf(each) }));
  });
}

/** Contrast of what is written on a canvas, its most frequent opaque colour, to what the canvas stands on. */
export function contrastOn(canvas: Locator): Promise<number> {
  return canvas.evaluate(element => {
    const { width, height } = element as HTMLCanvasElement;
    const written = (element as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
    const { data } = written.getImageData(0, 0, width, height);
    const counts = new Map<string, number>();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 255) {
        const colour = `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`;
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
      }
    }
    const most = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
    let ground = 'rgb(255, 255, 255)';
    for (let up: Element | null = element; up; up = up.parentElement) {
      const { backgroundColor } = getComputedStyle(up);
      if (!/, 0\)$|transparent/.test(backgroundColor)) {
        ground = backgroundColor;
        break;
      }
    }
    const luminance = (colour: string): number => {
      const [r, g, b] = (colour.match(/\d+/g) ?? []).map(channel => {
        const c = Number(channel) / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    if (!most) {
      return 1;
    }
    const [low, high] = [luminance(ground), luminance(most)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  });
}

/** Labels of axes that a figure's edge cuts, once what changes the figure has had two frames for it. */
export function cutOff(figure: Locator): Promise<string[]> {
  return figure.evaluate(async element => {
    await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const { left, right } = element.getBoundingClientRect();
    const labels = Array.from(element.querySelectorAll('.axis .tick text'));
    const out = labels.filter(each => {
      const box = each.getBoundingClientRect();
      return box.width > 0 && (box.left < left || box.right > right);
    });
    return out.map(each => each.textContent);
  });
}
