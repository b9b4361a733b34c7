/**
 * Which marks of kernels, or of saved state, this page has. A notebook that is opened shows a still
 * picture until its mark is here.
 */

class Alive {
  private readonly ids = new Set<string>();
  private readonly waiting = new Map<string, Set<() => void>>();

  has(id: string): boolean {
    return this.ids.has(id);
  }

  add(id: string): void {
    this.ids.add(id);
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    waiting?.forEach(act => act());
  }

  delete(id: string): void {
    this.ids.delete(id);
  }

  /** Call `act` once the mark is here; the function returned takes that back. */
  whenHere(id: string, act: () => void): () => void {
    const waiting = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, waiting.add(act));
    return () => waiting.delete(act);
  }
}

export const alive = new Alive();
