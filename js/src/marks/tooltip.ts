/** What the pointer is on, beside the pointer. Text only: keys and names come from strangers. */

/** Distance from the pointer, in pixels. */
const AWAY = 14;

export class Tooltip {
  private readonly element = document.createElement('div');

  constructor() {
    this.element.className = 'dasklens-tooltip';
    this.element.setAttribute('role', 'tooltip');
    Object.assign(this.element.style, {
      position: 'fixed',
      zIndex: '10000',
      display: 'none',
      pointerEvents: 'none',
      maxWidth: '480px',
      padding: '6px 8px',
      font: '12px sans-serif',
      lineHeight: '1.45',
      overflowWrap: 'anywhere',
      color: 'var(--jp-ui-font-color1, #222)',
      background: 'var(--jp-layout-color1, #fff)',
      border: '1px solid var(--jp-border-color1, #bbb)',
      borderRadius: '3px',
      boxShadow: '0 2px 8px rgba(0, 0, 0, 0.25)'
    });
  }

  show(lines: readonly string[], clientX: number, clientY: number): void {
    const element = this.element;
    element.replaceChildren();
    lines.forEach((text, i) => {
      const line = element.appendChild(document.createElement('div'));
      line.textContent = text;
      if (i === 0) {
        line.style.fontWeight = 'bold';
      }
    });
    element.style.display = 'block';
    if (!element.isConnected) {
      document.body.appendChild(element);
    }
    // To the lower right of the pointer, and to the other side where the window ends.
    const { width, height } = element.getBoundingClientRect();
    const left = clientX + AWAY + width > window.innerWidth ? clientX - AWAY - width : clientX + AWAY;
    const top = clientY + AWAY + height > window.innerHeight ? clientY - AWAY - height : clientY + AWAY;
    element.style.left = `${Math.max(0, left)}px`;
    element.style.top = `${Math.max(0, top)}px`;
  }

  hide(): void {
    this.element.style.display = 'none';
  }

  remove(): void {
    this.element.remove();
  }
}
