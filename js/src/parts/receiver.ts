/**
 * Parts that get frames themselves: a *receiver* is the model of such a part. What its frames said is
 * kept once, however many views there are, and each view shows it when it is on screen.
 *
 * The other end is the kernel, or whatever a page without one puts in its place; it hears
 * `{type: "read", stream, cursor, names, log}`, `{type: "unread", stream}` for what was read only when asked
 * for, and `{type: "unwatched"}`, and sends `{type: "frames"}`.
 */

import type { AnyModel, Initialize, Render } from '@anywidget/types';

import { Asking, Watching, type Said } from '../connect/asking';
import { decodeFrame, FrameError } from '../core/frames';
import type { Taker } from '../core/samplecolumns';
import { dress, lifeOf } from './part';

export interface ReceiverTraits {
  phase: string;
  reason: string;
  retry_at: number | null;
}

/** One view of a receiver, until `signal` is aborted. */
export interface ReceiverView<S, T extends ReceiverTraits> {
  readonly model: AnyModel<T>;
  /** What the frames said. */
  readonly streams: S;
  readonly el: HTMLElement;
  readonly signal: AbortSignal;
  /** Listen to events of the model, several with spaces between. */
  on(events: string, listener: () => void): void;
  /** Call when there is something new, at most once an animation frame and only while on screen. */
  onData(listener: () => void): void;
  /** What belongs to the view but is not in `el`: it is on screen when any of them is. */
  extend(element: HTMLElement): void;
  /** Have a stream read that is read only when asked for, or not any more. */
  want(stream: string, wanted: boolean): void;
  /** Set synced traits here now, and in the kernel when it has time. */
  keep(values: Partial<T>): void;
}

export interface ReceiverModule<T extends ReceiverTraits> {
  initialize: Initialize<T>;
  render: Render<T>;
}

/** Who has not been sent anything by then was made without the other end noticing: ask. */
const ASK_AFTER = 1000;
const ENDED = 'the kernel was restarted or has ended; run the cell again';

/** An AFM module of a receiver: `open` makes what takes its frames, `build` each view. */
export function receiver<S extends Record<string, Taker>, T extends ReceiverTraits>(
  name: string,
  css: string,
  open: () => S,
  build: (view: ReceiverView<S, T>) => void
): () => ReceiverModule<T> {
  return () => {
    const streams = open();
    const intake = new Intake<T>(streams);
    return {
      initialize({ model, signal: modelSignal }) {
        const { signal, end } = lifeOf(modelSignal as AbortSignal | undefined);
        intake.start(model);
        signal.addEventListener('abort', () => intake.stop());
        return end;
      },
      render({ model, el, signal: viewSignal }) {
        const { signal, end } = lifeOf(viewSignal as AbortSignal | undefined);
        intake.start(model);
        dress(el, name, css, signal);
        const on = (events: string, listener: () => void): void => {
          for (const event of events.split(' ')) {
            model.on(event, listener);
            signal.addEventListener('abort', () => model.off(event, listener));
          }
        };
        const screen = new Screen(signal);
        screen.watch(el);
        const onData = (listener: () => void): void => screen.whenOn(intake.listeners, listener);
        const extend = (element: HTMLElement): void => screen.watch(element);
        const keep = (values: Partial<T>): void => {
          for (const [key, value] of Object.entries(values)) {
            model.set(key as keyof T & string, value as T[keyof T & string]);
          }
          model.save_changes();
        };
        intake.enter();
        signal.addEventListener('abort', () => intake.leave());
        const want = (stream: string, wanted: boolean): void => intake.want(stream, wanted);
        build({ model, streams, el, signal, on, onData, extend, want, keep });
        return end;
      }
    };
  };
}

/** Takes what the other end sends, and asks for what is missing. */
class Intake<T extends ReceiverTraits> {
  readonly listeners = new Set<() => void>();
  private model: AnyModel<T> | null = null;
  private readonly asking: Map<string, Asking>;
  private readonly watching: Watching;
  /** Streams that are read only because they were asked for. */
  private readonly wanted = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private views = 0;

  constructor(private readonly streams: Record<string, Taker>) {
    const { send } = this;
    this.asking = new Map(Object.keys(streams).map(stream => [stream, new Asking(send, stream)]));
    this.watching = new Watching(send);
  }

  private readonly send = (content: Said): boolean => {
    this.model?.send(content);
    return this.model !== null;
  };

