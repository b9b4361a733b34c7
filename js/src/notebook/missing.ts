/** What stands for a widget whose module is not in the page: a sentence, and its own picture if it saved one. */

import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

import { h } from '../parts/elements';
import { sentence } from './notes';

/** The name of the module that the stand-ins are of. */
export const MISSING = 'dasklens/missing';
/** Class of the element of what cannot be drawn. */
export const CANNOT = 'dasklens-cannot';

export class MissingModel extends DOMWidgetModel {
  override defaults(): Record<string, unknown> {
    return {
      ...super.defaults(),
      _model_name: 'MissingModel',
      _model_module: MISSING,
      _view_name: 'MissingView',
      _view_module: MISSING,
      sentence: '',
      picture: ''
    };
  }
}

export class MissingView extends DOMWidgetView {
  override render(): void {
    super.render();
    const picture = this.model.get('picture') as string;
    this.el.classList.add(CANNOT);
    this.el.append(sentence(this.model.get('sentence') as string));
    // An address of anything else would not be fetched.
    if (picture.startsWith('data:image/')) {
      this.el.append(h('img', { src: picture, alt: 'The picture that the widget saved of itself' }));
    }
  }
}
