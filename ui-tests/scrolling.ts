// Elements brought on screen, whatever JupyterLab does with a notebook's cells meanwhile.

import { expect, type Locator } from '@playwright/test';

/** Scroll to an element. Playwright's own does not look for it again when what it had found is replaced. */
export async function scrollTo(element: Locator): Promise<void> {
  await expect(() => element.scrollIntoViewIfNeeded({ timeout: 10_000 })).toPass({ timeout: 30_000 });
}

/** Where an element is on screen, once it is there. */
export async function boxOf(
  element: Locator
): Promise<{ x: number; y: number; width: number; height: number }> {
  await scrollTo(element);
  const box = await element.boundingBox();
  if (!box) {
    throw new Error('it has no box on the page');
  }
  return box;
}
