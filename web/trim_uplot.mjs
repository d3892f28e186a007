// trim_uplot.mjs - leaves out of uPlot what the portal does not draw with it: axes, legend, dates, bars,
// splines, points, logarithmic scales, joins. uPlot is one function, so the bundler cannot see that
// they go unused. Every cut must match exactly once: a uPlot in which things have moved stops the build.

import { readFileSync } from 'node:fs';

// An empty function stands in for each; outer ones by name, inner ones within uPlot().
const OUTER = ['bars', 'splineInterp', 'monotoneCubic', '_monotoneCubic', 'join', 'timeAxisVals', 'timeAxisStamps',
  'timeAxisVal', 'timeSeriesStamp', 'timeSeriesVal', 'tzDate', 'fmtDate', 'logAxisSplits', 'asinhAxisSplits',
  'numAxisSplits', 'numAxisVals', 'numSeriesVal', 'rangeLog', 'rangeAsinh', 'findIncr', 'pxRatioFont', 'syncFontSize',
  'setDefaults2', 'log2AxisValsFilt', 'log10AxisValsFilt', '_rangeNum', 'points', 'clipBandLine', 'genIncrs', 'guessDec', 'genTimeStuffs', 'slice3'];
const INNER = ['initLegendRow', 'drawAxesGrid', 'calcAxesRects', 'initAxis', 'getIncrSpace', 'addSeries', 'delSeries', 'setFocus', 'setLegendValues', 'addBand', 'setBand', 'delBand', 'syncLegend', 'setSeries', 'toggleDOM', 'batch'];

const REPLACED = [
  ['const showLegend = legend.show;', ''],
  ['const cursorFocus = focus.prox >= 0;', ''],
  [/const cursorOnePt = .*;/, ''],
  ['= genTimeStuffs(1);', '= [];'],
  ['= genTimeStuffs(1e-3);', '= [];'],
  [/\tconst _timeAxisSplits = .*;/, ''],
  [/\tconst _timeAxisVals   = .*;/, ''],
  [/\tconst _timeSeriesVal  = .*;/, ''],
  [/\tconst _(tzDate|fmtDate)  ?= .*;/g, ''],
  [/^const (days3|months3|wholeIncrs|numIncrs) = .*;/gm, ''],
  [/^const engNames = \{[\s\S]*?\n\};/m, ''],
  [/sv \|\| _timeSeriesVal\)/g, 'sv)'],
  // Whole and half pixels need no care for decimal fractions.
  [/^const fixFloat = [\s\S]*?^\};/m, 'const fixFloat = (v) => v;'],
  [/^const decIncrs = .*$/m, 'const decIncrs = [];'],
  [/^const oneIncrs = .*$/m, 'const oneIncrs = [];'],
  ['genIncrs(2, -53, 53, [1]);', ''],
  [/^const numFormatter = .*$/m, 'const numFormatter = null;'],
  // Words of dates and fonts of axes that are never drawn.
  [/^const (months|days) = \[[\s\S]*?\];/gm, 'const $1 = [];'],
  [/^const subs = \{[\s\S]*?\n\};/m, ''],
  [/^const localTz = .*;/m, ''],
  [/^const legendOpts = \{[\s\S]*?\n\};/m, 'const legendOpts = { markers: {} };'],
  [/\tlet \[ bandFillDir, bandClipDir \] = .*\n/g, ''],
  [/, bandFillDir\);/g, ');'],
  [body('', 'bandFillClipDirs'), ''],
  [/\n\t\tflags != 0 && bands\.forEach\([\s\S]*?\n\t\t\}\);\n/, ''],
  [/^const font .*;/m, "const font = '';"],
  [/^const xAxisOpts = \{[\s\S]*?\n\};/m, "const xAxisOpts = { scale: 'x', side: 2 };"],
  [/^const yAxisOpts = \{[\s\S]*?\n\};/m, "const yAxisOpts = { scale: 'y', side: 3 };"],
  [/^const (grid|ticks|border) = assign\([\s\S]*?\n\}\);/gm, ''],
  // The nearest point is the one shown, also where it is a gap.
  [/\tif \(cursor\.dataIdx == null\) \{[\s\S]*?\n\t\}\n/, '\tcursor.dataIdx = (self, series, idx) => idx;\n'],
  // Plots share the cursor, not the selection.
  ['if (select.show && dragging) {\n\t\t\tif (src != null) {', 'if (dragging && src == null) {\n\t\t\tif (false) {'],
  [body('', 'rect'), 'function rect() { return (p, x, y, w, h) => p.rect(x, y, w, h); }\n'],
  // A window of no width still needs one.
  [body('', 'rangeNum'), 'function rangeNum(min, max) { return [min, max > min ? max : min + 1]; }\n'],
  [body('\t', 'axesCalc'), '\tfunction axesCalc() { return true; }\n'],
  [/^uPlot\.assign = assign;[\s\S]*?(?=^export \{)/m, 'uPlot.sync = _sync;\nuPlot.paths = { linear, stepped };\n'],
];

// What is always the same in the portal: one mode, time to the right, linear scales, nothing focused.
const CONSTANT = [
  [/\bmode == 1\b/g, 'true'], [/\bmode == 2\b/g, 'false'],
  [/\b(cursorFocus|cursorOnePt|showLegend|multiValLegend)\b(?! =)/g, 'false'],
  [/\b(scaleX|sx)\.ori == 0/g, 'true'], [/\bscaleX\.ori == 1/g, 'false'],
  [/\blegend\.(live|show)\b/g, 'false'], [/\bdragY\b(?! =)/g, 'false'], [/\bdrag\.y\b/g, 'false'], [/\b(hCursor|yCursor)\b(?! =|;)/g, 'false'],
  [/\bbandFillDir != 0/g, 'false'], [/\bbandClipDir != 0/g, 'false'], [/\bbandClipDir == 2/g, 'false'],
  [/\b(xScaleDistr|sc\.distr|wsc\.distr|distr) (==|>=) (2|3|4|100)\b/g, 'false'],
  [/\bisTime \?/g, 'false ?'], [/\bdrag\.uni\b/g, 'null'],
];

function body(tabs, name) {
  return new RegExp(`^${tabs}function ${name}\\([\\s\\S]*?\\n${tabs}}\\n`, 'm');
}

export function trim(text) {
  const cuts = [
    ...OUTER.map((n) => [body('', n), `function ${n}() {}\n`]),
    ...INNER.map((n) => [body('\t', n), `\tfunction ${n}() {}\n`]),
    ...REPLACED,
    ...CONSTANT,
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
