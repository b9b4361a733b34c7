/**
 * A page of a scheduler's dashboard in a sandboxed frame: scripts run in it, in an origin of their own, and
 * nothing of it reaches JupyterLab. Its address is a secret that expires; it is fetched anew then, and when
 * the scheduler is there again.
 *
 * A page could still lead its own frame elsewhere. So it stands in a document of ours whose policy lets that
 * frame go below the page's own address only, and which says so when something else was tried: then the
 * page is put back.
 */

import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { clock } from '../core/format';
import type { Bound } from './bound';
import { copyLine, h, textButton } from './dom';
import type { Hub } from './hub';
import { onPageShown } from './looking';
import { BOKEH_LINE } from './pagelist';
import { titleOf } from './pagenames';

/** Seconds before an address expires at which it is fetched anew. */
const BEFORE_EXPIRY = 60;
/** A page that leaves more often than that within so many milliseconds is closed. */
const MOST_RETURNS = 3;
const RETURNS_WITHIN = 20_000;
/** setTimeout takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class PageFrame extends Widget {
  private readonly banner = h('div', { class: 'dasklens-lab-banner', role: 'status' });
  private readonly place = h('div', { class: 'dasklens-lab-frame' });
  private readonly stopPage: () => void;
  private frame: HTMLIFrameElement | null = null;
  private returns: number[] = [];
  private asked = '';
  private expires = Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly page: string,
    private readonly bound: Bound,
    private readonly hub: Hub
  ) {
    super();
    this.addClass('dasklens-PageFrame');
    this.node.append(this.banner, this.place);
    bound.changed.connect(this.settle, this);
    // Timers stand still while a laptop sleeps.
    this.stopPage = onPageShown(shown => shown && this.renew());
    this.settle();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.stopPage();
      clearTimeout(this.timer);
      this.frame?.remove();
      Signal.clearData(this);
      super.dispose();
    }
  }

  private settle(): void {
    const { scheduler, ended } = this.bound;
    const { trans } = this.hub;
    if (!scheduler) {
      this.say(trans.__('Waiting for a cluster: its %1 page comes up here.', titleOf(this.page)));
      return;
    }
    if (ended) {
      this.say(trans.__('The cluster has ended. The page comes back with the next one of this notebook.'));
      this.asked = '';
      return;
    }
    switch (scheduler.state) {
      case 'checking':
        this.say(trans.__('Connecting to %1…', scheduler.name));
        return;
      case 'unreachable':
      case 'refused':
        this.say(
          trans.__(
            'Lost since %1: %2 The page comes back by itself.',
            clock(scheduler.since),
            scheduler.reason
          ),
          scheduler.remedy
        );
        this.asked = '';
        return;
    }
    if (scheduler.bokeh === false) {
      this.drop();
      this.say(
        trans.__(
          'There are no pages on this scheduler: bokeh is missing in its environment. Install it there and ' +
            'start the scheduler again:'
        ),
        copyLine(BOKEH_LINE, trans)
      );
      return;
    }
    if (this.asked !== scheduler.id) {
      this.load(scheduler.id);
    }
  }

  /** Fetch an address and show the page. */
  private load(id: string): void {
    this.asked = id;
    this.say(this.frame ? '' : this.hub.trans.__('Loading…'));
    this.hub.api.page(id).then(
      ({ url, expires }) => {
        if (!this.isDisposed && this.asked === id) {
          this.expires = expires;
          this.put(url.endsWith('/') ? url : `${url}/`);
          this.say('');
          clearTimeout(this.timer);
          const wait = 1000 * (expires - BEFORE_EXPIRY) - Date.now();
          this.timer = setTimeout(() => this.renew(), Math.min(LONGEST_TIMER, Math.max(1000, wait)));
        }
      },
      (error: unknown) => {
        if (!this.isDisposed && this.asked === id) {
          this.asked = '';
          this.say(
            error instanceof Error ? error.message : String(error),
            textButton('retry', this.hub.trans.__('Try again'), () => this.settle())
          );
        }
      }
    );
  }

  /** Before its address expires, the page gets another. */
  private renew(): void {
    if (this.asked && Date.now() / 1000 > this.expires - BEFORE_EXPIRY - 1) {
      this.load(this.asked);
    }
  }

  private put(root: string): void {
    this.drop();
    const url = new URL(this.page, root).href;
    const title = titleOf(this.page);
    const frame = h('iframe', { title, srcdoc: around(root) });
    // Again whenever the tab is put elsewhere on the page.
    frame.addEventListener('load', () => {
      const outer = frame.contentDocument;
      if (frame !== this.frame || !outer) {
        return;
      }
      const inner = outer.createElement('iframe');
      inner.setAttribute('sandbox', 'allow-scripts');
      inner.setAttribute('referrerpolicy', 'no-referrer');
      inner.setAttribute('allow', '');
      inner.title = title;
      inner.src = url;
      outer.addEventListener('securitypolicyviolation', () => {
        if (frame === this.frame) {
          this.putBack(inner, url);
        }
      });
      outer.body.append(inner);
    });
    this.frame = frame;
    this.place.replaceChildren(frame);
  }

  /** The page tried to leave its own address. */
  private putBack(inner: HTMLIFrameElement, url: string): void {
    const now = Date.now();
    this.returns = [...this.returns.filter(at => now - at < RETURNS_WITHIN), now];
    const { trans } = this.hub;
    if (this.returns.length > MOST_RETURNS) {
      this.drop();
      this.say(
        trans.__('This page wanted to go elsewhere again and again, and was closed.'),
        textButton('retry', trans.__('Open it again'), () => {
          this.returns = [];
          this.asked = '';
          this.settle();
        })
      );
      return;
    }
    inner.src = url;
    this.say(
      trans.__(
        'The page wanted to go elsewhere and was put back: this tab shows pages of the scheduler only.'
      ),
      textButton('dismiss', trans.__('Close'), () => this.say(''))
    );
  }

  private drop(): void {
    this.frame?.remove();
    this.frame = null;
  }

  private say(text: string, more: string | HTMLElement = ''): void {
    const said = text + (typeof more === 'string' && more ? ` ${more}` : '');
    this.banner.hidden = said === '';
    this.banner.replaceChildren(h('span', {}, said), ...(typeof more === 'string' ? [] : [more]));
  }
}

/** A document that holds one frame and lets it go nowhere but below `root`. */
function around(root: string): string {
  // A ; or a , would end the source; the rest is for the attribute that it stands in.
  const source = root.replace(/[;,"'<>&]/g, each => `%${each.charCodeAt(0).toString(16)}`);
  const policy = `default-src 'none'; style-src 'unsafe-inline'; frame-src ${source}`;
  const style = 'html, body, iframe { margin: 0; border: 0; width: 100%; height: 100%; display: block; }';
  return `<!doctype html><meta http-equiv="Content-Security-Policy" content="${policy}"><style>${style}</style>`;
}
