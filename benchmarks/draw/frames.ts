/** Distances between animation frames: what a person gets while something moves. */

export interface Frames {
  /** Milliseconds. */
  median: number;
  p95: number;
  worst: number;
  frames: number;
}

/** Watch n frames, or as many as come in so many seconds; `act` is called in front of each. */
export async function watchFrames(
  n: number,
  act: (i: number) => void = () => {},
  seconds = Infinity
): Promise<Frames> {
  const between: number[] = [];
  let last = await nextFrame();
  const end = last + seconds * 1000;
  for (let i = 0; i < n && last < end; i++) {
    act(i);
    const now = await nextFrame();
    between.push(now - last);
    last = now;
  }
  return {
    median: quantile(between, 0.5),
    p95: quantile(between, 0.95),
    worst: quantile(between, 1),
    frames: between.length
  };
}

export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] * 100) / 100;
}

export function nextFrame(): Promise<number> {
  return new Promise(resolve => requestAnimationFrame(resolve));
}

declare global {
  interface Window {
    watchFrames: typeof watchFrames;
  }
}

window.watchFrames = watchFrames;
