// reduce.js - what a message of the feed does to what the browser knows. Pure: state and data in,
// the next state out; what did not change keeps its identity.

const LOG_MAX = 2000;
const MESSAGES_MAX = 500;
const RATES_MAX = 3600;
const TYPED_MAX = 60;

// `memory` as /api/memory gives it, with the changes of a `mem` message.
export function reduceMemory(memory, data) {
  if (!memory) return memory;
  const next = { ...memory };
  if (data.unix_ms) next.unix_ms = data.unix_ms;
  if (data.tiers) next.tiers = memory.tiers.map((t, i) => ({ ...t, ...data.tiers[i] }));
  if (data.failed_count != null) next.failed_count = data.failed_count;
  if (data.tripped != null && memory.tripwire) {
    next.tripwire = { ...memory.tripwire, fired: data.tripped };
  }
  if (data.host) next.host = { ...memory.host, ...data.host };
  if (data.owners && data.owners.length) next.owners = reduceOwners(memory.owners, data.owners);
  if (data.tasks && data.tasks.length) next.tasks = reduceTasks(memory.tasks, data.tasks);
  return next;
}

function reduceOwners(owners, changed) {
  const rows = new Map(changed.map((r) => [r[0], r]));
  const out = owners.map((o) => {
    const r = rows.get(o.name);
    rows.delete(o.name);
    return r ? applyOwner(o, r) : o;
  });
  for (const r of rows.values()) out.push(applyOwner({ name: r[0], tiers: [{}, {}] }, r));
  return out;
}

function applyOwner(owner, r) {
  const tier = (old, current, peak, failed, blocks) => ({
    budget_bytes: 0, charged_bytes: 0, ...old,
    current_bytes: current, peak_bytes: peak, failed_count: failed, current_blocks: blocks,
  });
  return {
    ...owner,
    tiers: [tier(owner.tiers[0], r[1], r[2], r[3], r[7]), tier(owner.tiers[1], r[4], r[5], r[6], r[8])],
  };
}

function reduceTasks(tasks, changed) {
  const margins = new Map(changed);
  return tasks.map((t) => (margins.has(t.name) ? { ...t, margin_bytes: margins.get(t.name) } : t));
}

// True when a message names an owner or a task that the state lacks: then /api/memory is asked again.
export function hasUnknown(memory, data) {
  const owners = new Set(memory.owners.map((o) => o.name));
  const tasks = new Set(memory.tasks.map((t) => t.name));
  return (data.owners || []).some((o) => !owners.has(o[0])) ||
    (data.tasks || []).some((t) => !tasks.has(t[0]));
}

// Counters and, from two of them, rates: `mqtt` is {counters, rates, at, log: [[t, in, out]]}.
// A message comes only when counters change: called without any, the time since the last was quiet.
export function reduceMqtt(mqtt, data, nowMs) {
  const counters = { ...mqtt.counters, ...data.counters };
  const next = { ...mqtt, counters, at: nowMs };
  const ms = nowMs - mqtt.at;
  if (!mqtt.at || ms <= 0) return next;
  if (ms < 500) return { ...next, at: mqtt.at, base: mqtt.base || mqtt.counters };
  const base = mqtt.base || mqtt.counters;
  next.base = null;
  const restarted = counters.messages_in < base.messages_in;
  if (restarted) return { ...next, rates: null };
  const per = (k) => ((counters[k] - base[k]) * 1000) / ms;
  next.rates = {
    in: per('messages_in'), out: per('messages_out'),
    bytesIn: per('bytes_in'), bytesOut: per('bytes_out'),
  };
  next.log = mqtt.log.concat([[nowMs, next.rates.in, next.rates.out]]).slice(-RATES_MAX);
  return next;
}

// {lines (oldest first), missed}: each sequence number once.
export function reduceLog(log, data) {
  return addBySeq(log, 'lines', data.lines, data.missed ?? data.dropped, LOG_MAX);
}
export function reduceMessages(messages, data) {
  return addBySeq(messages, 'messages', data.messages, data.missed, MESSAGES_MAX);
}

// What the pad typed, oldest first. What was there before this page gets no time: `ms` is the hub's own clock.
export function reduceTyped(typed, data, nowMs) {
  const entries = data.entries || [];
  if (!entries.length) return typed;
  const last = typed.length ? typed[typed.length - 1].number : -1;
  // A hub that restarted counts from the start again.
  const old = entries[entries.length - 1].number < last ? [] : typed;
  const fresh = entries.filter((e) => !old.length || e.number > last).map((e) => (typed.length || e.number === 0 ? { ...e, at: nowMs } : e));
  return old.concat(fresh).slice(-TYPED_MAX);
}

function addBySeq(state, field, more, missed, max) {
  const next = { ...state, missed: state.missed + (missed || 0) };
  if (!more || !more.length) return next;
  const old = state[field];
  const last = old.length ? old[old.length - 1].seq : 0;
  // A hub that restarted counts from the start again.
  if (more[more.length - 1].seq < last - max) return { ...next, [field]: more.slice(-max) };
  const fresh = more.filter((l) => l.seq > last);
  if (fresh.length === more.length) return { ...next, [field]: old.concat(more).slice(-max) };
  const seen = new Set(old.map((l) => l.seq));
  const all = old.concat(more.filter((l) => !seen.has(l.seq)));
  all.sort((a, b) => a.seq - b.seq);
  return { ...next, [field]: all.slice(-max) };
}

// Owners' internal bytes over time, at most one entry a second and ten minutes of them.
export function addOwners(log, unixMs, owners) {
  const last = log[log.length - 1];
  if (last && unixMs - last.t < 1000) return log;
  const bytes = {};
  for (const o of owners) bytes[o.name] = o.tiers[0].current_bytes;
  const from = unixMs - 600000;
  const kept = log.length && log[0].t < from ? log.filter((e) => e.t >= from) : log;
  return kept.concat([{ t: unixMs, bytes }]);
}

// The lamp's state as it came at `nowMs`. One that is older than what is known (an answer and a message of the feed
// may overtake each other) gives its figures alone.
export function reduceLamp(lamp, data, nowMs) {
  if (lamp && data.version < lamp.version) return { ...lamp, info: data.info || lamp.info };
  return { ...lamp, ...data, at: nowMs };
}

// The pack as it came at `nowMs`. The feed tells it in two parts, what moves and what seldom does: only the first has the
// ages and so renews `at`, and without it nothing can be shown.
export function reduceBattery(battery, data, nowMs) {
  if (!battery && !data.pack) return battery;
  return { ...battery, ...data, at: data.fields || !battery ? nowMs : battery.at };
}

const CURRENT_KEPT_MS = 30 * 60000;
const CURRENT_GAP_MS = 5000;
// The current over time, [t, mA], an entry a second for half an hour, with a gap where nothing came.
export function addCurrent(log, t, ma) {
  const last = log[log.length - 1];
  if (last && t - last[0] < 1000) return log;
  const gap = last && t - last[0] > CURRENT_GAP_MS ? [[last[0] + 1, null]] : [];
  const next = log.concat(gap, [[t, ma]]);
  const from = t - CURRENT_KEPT_MS;
  return next[0][0] < from ? next.filter((e) => e[0] >= from) : next;
}
