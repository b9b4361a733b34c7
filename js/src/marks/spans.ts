/**
 * The view of the Spans mark: paints the model's spans on the figure's canvas and answers pointer and
 * keyboard. Several views may show one model; each has a canvas and scratch space of its own.
 *
 * bqplot gives a figure one canvas between its two layers of SVG, as large as the plot in CSS pixels.
 * We give it the screen's own pixels and stretch it back by style.
 */

import { Mark } from 'bqplot';

import { SlotColours } from '../draw/colours';
import { onPixels, pixelsPerLane, type Picture } from '../draw/geometry';
import { HitTest } from '../draw/hit';
import { Labels } from '../draw/labels';
import { clearEdges, EDGED } from '../draw/edges';
import { Raster } from '../draw/raster';
import { listenToKeyboard } from './keyboard';
import { drawMessage } from './overlay';
import { listenToPointer } from './pointer';
import { figureAsPng, figureAsSvg } from './save';
import type { PictureKind } from './content';
import type { RowsModel } from './rowsmodel';
import { onThemeChange, readTheme, type Theme } from './theme';
import { Tooltip } from './tooltip';

export { FlameModel } from './flamemodel';
export { SpansModel } from './spansmodel';
export type { HoveredTask, Phase, PictureKind } from './spansmodel';

/** Pixels of the canvas for each of the page's: the screen's, or what the element wants that it stands in. */
function ratioOf(element: HTMLElement): number {
  const wanted = element.closest<HTMLElement>('[data-ratio]');
  return Number(wanted?.dataset.ratio) || window.devicePixelRatio || 1;
}

/** Least time between two changes of the text alternative: a screen reader would never finish. */
const DESCRIBE_AFTER = 1000;

export class Spans extends Mark {
  declare model: RowsModel;

  private readonly raster = new Raster();
  private readonly labels = new Labels();
  private readonly hits = new HitTest();
  private readonly colours = new SlotColours();
  private readonly tooltip = new Tooltip();
  private readonly ending = new AbortController();
  private context: CanvasRenderingContext2D | null = null;
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private last: Picture | null = null;
  private theme: Theme | null = null;
  private onScreen = true;
  /** Whether the plot is to be seen; where it never was not, its display is nobody's but the page's. */
  private plotted = true;
  /** Something changed since the last picture. */
  private stale = true;
  private describeTimer: ReturnType<typeof setTimeout> | undefined;

  override async render(): Promise<void> {
    await super.render();
    this.event_listeners = {};
    this.xPadding = this.yPadding = 0;
    this.create_listeners();
    const { parent, model } = this;
    const canvas = parent.webGLCanvas;
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-live', 'off');
    this.context = canvas.getContext('2d', { willReadFrequently: true });
    parent.el.style.touchAction = 'pan-y';
    parent.relayoutHooks[this.cid] = () => this.relayout();
    const { signal } = this.ending;
    listenToKeyboard(parent.el, model, signal);
    listenToPointer(this.pointerHost(), signal);
    this.watchScreen(signal);
    model.addView(this);
    this.drawNow();
  }

  override create_listeners(): void {
    super.create_listeners();
    const { model } = this;
    this.listenTo(model, 'draw:now', () => {
      this.stale = true;
      this.drawNow();
    });
    this.listenTo(model, 'draw:soon', () => this.draw());
    this.listenTo(model, 'change:highlight change:palette', () => this.colours.clear());
    this.listenTo(model, 'log:change change:phase', () => this.describeSoon());
  }

  override set_positional_scales(): void {
    for (const scale of [this.scales.x, this.scales.y]) {
      this.listenTo(scale, 'domain_changed', () => this.draw());
    }
  }

  override set_ranges(): void {
    const { x, y } = this.scales;
    x.setRange(this.parent.padded_range('x', x.model));
    y.setRange(this.parent.padded_range('y', y.model));
  }

  override relayout(): void {
    this.set_ranges();
    this.stale = true;
    this.drawNow();
  }

  /** Have the picture made anew with the next frame. */
  override draw(): void {
    this.stale = true;
    this.model.wake();
  }

  override remove(): void {
    this.ending.abort();
    clearTimeout(this.describeTimer);
    this.model.removeView(this);
    delete this.parent.relayoutHooks[this.cid];
    this.tooltip.remove();
    super.remove();
  }

  isVisible(): boolean {
    return this.onScreen && !document.hidden;
  }

  plotWidth(): number {
    return this.parent.plotareaWidth;
  }

  plotHeight(): number {
    return this.parent.plotareaHeight;
  }

  async savePicture(kind: PictureKind): Promise<Blob> {
    this.drawNow(true);
    return kind === 'png' ? figureAsPng(this.parent) : figureAsSvg(this.parent);
  }

  // Styles of bqplot's marks: spans have none.
  override clear_style(): void {}
  override set_default_style(): void {}
  override set_style_on_elements(): void {}
  override compute_view_padding(): void {}

  // --- drawing ------------------------------------------------------------------------------------

