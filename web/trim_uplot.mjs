// trim_uplot.mjs - leaves out of uPlot what the portal does not draw with it: axes, legend, dates, bars,
// splines, points, logarithmic scales, joins. uPlot is one function, so the bundler cannot see that
// they go unused. Every cut must match exactly once: a uPlot in which things have moved stops the build.

import { readFileSync } from 'node:fs';

// An empty function stands in for each; outer ones by name, inner ones within uPlot().
const OUTER = ['bars', 'splineInterp', 'monotoneCubic', '_monotoneCubic', 'join', 'timeAxisVals', 'timeAxisStamps',
  'timeAxisVal', 'timeSeriesStamp', 'timeSeriesVal', 'tzDate', 'fmtDate', 'logAxisSplits', 'asinhAxisSplits',
  'numAxisSplits', 'numAxisVals', 'numSeriesVal', 'rangeLog', 'rangeAsinh', 'findIncr', 'pxRatioFont', 'syncFontSize',
  'setDefaults2', 'log2AxisValsFilt', 'log10AxisValsFilt', '_rangeNum', 'points', 'clipBandLine'];
const INNER = ['initLegendRow', 'drawAxesGrid', 'calcAxesRects', 'initAxis', 'getIncrSpace'];

const REPLACED = [
  ['const mode = self.mode;', 'const mode = 1;'],
  ['const showLegend = legend.show;', 'const showLegend = false;'],
  ['= genTimeStuffs(1);', '= [[], [], () => null];'],
  ['= genTimeStuffs(1e-3);', '= [[], [], () => null];'],
  [/^const decIncrs = .*$/m, 'const decIncrs = [];'],
  [/^const oneIncrs = .*$/m, 'const oneIncrs = [];'],
  ['genIncrs(2, -53, 53, [1]);', ''],
  [/^const numFormatter = .*$/m, 'const numFormatter = null;'],
  // A window of no width still needs one.
  [body('', 'rangeNum'), 'function rangeNum(min, max) { return [min, max > min ? max : min + 1]; }\n'],
  [body('\t', 'axesCalc'), '\tfunction axesCalc() { return true; }\n'],
  [/^uPlot\.assign = assign;[\s\S]*?(?=^export \{)/m, 'uPlot.sync = _sync;\nuPlot.paths = { linear, stepped };\n'],
];

function body(tabs, name) {
  return new RegExp(`^${tabs}function ${name}\\([\\s\\S]*?\\n${tabs}}\\n`, 'm');
}

export function trim(text) {
  const cuts = [
    ...OUTER.map((n) => [body('', n), `function ${n}() {}\n`]),
    ...INNER.map((n) => [body('\t', n), `\tfunction ${n}() {}\n`]),
    ...REPLACED,
  ];
  let out = text;
  for (const [from, to] of cuts) {
    const next = out.replace(from, to);
    if (next === out) throw new Error(`trim_uplot: ${from} is not in this uPlot`);
    out = next;
  }
  return out;
}

export const trimUplot = {
  name: 'trim-uplot',
  setup(b) {
    b.onLoad({ filter: /uPlot\.esm\.js$/ }, ({ path }) => ({ contents: trim(readFileSync(path, 'utf8')), loader: 'js' }));
  },
};
