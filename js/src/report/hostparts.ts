/** The parts of a report's figures, in whose bundle this stands in the place of `host/parts.ts`. */

import { moduleOf, type PartModule } from '../host/partmodule';
import detail from '../parts/detail';
import flamebar from '../parts/flamebar';
import flamedetail from '../parts/flamedetail';
import flametable from '../parts/flametable';
import flametimeline from '../parts/flametimeline';
import legend from '../parts/legend';
import memory from '../parts/memory';
import progress from '../parts/progress';
import toolbar from '../parts/toolbar';

const PARTS: Readonly<Record<string, unknown>> = {
  Toolbar: toolbar,
  Legend: legend,
  Detail: detail,
  FlameBar: flamebar,
  FlameTable: flametable,
  FlameTimeline: flametimeline,
  FlameDetail: flamedetail,
  MemoryPart: memory,
  ProgressPart: progress
};

export async function partOf(id: string): Promise<PartModule> {
  const part = PARTS[id.split('.').pop() as string];
  if (!part) {
    throw new Error(`A report has no part ${id}.`);
  }
  return moduleOf(part);
}
