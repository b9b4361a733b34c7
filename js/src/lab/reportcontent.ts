/** What is in the tab of a report: reads its file as text and shows what that says, or in one sentence why it cannot. */

import { ActivityMonitor } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import { h } from '../parts/elements';
import type { Body } from '../report/body';
import { PlacedLayout } from './placedlayout';

/** Milliseconds without a change of the text until it is read anew. */
const SETTLED = 500;

export class ReportContent extends Widget {
  private readonly where = windowOf();
  private readonly changes: ActivityMonitor<DocumentRegistry.IModel, void>;
  /** Of what is shown now. */
  private shown = new AbortController();
  private body: Body | null = null;

  constructor(
    private readonly context: DocumentRegistry.Context,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.layout = new PlacedLayout();
    this.addClass('dasklens-Report');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Dask report'));
    this.changes = new ActivityMonitor({ signal: context.model.contentChanged, timeout: SETTLED });
    this.changes.activityStopped.connect(() => void this.read());
    this.say('waiting', trans.__('Reading the report…'));
    void context.ready.then(() => this.read());
  }

  /** Show the section, and the stretch of time, of a fragment such as `#tab=logs`. */
  go(fragment: string): void {
    this.where.location.hash = fragment;
    this.body?.go();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.changes.dispose();
    this.clear();
    super.dispose();
  }

  private async read(): Promise<void> {
    try {
      // What shows it is fetched with the first report.
      const { showReport } = await import('./reportshown');
      if (this.isDisposed) {
        return;
      }
      const { node, where } = this;
      const { signal } = this.clear();
      const layout = this.layout as PlacedLayout;
      const text = this.context.model.toString();
      this.body = showReport(text, { node, layout, where, signal, prefix: `dasklens-${UUID.uuid4()}-` });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.say(
        'fatal',
        this.trans.__('%1 cannot be shown as a Dask report. %2', this.context.localPath, why)
      );
    }
  }

  /** Take off what is shown, with all that belongs to it. */
  private clear(): AbortController {
    this.shown.abort();
    this.shown = new AbortController();
    this.body = null;
    this.node.replaceChildren();
    return this.shown;
  }

  private say(kind: 'waiting' | 'fatal', words: string): void {
    const role = kind === 'fatal' ? 'alert' : 'status';
    this.node.replaceChildren(h('p', { class: kind, role }, words));
  }
}

/** What a report takes for the window whose address says what it shows; a tab has none. */
function windowOf(): { location: { hash: string }; history: Pick<History, 'replaceState'> } {
  const location = { hash: '' };
  const replaceState = (_data: unknown, _title: string, url?: string | URL | null): void => {
    location.hash = String(url ?? '');
  };
  return { location, history: { replaceState } };
}
