/** Call trees: read, laid out, inverted, searched, compared. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CallTree } from '../src/core/calltree';
import { coverage, whyEmpty } from '../src/core/covered';
import { COMPARED_WIDTH, Flame } from '../src/core/flame';
import { FrameError } from '../src/core/frames';
import { frameOf as factsOf, linesOf } from '../src/core/frametext';
import { functionsOf } from '../src/core/functions';
import { invert } from '../src/core/invert';
import { changeColour, LESS_COLOUR, libraryColour, MORE_COLOUR, SAME_COLOUR } from '../src/core/palette';
import { search } from '../src/core/search';
import { SlotColours } from '../src/draw/colours';
import { chain, frameOf, treeOf, type Spec } from './trees';

const specs = fc.letrec<{ node: Spec; children: Spec[] }>(tie => ({
  children: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constant<Spec[]>([]),
    fc.array(tie('node'), { maxLength: 3 })
  ),
  node: fc
    .record({
      name: fc.constantFrom('f', 'g', 'h', 'run'),
      file: fc.constantFrom('a.py', 'b.py'),
      own: fc.nat(9),
      children: tie('children')
    })
    .map(({ name, file, own, children }) => {
      // Siblings are different functions.
      const kept = children.filter(
        (child, i) => children.findIndex(c => c.name === child.name && c.file === child.file) === i
      );
      return { name, file, count: own + kept.reduce((sum, c) => sum + c.count, 0), children: kept };
    })
})).node;

const flameOf = (spec: Spec): Flame => {
  const tree = treeOf(spec);
  return new Flame(tree, tree.functions);
};

const NO_FILTER = { highlight: [], workers: [], interval: null };

describe('the layout', () => {
  it('has every child inside its parent, none over another, the widest first', () => {
    fc.assert(
      fc.property(specs, spec => {
        const flame = flameOf(spec);
        for (let node = 0; node < flame.nodes.n; node++) {
          let at = flame.start[node];
          let last = Infinity;
          for (const child of flame.childrenOf(node)) {
            expect(flame.start[child]).toBe(at);
            expect(flame.wide[child]).toBeLessThanOrEqual(last);
            expect(flame.depth[child]).toBe(flame.depth[node] + 1);
            last = flame.wide[child];
            at += last;
          }
          expect(at).toBeLessThanOrEqual(flame.start[node] + flame.wide[node]);
        }
        expect(flame.width).toBe(spec.count);
      })
    );
  });

  it('puts every node that has samples into the row of its depth, in order', () => {
    fc.assert(
      fc.property(specs, spec => {
        const flame = flameOf(spec);
        const seen = flame.table.rows.flatMap((row, depth) =>
          Array.from({ length: row.length }, (_, i) => {
            expect(i === 0 || row.start[i] >= row.start[i - 1]).toBe(true);
            expect(flame.depth[row.record[i]]).toBe(depth);
            return row.record[i];
          })
        );
        const wanted = Array.from({ length: flame.nodes.n }, (_, i) => i).filter(i => flame.wide[i] > 0);
        expect(seen.sort((a, b) => a - b)).toEqual(wanted);
      })
    );
  });

  it('finds a frame again by its path, or the last one on the way', () => {
    const flame = flameOf(chain(5));
    expect(flame.find(flame.idsOf(4))).toBe(4);
    expect(flame.find([...flame.idsOf(3), 'gone;;0'])).toBe(3);
    expect(flame.find([])).toBe(0);
  });

  it('is not stopped by depth', () => {
    const flame = flameOf(chain(20_000));
    expect(flame.lanes.length).toBe(20_001);
    expect(functionsOf(flame)).toHaveLength(20_000);
    expect(flame.pathTo(20_000)).toHaveLength(20_001);
  });

  it('of a comparison has each run count half, and says what changed', () => {
    const flame = flameOf({
      count: 100,
      before: 10,
      children: [
        { name: 'same', count: 50, before: 5 },
        { name: 'more', count: 50, before: 1 },
        { name: 'less', count: 0, before: 4 }
      ]
    });
    expect(flame.width).toBe(COMPARED_WIDTH);
    const named = (name: string): number =>
      [1, 2, 3].find(node => flame.functionOf(node).name === name) as number;
    expect(flame.wide[named('same')]).toBeCloseTo(COMPARED_WIDTH / 2);
    expect(flame.change(named('same'))).toBe(0);
    expect(flame.change(named('more'))).toBeCloseTo(0.4);
    expect(flame.change(named('less'))).toBeCloseTo(-0.4);
    expect(flame.wide[named('less')]).toBeCloseTo(COMPARED_WIDTH / 5);
  });
});

describe('the inverted tree', () => {
  it('has all samples, and each function with those of its own', () => {
    fc.assert(
      fc.property(specs, spec => {
        const tree = treeOf(spec);
        const flame = new Flame(tree, tree.functions);
        const inverted = new Flame(invert(tree, 0), tree.functions);
        const own = new Map(functionsOf(flame).map(row => [row.fn, row.own]));
        let sum = flame.own(0);
        for (const node of inverted.childrenOf(0)) {
          expect(inverted.nodes.total[node]).toBe(own.get(inverted.nodes.fn[node]));
          sum += inverted.nodes.total[node];
        }
        expect(sum).toBe(spec.count);
        expect(inverted.nodes.total[0]).toBe(spec.count);
      })
    );
  });

  it('does not grow beyond what can be seen', () => {
    const leaves = Array.from({ length: 300 }, (_, i) => {
      const path: Spec = chain(60);
      return { ...path, children: [{ name: `end${i}`, count: 1, children: [] }], name: `begin${i}` };
    });
    const tree = treeOf({ count: 300, children: leaves });
    expect(invert(tree, 0.01).n).toBeLessThan(invert(tree, 0).n);
    const all = invert(tree, 0.01);
    expect(all.total[0]).toBe(300);
  });
});

describe('functions', () => {
  it('count once where they call themselves', () => {
    const flame = flameOf({
      count: 10,
      children: [
        { name: 'f', count: 10, children: [{ name: 'f', count: 8, children: [{ name: 'g', count: 3 }] }] }
      ]
    });
    const rows = new Map(functionsOf(flame).map(row => [flame.functions[row.fn].name, row]));
    expect(rows.get('f')).toMatchObject({ own: 7, total: 10 });
    expect(rows.get('g')).toMatchObject({ own: 3, total: 3 });
  });
});

describe('search', () => {
  const spec: Spec = {
    count: 10,
    children: [
      { name: 'load', file: 'io.py', count: 6, children: [{ name: 'read', file: 'io.py', count: 4 }] },
      { name: 'Add', file: 'math.py', count: 4 }
    ]
  };

  it.each([
    ['^load$', 0.6],
    ['io.py', 0.6],
    ['read|add', 0.8],
    ['Add', 0.4],
    ['add', 0.4],
    ['ADD', 0],
    ['nothing', 0]
  ])('%s is in %d of all samples', (text, share) => {
    const tree = treeOf(spec);
    const flame = new Flame(tree, tree.functions);
    const found = search(tree.functions, text);
    expect(flame.light(found?.wanted ?? null)).toBeCloseTo(share);
    expect(found?.problem).toBe('');
  });

  it('lets what does not match stand back, and takes that back', () => {
    const tree = treeOf(spec);
    const flame = new Flame(tree, tree.functions);
    flame.light(search(tree.functions, 'read')?.wanted ?? null);
    const dimmed = (): number =>
      flame.table.rows
        .flatMap(row => [...row.slot.subarray(0, row.length)])
        .filter(s => flame.slots[s].dimmed).length;
    expect(dimmed()).toBe(3);
    flame.light(null);
    expect(dimmed()).toBe(0);
  });

  it('takes an expression that is none as text, and says so', () => {
    const { functions } = treeOf({ count: 1, children: [{ name: 'f(x', count: 1 }] });
    const found = search(functions, 'f(');
    expect(found?.count).toBe(1);
    expect(found?.problem).not.toBe('');
    expect(search(functions, '')).toBeNull();
  });
});

describe('hostile frames', () => {
  const good: Spec = { count: 2, children: [{ name: 'f', count: 1 }] };
  const column = (...values: number[]): [string, Uint8Array] => [
    'u4',
    new Uint8Array(Uint32Array.from(values).buffer)
  ];
  const bent = (name: string, value: unknown): Uint8Array => {
    const frame = frameOf(good);
    const cols = { parent: column(0xffffffff, 0), function: column(1, 1), line: column(0, 0) };
    return frameOf(
      good,
      {},
      {
        cols: {
          ...cols,
          source: column(0xffffffff, 0xffffffff),
          count: column(2, 1),
          about: column(0),
          [name]: value
        },
        first: 0,
        next: frame.length > 0 ? 2 : 0
      }
    );
  };

  it.each([
    ['a frame in front of its caller', 'parent', column(0xffffffff, 1)],
    ['a root that was called', 'parent', column(1, 0)],
    ['a function that is not there', 'function', column(1, 99)],
    ['a column that is too short', 'count', column(2)],
    ['a column of another kind', 'count', ['f8', new Uint8Array(16)]]
  ])('%s is refused in one sentence', (_, name, value) => {
    expect(() => CallTree.read(bent(name, value))).toThrow(FrameError);
  });

  it('a frame of another stream, or without a root, is refused', () => {
    expect(() => CallTree.read(frameOf(good, {}, { stream: 'tasks' }))).toThrow('stream "profile"');
    const none = Object.fromEntries(
      ['parent', 'function', 'line', 'source', 'count'].map(n => [n, column()])
    );
    expect(() => CallTree.read(frameOf(good, {}, { next: 0, cols: none }))).toThrow('without');
  });

  it('children with more samples than their caller make it as wide as they are', () => {
    const flame = flameOf({
      count: 1,
      children: [
        { name: 'f', count: 7 },
        { name: 'g', count: 5 }
      ]
    });
    expect(flame.width).toBe(12);
  });

  it('what it covers may be anything', () => {
    for (const about of [
      {},
      { workers: 5, missing: [1, ['a', 'gone']], interval: 'x', prefixes: [[{}, 'n']] }
    ]) {
      const tree = treeOf(good, about);
      expect(coverage(tree, NO_FILTER).facts[0]).toBe('2 samples');
    }
  });

  it('long names, line ends and right-to-left text are cut and made flat', () => {
    const name = `\u202e${'x'.repeat(10_000)}\n<img src=x onerror=alert(1)>`;
    const tree = treeOf({ count: 1, children: [{ name, file: name, source: name, count: 1 }] });
    const lines = linesOf(factsOf(new Flame(tree, tree.functions), tree, 1));
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(400);
    expect(lines.join('')).not.toContain('\n');
  });
});

describe('what it says when there is nothing', () => {
  const empty = (about: object): string => whyEmpty(treeOf({ count: 0 }, about), NO_FILTER, 'live');
  const some = { kind: 'worker', workers: ['a'], interval: 0.01, cycle: 1 };

  it.each([
    [{ ...some, enabled: false }, 'distributed.worker.profile.enabled'],
    [{ ...some, deadlock: true }, 'Python 3.11'],
    [{ ...some, workers: [] }, 'no workers'],
    [{ ...some, missing: [['a', 'gone']] }, 'No worker answered'],
    [some, 'every 10 ms']
  ])('%j: %s', (about, words) => {
    expect(empty(about)).toContain(words);
  });

  it('names the filter that leaves nothing', () => {
    const tree = treeOf({ count: 0 }, some);
    expect(whyEmpty(tree, { ...NO_FILTER, highlight: ['inc'] }, 'live')).toContain('inc');
    expect(whyEmpty(null, NO_FILTER, 'connecting')).toContain('Reading');
  });

  it('names who did not answer, and what is gone', () => {
    const tree = treeOf({ count: 1 }, { ...some, dropped: true, missing: [['tcp://x', 'gone']] });
    const said = coverage(tree, NO_FILTER).problems.join(' ');
    expect(said).toContain('tcp://x (gone)');
    expect(said).toContain('older samples are gone');
  });
});

describe('colours', () => {
  it('are those of the library, always, and of the change', () => {
    expect(libraryColour('numpy')).toBe(libraryColour('numpy'));
    expect(libraryColour('your code')).not.toBe(libraryColour('numpy'));
    expect(changeColour(0)).toBe(SAME_COLOUR);
    expect(changeColour(0.5)).toBe(MORE_COLOUR);
    expect(changeColour(-0.5)).toBe(LESS_COLOUR);
    expect(libraryColour('constructor')).toMatch(/^#[0-9a-f]{6}$/);
  });
});

describe('the colours of slots', () => {
  it('are those of the tree that is drawn, whichever was before', () => {
    const colours = new SlotColours();
    const slotsOf = (library: string): Flame['slots'] =>
      flameOf({ count: 2, children: [{ name: 'f', library, count: 1 }] }).slots;
    const seen = ['numpy', 'pandas', 'numpy'].map(library => {
      colours.update(slotsOf(library), {}, [], '#000000');
      return [...colours.plain.subarray(0, 4)];
    });
    expect(seen[1]).not.toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
  });
});

describe('a frame that Python made', () => {
  const read = (name: string): Buffer => readFileSync(join(__dirname, '../../tests/data/profiles', name));

  it('is the tree of that run', () => {
    const tree = CallTree.read(new Uint8Array(read('merged.frame')));
    const { count } = JSON.parse(read('merged.json').toString()) as { count: number };
    expect(tree.total[0]).toBe(count);
    expect(tree.about.interval).toBe(0.01);
    expect([...tree.timeline.time]).toEqual([1.7e9]);
    const rows = functionsOf(new Flame(tree, tree.functions));
    expect(rows.reduce((sum, row) => sum + row.own, 0)).toBe(count);
    expect(tree.functions.map(each => each.library)).toContain('pandas');
    expect(tree.functions.map(each => each.name)).toContain('square');
  });
});
