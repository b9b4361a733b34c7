/**
 * Task keys as text. A frame carries a key as its group and the rest (see "Packed keys" in
 * `docs/frames.md`); what people know is what Python prints, so the rest is read from its msgpack
 * straight into Python's notation. A general msgpack reader would not do: it makes 1 and 1.0, and
 * integers beyond 2^53, the same.
 */

const WHOLE = 0;
const TUPLE = 1;
const TEXT = 2;
const HEX = 3;
const REPR = 4;

const utf8 = new TextDecoder();

/** The key as Python's `str` prints it: text as it is, everything else as its `repr`. */
export function keyText(group: string, packed: Uint8Array): string {
  try {
    return unpacked(group, packed);
  } catch {
    // Bytes that end too early, or nest deeper than the stack: the rest of the record is still good.
    return `${group}-?`;
  }
}

function unpacked(group: string, packed: Uint8Array): string {
  const rest = packed.subarray(1);
  switch (packed[0]) {
    case WHOLE:
      return new Reader(rest).top();
    case TUPLE:
      return new Reader(rest).tuple([reprText(group)]);
    case TEXT:
      return group + utf8.decode(rest);
    case HEX:
      return `${group}-${hex(rest)}`;
    case REPR:
      return utf8.decode(rest);
    default:
      // A later version may pack in another way: say what is known instead of nothing.
      return `${group}-?`;
  }
}

/**
 * A copy of a value of plain data whose texts have no halves of characters: Python's keys may, but
 * a message to the kernel that has one is refused on its way.
 */
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(/\p{Surrogate}/gu, '\ufffd');
  }
  if (Array.isArray(value)) {
    return value.map(wellFormed);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, wellFormed(part)]));
  }
  return value;
}

function hex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) {
    out += byte.toString(16).padStart(2, '0');
  }
  return out;
}

/** Python's `repr` of a str. */
export function reprText(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of value) {
    const code = char.codePointAt(0) as number;
    if (char === quote || char === '\\') {
      out += `\\${char}`;
    } else if (char === '\n') {
      out += '\\n';
    } else if (char === '\r') {
      out += '\\r';
    } else if (char === '\t') {
      out += '\\t';
    } else if (code < 0x20 || (code >= 0x7f && code < 0xa1) || code === 0xad) {
      out += `\\x${code.toString(16).padStart(2, '0')}`;
    } else {
      out += char;
    }
  }
  return out + quote;
}

/** Python's `repr` of a float. */
export function reprFloat(value: number): string {
  if (Number.isNaN(value)) {
    return 'nan';
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? 'inf' : '-inf';
  }
  if (value === 0) {
    return Object.is(value, -0) ? '-0.0' : '0.0';
  }
  // Both languages print the shortest digits that read back; they differ in when an exponent comes.
  const [digits, power] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? '-' : '+';
    return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const plain = String(value);
  if (plain.includes('e')) {
    return value.toFixed(-exponent + (digits.replace(/[-.]/g, '').length - 1));
  }
  return plain.includes('.') ? plain : `${plain}.0`;
}

/** Reads one msgpack value into Python's notation. */
class Reader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A key that is a string is printed bare, as `str` does. */
  top(): string {
    const head = this.bytes[0];
    const size = this.stringSize(head);
    return size < 0 ? this.value() : this.string(size);
  }

  /** An array as a tuple behind the parts that are known already. */
  tuple(parts: string[]): string {
    const head = this.view.getUint8(this.at++);
    const length = (head & 0xf0) === 0x90 ? head & 0x0f : head === 0xdc ? this.uint(2) : this.uint(4);
    return this.items(length, parts);
  }

  private items(length: number, parts: string[]): string {
    for (let i = 0; i < length; i++) {
      parts.push(this.value());
    }
    return parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(', ')})`;
  }

  private value(): string {
    const head = this.view.getUint8(this.at);
    const size = this.stringSize(head);
    if (size >= 0) {
      return reprText(this.string(size));
    }
    this.at++;
    if (head < 0x80) {
      return String(head);
    }
    if (head >= 0xe0) {
      return String(head - 0x100);
    }
    if ((head & 0xf0) === 0x80) {
      return this.map(head & 0x0f);
    }
    if ((head & 0xf0) === 0x90) {
      return this.items(head & 0x0f, []);
    }
    switch (head) {
      case 0xc0:
        return 'None';
      case 0xc2:
        return 'False';
      case 0xc3:
        return 'True';
      case 0xc4:
        return this.binary(this.uint(1));
      case 0xc5:
        return this.binary(this.uint(2));
      case 0xc6:
        return this.binary(this.uint(4));
      case 0xca:
        this.at += 4;
        return reprFloat(this.view.getFloat32(this.at - 4));
      case 0xcb:
        this.at += 8;
        return reprFloat(this.view.getFloat64(this.at - 8));
      case 0xcc:
        return String(this.uint(1));
      case 0xcd:
        return String(this.uint(2));
      case 0xce:
        return String(this.uint(4));
      case 0xcf:
        this.at += 8;
        return String(this.view.getBigUint64(this.at - 8));
      case 0xd0:
        return String((this.uint(1) << 24) >> 24);
      case 0xd1:
        return String((this.uint(2) << 16) >> 16);
      case 0xd2:
        return String(this.uint(4) | 0);
      case 0xd3:
        this.at += 8;
        return String(this.view.getBigInt64(this.at - 8));
      case 0xdc:
        return this.items(this.uint(2), []);
      case 0xdd:
        return this.items(this.uint(4), []);
      case 0xde:
        return this.map(this.uint(2));
      case 0xdf:
        return this.map(this.uint(4));
      default:
        return '?';
    }
  }

  private map(length: number): string {
    const parts: string[] = [];
    for (let i = 0; i < length; i++) {
      const key = this.value();
      parts.push(`${key}: ${this.value()}`);
    }
    return `{${parts.join(', ')}}`;
  }

  private uint(size: 1 | 2 | 4): number {
    const at = this.at;
    this.at += size;
    return size === 1
      ? this.view.getUint8(at)
      : size === 2
        ? this.view.getUint16(at)
        : this.view.getUint32(at);
  }

  /** Length in bytes if the value at the cursor is a string (moves behind its head), else -1. */
  private stringSize(head: number): number {
    if ((head & 0xe0) === 0xa0) {
      this.at++;
      return head & 0x1f;
    }
    if (head < 0xd9 || head > 0xdb) {
      return -1;
    }
    this.at++;
    return this.uint(head === 0xd9 ? 1 : head === 0xda ? 2 : 4);
  }

  private string(size: number): string {
    this.at += size;
    return utf8.decode(this.bytes.subarray(this.at - size, this.at));
  }

  private binary(size: number): string {
    let out = '';
    for (let i = 0; i < size; i++) {
      const byte = this.view.getUint8(this.at++);
      const char = String.fromCharCode(byte);
      out +=
        byte === 0x27 || byte === 0x5c
          ? `\\${char}`
          : byte >= 0x20 && byte < 0x7f
            ? char
            : `\\x${byte.toString(16).padStart(2, '0')}`;
    }
    return `b'${out}'`;
  }
}
