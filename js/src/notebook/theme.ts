/** Light or dark: as the page was written, as the reader's system is set, or as the reader says. */

import { h, say } from '../parts/elements';

export function followTheme(): void {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const written = document.querySelector<HTMLMetaElement>('meta[name=dasklens-theme]')?.content;
  // A page in a theme of its own has no other.
  if (written === 'own') {
    return;
  }
  let follows = written === 'auto';
  const choice = h('button', { type: 'button', class: 'dasklens-theme' });
  const show = (dark: boolean): void => {
    root.dataset.theme = dark ? 'dark' : 'light';
    say(choice, dark ? '☀ Light' : '☾ Dark');
    choice.title = `Show the notebook in ${dark ? 'light' : 'dark'} colours`;
    // bqplot and the marks ask for JupyterLab's way to say it.
    const { body } = document;
    if (body) {
      body.dataset.jpThemeLight = String(!dark);
      body.dataset.jpThemeName = dark ? 'JupyterLab Dark' : 'JupyterLab Light';
      body.classList.toggle('theme-dark', dark);
    }
  };
  const now = (): boolean => root.dataset.theme === 'dark';
  show(follows ? system.matches : written === 'dark');
  system.addEventListener('change', ({ matches }) => {
    if (follows) {
      show(matches);
    }
  });
  choice.addEventListener('click', () => {
    follows = false;
    show(!now());
  });
  document.addEventListener('DOMContentLoaded', () => {
    show(now());
    document.body.prepend(choice);
  });
}
