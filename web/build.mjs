// build.mjs - web/src to web/dist: one shell, one script and one style sheet a page, one sprite.
//
// Pages are found, not listed: each folder src/pages/<id>/ with an index.js is a page; <id>.jsx and
// page.css beside it are loaded on the first visit. Its tile.jsx stands on Home; its tile.css and icon.svg
// are joined with those of the others. The shell (app.js) carries Preact, src/lib and src/ui, and pages
// import them from there; what only pages use (uPlot) becomes a file of its own.
// What a page loads bears a hash in its name and is cached for good: memory-3F2A9C01.js.
//
// NH_LAMP_WASM names the lamp's effects as WebAssembly (web/CMakeLists.txt makes them); they are put beside the bundles
// with a hash in their name, which src/lib/lamp_fx.js gets as __LAMP_FX_URL__. Without it that is null.
//
// Prints the gzipped size of each file and fails above a limit: that of the first load (shell and Home),
// and each page's own, which its index.js states.

import { createHash } from 'node:crypto';
import { build, transform } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';
import { trimUplot } from './trim_uplot.mjs';

const FIRST_MAX_BYTES = 60 * 1024;
const FIRST = ['index.html', 'theme.js', 'app.js', 'app.css', 'icons.svg', 'mark.svg']; // and Home with what it imports
const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, 'src');
const dist = process.env.NH_WEB_DIST ?? join(here, 'dist');
const pagesDir = join(src, 'pages');
// Of src/lib and src/ui, but with the pages: what only plots and the lamp use, and constants, which are
// inlined.
const WITH_PAGES = /[\\/](plot|window|timeline|decimate|columns|undo|optional|lamp_fx)\.jsx?$/;

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
  if (file !== 'index.js') return `${imports}\nexport default [${ids.map((id, i) => `p${i}`).join(', ')}].sort((a, b) => a.order - b.order);`;
  const rows = ids.map((id, i) => (files.css.has(id) ? `{ ...p${i}, css: '${files.css.get(id)}' }` : `p${i}`));
  return `${imports}\nexport default [${rows.join(', ')}].sort((a, b) => a.group - b.group || a.order - b.order);`;
}

// What stands in dist, by page: script and style sheet, and what the script imports.
const files = { js: new Map(), css: new Map(), imports: new Map() };

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
    b.onResolve({ filter: /^\.\/\w+\.jsx$/ }, (a) => (a.kind === 'dynamic-import' ? { path: './' + files.js.get(a.path.slice(2, -4)), external: true } : undefined));
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
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
};

async function buildAll() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  common.define = { __LAMP_FX_URL__: JSON.stringify(lampFx()) };
  wanted.clear();
  const entryPoints = Object.fromEntries(pageIds().map((id) => [id, join(pagesDir, id, `${id}.jsx`)]));
  const { metafile } = await build({ ...common, entryPoints, splitting: true, metafile: true, plugins: [found, fromShell, trimUplot] });
  noteScripts(metafile);
  await styles();
  await build({ ...common, entryNames: '[name]', entryPoints: { app: 'nuthatch:shell' }, plugins: [found, pagesLater, jsx] });
  await assets();
  await shrink();
}

function noteScripts({ outputs }) {
  for (const map of Object.values(files)) map.clear();
  for (const [path, out] of Object.entries(outputs)) {
    files.imports.set(basename(path), out.imports.filter((i) => !i.external && i.kind === 'import-statement').map((i) => basename(i.path)));
    if (out.entryPoint) files.js.set(basename(out.entryPoint, '.jsx'), basename(path));
  }
}

// What esbuild leaves: terser takes another twentieth off, packed.
async function shrink() {
  for (const name of readdirSync(dist).filter((n) => n.endsWith('.js'))) {
    const file = join(dist, name);
    const options = { module: name !== 'theme.js', ecma: 2020, compress: { passes: 3, ecma: 2020 } };
    writeFileSync(file, (await minify(readFileSync(file, 'utf8'), options)).code);
  }
}

