// @vitest-environment jsdom
import { expect, test, vi } from 'vitest';

// What Lumino extends and jsdom has not.
vi.stubGlobal('DragEvent', class extends Event {});

test('what every object inherits is no class of a module', async () => {
  const { FigureManager } = await import('../src/host/manager');
  const manager = new FigureManager(() => Promise.resolve({ ScatterModel: class {} }));
  const load = (name: string): Promise<unknown> =>
    (manager as unknown as { loadClass(name: string, module: string): Promise<unknown> }).loadClass(
      name,
      'm'
    );
  await expect(load('ScatterModel')).resolves.toBeTypeOf('function');
  await expect(load('constructor')).rejects.toThrow('m has no constructor.');
});
