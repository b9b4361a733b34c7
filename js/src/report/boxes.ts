/**
 * Boxes of widgets: all that figures need of @jupyter-widgets/controls, in whose place the report's bundle
 * puts this module.
 */

import {
  DOMWidgetModel,
  DOMWidgetView,
  unpack_models,
  ViewList,
  type WidgetModel
} from '@jupyter-widgets/base';
import { MessageLoop } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';

class BoxModel extends DOMWidgetModel {
  static override serializers = {
    ...DOMWidgetModel.serializers,
    children: { deserialize: unpack_models }
  };

  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), _view_module: '@jupyter-widgets/controls', children: [] };
  }
}

export class HBoxModel extends BoxModel {
  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), _model_name: 'HBoxModel', _view_name: 'HBoxView' };
  }
}

export class VBoxModel extends BoxModel {
  override defaults(): Record<string, unknown> {
    return { ...super.defaults(), _model_name: 'VBoxModel', _view_name: 'VBoxView' };
  }
}

abstract class BoxView extends DOMWidgetView {
  declare children_views: ViewList<DOMWidgetView> | null;
  protected abstract readonly kind: string;

  override initialize(parameters: never): void {
    super.initialize(parameters);
    this.children_views = new ViewList(
      (model: WidgetModel) => this.addChild(model as DOMWidgetModel),
      null as never,
      this
    );
    this.listenTo(this.model, 'change:children', () => this.showChildren());
  }

  override render(): void {
    super.render();
    this.el.classList.add('jupyter-widgets', 'widget-box', this.kind);
    const part = this.children.find(model => model.has('models'));
    if (part) {
      // It says which of the figures there are, and only once it is there: a figure that goes as soon as it
      // was put on the page is told of its size when it is gone.
      void this.show([part]);
      void this.displayed.then(() => requestAnimationFrame(() => this.showChildren()));
    } else {
      this.showChildren();
    }
  }

  override remove(): void {
    this.children_views = null;
    super.remove();
  }

  override _setElement(element: HTMLElement): void {
    super._setElement(element as never);
    this.luminoWidget.layout = new PanelLayout();
  }

  private get panel(): PanelLayout {
    return this.luminoWidget.layout as PanelLayout;
  }

  private get children(): WidgetModel[] {
    return this.model.get('children') as WidgetModel[];
  }

  private showChildren(): void {
    void this.show(this.children);
  }

  private async show(children: readonly WidgetModel[]): Promise<void> {
    const views = (await this.children_views?.update(children as never)) ?? [];
    for (const { luminoWidget } of views) {
      // Other children may have been set while these were made.
      if (!luminoWidget.isDisposed) {
        MessageLoop.postMessage(luminoWidget, Widget.ResizeMessage.UnknownSize);
      }
    }
  }

  /** Views come when they are made; each into the place that was kept for it. */
  private async addChild(model: DOMWidgetModel): Promise<DOMWidgetView> {
    const place = new Widget();
    this.panel.addWidget(place);
    const view = await this.create_child_view<DOMWidgetView>(model);
    this.panel.insertWidget(this.panel.widgets.indexOf(place), view.luminoWidget);
    place.dispose();
    return view;
  }
}

export class HBoxView extends BoxView {
  protected override readonly kind = 'widget-hbox';
}

export class VBoxView extends BoxView {
  protected override readonly kind = 'widget-vbox';
}
