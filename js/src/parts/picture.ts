/** Pictures of a figure, saved by the browser. */

import type { PictureKind } from '../marks/spansmodel';
import { h } from './elements';

/** How long the picture is kept for the browser to save, in milliseconds. */
const KEEP_PICTURE = 10_000;

export interface Pictured {
  savePicture(kind: PictureKind): Promise<Blob>;
}

/** Have the browser save a picture; what went wrong, or nothing. */
export async function save(mark: Pictured, kind: PictureKind, name: string): Promise<string> {
  try {
    const url = URL.createObjectURL(await mark.savePicture(kind));
    h('a', { href: url, download: `${name}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), KEEP_PICTURE);
    return '';
  } catch (error) {
    return `No picture was saved: ${error instanceof Error ? error.message : String(error)}`;
  }
}
