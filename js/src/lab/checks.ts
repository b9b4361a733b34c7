/** "Why can't I see it?": what the server checked, with what to do about what is wrong. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { ApiError, type Check, type Scheduler } from './api';
import { copyLine, h } from './dom';
import type { Hub } from './hub';

export async function showChecks(hub: Hub, scheduler: Scheduler | null): Promise<void> {
  const { trans } = hub;
  const body = new Widget();
  body.addClass('dasklens-Checks');
  body.node.append(h('p', { role: 'status' }, trans.__('Checking…')));
  const asked = hub.api.check(scheduler ? { id: scheduler.id } : {}).then(
    checks => resultsOf(checks, trans),
    (error: unknown) => failureOf(error)
  );
  void asked.then(elements => body.isDisposed || body.node.replaceChildren(...elements));
  await showDialog({
    title: scheduler
      ? trans.__("Why can't I see %1?", scheduler.name)
      : trans.__("Why can't I see my cluster?"),
    body,
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}

function resultsOf(checks: readonly Check[], trans: TranslationBundle): HTMLElement[] {
  const wrong = checks.filter(check => check.ok === false).length;
  const summary =
    wrong === 0
      ? trans.__('Nothing wrong was found.')
      : trans._n('One thing is wrong.', '%1 things are wrong.', wrong);
  return [
    h('p', { role: 'status' }, summary),
    h('ul', { class: 'dasklens-lab-checks' }, ...checks.map(check => item(check, trans)))
  ];
}

function item({ name, title, ok, said, remedy, copy }: Check, trans: TranslationBundle): HTMLElement {
  const [symbol, word] =
    ok === true
      ? ['✓', trans.__('fine')]
      : ok === false
        ? ['✗', trans.__('wrong')]
        : ['–', trans.__('not run')];
  const mark = h('span', { class: 'dasklens-lab-mark', role: 'img', 'aria-label': word }, symbol);
  const text = h('div', {}, h('strong', {}, title), h('p', {}, said));
  if (remedy) {
    text.append(h('p', { class: 'dasklens-remedy' }, trans.__('What helps: %1', remedy)));
  }
  if (copy) {
    text.append(copyLine(copy, trans));
  }
  return h('li', { 'data-check': name, 'data-ok': String(ok) }, mark, text);
}

function failureOf(error: unknown): HTMLElement[] {
  const remedy = error instanceof ApiError ? error.remedy : '';
  return [
    h('p', { role: 'alert' }, error instanceof Error ? error.message : String(error)),
    ...(remedy ? [h('p', {}, remedy)] : [])
  ];
}
