/** What comes from workers, keys and clocks that mean no good, or do not know better. */

import { join } from 'node:path';

import { encode } from '@msgpack/msgpack';
import { build } from 'esbuild';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { decodeFrame, FrameError } from '../src/core/frames';
import { keyText } from '../src/core/keys';
import { TaskLog } from '../src/core/tasks';
import { FrameWriter, type TaskSpec } from './build';

const BASE = 1.7e9;
const HALF = '\ud800';
const good: TaskSpec = { key: '-0', spans: [{ start: 1, stop: 2 }] };

let log: TaskLog;
let writer: FrameWriter;

beforeEach(() => {
  log = new TaskLog();
  writer = new FrameWriter();
});

const bytesOf = (values: ArrayBufferView): Uint8Array => new Uint8Array(values.buffer);

/** A frame of `good`, with columns and names replaced. */
function bent(cols: Record<string, [string, Uint8Array]>, names?: unknown[]): Uint8Array {
  const frame = decodeFrame(writer.frame([good]));
  const dtypes = new Map([
    [Float64Array, 'f8'],
    [Uint32Array, 'u4'],
    [Uint8Array, 'u1']
  ] as [unknown, string][]);
  const whole = [...frame.cols].map(([name, column]) => [
    name,
    [dtypes.get(column.constructor), bytesOf(column)]
  ]);
  return encode({
    ...frame,
    v: 1,
    names: names ?? frame.names,
    cols: { ...Object.fromEntries(whole), ...cols }
  });
}

describe('a column', () => {
  it.each(['constructor', 'toString', '__proto__'])('of dtype %s is broken', dtype => {
    const frame = bent({ group: [dtype, new Uint8Array(4)] });
    expect(() => decodeFrame(frame)).toThrow(FrameError);
  });

  it.each([
    ['group', 'i4', new Int32Array([-1])],
    ['lane', 'f8', new Float64Array([0.5])],
    ['type', 'f4', new Float32Array([NaN])],
    ['error', 'i4', new Int32Array([-1])],
    ['action', 'i4', new Int32Array([3])],
    ['spans', 'f8', new Float64Array([1])],
    ['spans', 'i4', new Int32Array([1])],
    ['key_len', 'f4', new Float32Array([3])],
    ['key', 'u2', new Uint16Array(3)],
    ['start', 'f4', new Float32Array([1])],
    ['stop', 'i4', new Int32Array([1])],
    ['nbytes', 'u4', new Uint32Array([1])],
    ['stimulus', 'u4', new Uint32Array([1])]
  ])('%s of dtype %s is refused, and nothing is taken', (name, dtype, values) => {
    const frame = bent({ [name]: [dtype, bytesOf(values)] });
    expect(() => log.feed(frame)).toThrow(/dtype (u4|u1|f8)/);
    expect([log.id, log.nRecords, log.nNames, log.table.count]).toEqual(['', 0, 0, 0]);
  });

  it('of ids and counts may be narrower than it is written', () => {
    const frame = bent({ spans: ['u1', new Uint8Array([1])], group: ['u2', bytesOf(new Uint16Array([0]))] });
    expect(log.feed(frame)).toMatchObject({ kind: 'appended', records: 1 });
    expect(log.record(0).startstops).toHaveLength(1);
  });
});

