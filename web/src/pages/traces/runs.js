// runs.js - from the records of a trace to runs, and from a run to the rows of its timeline. Pure.

// Records as /api/automation/traces gives them, oldest first. Gives runs, newest first:
// {run, result: 'running' | 'done' | 'failed' | 'cancelled' | 'ignored', why, origin, trigger, from, to, records, isCut}.
// `kept`: the records of the last run that failed, which stays when the trace is full.
export function runsOf(records, kept = [], failedRun = 0) {
  const runs = group(records);
  const isThere = (run) => runs.some((r) => r.run === run && !r.isCut);
  for (const k of group(kept)) {
    if (isThere(k.run)) continue;
    const at = runs.findIndex((r) => r.run === k.run);
    if (at >= 0) runs.splice(at, 1);
    runs.push(k);
  }
  return runs.map((r) => ({ ...r, isKept: r.run > 0 && r.run === failedRun })).sort((a, b) => b.from - a.from || b.run - a.run);
}

function group(records) {
  const runs = new Map();
  let ignored = 0;
  for (const r of records) {
    const id = r.kind === 'ignored' ? `ignored ${++ignored}` : r.run;
    if (!runs.has(id)) runs.set(id, { run: r.run, records: [] });
    runs.get(id).records.push(r);
  }
  return [...runs.values()].map(summary);
}

function summary({ run, records }) {
  const [first] = records;
  const last = records[records.length - 1];
  const end = records.find((r) => r.kind === 'end');
  const isIgnored = first.kind === 'ignored';
  const hasBegin = first.kind === 'begin' || first.kind === 'resumed';
  return {
    run, records, from: first.unix_ms, to: end ? end.unix_ms : isIgnored ? first.unix_ms : null, last: last.unix_ms,
    result: isIgnored ? 'ignored' : end ? end.result : 'running', why: isIgnored ? first.result : (end && end.text) || '',
    origin: first.kind === 'begin' ? first.result : '', trigger: first.kind === 'begin' ? first.text || '' : '', isCut: !isIgnored && !hasBegin,
  };
}

// A run that the hub does not know any more, and has no end: a restart cut it short.
export const settle = (run, isAlive) => (run.result === 'running' && !isAlive(run.run) ? { ...run, result: 'cut', to: run.last } : run);

// ---- a timeline --------------------------------------------------------------------------------------

const PAIR = /\/branches\/(\d+)\/steps\/(\d+)|\/(\w+)\/(\d+)/g;
const LISTS = { on_stop: 'on stop', then: 'then', else: 'else', default: 'default', steps: 'repeated' };

// "/steps/3/then/0" as [{list: '', index: 3}, {list: 'then', index: 0}]; a branch is 'branch 2'.
export function places(path) {
  return [...(path || '').matchAll(PAIR)].map(([, branch, inBranch, list, index], depth) => {
    if (branch != null) return { list: `branch ${+branch + 1}`, index: +inBranch };
    return { list: depth === 0 && list === 'steps' ? '' : LISTS[list] || list, index: +index };
  });
}

// Rows of a timeline from records with a time: {kind: 'step' | 'mark', at, to, waits: [{wait, from, to}], depth, list, ...}.
// `to` null: it goes on. `timeOf(record)`: in ms. What holds other steps is told at its end (parallel, repeat): its
// row begins with the first step in it.
export function rowsOf(records, timeOf = (r) => r.unix_ms) {
  const t = { rows: [], open: new Map(), seen: new Map() };
  for (const r of records) {
    const at = timeOf(r);
    const who = `${r.device || ''}/${r.scenario || ''}`;
    if (r.kind === 'wait' || r.kind === 'step') step(t, r, at, who);
    else mark(t, r, at, who);
  }
  return t.rows;
}

function step(t, r, at, who) {
  const key = who + r.path;
  addHolders(t, r, at, who);
  const row = t.open.get(key) || addStep(t, r, at, who);
  closeWait(row, at);
  if (r.kind === 'wait') {
    row.waits.push({ wait: r.result, from: at, to: null });
    t.open.set(key, row);
  } else {
    Object.assign(row, { step: r.step, to: at, result: r.result, text: row.isHolder && r.text === 'it came' ? '' : r.text || '' });
    t.open.delete(key);
  }
}

