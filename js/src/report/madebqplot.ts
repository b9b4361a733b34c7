/** bqplot, made for the widgets of this page: its own script, which ran before, says only how. */

import * as base from '@jupyter-widgets/base';
import type * as Bqplot from 'bqplot';

const loader = window.dasklensReport;
loader.made = loader.bqplot?.(base);

export const bqplot = loader.made as typeof Bqplot;
