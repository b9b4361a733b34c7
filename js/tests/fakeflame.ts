/** The model of a flame graph as its parts see it: Backbone's events, traits, and a real tree. */

import { vi } from 'vitest';

import { CallTree } from '../src/core/calltree';
import type { Narrowed } from '../src/core/covered';
import { Flame } from '../src/core/flame';
import { frameOf as factsOf, type HoveredFrame } from '../src/core/frametext';
import { functionsOf, type FunctionRow } from '../src/core/functions';
import { search, type Found } from '../src/core/search';
import { FakeMark } from './fakemark';
import { treeOf, type Spec } from './trees';

export class FakeFlame extends FakeMark {
  tree: CallTree | null = null;
  flame: Flame | null = null;
  found: Found | null = null;
  zoomed = 0;
  picked = -1;
  readonly zoomTo = vi.fn();
  readonly refresh = vi.fn();
  readonly choose = vi.fn();
  readonly showCallers = vi.fn();

  constructor() {
    super();
    Object.entries({ view: 'tree', search: '', workers: [], zoom: [] }).forEach(([name, value]) =>
      this.set(name, value)
    );
  }

  /** A tree arrives. */
  take(root: Spec, about: object = {}): void {
    this.tree = treeOf(root, about);
    this.flame = new Flame(this.tree, this.tree.functions);
    this.trigger('log:change');
  }

  get content(): { nRecords: number } {
    return this.flame ?? { nRecords: 0 };
  }

  get narrowed(): Narrowed {
    return {
      highlight: this.get('highlight') as string[],
      workers: this.get('workers') as string[],
      interval: this.get('interval') as [number, number] | null
    };
  }

  get foundText(): string {
    this.found = this.tree && search(this.tree.functions, this.get('search') as string);
    return this.found ? `${this.found.count} match` : '';
  }

  functions(): FunctionRow[] {
    return this.flame ? functionsOf(this.flame) : [];
  }

  facts(node: number): HoveredFrame | null {
    return this.flame && this.tree && node >= 0 ? factsOf(this.flame, this.tree, node) : null;
  }

  emptyText(): string {
    return 'Nothing, and why.';
  }
}
