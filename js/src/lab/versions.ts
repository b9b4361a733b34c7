// Do the page and the server run the same dasklens? After an upgrade they do not, until the server
// was restarted and the page reloaded, and what then goes wrong looks like anything but that.
//
// JupyterLab cuts a notification after 140 characters: the sentences stay below.

const STAGES: Record<string, string> = { alpha: 'a', beta: 'b', a: 'a', b: 'b', rc: 'rc' };

/** A version of package.json in the form that Python's metadata has: 0.2.0-alpha.1 is 0.2.0a1. */
export function pythonVersion(version: string): string {
  return version
    .replace(/-?(alpha|beta|rc|a|b)\.?(\d+)/, (_, stage: string, n: string) => `${STAGES[stage]}${n}`)
    .replace(/[-.]*dev\.?(\d+)/, '.dev$1');
}

/** What to tell the user of a page of one version on a server of another; null when they agree. */
export function mismatch(page: string, server: string): string | null {
  if (pythonVersion(page) === pythonVersion(server)) {
    return null;
  }
  return (
    `dasklens: this page has ${page}, the Jupyter server has ${server}. ` +
    'Restart the Jupyter server, then reload this page.'
  );
}

/** What to tell when the server has no route of ours: the extension is installed but does not run. */
export function silent(page: string, status: number): string {
  return (
    `dasklens: this page has ${page}, the Jupyter server answers ${status}. ` +
    'Restart it or run: jupyter server extension enable dasklens.server'
  );
}