const hashed = (stem, bytes, ext) => `${stem}-${createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase()}.${ext}`;

// The lamp's effects, if they were built: their address, or null.
function lampFx() {
  const file = process.env.NH_LAMP_WASM;
  if (!file || !existsSync(file)) return null;
  const bytes = readFileSync(file);
  const name = hashed('lamp_fx', bytes, 'wasm');
  writeFileSync(join(dist, name), bytes);
  return `/${name}`;
}

// app.css is there from the start, with what the tiles on Home need; a page's own comes with the page.
async function styles() {
  const small = async (paths) => (await transform(paths.map((f) => readFileSync(f, 'utf8')).join('\n'), { loader: 'css', minify: true })).code;
  const all = (name) => pageIds().map((id) => join(pagesDir, id, name)).filter(existsSync);
  writeFileSync(join(dist, 'app.css'), await small([join(src, 'app.css'), ...all('tile.css')]));
  for (const path of all('page.css')) {
    const code = await small([path]);
    const id = basename(dirname(path));
    const name = hashed(id, code, 'css');
    files.css.set(id, name);
    writeFileSync(join(dist, name), code);
  }
}

// The files beside the bundles.
async function assets() {
  const own = pageIds().map((id) => join(pagesDir, id, 'icon.svg')).filter(existsSync).map((f) => readFileSync(f, 'utf8')).join('');
  const sprite = readFileSync(join(src, 'icons.svg'), 'utf8').replace('</svg>', own + '</svg>');
  writeFileSync(join(dist, 'icons.svg'), sprite.replace(/>\s+</g, '><'));
  writeFileSync(join(dist, 'mark.svg'), readFileSync(join(src, 'mark.svg'), 'utf8').replace(/>\s+</g, '><'));
  const theme = readFileSync(join(src, 'theme.js'), 'utf8');
  writeFileSync(join(dist, 'theme.js'), (await transform(theme, { minify: true, format: 'iife' })).code);
  writeFileSync(join(dist, 'index.html'), readFileSync(join(src, 'index.html'), 'utf8'));
}

// ---- sizes ---------------------------------------------------------------------------------------------

// As scripts/embed_assets.py packs it into the program.
const packedBytes = (path) => execFileSync('zopfli', ['-c', path]).length;

const MAX = /export const PACKED_MAX_BYTES = (\d+);/;

function statedMax(id) {
  const [, bytes] = MAX.exec(readFileSync(join(pagesDir, id, 'index.js'), 'utf8')) || [];
  if (!bytes) throw new Error(`src/pages/${id}/index.js does not state its PACKED_MAX_BYTES.`);
  return +bytes;
}

// A page's script and style sheet and what its script imports, itself and through others.
function filesOf(id) {
  const names = new Set([files.js.get(id), files.css.get(id)].filter(Boolean));
  for (const name of names) for (const i of files.imports.get(name) || []) names.add(i);
  return names;
}

// Prints each file, then the first load and each page against its limit. False above one.
function table() {
  const sizes = new Map(readdirSync(dist).map((name) => [name, packedBytes(join(dist, name))]));
  const line = (...cells) => console.log(cells.map((c, i) => (i ? String(c).padStart(10) : c.padEnd(28))).join(''));
  line('file', 'packed');
  for (const [name, packed] of [...sizes].sort((a, b) => b[1] - a[1])) line(name, packed);
  const first = new Set([...FIRST, ...filesOf('home')]);
  const sum = (names) => [...names].reduce((total, name) => total + sizes.get(name), 0);
  const rows = [['first load', sum(first), FIRST_MAX_BYTES]];
  for (const id of pageIds()) if (id !== 'home') rows.push([`page ${id}`, sum([...filesOf(id)].filter((n) => !first.has(n))), statedMax(id)]);
  line('', 'packed', 'limit');
  for (const row of rows) line(...row);
  const over = rows.filter(([, packed, max]) => packed > max);
  for (const [what, packed, max] of over) console.error(`${what}: ${packed} bytes packed, limit ${max}.`);
  return !over.length;
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
