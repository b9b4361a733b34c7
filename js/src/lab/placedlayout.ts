/** A layout whose widgets stand anywhere within their parent's element, among elements that are no widgets. */

import { MessageLoop } from '@lumino/messaging';
import { Layout, Widget } from '@lumino/widgets';

export class PlacedLayout extends Layout {
  private readonly placed = new Set<Widget>();

  override *[Symbol.iterator](): IterableIterator<Widget> {
    yield* this.placed;
  }

  /** Put a widget into an element of the parent's. */
  place(widget: Widget, into: HTMLElement): void {
    this.placed.add(widget);
    widget.parent = this.parent;
    this.tell(widget, Widget.Msg.BeforeAttach);
    into.append(widget.node);
    this.tell(widget, Widget.Msg.AfterAttach);
  }

  /** Called when a widget is given another parent, or none. */
  override removeWidget(widget: Widget): void {
    if (this.placed.delete(widget)) {
      this.tell(widget, Widget.Msg.BeforeDetach);
      widget.node.remove();
      this.tell(widget, Widget.Msg.AfterDetach);
    }
  }

  override dispose(): void {
    [...this.placed].forEach(widget => widget.dispose());
    super.dispose();
  }

  private tell(widget: Widget, message: (typeof Widget.Msg)['BeforeAttach']): void {
    if (this.parent?.isAttached) {
      MessageLoop.sendMessage(widget, message);
    }
  }
}
