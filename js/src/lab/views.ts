/**
 * A figure's output in a notebook: the still picture until its mark is in this page, the live view
 * from then on. The kernel renews the still picture while it computes; JupyterLab's own renderer of
 * widgets would make a new view each time.
 *
 * The notebook of a report names its figures here alone, not in Jupyter's own type for widgets: viewers that
 * have that type and no dasklens would show nothing instead of the picture.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel, type Widget } from '@lumino/widgets';

import { alive } from '../marks/alive';
import { PLUGIN } from '../tokens';

/** What `python/dasklens/widgets/task_stream.py` puts beside the widget. */
const MIME = 'application/vnd.dasklens.view+json';
const WIDGET = 'application/vnd.jupyter.widget-view+json';
const STILL = 'text/html';
/** Before the renderer of widgets, which has -10. */
const RANK = -20;

/** What is needed of a notebook's panel; its package would bring half of JupyterLab along. */
interface NotebookPanel extends Widget {
  content: { rendermime: IRenderMimeRegistry };
}

/** What an output says in our type. */
interface Named {
  model_id: string;
  mark_id: string;
}

/** A model that names the widget as JupyterLab's own renderer wants it. */
function withWidget(model: IRenderMime.IMimeModel): IRenderMime.IMimeModel {
  const { model_id } = model.data[MIME] as unknown as Named;
  const data = { [WIDGET]: { version_major: 2, version_minor: 0, model_id }, ...model.data };
  const { trusted, metadata, setData } = model;
  return { data, trusted, metadata, setData: setData.bind(model) };
}

class FigureView extends Panel implements IRenderMime.IRenderer {
  private shown = '';
  private stop: () => void = () => {};

  constructor(private readonly renderers: IRenderMimeRegistry) {
    super();
    this.addClass('dasklens-FigureView');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { mark_id: mark } = model.data[MIME] as unknown as Named;
    this.stop();
    if (!alive.has(mark)) {
      this.stop = alive.whenHere(mark, () => void this.put(WIDGET, mark, model));
      await this.put(STILL, '', model);
    } else {
      await this.put(WIDGET, mark, model);
    }
  }

  override dispose(): void {
    this.stop();
    super.dispose();
  }

  private async put(mime: string, mark: string, model: IRenderMime.IMimeModel): Promise<void> {
    const what = `${mime} ${mark}`;
    // A live view of this mark is there: what changed is the still picture beside it.
    if (this.isDisposed || (mime === WIDGET && what === this.shown)) {
      return;
    }
    this.shown = what;
    const view = this.renderers.createRenderer(mime);
    await view.renderModel(mime === WIDGET ? withWidget(model) : model);
    if (this.isDisposed || this.shown !== what) {
      view.dispose();
      return;
    }
    this.widgets.slice().forEach(widget => widget.dispose());
    this.addWidget(view);
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.views,
  description: 'Keeps a live figure in its place, and shows its still picture where there is no kernel.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: panel => {
        const { rendermime } = (panel as unknown as NotebookPanel).content;
        rendermime.addFactory(
          { safe: false, mimeTypes: [MIME], createRenderer: () => new FigureView(rendermime) },
          RANK
        );
      }
    });
  }
};

export default plugin;
