import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const PARTS = join(__dirname, '..', 'src', 'parts');

test('parts on one page do not style each other', () => {
  // By class, the first rule that each part has for it alone.
  const rules = new Map<string, Map<string, string>>();
  for (const file of readdirSync(PARTS)) {
    const text = readFileSync(join(PARTS, file), 'utf8');
    for (const [, name, body] of text.matchAll(/^\.(dasklens-[\w-]+)\{([^}]*)\}/gm)) {
      const known = rules.get(name) ?? new Map<string, string>();
      rules.set(name, known.set(file, body));
    }
  }
  expect(rules.size).toBeGreaterThan(10);
  const clashes = [...rules].filter(([, by]) => new Set(by.values()).size > 1);
  expect(clashes.map(([name, by]) => `${name} in ${[...by.keys()].join(' and ')}`)).toEqual([]);
});
