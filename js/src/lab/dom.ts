/** Elements of the panel, over those that the parts of a figure have. */

import { copyIcon, type LabIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import { h, say } from '../parts/elements';

export { h, press, roving, say } from '../parts/elements';

/** A flat button with an icon, as in JupyterLab's toolbars. */
export function tool(icon: LabIcon, action: string, title: string, act: () => void): HTMLButtonElement {
  const button = h('button', {
    type: 'button',
    class: 'dasklens-lab-tool',
    'data-action': action,
    title,
    'aria-label': title
  });
  icon.element({ container: button, tag: 'span' });
  button.addEventListener('click', act);
  return button;
}

/** A button with words. */
export function textButton(action: string, text: string, act: () => void): HTMLButtonElement {
  const button = h(
    'button',
    { type: 'button', class: 'dasklens-lab-textButton', 'data-action': action },
    text
  );
  button.addEventListener('click', act);
  return button;
}

/** A line of code with a button that copies it, and what became of that. */
export function copyLine(text: string, trans: TranslationBundle): HTMLElement {
  const said = h('span', { class: 'dasklens-lab-copied', role: 'status' });
  const code = h('code', { tabindex: '0' }, text);
  const button = tool(copyIcon, 'copy', trans.__('Copy'), () => {
    void copy(text).then(done =>
      say(said, done ? trans.__('Copied') : trans.__('The clipboard cannot be used: select the line instead'))
    );
  });
  return h('div', { class: 'dasklens-lab-copyLine' }, code, button, said);
}

async function copy(text: string): Promise<boolean> {
  try {
    // A page that is not on https has no clipboard.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
