/** The menu of layouts, opened by the panel's button. */

import { Token } from '@lumino/coreutils';
import type { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

import { COMMAND } from '../tokens';
import type { Hub } from './hub';

export interface Layouts {
  /** Open the menu below an element. */
  open(at: HTMLElement): void;
}

export const ILayouts = new Token<Layouts>('dasklens:ILayouts', 'The menu of layouts.');

export function openMenu(at: HTMLElement, hub: Hub, commands: CommandRegistry): void {
  const menu = new Menu({ commands });
  const names = Object.keys(hub.options.get('layouts'));
  const add = (command: string, args: { name?: string } = {}): void => {
    menu.addItem({ command, args });
  };
  add(COMMAND.openLayout, { name: '' });
  names.forEach(name => add(COMMAND.openLayout, { name }));
  menu.addItem({ type: 'separator' });
  add(COMMAND.saveLayout);
  if (names.length > 0) {
    const submenu = new Menu({ commands });
    submenu.title.label = hub.trans.__('Delete Layout');
    names.forEach(name => submenu.addItem({ command: COMMAND.deleteLayout, args: { name } }));
    menu.addItem({ type: 'submenu', submenu });
  }
  add(COMMAND.closeLayout);
  // The item that was chosen runs after the menu has closed.
  menu.aboutToClose.connect(() => setTimeout(() => menu.dispose(), 0));
  const { left, bottom } = at.getBoundingClientRect();
  menu.open(left, bottom);
}
