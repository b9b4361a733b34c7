/** The parts of a report's figures, in whose bundle this stands in the place of `host/parts.ts`. */

import type { PartModule } from '../host/parts';
import detail from '../parts/detail';
import flamebar from '../parts/flamebar';
import flamedetail from '../parts/flamedetail';
import flametable from '../parts/flametable';
import flametimeline from '../parts/flametimeline';
import legend from '../parts/legend';
import toolbar from '../parts/toolbar';

const PARTS: Readonly<Record<string, PartModule>> = {
  Toolbar: toolbar,
  Legend: legend,
  Detail: detail,
  FlameBar: flamebar,
  FlameTable: flametable,
  FlameTimeline: flametimeline,
  FlameDetail: flamedetail
};

export async function partOf(id: string): Promise<PartModule> {
  const part = PARTS[id.split('.').pop() as string];
  if (!part) {
    throw new Error(`A report has no part ${id}.`);
  }
  return part;
}
