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
  hello: 'dasklens:hello',
  hub: 'dasklens:hub',
  settings: 'dasklens:settings',
  panel: 'dasklens:panel',
  figures: 'dasklens:figures',
  pages: 'dasklens:pages',
  layouts: 'dasklens:layouts',
  status: 'dasklens:status',
  reports: 'dasklens:reports',
  recordings: 'dasklens:recordings'
} as const;

/** Ids of the commands. */
export const COMMAND = {
  showPanel: 'dasklens:show-panel',
  openFigure: 'dasklens:open-figure',
  insertFigure: 'dasklens:insert-figure',
  openPage: 'dasklens:open-page',
  follow: 'dasklens:follow-notebook',
  pause: 'dasklens:pause',
  check: 'dasklens:check',
  add: 'dasklens:add-scheduler',
  openLayout: 'dasklens:open-layout',
  saveLayout: 'dasklens:save-layout',
  deleteLayout: 'dasklens:delete-layout',
  closeLayout: 'dasklens:close-layout',
  startRecording: 'dasklens:start-recording',
  stopRecording: 'dasklens:stop-recording'
} as const;

/** Routes of the server extension, below the base URL. */
export const HELLO_PATH = 'dasklens/api/hello';
export const SCHEDULERS_PATH = 'dasklens/api/schedulers';
export const CHECK_PATH = 'dasklens/api/check';

/** What `HELLO_PATH` answers: version by name. */
export interface IHello {
  dasklens: string;
  jupyter_server: string;
  python: string;
}
