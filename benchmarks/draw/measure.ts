/** The measurements on the page's figure: real wheel events and frames of a cluster that never was. */

import type { Stage } from '../../ui-tests/figure/stage';
import { Cluster } from './cluster';
import { nextFrame, quantile, watchFrames, type Frames } from './frames';

interface Measured extends Frames {
  /** Time that our own code took of a frame, median and 95th percentile. */
  work: number;
  workP95: number;
}

/** Spans a frame of the wire, as a scheduler with a long history sends them. */
const BATCH = 50_000;
/** Milliseconds between two frames of the wire while tasks run. */
const EVERY = 100;

class Bench {
  private cluster!: Cluster;

  private get stage(): Stage {
    return window.stage;
  }

  /** Data in, until it is on screen: milliseconds. */
  async load(spans: number, lanes: number, mean: number): Promise<number> {
    this.cluster = new Cluster(lanes, mean);
    const frames: Uint8Array[] = [];
    for (let done = 0; done < spans; done += BATCH) {
      frames.push(this.cluster.frame(Math.min(BATCH, spans - done)));
    }
    const { model } = this.stage;
    model.keep({ follow: false });
    await nextFrame();
    const begin = performance.now();
    // Taken out one by one: what is in the log need not stay here, too.
    let next = frames.shift();
    while (next) {
      model.feed(next);
      next = frames.shift();
    }
    await nextFrame();
    await nextFrame();
    return performance.now() - begin;
  }

  /** Keep a wheel turning for so many frames. */
  async wheel(frames: number, event: (i: number) => WheelEventInit): Promise<Measured> {
    const [view] = this.stage.views;
    const box = (view.webGLCanvas as HTMLCanvasElement).getBoundingClientRect();
    return this.frames(frames, i => {
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

  /** New spans at a rate while the view follows them. */
  async append(seconds: number, rate: number): Promise<Measured> {
    const { model } = this.stage;
    model.set({ window: 30, follow: true });
    await nextFrame();
    const timer = setInterval(() => model.feed(this.cluster.frame((rate * EVERY) / 1000)), EVERY);
    const measured = await this.frames(seconds * 60);
    clearInterval(timer);
    return measured;
  }

  private async frames(n: number, act: (i: number) => void = () => {}): Promise<Measured> {
    const work: number[] = [];
    const model = this.stage.model as unknown as { onFrame?(now: number): void };
    const own = Object.getPrototypeOf(model).onFrame as (now: number) => void;
    let spent = 0;
    model.onFrame = function (now: number): void {
      const begin = performance.now();
      own.call(this, now);
      spent += performance.now() - begin;
    };
    const frames = await watchFrames(n, i => {
      if (i > 0) {
        work.push(spent);
      }
      spent = 0;
      act(i);
    });
    delete model.onFrame;
    return { ...frames, work: quantile(work, 0.5), workP95: quantile(work, 0.95) };
  }
}

declare global {
  interface Window {
    bench: Bench;
  }
}

window.bench = new Bench();
