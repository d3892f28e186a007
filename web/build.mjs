// build.mjs - web/src to web/dist: one shell, one file a page, one style sheet, one sprite.
//
// Pages are found, not listed: each folder src/pages/<id>/ with an index.js is a page; <id>.jsx beside it
// is loaded on the first visit. Its tile.jsx stands on Home, its page.css and icon.svg are joined with
// those of the others. The shell (app.js) carries Preact, src/lib and src/ui, and pages import them
// from there; what only pages use (uPlot) becomes a file of its own.
// Prints the gzipped size of each file against the budget and fails above it.

import { build, transform } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';
import { trimUplot } from './trim_uplot.mjs';

const LIMIT_BYTES = 60 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, 'src');
const dist = process.env.NH_WEB_DIST ?? join(here, 'dist');
const pagesDir = join(src, 'pages');
// Of src/lib and src/ui, but with the pages: what only plots use, and constants, which are inlined.
const WITH_PAGES = /[\\/](plot|window|timeline|decimate|columns)\.jsx?$/;

const pageIds = () => readdirSync(pagesDir).filter((d) => existsSync(join(pagesDir, d, 'index.js'))).sort();

// `nuthatch:pages` is the list of all pages, by group and order; `nuthatch:tiles` that of all tiles;
// `nuthatch:shell` is the shell with everything that pages may import from it.
const found = {
  name: 'found',
  setup(b) {
    b.onResolve({ filter: /^nuthatch:/ }, (a) => ({ path: a.path, namespace: 'found' }));
    b.onLoad({ filter: /.*/, namespace: 'found' }, ({ path }) => {
      const contents = path === 'nuthatch:shell' ? shell() : path === 'nuthatch:pages' ? list('index.js') : list('tile.jsx');
      return { contents, resolveDir: pagesDir, loader: 'js' };
    });
  },
};

function list(file) {
  const ids = pageIds().filter((id) => existsSync(join(pagesDir, id, file)));
  const imports = ids.map((id, i) => `import p${i} from './${id}/${file}';`).join('\n');
  const order = file === 'index.js' ? 'a.group - b.group || a.order - b.order' : 'a.order - b.order';
  return `${imports}\nexport default [${ids.map((id, i) => `p${i}`).join(', ')}].sort((a, b) => ${order});`;
}

// The names that pages import from src/lib, src/ui and Preact, gathered from the pages themselves.
const wanted = new Map(); // module -> Set of names

function shell() {
  const exports = [...wanted].map(([path, names]) => `export { ${[...names].join(', ')} } from ${JSON.stringify(path)};`);
  return [`import ${JSON.stringify(join(src, 'shell/main.jsx'))};`, ...exports].join('\n');
}

const isShared = (path) => ['lib', 'ui'].some((d) => path.startsWith(join(src, d) + sep)) && !WITH_PAGES.test(path);

const NAMED = /import \{([^}]*)\} from '([^']+)'/g;

// For the pages: what the shell carries is imported from it.
const fromShell = {
  name: 'from-shell',
  setup(b) {
    b.onResolve({ filter: /^preact(\/hooks)?$/ }, () => ({ path: './app.js', external: true }));
    b.onResolve({ filter: /^\./ }, async (a) => {
      if (a.pluginData === 'asked') return undefined;
      const r = await b.resolve(a.path, { resolveDir: a.resolveDir, kind: a.kind, importer: a.importer, pluginData: 'asked' });
      return isShared(r.path) ? { path: './app.js', external: true } : r;
    });
    b.onLoad({ filter: /\.jsx?$/ }, ({ path }) => {
      if (!path.startsWith(src)) return undefined;
      const text = withJsx(path);
      for (const [, names, from] of text.matchAll(NAMED)) want(path, names, from);
      return { contents: text, loader: 'jsx' };
    });
  },
};

// JSX is compiled to h() and Fragment: every file that has any gets them.
function withJsx(path) {
  const text = readFileSync(path, 'utf8');
  return path.endsWith('.jsx') ? `import { h, Fragment } from 'preact';${text}` : text;
}

const jsx = {
  name: 'jsx',
  setup(b) {
    b.onLoad({ filter: /\.jsx$/ }, ({ path }) => ({ contents: withJsx(path), loader: 'jsx' }));
  },
};

function want(importer, names, from) {
  const path = from.startsWith('.') ? join(dirname(importer), from) : from;
  if (!/^preact/.test(path) && !isShared(path)) return;
  const module = path.startsWith(src) ? './' + join('..', relative(src, path)).split(sep).join('/') : path;
  if (!wanted.has(module)) wanted.set(module, new Set());
  for (const name of names.split(',')) if (name.trim()) wanted.get(module).add(name.trim());
}

