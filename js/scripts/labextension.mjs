// The prebuilt JupyterLab extension, by JupyterLab's own builder. Called directly and not through
// `jupyter labextension build`, which would want JupyterLab installed where the wheel is made.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const builder = require.resolve('@jupyter/builder/lib/build-labextension.js');
const core = require.resolve('@jupyterlab/core-meta/core.package.json');
const { status } = spawnSync(process.execPath, [builder, '--core-package-file', core, process.cwd()], {
  stdio: 'inherit'
});
process.exit(status ?? 1);
