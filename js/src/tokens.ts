// Ids and wire interfaces that several rooms share. No side effects: importing this loads nothing.

import { version } from '../package.json';

/** Version of this page's side, as package.json says it. */
export const VERSION: string = version;

/** Name of the module that the kernel's widgets ask for (`_model_module`, `_view_module`). */
export const MODULE_NAME = 'dasklens';

/** Range that a model made in the browser asks for; the same that Python writes. */
export const MODULE_VERSION = `^${VERSION.split('.').slice(0, 2).join('.')}.0-0`;

/** Ids of the JupyterLab plugins. */
export const PLUGIN = {
  widgets: 'dasklens:widgets',
  views: 'dasklens:views',
  hello: 'dasklens:hello'
} as const;

/** Route of the server extension, below the base URL. */
export const HELLO_PATH = 'dasklens/api/hello';

/** What `HELLO_PATH` answers: version by name. */
export interface IHello {
  dasklens: string;
  jupyter_server: string;
  python: string;
}
