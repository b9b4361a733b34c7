/** Copy to the clipboard, and say how it went: a page that is not on https has none. */
export async function copied(what: string, text: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return `Copied the ${what}.`;
  } catch (error) {
    const why = navigator.clipboard ? String(error) : 'this page has no access to the clipboard';
    return `Could not copy: ${why}. Select the text instead.`;
  }
}
