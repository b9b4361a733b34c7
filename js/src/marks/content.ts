/** What the models of the one mark and its views say to each other. */

import type { SpanTable } from '../core/spantable';
import type { Slot } from '../core/tasks';

export type PictureKind = 'png' | 'svg';
export type Phase = 'connecting' | 'live' | 'paused' | 'lost' | 'finished';

/** What is drawn. */
export interface Content {
  readonly table: SpanTable;
  readonly slots: readonly Slot[];
  readonly kinds: Uint8Array;
  /** Rows on screen. */
  readonly lanes: { readonly length: number };
  readonly nRecords: number;
}

/** What the model asks of its views. */
export interface SpansView {
  isVisible(): boolean;
  /** Size of the plot in CSS pixels. */
  plotWidth(): number;
  plotHeight(): number;
  savePicture(kind: PictureKind): Promise<Blob>;
}

/** What came of a frame. */
export interface Fed {
  readonly kind: 'appended' | 'duplicate' | 'reset' | 'gap';
  readonly lanesChanged: boolean;
}
