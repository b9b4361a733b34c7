/** What a part of anywidget is (AFM): a module, or a function that makes one. */

export interface PartModule {
  render?(props: never): unknown;
  initialize?(props: never): unknown;
}

/** The module of a part, from the default export of its file. */
export async function moduleOf(part: unknown): Promise<PartModule> {
  return (typeof part === 'function' ? await (part as () => unknown)() : part) as PartModule;
}
