/** The modules that bqplot and the marks have to have in common, for a page without require.js. */

import * as base from '@jupyter-widgets/base';

declare global {
  interface Window {
    shared: Record<string, unknown>;
    define: (needs: string[], factory: (...modules: unknown[]) => unknown) => void;
  }
}

window.shared = { '@jupyter-widgets/base': base };
window.define = (needs, factory) => {
  window.shared.bqplot = factory(...needs.map(name => window.shared[name]));
};
