// Remove folders of an earlier build: tsc leaves what it once wrote from files that are gone.
import { rmSync } from 'node:fs';

for (const folder of process.argv.slice(2)) {
  rmSync(folder, { recursive: true, force: true });
}
