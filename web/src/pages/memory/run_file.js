// run_file.js - what a run of the harness left behind, read in the browser: rows for the plots, figures, a comparison. Pure.

const NUMBERS = ['hf', 'hm', 'hl', 'hi', 'hin', 'frag', 'pf', 'pm', 'pl'];

// A line of mem.jsonl as a row of the plots; null: it is none.
export function rowOf(line) {
  const at = Date.parse(line.ts);
  if (!Number.isFinite(at) || typeof line.tag !== 'string' || !NUMBERS.every((k) => Number.isFinite(line[k]))) return null;
  const frag = line.pf > 0 && line.pl <= line.pf ? Math.floor((100 * (line.pf - line.pl)) / line.pf) : 0;
  return [at, line.hi, line.hin, line.hl, line.frag, line.pf, line.pm, line.pl, frag, line.tag];
}

// The good lines; a file that was cut off ends in the middle of one.
function linesOf(text) {
  return text.split('\n').flatMap((l) => {
    try {
      const value = JSON.parse(l);
      return value && typeof value === 'object' ? [value] : [];
    } catch {
      return [];
    }
  });
}

// {name, title, at, ms, firmware, rows, last: {tag: line}, derived, stacks, requests, verdict} of the files of one run
// ({name: text}), or {finding}.
export function readRun(name, files) {
  const lines = files['mem.jsonl'] === undefined ? [] : linesOf(files['mem.jsonl']).filter(rowOf);
  const rows = lines.map(rowOf).sort((a, b) => a[0] - b[0]);
  if (!rows.length) return { finding: `${name} has no mem.jsonl with snapshots.` };
  let summary = {};
  try {
    summary = JSON.parse(files['summary.json'] || '{}');
  } catch {
    // A run that was cut off has none; the snapshots tell.
  }
  const least = (k) => lines.reduce((m, l) => Math.min(m, l[k]), Infinity);
  const tasks = new Map();
  for (const t of linesOf(files['tasks.jsonl'] || '')) {
    if (t.name && Number.isFinite(t.stack_rem)) tasks.set(t.name, Math.min(t.stack_rem, tasks.get(t.name) ?? Infinity));
  }
  const heartbeats = lines.filter((l) => l.tag === 'hb');
  return {
    name,
    title: summary.scenario_title || summary.scenario || name,
    scenario: summary.scenario_key || summary.scenario || '',
    firmware: summary.firmware_version || '',
    at: Date.parse(summary.start_ts) || rows[0][0],
    ms: (Date.parse(summary.end_ts) || rows[rows.length - 1][0]) - (Date.parse(summary.start_ts) || rows[0][0]),
    rows,
    last: Object.fromEntries(lines.map((l) => [l.tag, l])),
    hinMin: least('hin'),
    pmMin: least('pm'),
    fragMax: Math.max(...lines.map((l) => l.frag)),
    fragRest: heartbeats.length ? heartbeats[heartbeats.length - 1].frag : null,
    tripwire: (summary.derived && summary.derived.tripwire) || { fired: false },
    panic: (summary.derived && summary.derived.panic) || { detected: false },
    stacks: [...tasks].map(([task, bytes]) => ({ task, bytes })).sort((a, b) => a.bytes - b.bytes),
  };
}

// What speaks against a run under `limits`.
export function findingsOf(run, limits) {
  const out = [];
  if (run.hinMin < limits.internal_min_bytes) out.push(`low water ${(run.hinMin / 1024).toFixed(1)} KiB, limit ${Math.round(limits.internal_min_bytes / 1024)}`);
  if (run.fragRest != null && run.fragRest >= limits.frag_max_pct) out.push(`fragmentation at rest ${run.fragRest} %, limit ${limits.frag_max_pct}`);
  if (run.tripwire.fired) out.push(`the tripwire fired at ${run.tripwire.tag}`);
  if (run.panic.detected) out.push(`the log has ${run.panic.kind}`);
  return out;
}

// By tag, from the last snapshot of each: what changed from `a` to `b`; null where one of them has no such tag.
export function compare(a, b) {
  const tags = [...new Set([...Object.keys(a.last), ...Object.keys(b.last)])].sort();
  const delta = (tag, k) => (a.last[tag] && b.last[tag] ? b.last[tag][k] - a.last[tag][k] : null);
  return tags.map((tag) => ({ tag, hin: delta(tag, 'hin'), hm: delta(tag, 'hm'), frag: delta(tag, 'frag'), pf: delta(tag, 'pf') }));
}

// Files by run: what lies in one folder belongs together; loose files are one run. [{name, files: {name: File}}]
export function groupFiles(list) {
  const runs = new Map();
  for (const file of list) {
    const path = (file.webkitRelativePath || file.name).split('/');
    const base = path[path.length - 1];
    if (!['mem.jsonl', 'summary.json', 'tasks.jsonl'].includes(base)) continue;
    const folder = path.length > 1 ? path[path.length - 2] : 'files';
    if (!runs.has(folder)) runs.set(folder, {});
    runs.get(folder)[base] = file;
  }
  return [...runs].map(([name, files]) => ({ name, files }));
}
