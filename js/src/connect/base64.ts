/** Bytes of base64: by the browser itself where it can, which is many times faster. */

interface Decoding {
  fromBase64?(text: string): Uint8Array<ArrayBuffer>;
}

/** @throws when it is no base64. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as unknown as Decoding;
  if (fromBase64) {
    return fromBase64.call(Uint8Array, text);
  }
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) {
    bytes[i] = letters.charCodeAt(i);
  }
  return bytes;
}