  want(stream: string, wanted: boolean): void {
    if (wanted === this.wanted.has(stream)) {
      return;
    }
    if (wanted) {
      this.wanted.add(stream);
      this.asking.get(stream)?.answered();
      this.ask((_, name) => name === stream);
    } else {
      this.wanted.delete(stream);
      this.send({ type: 'unread', stream });
    }
  }

  start(model: AnyModel<T>): void {
    if (this.model) {
      return;
    }
    this.model = model;
    model.on('msg:custom', this.onMessage);
    model.on('change:phase', this.onPhase);
    model.on('comm_live_update', this.onComm);
    this.timer = setTimeout(() => this.ask(stream => stream.next === 0), ASK_AFTER);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.watching.stay();
    this.model?.off('msg:custom', this.onMessage);
    this.model?.off('change:phase', this.onPhase);
    this.model?.off('comm_live_update', this.onComm);
    this.model = null;
  }

  enter(): void {
    this.views++;
    this.watching.stay();
    this.onPhase();
  }

  leave(): void {
    this.views--;
    if (this.views === 0) {
      this.watching.leave();
    }
  }

  private readonly onMessage = (content: unknown, buffers: DataView[]): void => {
    if ((content as { type?: unknown } | null)?.type !== 'frames') {
      return;
    }
    let news = false;
    for (const buffer of buffers) {
      news = this.take(buffer) || news;
    }
    if (news) {
      this.listeners.forEach(listener => listener());
    }
  };

  /** Whether there is something new. */
  private take(buffer: DataView): boolean {
    try {
      const frame = decodeFrame(buffer);
      const stream = Object.hasOwn(this.streams, frame.stream) ? this.streams[frame.stream] : null;
      const taken = stream?.append(frame);
      if (!stream || !taken) {
        return false;
      }
      if (taken === 'gap') {
        this.asking.get(frame.stream)?.ask(stream.next, stream.nNames, stream.id);
      } else {
        this.asking.get(frame.stream)?.answered();
      }
      return taken === 'taken';
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.say('lost', error.message);
      return false;
    }
  }

  private ask(which: (stream: Taker, name: string) => boolean = () => true): void {
    // A part that can be of several figures has streams that this one does not get.
    const wanted = this.model?.get('streams' as keyof T & string) as unknown as string[] | undefined;
    for (const [name, stream] of Object.entries(this.streams)) {
      const read = (wanted ?? [name]).includes(name) || this.wanted.has(name);
      if (read && which(stream, name)) {
        this.asking.get(name)?.ask(stream.next, stream.nNames, stream.id);
      }
    }
  }

  /** The other end paused because nobody looked; another page may have said so. */
  private readonly onPhase = (): void => {
    if (this.model?.get('phase') === 'paused' && this.views > 0) {
      this.ask();
    }
  };

  /** A model is told that its comm lives before we know it; what comes later is the comm's end. */
  private readonly onComm = (): void => {
    if (this.model && this.model.get('phase') !== 'finished') {
      this.say('lost', ENDED);
    }
  };

  private say(phase: string, reason: string): void {
    this.model?.set('reason' as keyof T & string, reason as T[keyof T & string]);
    this.model?.set('retry_at' as keyof T & string, null as T[keyof T & string]);
    this.model?.set('phase' as keyof T & string, phase as T[keyof T & string]);
  }
}

/** Elements of which some are on screen, or none. */
class Screen {
  private readonly seen = new Set<Element>();
  private readonly wakers = new Set<() => void>();
  private readonly observer: IntersectionObserver | null = null;

  constructor(private readonly signal: AbortSignal) {
    if (typeof IntersectionObserver !== 'undefined') {
      this.observer = new IntersectionObserver(entries => {
        for (const { target, isIntersecting } of entries) {
          this.seen[isIntersecting ? 'add' : 'delete'](target);
        }
        this.wakers.forEach(wake => wake());
      });
      signal.addEventListener('abort', () => this.observer?.disconnect());
    }
  }

  watch(element: Element): void {
    // Until we are told otherwise.
    this.seen.add(element);
    this.observer?.observe(element);
  }

  /** Call `act` for what comes to `listeners`, at most once an animation frame, as soon as it can be seen. */
  whenOn(listeners: Set<() => void>, act: () => void): void {
    let frame = 0;
    let due = false;
    const wake = (): void => {
      if (due && frame === 0 && this.seen.size > 0) {
        frame = requestAnimationFrame(() => {
          frame = 0;
          due = false;
          act();
        });
      }
    };
    const news = (): void => {
      due = true;
      wake();
    };
    listeners.add(news);
    this.wakers.add(wake);
    this.signal.addEventListener('abort', () => {
      listeners.delete(news);
      cancelAnimationFrame(frame);
    });
  }
}
