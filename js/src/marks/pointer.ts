/**
 * The pointer on the plot: drag pans, shift+drag (or brush mode) marks an interval, the wheel zooms
 * where the pointer is, a click selects, a double click shows everything.
 *
 * If somebody gives the figure an interaction of bqplot's (a PanZoom, a selector), dragging and the
 * wheel are left to that.
 */

import { panned, type Range } from '../core/viewport';
import type { RowsModel } from './rowsmodel';

/** Movement below this many pixels is a click, not a drag. */
const STILL = 4;
/** Part of the zoom that a pixel of wheel movement makes. */
const WHEEL = 0.0015;
const LINE_HEIGHT = 16;

export interface PointerHost {
  readonly model: RowsModel;
  /** The element that events are taken from, and the box of the plot on the page. */
  readonly el: HTMLElement;
  plotBox(): DOMRect;
  hasInteraction(): boolean;
  hoverAt(clientX: number, clientY: number): void;
  hoverEnd(): void;
  selectAt(clientX: number, clientY: number): void;
}

interface Drag {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly time: Range;
  readonly lanes: Range;
  readonly brush: boolean;
  moved: boolean;
}

/** Listen until the signal is aborted. */
export function listenToPointer(host: PointerHost, signal: AbortSignal): void {
  const { model, el } = host;
  let drag: Drag | null = null;

  const inside = (event: MouseEvent): boolean => {
    const box = host.plotBox();
    return (
      event.clientX >= box.left &&
      event.clientX < box.right &&
      event.clientY >= box.top &&
      event.clientY < box.bottom
    );
  };

  const timeAt = (clientX: number): number => {
    const box = host.plotBox();
    const [start, stop] = model.time;
    const part = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    return start + (stop - start) * part;
  };

  el.addEventListener(
    'pointerdown',
    event => {
      if (event.button === 0 && event.isPrimary && inside(event) && !host.hasInteraction()) {
        drag = {
          id: event.pointerId,
          x: event.clientX,
          y: event.clientY,
          time: model.time,
          lanes: model.lanesShown,
          brush: model.brushes && (event.shiftKey || Boolean(model.get('brush'))),
          moved: false
        };
      }
    },
    { signal }
  );

  el.addEventListener(
    'pointermove',
    event => {
      if (!drag || event.pointerId !== drag.id) {
        if (inside(event)) {
          host.hoverAt(event.clientX, event.clientY);
        } else {
          host.hoverEnd();
        }
        return;
      }
      const dx = event.clientX - drag.x;
      const dy = event.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < STILL) {
        return;
      }
      if (!drag.moved) {
        drag.moved = true;
        el.setPointerCapture(event.pointerId);
        host.hoverEnd();
      }
      if (drag.brush) {
        const ends = [timeAt(drag.x), timeAt(event.clientX)];
        model.keep({ interval: [Math.min(...ends), Math.max(...ends)] });
      } else {
        const box = host.plotBox();
        model.showTime(panned(drag.time, -dx / box.width));
        if (drag.lanes[1] - drag.lanes[0] < model.content.lanes.length) {
          model.showLanes(panned(drag.lanes, -dy / box.height));
        }
      }
    },
    { signal }
  );

  const end = (event: PointerEvent): void => {
    if (!drag || event.pointerId !== drag.id) {
      return;
    }
    const { moved, brush } = drag;
    drag = null;
    if (!moved && event.type === 'pointerup') {
      if (brush) {
        model.keep({ interval: null });
      } else {
        host.selectAt(event.clientX, event.clientY);
      }
    }
  };
  el.addEventListener('pointerup', end, { signal });
  el.addEventListener('pointercancel', end, { signal });
  el.addEventListener('pointerleave', () => host.hoverEnd(), { signal });

  el.addEventListener(
    'dblclick',
    event => {
      if (inside(event)) {
        model.doubleClick();
      }
    },
    { signal }
  );

  el.addEventListener(
    'wheel',
    event => {
      if (!inside(event) || host.hasInteraction()) {
        return;
      }
      event.preventDefault();
      const box = host.plotBox();
      const unit = event.deltaMode === 1 ? LINE_HEIGHT : event.deltaMode === 2 ? box.height : 1;
      const dx = event.deltaX * unit;
      const dy = event.deltaY * unit;
      if (event.altKey) {
        const at = (event.clientY - box.top) / box.height;
        model.zoomLanes(Math.exp((dy || dx) * WHEEL), at);
      } else if (Math.abs(dx) > Math.abs(dy) || event.shiftKey) {
        model.panBy((dx || dy) / box.width);
      } else if (dy !== 0) {
        model.zoomBy(Math.exp(dy * WHEEL), (event.clientX - box.left) / box.width);
      }
      host.hoverEnd();
    },
    { signal, passive: false }
  );
}
