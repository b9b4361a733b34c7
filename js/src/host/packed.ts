/**
 * Scripts that lie packed in a page: gzipped, in base64, each in an element of its own. The page's policy names
 * each by the hash of its text, so an unpacked one may run in place, and nothing is fetched.
 */

import { bytesOf } from '../connect/base64';

export interface PackedScripts {
  /** Text of an element. */
  text(id: string): string;
  /** Begin to unpack a script: it will run soon. */
  unpack(id: string): void;
  /** Run a packed script; once, however often it is asked for. */
  run(id: string): Promise<void>;
}

/** What bqplot's bundle defines: it makes the module of @jupyter-widgets/base. */
export type MakeBqplot = (base: unknown) => unknown;

export function packedScripts(): PackedScripts {
  const unpacked = new Map<string, Promise<string>>();
  const running = new Map<string, Promise<void>>();
  const text = (id: string): string => document.getElementById(id)?.textContent ?? '';

  /** The text of a packed script. The browser unpacks beside the page's own work. */
  const textOf = (id: string): Promise<string> => {
    let found = unpacked.get(id);
    if (!found) {
      // It stays where it is: a page that a browser saves is as whole as the file.
      const stream = new Blob([bytesOf(text(id))]).stream();
      found = new Response(stream.pipeThrough(new DecompressionStream('gzip'))).text();
      unpacked.set(id, found);
    }
    return found;
  };

  const runScript = async (id: string): Promise<void> => {
    const script = document.createElement('script');
    script.textContent = await textOf(id);
    document.head.append(script);
    script.remove();
    unpacked.delete(id);
  };

  return {
    text,
    // Who runs it hears what is wrong.
    unpack: id => void textOf(id).catch(() => {}),
    run: id => {
      let run = running.get(id);
      if (!run) {
        run = runScript(id);
        running.set(id, run);
      }
      return run;
    }
  };
}

/** Be the loader of AMD modules that bqplot's bundle is made for; it wants one module, which comes with ours. */
export function takeBqplot(take: (make: MakeBqplot) => void): void {
  Object.assign(window, { define: (_needs: unknown, make: MakeBqplot) => take(make) });
}

/** Why a script of a page does not run, as far as it is the browser's fault. */
export function whyNot(reason: unknown): string {
  return typeof DecompressionStream === 'undefined' ? 'it knows no DecompressionStream' : String(reason);
}
