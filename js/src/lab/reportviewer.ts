/** Opens reports out of the file browser: from their data alone, whatever else is in the file. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ABCWidgetFactory, DocumentWidget, type DocumentRegistry } from '@jupyterlab/docregistry';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import { PLUGIN } from '../tokens';
import { lensIcon } from './icons';
import { ReportContent } from './reportcontent';

/** Name of the viewer, in "Open With" and where settings choose one. */
export const FACTORY = 'Dask Report';
const TYPES = ['html', 'json'] as const;
/** Whose files can be reports too. */
const OTHERS = ['html', 'json'];

class ReportWidget extends DocumentWidget<ReportContent> {
  constructor(options: DocumentWidget.IOptions<ReportContent>) {
    super(options);
    this.toolbar.hide();
    this.title.icon = lensIcon;
  }

  override setFragment(fragment: string): void {
    this.content.go(fragment);
  }
}

class ReportFactory extends ABCWidgetFactory<ReportWidget> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<ReportWidget>,
    private readonly trans: TranslationBundle
  ) {
    super(options);
  }

  protected override createNewWidget(context: DocumentRegistry.Context): ReportWidget {
    return new ReportWidget({ context, content: new ReportContent(context, this.trans) });
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.reports,
  description: 'Shows files of dasklens.performance_report.',
  autoStart: true,
  optional: [ILayoutRestorer, ITranslator],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, translator: ITranslator | null) => {
    const { docRegistry } = app;
    const trans = (translator ?? nullTranslator).load('dasklens');
    const types = TYPES.map(type => `dasklens-report-${type}`);
    TYPES.forEach((type, i) =>
      docRegistry.addFileType({
        name: types[i],
        displayName: trans.__('Dask Report'),
        extensions: [`.dasklens.${type}`],
        mimeTypes: [type === 'html' ? 'text/html' : 'application/json'],
        contentType: 'file',
        fileFormat: 'text',
        icon: lensIcon
      })
    );
    const factory = new ReportFactory(
      {
        name: FACTORY,
        label: trans.__('Dask Report'),
        modelName: 'text',
        fileTypes: [...types, ...OTHERS],
        defaultFor: types,
        defaultRendered: types,
        readOnly: true
      },
      trans
    );
    const tracker = new WidgetTracker<ReportWidget>({ namespace: 'dasklens-reports' });
    factory.widgetCreated.connect((_, widget) => {
      widget.context.pathChanged.connect(() => void tracker.save(widget));
      void tracker.add(widget);
    });
    docRegistry.addWidgetFactory(factory);
    void restorer?.restore(tracker, {
      command: 'docmanager:open',
      args: ({ context }) => ({ path: context.path, factory: FACTORY }),
      name: ({ context }) => context.path
    });
  }
};

export default plugin;