function mark(t, r, at, who) {
  t.rows.push({ kind: 'mark', what: r.kind, at, to: at, result: r.result, text: r.text || '', device: r.device, scenario: r.scenario, who, depth: 0, waits: [] });
  if (r.kind === 'end') closeAll(t, who, at);
}

// Rows of the steps around this one that have none yet.
function addHolders(t, r, at, who) {
  const parts = r.path.split('/').slice(1);
  for (let n = 2; n < parts.length; n += 2) {
    const path = '/' + parts.slice(0, n).join('/');
    if (parts[n - 2] === 'branches') continue; // "/steps/1/branches/0" is no step
    const seen = t.seen.get(who + path);
    if (seen && !(seen.isHolder && seen.to != null)) continue;
    const row = addStep(t, { ...r, path, step: '' }, at, who);
    row.isHolder = true;
    t.open.set(who + path, row);
  }
}

function closeWait(row, t) {
  const last = row.waits[row.waits.length - 1];
  if (last && last.to == null) last.to = t;
}

// What waits when its scenario ends waits no more.
function closeAll(t, who, at) {
  for (const [key, row] of [...t.open]) {
    if (row.who !== who) continue;
    closeWait(row, at);
    Object.assign(row, { to: at, result: 'cut', text: row.text || 'ended with its scenario' });
    t.open.delete(key);
  }
}

function addStep(t, r, at, who) {
  const place = places(r.path);
  const last = place[place.length - 1];
  const under = place.slice(0, -1).map((p) => p.list + p.index).join() + last.list;
  const before = t.rows[t.rows.length - 1];
  const isNewList = last.list && !(before && before.who === who && before.under === under);
  const row = {
    kind: 'step', step: r.step, path: r.path, at, to: null, waits: [], result: 'waiting', text: '', who, depth: place.length - 1, under,
    number: last.index + 1, list: isNewList ? last.list : '', device: r.device, scenario: r.scenario,
  };
  t.rows.push(row);
  t.seen.set(who + r.path, row);
  return row;
}

// ---- finding -----------------------------------------------------------------------------------------

export const has = (text, find) => !find || text.toLowerCase().includes(find.toLowerCase());

// Whether a run has `find` in what started it, in a step, or in how it ended.
export const runHas = (run, find) => has(`${run.run} ${run.why} ${run.trigger} ${run.origin}`, find) ||
  run.records.some((r) => has(`${r.step || ''} ${r.text || ''} ${r.result}`, find));

// Scenarios of the list, with their names; those that failed or run first is not done: the order is the configuration's.
export function scenariosOf(list, names, instances, suspended, { find = '', device = '', result = 'all' }) {
  const same = (a) => (b) => a.device === b.device && a.scenario === b.scenario;
  return list.map((s) => {
    const n = names.get(`${s.device}/${s.scenario}`);
    return { ...s, name: n ? n.name : s.scenario, deviceName: n ? n.device_name : s.device, running: instances.filter(same(s)).length, suspended: suspended.find(same(s)) || null };
  }).filter((s) => (!device || s.device === device) && has(`${s.name} ${s.deviceName} ${s.device}/${s.scenario}`, find) &&
    (result === 'all' || (result === 'failed' ? s.failed > 0 : result === 'running' ? s.running > 0 : s.suspended)));
}

// The address of a step in the editor: by its place if the configuration is known, else by names.
export function editorParams(config, device, scenario, path = '') {
  const d = ((config && config.devices) || []).findIndex((x) => x.id === device);
  const s = d < 0 ? -1 : (config.devices[d].scenarios || []).findIndex((x) => x.id === scenario);
  return s < 0 ? { device, scenario } : { at: `/devices/${d}/scenarios/${s}${path}` };
}

// A step of the configuration, or null: {name, type, ...}.
export function stepAt(config, device, scenario, path) {
  const d = ((config && config.devices) || []).find((x) => x.id === device);
  let at = d && (d.scenarios || []).find((x) => x.id === scenario);
  for (const key of (path || '').split('/').slice(1)) at = at == null ? undefined : at[key];
  return at || null;
}
