/** The measurements on a flame graph of the page: a call tree that never was, and real wheel events. */

import { CallTree } from '../../js/src/core/calltree';
import { Flame } from '../../js/src/core/flame';
import { functionsOf } from '../../js/src/core/functions';
import { invert } from '../../js/src/core/invert';
import { frameOf, type Spec } from '../../js/tests/trees';
import type { Stage } from '../../ui-tests/figure/stage';
import { nextFrame, quantile, watchFrames, type Frames } from './frames';

const FUNCTIONS = 3000;
const LIBRARIES = ['your code', 'python', 'dask', 'numpy', 'pandas', 'pyarrow'];

interface Layout {
  nodes: number;
  depth: number;
  /** Milliseconds, medians. */
  read: number;
  layout: number;
  functions: number;
  inverted: number;
}

class FlameBench {
  private frame: Uint8Array = new Uint8Array(0);

  private get stage(): Stage {
    return window.stage;
  }

  /** Make a tree: stacks that branch from one another at random depths, down to `depth`. */
  make(nodes: number, depth: number): void {
    let seed = 7;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const root: Spec = { name: '', count: 0, children: [] };
    let made = 1;
    let path: Spec[] = [root];
    while (made < nodes) {
      path = path.slice(0, 1 + random(path.length));
      while (path.length <= depth && made < nodes) {
        const fn = random(FUNCTIONS);
        const library = LIBRARIES[fn % LIBRARIES.length];
        const child: Spec = { name: `function_${fn}`, file: `${library}.py`, line: fn, library, count: 0 };
        (path[path.length - 1].children ??= []).push(child);
        path.push(child);
        made++;
      }
      const samples = 1 + random(50);
      path.forEach(node => (node.count += samples));
    }
    this.frame = frameOf(root, { interval: 0.01 });
  }

  layout(rounds: number): Layout {
    const times: Record<string, number[]> = { read: [], layout: [], functions: [], inverted: [] };
    const timed = <T>(name: string, act: () => T): T => {
      const begin = performance.now();
      const made = act();
      times[name].push(performance.now() - begin);
      return made;
    };
    let last: Flame | null = null;
    for (let i = 0; i < rounds; i++) {
      const tree = timed('read', () => CallTree.read(this.frame));
      const flame = (last = timed('layout', () => new Flame(tree, tree.functions)));
      timed('functions', () => functionsOf(flame));
      timed('inverted', () => new Flame(invert(tree), tree.functions));
    }
    const median = (name: string): number => quantile(times[name], 0.5);
    return {
      nodes: last?.nodes.n ?? 0,
      depth: (last?.lanes.length ?? 1) - 1,
      read: median('read'),
      layout: median('layout'),
      functions: median('functions'),
      inverted: median('inverted')
    };
  }

  /** The tree in, until it is on screen: milliseconds. */
  async show(): Promise<number> {
    const begin = performance.now();
    this.stage.flame.feed(this.frame);
    await nextFrame();
    await nextFrame();
    return performance.now() - begin;
  }

  async wheel(frames: number, event: (i: number) => WheelEventInit): Promise<Frames> {
    const [view] = this.stage.views;
    const box = (view.webGLCanvas as HTMLCanvasElement).getBoundingClientRect();
    return watchFrames(frames, i => {
      view.el.dispatchEvent(
        new WheelEvent('wheel', {
          bubbles: true,
          cancelable: true,
          clientX: box.left + box.width * 0.4,
          clientY: box.top + box.height / 2,
          ...event(i)
        })
      );
    });
  }
}

declare global {
  interface Window {
    flameBench: FlameBench;
  }
}

window.flameBench = new FlameBench();
