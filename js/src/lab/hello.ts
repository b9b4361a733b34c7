// At start: ask the server for its version, and warn when it is not this page's.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { HELLO_PATH, type IHello, PLUGIN, VERSION } from '../tokens';
import { mismatch, silent } from './versions';

/** One sentence on what is wrong between page and server, or null. */
async function greet(settings: ServerConnection.ISettings): Promise<string | null> {
  const url = URLExt.join(settings.baseUrl, HELLO_PATH);
  const response = await ServerConnection.makeRequest(url, {}, settings);
  if (!response.ok) {
    return silent(VERSION, response.status);
  }
  const hello = (await response.json()) as IHello;
  return mismatch(VERSION, hello.dasklens);
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN.hello,
  description: 'Warns when page and Jupyter server have different versions of dasklens.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    // Notifications sent before the application is restored are only counted, not shown.
    Promise.all([greet(app.serviceManager.serverSettings), app.restored]).then(
      ([warning]) => {
        if (warning !== null) {
          Notification.warning(warning, { autoClose: false });
        }
      },
      // A server that cannot be reached is JupyterLab's own to report.
      (reason: unknown) => console.warn('dasklens: no answer from the Jupyter server', reason)
    );
  }
};

export default plugin;