// For the shell: a page's own file is loaded, not bundled.
const pagesLater = {
  name: 'pages-later',
  setup(b) {
    b.onResolve({ filter: /^\.\/\w+\.jsx$/ }, (a) => (a.kind === 'dynamic-import' ? { path: a.path.replace('.jsx', '.js'), external: true } : undefined));
  },
};

const common = {
  outdir: dist,
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  legalComments: 'none',
  jsxFactory: 'h',
  jsxFragment: 'Fragment',
  chunkNames: '[name]-[hash]',
};

async function buildAll() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  wanted.clear();
  const entryPoints = Object.fromEntries(pageIds().map((id) => [id, join(pagesDir, id, `${id}.jsx`)]));
  await build({ ...common, entryPoints, splitting: true, plugins: [found, fromShell, trimUplot] });
  await build({ ...common, entryPoints: { app: 'nuthatch:shell' }, plugins: [found, pagesLater, jsx] });
  await assets();
  await shrink();
}

// What esbuild leaves: terser takes another twentieth off, packed.
async function shrink() {
  for (const name of readdirSync(dist).filter((n) => n.endsWith('.js'))) {
    const file = join(dist, name);
    const options = { module: name !== 'theme.js', ecma: 2020, compress: { passes: 3, ecma: 2020 } };
    writeFileSync(file, (await minify(readFileSync(file, 'utf8'), options)).code);
  }
}

// The files beside the bundles.
async function assets() {
  const pieces = (name) => pageIds().map((id) => join(pagesDir, id, name)).filter(existsSync);
  const css = [join(src, 'app.css'), ...pieces('page.css')].map((f) => readFileSync(f, 'utf8')).join('\n');
  writeFileSync(join(dist, 'app.css'), (await transform(css, { loader: 'css', minify: true })).code);
  const own = pieces('icon.svg').map((f) => readFileSync(f, 'utf8')).join('');
  const sprite = readFileSync(join(src, 'icons.svg'), 'utf8').replace('</svg>', own + '</svg>');
  writeFileSync(join(dist, 'icons.svg'), sprite.replace(/>\s+</g, '><'));
  writeFileSync(join(dist, 'mark.svg'), readFileSync(join(src, 'mark.svg'), 'utf8').replace(/>\s+</g, '><'));
  const theme = readFileSync(join(src, 'theme.js'), 'utf8');
  writeFileSync(join(dist, 'theme.js'), (await transform(theme, { minify: true, format: 'iife' })).code);
  writeFileSync(join(dist, 'index.html'), readFileSync(join(src, 'index.html'), 'utf8'));
}

// As scripts/embed_assets.py packs it into the program.
const packedBytes = (path) => execFileSync('zopfli', ['-c', path]).length;

// The budget: gzipped, each file and whole. False above it.
function table() {
  const rows = readdirSync(dist).map((name) => {
    const bytes = readFileSync(join(dist, name));
    return { name, plain: bytes.length, gzip: packedBytes(join(dist, name)) };
  }).sort((a, b) => b.gzip - a.gzip);
  const whole = rows.reduce((sum, r) => ({ plain: sum.plain + r.plain, gzip: sum.gzip + r.gzip }), { plain: 0, gzip: 0 });
  const line = (name, plain, gzip) => console.log(name.padEnd(28) + String(plain).padStart(9) + String(gzip).padStart(9));
  line('file', 'bytes', 'gzipped');
  for (const r of rows) line(r.name, r.plain, r.gzip);
  line('whole', whole.plain, whole.gzip);
  line('limit', '', LIMIT_BYTES);
  if (whole.gzip < LIMIT_BYTES) return true;
  console.error(`The portal has ${whole.gzip} bytes gzipped, limit ${LIMIT_BYTES}.`);
  return false;
}

await buildAll();
if (!table()) process.exitCode = 1;
if (process.argv.includes('--watch')) {
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => buildAll().then(() => console.log('built'), (e) => console.error(e.message)), 100);
  };
  // Folder by folder: Node 18 cannot watch a tree on Linux.
  const folders = [src, ...readdirSync(src, { withFileTypes: true }).filter((d) => d.isDirectory()).map((d) => join(src, d.name)), ...pageIds().map((id) => join(pagesDir, id))];
  for (const folder of folders) watch(folder, again);
}
