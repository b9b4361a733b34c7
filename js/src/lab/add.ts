/** The field for the address of a dashboard that nobody announced. */

import { ApiError } from './api';
import { h, say, textButton } from './dom';
import type { Hub } from './hub';

export class AddForm {
  readonly node: HTMLFormElement;
  private readonly input: HTMLInputElement;
  private readonly said = h('p', { class: 'dasklens-lab-refusal', role: 'alert' });
  private readonly submit: HTMLButtonElement;

  constructor(private readonly hub: Hub) {
    const { trans } = hub;
    this.input = h('input', {
      type: 'text',
      class: 'jp-mod-styled',
      placeholder: 'http://127.0.0.1:8787/status',
      'aria-label': trans.__('Address of a dashboard'),
      spellcheck: 'false',
      autocomplete: 'off'
    });
    this.submit = textButton('submit', trans.__('Add'), () => {});
    this.submit.type = 'submit';
    this.node = h(
      'form',
      { class: 'dasklens-add' },
      h('div', { class: 'dasklens-lab-addRow' }, this.input, this.submit),
      this.said
    );
    this.node.hidden = true;
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      void this.onSubmit();
    });
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        this.node.hidden = true;
      }
    });
  }

  toggle(): void {
    if (this.node.hidden) {
      this.open();
    } else {
      this.node.hidden = true;
    }
  }

  open(): void {
    this.node.hidden = false;
    this.input.focus();
  }

  private async onSubmit(): Promise<void> {
    this.submit.disabled = true;
    say(this.said, '');
    try {
      const scheduler = await this.hub.api.add(this.input.value.trim());
      this.hub.registry.put(scheduler);
      this.hub.choice.pin(scheduler.id);
      this.input.value = '';
      this.node.hidden = true;
    } catch (error) {
      const remedy = error instanceof ApiError ? error.remedy : '';
      say(this.said, `${error instanceof Error ? error.message : String(error)} ${remedy}`.trim());
    } finally {
      this.submit.disabled = false;
    }
  }
}
