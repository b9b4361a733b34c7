/** What the server extension is asked: its routes as functions, with Jupyter's login and XSRF token. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { CHECK_PATH, SCHEDULERS_PATH } from '../tokens';

/** A scheduler as `python/dasklens/server/entries.py` says it. */
export interface Scheduler {
  readonly id: string;
  readonly name: string;
  readonly source: 'announced' | 'typed';
  readonly scheduler: string;
  readonly scheduler_id: string;
  readonly state: 'checking' | 'reachable' | 'unreachable' | 'refused';
  readonly reason: string;
  readonly remedy: string;
  /** Seconds since the epoch. */
  readonly since: number;
  /** Whether frames can be read; null when not known yet. */
  readonly recorded: boolean | null;
  readonly dasklens: string;
  /** Whether it has pages; null when not known yet. */
  readonly bokeh: boolean | null;
  readonly host: string;
  readonly address: string;
  readonly tls: string;
  readonly kernels: readonly string[];
  readonly notebooks: readonly { readonly kernel: string; readonly path: string; readonly name: string }[];
}

/** A recording as `python/dasklens/server/recordings.py` says it. */
export interface RecordingSaid {
  readonly phase: 'starting' | 'recording' | 'stopping' | 'making' | 'saving' | 'saved' | 'failed';
  /** Since it began, or that it took. */
  readonly seconds: number;
  readonly tasks: number;
  /** Tasks that were dropped before they could be read. */
  readonly missed: number;
  /** Whether it takes no more. */
  readonly full: boolean;
  /** Why nothing comes just now; empty as a rule. */
  readonly trouble: string;
  /** What this scheduler does not tell. */
  readonly lacks: string;
  readonly progress: string;
  /** Of the file, once it is saved. */
  readonly path: string;
  /** Of a failure, and whether it can be tried again. */
  readonly reason: string;
  readonly again: boolean;
}

/** A live summary as `python/dasklens/report/window.py` says it; nothing of it is taken for granted. */
export interface SummarySaid {
  readonly summary: unknown;
  readonly scope: { readonly note?: unknown; readonly start?: unknown; readonly stop?: unknown } | null;
  readonly state: { readonly phase: string; readonly reason: string; readonly since: number };
}

/** One of the checks of "Why can't I see it?"; `ok` is null for one that was not run. */
export interface Check {
  readonly name: string;
  readonly title: string;
  readonly ok: boolean | null;
  readonly said: string;
  readonly remedy: string;
  readonly copy: string;
}

/** A refusal: `message` is the sentence, `remedy` what to do. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly remedy = '',
    readonly status = 0
  ) {
    super(message);
  }
}

export class Api {
  constructor(readonly settings: ServerConnection.ISettings) {}

  add(url: string): Promise<Scheduler> {
    return this.ask('POST', SCHEDULERS_PATH, { url });
  }

  async remove(id: string): Promise<void> {
    await this.ask('DELETE', `${SCHEDULERS_PATH}/${id}`);
  }

  /** An address for the pages of a scheduler: a secret, which is kept nowhere but in the page. */
  async page(id: string): Promise<{ url: string; expires: number }> {
    const { url, expires } = await this.ask<{ url: string; expires: number }>(
      'POST',
      `${SCHEDULERS_PATH}/${id}/page`
    );
    return { url: new URL(url, new URL(this.settings.baseUrl, location.href)).href, expires };
  }

  /** JSON that a scheduler's dashboard serves, read as text and never shown as a page. */
  async json<T>(root: string, path: string): Promise<T> {
    const answer = await fetch(URLExt.join(root, path), {
      credentials: 'omit',
      referrerPolicy: 'no-referrer'
    });
    if (!answer.ok) {
      throw new ApiError(`The dashboard answers ${answer.status}.`, '', answer.status);
    }
    return JSON.parse(await answer.text()) as T;
  }

  /** The summary of the last so many seconds. What makes it is ended when nobody asks for a while. */
  summary(id: string, seconds: number): Promise<SummarySaid> {
    return this.ask('GET', `${SCHEDULERS_PATH}/${id}/summary?seconds=${seconds}`);
  }

  async record(id: string): Promise<RecordingSaid> {
    return (await this.ask<{ recording: RecordingSaid }>('POST', this.recording(id), {})).recording;
  }

  /** Stop recording and save it in a folder; what becomes of it the websocket of changes says. */
  async stopRecording(id: string, folder: string): Promise<RecordingSaid> {
    return (await this.ask<{ recording: RecordingSaid }>('DELETE', this.recording(id), { folder })).recording;
  }

  async discardRecording(id: string): Promise<void> {
    await this.ask('DELETE', this.recording(id), { discard: true });
  }

  async check(what: { url?: string; id?: string }): Promise<Check[]> {
    return (await this.ask<{ checks: Check[] }>('POST', CHECK_PATH, what)).checks;
  }

  /** The websocket of changes of the list. */
  changes(): WebSocket {
    return this.socket(`${SCHEDULERS_PATH}/changes`);
  }

  /** The websocket of a stream of a scheduler, or of one question to it. */
  frames(id: string, stream: string, question = ''): WebSocket {
    return this.socket(`${SCHEDULERS_PATH}/${id}/frames`, { stream, ...(question && { question }) });
  }

  private recording(id: string): string {
    return `${SCHEDULERS_PATH}/${id}/recording`;
  }

  private socket(path: string, query: Record<string, string> = {}): WebSocket {
    const { wsUrl, token, appendToken } = this.settings;
    const asked = appendToken && token ? { ...query, token } : query;
    return new this.settings.WebSocket(URLExt.join(wsUrl, path) + URLExt.objectToQueryString(asked));
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    let answer: Response;
    try {
      answer = await ServerConnection.makeRequest(
        URLExt.join(this.settings.baseUrl, path),
        init,
        this.settings
      );
    } catch {
      throw new ApiError('The Jupyter server does not answer.', 'Wait for it, or start it again.');
    }
    const text = await answer.text();
    if (!answer.ok) {
      throw refusal(answer.status, text);
    }
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

function refusal(status: number, text: string): ApiError {
  try {
    const { message, remedy } = JSON.parse(text) as { message?: unknown; remedy?: unknown };
    if (typeof message === 'string') {
      return new ApiError(message, typeof remedy === 'string' ? remedy : '', status);
    }
  } catch {
    // An error page.
  }
  return new ApiError(`The Jupyter server answers ${status}.`, 'Its log says more.', status);
}
