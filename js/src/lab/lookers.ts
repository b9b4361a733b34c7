/** Counts who looks at something that costs: it is to be there while somebody does and the page is shown. */

import { onPageShown } from './looking';

export class Lookers {
  private readonly stopPage: () => void;
  private n = 0;
  private shown = true;

  constructor(private readonly changed: () => void) {
    let made = false;
    this.stopPage = onPageShown(shown => {
      this.shown = shown;
      // Nobody looks from the start.
      if (made) {
        changed();
      }
    });
    made = true;
  }

  get any(): boolean {
    return this.n > 0 && this.shown;
  }

  /** Look until the returned function is called. */
  look(): () => void {
    let looking = true;
    this.n++;
    this.changed();
    return () => {
      if (looking) {
        looking = false;
        this.n--;
        this.changed();
      }
    };
  }

  dispose(): void {
    this.stopPage();
  }
}