describe('a name', () => {
  const names = [['inc', 'inc', null, []], ['tcp://1', 1, 'one'], ['int', new Uint8Array(2)], 'compute'];
  const replaced = (at: number, by: unknown): unknown[] => names.map((name, k) => (k === at ? by : name));
  const failed = { error: ['u4', bytesOf(new Uint32Array([4]))] as [string, Uint8Array] };

  it.each([
    ['group', 0, 'inc'],
    ['group', 0, ['inc', null]],
    ['group', 0, null],
    ['lane', 1, 'tcp://1'],
    ['lane', 1, ['tcp://1', { toString: 1 }, 'one']],
    ['lane', 1, ['tcp://1', 1, { toString: 1 }]],
    ['lane', 1, [1, 1, 'one']],
    ['type', 2, [null]],
    ['type', 2, 7],
    ['action', 3, ['compute']],
    ['action', 3, null]
  ])('for the column %s (%i) that is %j is refused, and nothing is taken', (column, at, name) => {
    log.feed(writer.frame([good]));
    const before = [log.nRecords, log.nNames, log.table.count, log.next, log.prefixes.length];
    writer = new FrameWriter('log-2');
    expect(() => log.feed(bent({}, replaced(at, name)))).toThrow(`column "${column}"`);
    expect(log.id).toBe('log-1');
    expect([log.nRecords, log.nNames, log.table.count, log.next, log.prefixes.length]).toEqual(before);
  });

  it.each([['text'], [['text']], [['text', 5]], [7]].map(name => [name[0]]))(
    'of an error that is %j is refused',
    error => {
      expect(() => log.feed(bent(failed, [...names, error]))).toThrow('column "error"');
      expect(log.nRecords).toBe(0);
    }
  );

  it('that is refused does not spoil the log for what comes after', () => {
    expect(() => log.feed(bent({}, replaced(3, null)))).toThrow(FrameError);
    writer = new FrameWriter();
    expect(log.feed(bent({}, names))).toMatchObject({ kind: 'appended', records: 1 });
    expect(log.record(0)).toMatchObject({ key: 'inc-0', workerName: 'one', typename: 'int' });
  });

  it('stays what it is when it comes again as something else', () => {
    log.feed(writer.frame([good]));
    const again = writer.frame([{ ...good, key: '-1' }], { names0: 0, names: [1, 2, 3, 4] });
    expect(log.feed(again)).toMatchObject({ kind: 'appended' });
    expect([0, 1].map(i => log.record(i).key)).toEqual(['inc-0', 'inc-1']);
  });

  it('may be a map with keys that no object has', () => {
    // As msgpack: {null: 1, true: 1, b"x": 1, (): 1, [[..]]: 1, {"toString": 1}: 1, "__proto__": 1, ["__proto__"]: 1}
    const proto = [...encode('__proto__')];
    const deep = [...new Uint8Array(50_000).fill(0x91), 0x90];
    const keys = [
      [0xc0],
      [0xc3],
      [0xc4, 1, 0x78],
      [0x90],
      deep,
      [...encode({ toString: 1 })],
      proto,
      [0x91, ...proto]
    ];
    const map = [0x80 + keys.length, ...keys.flatMap(key => [...key, 1])];
    const marker = 'here comes the map';
    const [head, tail] = split(bent({}, [...names, marker]), encode(marker));
    const frame = Uint8Array.from([...head, ...map, ...tail]);
    expect(log.feed(frame)).toMatchObject({ kind: 'appended', records: 1 });
    const polluted = Object.getPrototypeOf(decodeFrame(frame).names[4]) !== Object.prototype;
    expect(polluted).toBe(false);
  });

  it('is not kept with the bytes of its message', () => {
    const frame = decodeFrame(bent({}, [...names, new Uint8Array(9)]));
    log.append(frame);
    const kept = Array.from({ length: log.nNames }, (_, id) => log['names'].get(id));
    expect(kept.flat().some(part => part instanceof Uint8Array)).toBe(false);
  });
});

function split(bytes: Uint8Array, at: Uint8Array): [Uint8Array, Uint8Array] {
  const found = bytes.findIndex((_, i) => at.every((byte, k) => bytes[i + k] === byte));
  return [bytes.slice(0, found), bytes.slice(found + at.length)];
}

it.each([[{ toString: 1 }], [[1]], [null]])('a version that is %j is said to be none', v => {
  expect(() => decodeFrame(encode({ v }))).toThrow(FrameError);
});

