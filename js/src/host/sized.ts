import type * as Bqplot from 'bqplot';

/** bqplot, of which a figure without any size leaves its layout as it is: there is none that fits. */
export function sized(bqplot: typeof Bqplot): Record<string, unknown> {
  class Sized extends bqplot.Figure {
    override relayoutImpl(): void {
      const { width, height } = this.el.getBoundingClientRect();
      if (width >= 1 && height >= 1) {
        super.relayoutImpl();
      } else {
        // Asked for again when it gets a size.
        this.relayoutRequested = false;
      }
    }
  }
  return { ...bqplot, Figure: Sized };
}
