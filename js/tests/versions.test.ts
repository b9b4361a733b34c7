import { describe, expect, it } from 'vitest';

import { mismatch, pythonVersion, silent } from '../src/lab/versions';

describe('versions of page and server', () => {
  it.each([
    ['1.2.3', '1.2.3'],
    ['0.2.0-alpha.1', '0.2.0a1'],
    ['0.2.0-beta2', '0.2.0b2'],
    ['0.2.0-rc.3', '0.2.0rc3'],
    ['0.2.0-dev.4', '0.2.0.dev4']
  ])('%s is %s in Python', (page, python) => {
    expect(pythonVersion(page)).toBe(python);
    expect(mismatch(page, python)).toBeNull();
  });

  it('names both sides and the remedy, and nothing is cut off', () => {
    const warning = mismatch('10.20.30-alpha.1', '10.20.29rc12') ?? '';
    for (const word of ['10.20.30-alpha.1', '10.20.29rc12', 'Restart the Jupyter server', 'reload']) {
      expect(warning).toContain(word);
    }
    expect(warning.length).toBeLessThanOrEqual(140);
    expect(silent('10.20.30-alpha.1', 404).length).toBeLessThanOrEqual(140);
  });
});
