/** A flame graph under the keyboard: arrows go from frame to frame as a screen reader would. */

import type { FlameModel } from './flamemodel';

const ZOOM = 0.8;

export const FLAME_KEYS =
  'Arrow keys go from frame to frame, Enter zooms to the selected one, Backspace to its caller, ' +
  'plus and minus zoom, Home shows everything, slash searches, Escape clears the selection.';

/** What a key does; undefined for keys that are not ours. */
export function actionOfFlame(key: string, model: FlameModel): (() => void) | undefined {
  const { flame } = model;
  if (!flame) {
    return undefined;
  }
  const at = model.picked >= 0 ? model.picked : Math.max(0, model.zoomed);
  const pick = (node: number | undefined): void => {
    if (node === undefined) {
      return;
    }
    model.choose(node);
    const [from, to] = model.time;
    const [start, stop] = [flame.start[node], flame.start[node] + flame.wide[node]];
    const [top, bottom] = model.lanesShown;
    const depth = flame.depth[node];
    // What is out of sight comes into it.
    if (stop <= from || start >= to) {
      model.zoomTo(flame.nodes.parent[node] <= flame.nodes.n ? flame.nodes.parent[node] : 0);
    }
    if (depth < top || depth + 1 > bottom) {
      model.showLanes([depth < top ? depth : top + depth + 1 - bottom, 0]);
    }
  };
  const sibling = (by: number): void => {
    if (at === 0) {
      return;
    }
    const all = Array.from(flame.childrenOf(flame.nodes.parent[at]));
    pick(all[all.indexOf(at) + by]);
  };
  switch (key) {
    case 'ArrowUp':
      return () => pick(at === 0 ? undefined : flame.nodes.parent[at]);
    case 'ArrowDown':
      return () => pick(flame.childrenOf(at)[0]);
    case 'ArrowLeft':
      return () => sibling(-1);
    case 'ArrowRight':
      return () => sibling(1);
    case 'Enter':
    case ' ':
      return () => model.zoomTo(at);
    case 'Backspace':
      return () => model.zoomTo(model.zoomed > 0 ? flame.nodes.parent[model.zoomed] : 0);
    case '+':
    case '=':
      return () => model.zoomBy(ZOOM);
    case '-':
    case '_':
      return () => model.zoomBy(1 / ZOOM);
    case 'Home':
    case '0':
      return () => model.zoomReset();
    case '/':
      return () => model.trigger('search:focus');
    case 'Escape':
      return () => (model.picked >= 0 ? model.choose(-1) : model.zoomTo(0));
    default:
      return undefined;
  }
}
