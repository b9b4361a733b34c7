/**
 * What of a report is shown, as the part of its address behind `#`: `tab=task-stream&from=1.5&to=2.25`. Times
 * are seconds since the report began, so that an address can be read.
 */

/** Where it is written: a window, or what stands for one. */
export interface Where {
  readonly location: Pick<Location, 'hash'>;
  readonly history: Pick<History, 'replaceState'>;
}

export class Address {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly where: Where = window) {}

  /** One that says the same, now and whatever comes: for what is shown beside. */
  still(): Address {
    const { hash } = this.where.location;
    return new Address({ location: { hash }, history: { replaceState: () => {} } });
  }

  get(name: string): string | null {
    return this.values.get(name);
  }

  /** Seconds since the report began. */
  get range(): [number, number] | null {
    const [from, to] = ['from', 'to'].map(name => parseFloat(this.get(name) ?? ''));
    return Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : null;
  }

  /** Set what is said, and take out what is null. */
  set(said: Readonly<Record<string, string | null>>): void {
    const { values } = this;
    for (const [name, value] of Object.entries(said)) {
      if (value === null) {
        values.delete(name);
      } else {
        values.set(name, value);
      }
    }
    const hash = `#${values.toString()}`;
    if (hash !== this.where.location.hash) {
      // Going back leads out of the report, not through every step of a zoom.
      this.where.history.replaceState(null, '', hash);
    }
  }

  /** The same once nothing else is said for a moment: a browser refuses many changes in a short time. */
  setSoon(said: Readonly<Record<string, string | null>>): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.set(said), 300);
  }

  private get values(): URLSearchParams {
    return new URLSearchParams(this.where.location.hash.slice(1));
  }
}
