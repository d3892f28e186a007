// build.mjs - web/src to web/dist: one shell, one file a page, one style sheet, one sprite.
//
// Pages are found, not listed: each folder src/pages/<id>/ with an index.js is a page. Its tile.jsx
// stands on Home, its page.css and icon.svg are joined with those of the others.
// Prints the gzipped size of each file against the budget and fails above it.

import { build, context, transform } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { trimUplot } from './trim_uplot.mjs';

const LIMIT_BYTES = 60 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, 'src');
const dist = process.env.NH_WEB_DIST ?? join(here, 'dist');
const pagesDir = join(src, 'pages');

const pageIds = () => readdirSync(pagesDir).filter((d) => existsSync(join(pagesDir, d, 'index.js'))).sort();

// `nuthatch:pages` is the list of all pages, by group and order; `nuthatch:tiles` that of all tiles.
const found = {
  name: 'found',
  setup(b) {
    b.onResolve({ filter: /^nuthatch:/ }, (a) => ({ path: a.path, namespace: 'found' }));
    b.onLoad({ filter: /.*/, namespace: 'found' }, ({ path }) => {
      const file = path === 'nuthatch:pages' ? 'index.js' : 'tile.jsx';
      const ids = pageIds().filter((id) => existsSync(join(pagesDir, id, file)));
      const imports = ids.map((id, i) => `import p${i} from './${id}/${file}';`).join('\n');
      const list = `[${ids.map((id, i) => `p${i}`).join(', ')}]`;
      const sort = path === 'nuthatch:pages' ? 'a.group - b.group || a.order - b.order' : 'a.order - b.order';
      return { contents: `${imports}\nexport default ${list}.sort((a, b) => ${sort});`, resolveDir: pagesDir, loader: 'js' };
    });
  },
};

const options = {
  entryPoints: { app: join(src, 'shell/main.jsx') },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2020'],
  minify: true,
  metafile: true,
  legalComments: 'none',
  jsxFactory: 'h',
  jsxFragment: 'Fragment',
  inject: [join(src, 'lib/jsx.js')],
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  plugins: [found, trimUplot, { name: 'after', setup: (b) => b.onEnd((r) => r.metafile && finish(r.metafile)) }],
};

// The files beside the bundles.
async function finish(metafile) {
  const pieces = (name) => pageIds().map((id) => join(pagesDir, id, name)).filter(existsSync);
  const css = [join(src, 'app.css'), ...pieces('page.css')].map((f) => readFileSync(f, 'utf8')).join('\n');
  writeFileSync(join(dist, 'app.css'), (await transform(css, { loader: 'css', minify: true })).code);
  const own = pieces('icon.svg').map((f) => readFileSync(f, 'utf8')).join('');
  const sprite = readFileSync(join(src, 'icons.svg'), 'utf8').replace('</svg>', own + '</svg>');
  writeFileSync(join(dist, 'icons.svg'), sprite.replace(/<!--.*?-->/gs, '').replace(/>\s+</g, '><'));
  writeFileSync(join(dist, 'favicon.svg'), readFileSync(join(src, 'favicon.svg'), 'utf8').replace(/>\s+</g, '><'));
  const theme = readFileSync(join(src, 'theme.js'), 'utf8');
  writeFileSync(join(dist, 'theme.js'), (await transform(theme, { minify: true, format: 'iife' })).code);
  const entry = Object.entries(metafile.outputs).find(([, o]) => o.entryPoint && o.entryPoint.endsWith('main.jsx'));
  const preload = entry[1].imports.filter((i) => i.kind === 'import-statement')
    .map((i) => `<link rel="modulepreload" href="${i.path.split('/').pop()}">`).join('\n');
  const html = readFileSync(join(src, 'index.html'), 'utf8').replace('<!-- preload -->', preload);
  writeFileSync(join(dist, 'index.html'), html);
}

// The budget: gzipped, each file and whole.
function table() {
  const rows = readdirSync(dist).map((name) => {
    const bytes = readFileSync(join(dist, name));
    return { name, plain: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  }).sort((a, b) => b.gzip - a.gzip);
  const whole = rows.reduce((sum, r) => ({ plain: sum.plain + r.plain, gzip: sum.gzip + r.gzip }), { plain: 0, gzip: 0 });
  const line = (name, plain, gzip) => console.log(name.padEnd(28) + String(plain).padStart(9) + String(gzip).padStart(9));
  line('file', 'bytes', 'gzipped');
  for (const r of rows) line(r.name, r.plain, r.gzip);
  line('whole', whole.plain, whole.gzip);
  line('limit', '', LIMIT_BYTES);
  if (whole.gzip >= LIMIT_BYTES) {
    console.error(`The portal has ${whole.gzip} bytes gzipped, limit ${LIMIT_BYTES}.`);
    process.exit(1);
  }
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
if (process.argv.includes('--watch')) {
  await (await context(options)).watch();
} else {
  await build(options);
  table();
}
