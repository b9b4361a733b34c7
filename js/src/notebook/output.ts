/**
 * The Output widget. What it holds was made HTML where the page was written, by nbconvert's own rules for the
 * outputs of cells, and waits in a `template`.
 */

import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

import type { NotebookManager } from './manager';

const MODULE = '@jupyter-widgets/output';

export class OutputModel extends DOMWidgetModel {
  override defaults(): Record<string, unknown> {
    return {
      ...super.defaults(),
      _model_name: 'OutputModel',
      _model_module: MODULE,
      _view_name: 'OutputView',
      _view_module: MODULE,
      msg_id: '',
      outputs: []
    };
  }
}

export class OutputView extends DOMWidgetView {
  override render(): void {
    super.render();
    this.el.classList.add('jupyter-widgets', 'widget-output', 'jp-OutputArea');
    const { model_id } = this.model;
    const held = [...document.querySelectorAll<HTMLTemplateElement>('template[data-output]')].find(
      ({ dataset }) => dataset.output === model_id
    );
    if (held) {
      this.el.append(document.importNode(held.content, true));
      const { fill } = this.model.widget_manager as unknown as NotebookManager;
      void this.displayed.then(() => {
        fill(this.el);
        window.dasklensNotebook.typeset?.(this.el);
      });
    }
  }
}
