import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// The rooms of the design and what each may import: core <- draw <- marks <- host <- report <- lab,
// core <- connect <- {host, lab, marks, parts}; parts reach a mark through the widget manager, and only by its
// type; host shows them, and lab builds with their elements.
const ROOMS = ['core', 'draw', 'connect', 'marks', 'parts', 'host', 'lab', 'report', 'notebook'];
const MAY_IMPORT = {
  core: [],
  draw: ['core'],
  connect: ['core'],
  marks: ['core', 'draw', 'connect'],
  parts: ['core', 'connect'],
  host: ['core', 'draw', 'connect', 'marks', 'parts'],
  lab: ['core', 'draw', 'connect', 'marks', 'parts', 'host', 'report'],
  report: ['core', 'draw', 'connect', 'marks', 'parts', 'host'],
  notebook: ['core', 'draw', 'connect', 'marks', 'parts', 'host']
};
const PAGE = ['bqplot', 'bqscales', '@jupyter-widgets/*', '@jupyterlab/*', '@lumino/*'];
const NEEDS_NO_PAGE = new Set(['core', 'draw', 'connect']);

const rooms = ROOMS.map(room => {
  const forbidden = ROOMS.filter(other => other !== room && !MAY_IMPORT[room].includes(other));
  const patterns = forbidden.map(other => ({
    group: [`**/${other}/*`, `**/${other}`],
    message: `${room} may not import ${other}: imports go one way`,
    allowTypeImports: room === 'parts' && other === 'marks'
  }));
  if (NEEDS_NO_PAGE.has(room)) {
    patterns.push({ group: PAGE, message: `${room} has to run without a page around it` });
  }
  return {
    files: [`src/${room}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] }
  };
});

export default tseslint.config(
  { ignores: ['lib', 'node_modules'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-restricted-properties': [
        'error',
        // Task keys and exceptions are hostile text.
        { property: 'innerHTML', message: 'use textContent' },
        { property: 'outerHTML', message: 'use textContent' },
        { property: 'insertAdjacentHTML', message: 'use textContent' }
      ]
    }
  },
  {
    files: ['scripts/**/*.mjs', '*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } }
  },
  ...rooms
);
