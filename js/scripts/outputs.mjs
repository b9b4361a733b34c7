// Where builds go: folders of the Python package.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';

/** Path of the package's folder `name`, emptied of files that end in `suffix`. */
export function clean(name, suffix = '') {
  const folder = `../python/dasklens/${name}`;
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) {
    if (file.endsWith(suffix)) {
      rmSync(`${folder}/${file}`);
    }
  }
  return folder;
}