  private drawNow(always = false): void {
    const { context, model } = this;
    if (model.plotted !== this.plotted) {
      this.plotted = model.plotted;
      this.parent.el.style.display = this.plotted ? '' : 'none';
    }
    if (!context || (!always && !(this.stale && this.isVisible()))) {
      return;
    }
    const picture = this.picture();
    if (!picture) {
      return;
    }
    this.stale = false;
    const { content } = model;
    this.fitCanvas(context.canvas, picture);
    if (this.image?.width !== picture.width || this.image.height !== picture.height) {
      this.image = context.createImageData(picture.width, picture.height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const theme = (this.theme ??= readTheme(this.parent.el));
    this.colours.update(
      content.slots,
      model.get('palette') as Record<string, string>,
      model.get('highlight') as string[],
      theme.error
    );
    const lanes = model.rows();
    this.labels.clear();
    const labelled = Labels.wideAt(picture, pixelsPerLane(picture));
    const { pixels, labels } = this;
    const textOf = model.label.bind(model);
    const wideAt = model.edged ? EDGED * picture.ratio : labelled;
    this.raster.paint(picture, lanes, this.colours, pixels, wideAt, (lane, box, own, strip, wide) => {
      const row = lanes.compute(lane);
      if (model.edged) {
        clearEdges(picture, row, box, wide, pixels);
      }
      if (labelled < Infinity) {
        labels.collect(picture, row, box, own, strip, wide, textOf);
      }
    });
    context.putImageData(this.image, 0, 0);
    this.labels.draw(context, picture, this.colours);
    if (content.nRecords === 0) {
      drawMessage(context, picture, model.emptyText(), theme);
    } else {
      model.drawOver(context, picture, theme);
    }
    this.describeSoon();
  }

  /** What there is to draw now, or null while the plot has no room. */
  private picture(): Picture | null {
    const { plotareaWidth, plotareaHeight } = this.parent;
    const ratio = ratioOf(this.parent.el);
    const width = Math.round(plotareaWidth * ratio);
    const height = Math.round(plotareaHeight * ratio);
    if (!(width >= 1 && height >= 1) || !this.scales) {
      return null;
    }
    const { base } = this.model.content.table;
    const x = this.scales.x.scale;
    const y = this.scales.y.scale;
    const t0 = x.invert(0) - base;
    const t1 = x.invert(plotareaWidth) - base;
    const lane0 = y.invert(0);
    const lane1 = y.invert(plotareaHeight);
    if (!(t0 < t1 && lane0 < lane1)) {
      return null;
    }
    this.last = onPixels({ width, height, ratio, t0, t1, lane0, lane1 }, this.last);
    return this.last;
  }

  private fitCanvas(canvas: HTMLCanvasElement, picture: Picture): void {
    // Setting a canvas' size clears it and is slow, even to the size it has.
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    canvas.style.width = `${this.parent.plotareaWidth}px`;
    canvas.style.height = `${this.parent.plotareaHeight}px`;
  }

  private describeSoon(): void {
    this.describeTimer ??= setTimeout(() => {
      this.describeTimer = undefined;
      this.parent.webGLCanvas.setAttribute('aria-label', this.model.describe());
    }, DESCRIBE_AFTER);
  }

  // --- the page -----------------------------------------------------------------------------------

  /** Follow the page: on screen or not, light or dark, moved to a screen with other pixels. */
  private watchScreen(signal: AbortSignal): void {
    const { parent, model } = this;
    const wake = (): void => {
      this.stale = true;
      model.wake();
    };
    const observer = new IntersectionObserver(entries => {
      this.onScreen = entries[entries.length - 1].isIntersecting;
      if (this.onScreen) {
        wake();
      }
    });
    observer.observe(parent.el);
    // In a box of widgets nobody tells the figure that the page has become narrower.
    const resized = new ResizeObserver(() => parent.debouncedRelayout());
    resized.observe(parent.el);
    document.addEventListener('visibilitychange', wake, { signal });
    window.addEventListener('resize', wake, { signal });
    const stopTheme = onThemeChange(() => {
      this.theme = null;
      this.colours.clear();
      wake();
    });
    signal.addEventListener('abort', () => {
      observer.disconnect();
      resized.disconnect();
      stopTheme();
    });
  }

  private pointerHost(): Parameters<typeof listenToPointer>[0] {
    const { parent, model } = this;
    return {
      model,
      el: parent.el,
      plotBox: () => parent.webGLCanvas.getBoundingClientRect(),
      hasInteraction: () => parent.model.get('interaction') !== null,
      hoverAt: (x, y) => {
        const hovered = this.hoveredAt(x, y);
        model.hover(hovered);
        parent.el.style.cursor = hovered ? 'pointer' : 'default';
        if (hovered) {
          this.tooltip.show(model.linesOf(hovered), x, y);
        } else {
          this.tooltip.hide();
        }
      },
      hoverEnd: () => {
        model.hover(null);
        this.tooltip.hide();
      },
      selectAt: (x, y) => model.select(this.hoveredAt(x, y))
    };
  }

  /** What the picture shows at a point of the page. */
  private hoveredAt(clientX: number, clientY: number): object | null {
    const picture = this.picture();
    if (!picture) {
      return null;
    }
    const box = this.parent.webGLCanvas.getBoundingClientRect();
    const x = Math.floor(((clientX - box.left) * picture.width) / box.width);
    const y = Math.floor(((clientY - box.top) * picture.height) / box.height);
    const hit = this.hits.at(picture, this.model.rows(), x, y);
    const per = (picture.t1 - picture.t0) / picture.width;
    return hit && this.model.at(hit, [picture.t0 + x * per, picture.t0 + (x + 1) * per]);
  }
}