describe('a clock', () => {
  it.each([
    [NaN, 3],
    [3, NaN],
    [-Infinity, 3],
    [3, Infinity],
    [1e300, 1e300],
    [-1e300, 3],
    [3, 1e300]
  ])('that says %d to %d does not stretch the time of all', (start, stop) => {
    log.feed(writer.frame([good, { key: '-1', spans: [{ start, stop }] }, { ...good, key: '-2' }]));
    expect([log.nRecords, log.nSpans, log.table.count]).toEqual([3, 3, 3]);
    expect([log.table.earliest, log.table.latest]).toEqual([1, 2]);
    expect(log.record(1).startstops).toEqual([{ action: 'compute', start: BASE + 2, stop: BASE + 2 }]);
    expect(log.prefixes[0].seconds).toBe(2);
  });

  it('that is wrong from the first span on leaves the base', () => {
    log.feed(writer.frame([{ spans: [{ start: NaN, stop: NaN }] }]));
    expect([log.table.earliest, log.table.latest, log.table.base]).toEqual([0, 0, BASE]);
  });

  it.each([NaN, Infinity, 1e300])('that makes %d of the base of a frame does not lose it', base => {
    const failed: TaskSpec = { key: '-1', error: ['e', ''], stimulus: BASE + 5 };
    log.feed(writer.frame([good, failed], { base }));
    expect(log.nRecords).toBe(2);
    expect([log.table.base, log.table.earliest, log.table.latest]).toEqual([BASE + 5, 0, 0]);
    log.feed(writer.frame([{ key: '-2', spans: [{ start: 6, stop: 7 }] }]));
    expect([log.table.earliest, log.table.latest]).toEqual([0, 2]);
  });

  it.each([Infinity, 1e300])('that reports an error at %d puts it where we are', stimulus => {
    log.feed(writer.frame([good, { key: '-1', error: ['e', ''], stimulus }]));
    expect([log.table.earliest, log.table.latest]).toEqual([1, 2]);
  });
});

describe('a packed key', () => {
  it.each([
    ['nested without end', [0, ...new Uint8Array(99_999).fill(0x91), 0x90]],
    ['a tuple that claims four billion parts', [1, 0xdd, 0xff, 0xff, 0xff, 0xff, 1]],
    ['a map that claims as many', [0, 0xdf, 0xff, 0xff, 0xff, 0xff, 1]],
    ['bytes that claim as many', [0, 0xc6, 0xff, 0xff, 0xff, 0xff, 1]],
    ['nothing behind its head', [0]],
    ['nothing at all', []]
  ])('of %s still says its group', (_, packed) => {
    expect(keyText('inc', Uint8Array.from(packed))).toBe('inc-?');
  });
});

describe('what the kernel is told', () => {
  let serializers: Record<string, { serialize(value: unknown): unknown }>;

  beforeAll(async () => {
    // bqplot is the page's own: the model is bundled as for a page, on a class without anything.
    const bare = 'export class MarkModel { static serializers = {} }';
    const bundle = await build({
      entryPoints: [join(import.meta.dirname, '../src/marks/spansmodel.ts')],
      bundle: true,
      write: false,
      format: 'esm',
      plugins: [
        {
          name: 'bqplot',
          setup(to) {
            to.onResolve({ filter: /^bqplot$/ }, () => ({ path: 'bqplot', namespace: 'bare' }));
            to.onLoad({ filter: /.*/, namespace: 'bare' }, () => ({ contents: bare }));
          }
        }
      ]
    });
    const code = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
    const module = await import(/* @vite-ignore */ `data:text/javascript;base64,${code}`);
    serializers = module.SpansModel.serializers;
  });

  it.each([
    ['highlight', [`a${HALF}`, 'b😀'], ['a\ufffd', 'b😀']],
    [
      'selected',
      { key: HALF, nbytes: 1, exception: null, startstops: [{ action: `\udc00x`, start: 1 }] },
      { key: '\ufffd', nbytes: 1, exception: null, startstops: [{ action: '\ufffdx', start: 1 }] }
    ],
    ['selected', null, null]
  ])('of %s has no halves of characters', (trait, value, sent) => {
    const before = structuredClone(value);
    expect(serializers[trait].serialize(value)).toEqual(sent);
    expect(value).toEqual(before);
  });
});
