/** Says that a widget which has no mark is in this page: a model beside it that does nothing else. */

import { WidgetModel } from '@jupyter-widgets/base';

import { MODULE_NAME, MODULE_VERSION } from '../tokens';
import { alive } from './alive';

export class PresenceModel extends WidgetModel {
  override defaults(): Record<string, unknown> {
    return {
      ...super.defaults(),
      _model_name: 'PresenceModel',
      _model_module: MODULE_NAME,
      _model_module_version: MODULE_VERSION,
      _view_name: null
    };
  }

  override initialize(attributes: Record<string, unknown>, options: never): void {
    super.initialize(attributes, options);
    this.on('comm:close destroy', () => alive.delete(this.model_id));
    alive.add(this.model_id);
  }
}
