/** The sections of the panel: their order and which are folded, kept in the settings. */

import { Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';

import type { Options, SectionOption } from './options';
import type { Move, Section } from './section';

/** All sections in the order that was set; those it does not name come after, in their own order. */
export function ordered<T extends { readonly name: string }>(
  sections: readonly T[],
  options: readonly SectionOption[]
): T[] {
  const at = new Map(options.map(({ name }, i) => [name, i]));
  const rank = (section: T): number => at.get(section.name) ?? options.length + sections.indexOf(section);
  return [...sections].sort((a, b) => rank(a) - rank(b));
}

/** The names after a move. */
export function movedNames(names: readonly string[], from: string, move: Move): string[] {
  const others = names.filter(name => name !== from);
  const at = names.indexOf(from);
  if ('by' in move) {
    const to = Math.max(0, Math.min(others.length, at + move.by));
    return [...others.slice(0, to), from, ...others.slice(to)];
  }
  // The other one was dropped on this.
  const rest = names.filter(name => name !== move.name);
  const to = rest.indexOf(from) + Number(move.after);
  return names.includes(move.name) ? [...rest.slice(0, to), move.name, ...rest.slice(to)] : [...names];
}

export class Sections extends Panel {
  constructor(
    private readonly sections: readonly Section[],
    private readonly options: Options
  ) {
    super();
    this.addClass('dasklens-Sections');
    sections.forEach(section => {
      this.addWidget(section);
      section.moved.connect(this.onMoved, this);
      section.foldedChanged.connect(() => this.keep(this.names), this);
    });
    options.changed.connect(this.settle, this);
    this.settle();
  }

  override dispose(): void {
    Signal.clearData(this);
    super.dispose();
  }

  private get names(): string[] {
    return ordered(this.sections, this.options.get('sections')).map(section => section.name);
  }

  private onMoved(section: Section, move: Move): void {
    this.keep(movedNames(this.names, section.name, move));
  }

  private keep(names: readonly string[]): void {
    const folded = new Map(this.sections.map(section => [section.name, section.folded]));
    const wanted = names.map(name => ({ name, folded: folded.get(name) ?? false }));
    if (JSON.stringify(wanted) !== JSON.stringify(this.options.get('sections'))) {
      void this.options.set('sections', wanted);
    }
  }

  private settle(): void {
    const options = this.options.get('sections');
    // What is moved on a page loses the focus.
    const focused = document.activeElement;
    ordered(this.sections, options).forEach((section, i) => {
      // Moving a widget takes it off the page for a moment: only where it has to be.
      if (this.widgets[i] !== section) {
        this.insertWidget(i, section);
      }
    });
    if (focused instanceof HTMLElement && focused !== document.activeElement && this.node.contains(focused)) {
      focused.focus();
    }
    options.forEach(({ name, folded }) => {
      const section = this.sections.find(each => each.name === name);
      if (section) {
        section.folded = folded;
      }
    });
  }
}
