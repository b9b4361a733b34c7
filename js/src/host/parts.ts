/** Every anywidget part, by the name of its class in `python/dasklens/widgets`. */

import { moduleOf, type PartModule } from './partmodule';

const PARTS: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  Toolbar: () => import('../parts/toolbar'),
  Legend: () => import('../parts/legend'),
  Detail: () => import('../parts/detail'),
  Workers: () => import('../parts/workers'),
  MemoryPart: () => import('../parts/memory'),
  ProgressPart: () => import('../parts/progress'),
  ComparisonPart: () => import('../parts/comparison'),
  Heading: () => import('../parts/heading'),
  FlameBar: () => import('../parts/flamebar'),
  FlameTable: () => import('../parts/flametable'),
  FlameTimeline: () => import('../parts/flametimeline'),
  FlameDetail: () => import('../parts/flamedetail')
};

/** Classes of parts that differ in Python alone. */
const SAME: Readonly<Record<string, string>> = { _FollowingPart: 'ProgressPart' };

/** Names of all parts. */
export const PART_NAMES: readonly string[] = Object.keys(PARTS);

/** The module of a part; `id` is what anywidget calls it, such as `dasklens.widgets.inspector.Legend`. */
export async function partOf(id: string): Promise<PartModule> {
  const name = id.split('.').pop() as string;
  const load = PARTS[SAME[name] ?? name];
  if (!load) {
    throw new Error(`This page has no part ${id}: reload it, or update dasklens in JupyterLab.`);
  }
  return moduleOf((await load()).default);
}
