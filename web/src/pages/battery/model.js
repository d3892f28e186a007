// model.js - what the page makes of history, settings and counters. Pure.

import { age, fixed, plural } from '../../lib/format.js';

// ---- history ---------------------------------------------------------------------------------------------------------

export const RANGES = { '1h': ['1 h', 3600000], '24h': ['24 h', 86400000], '7d': ['7 d', 604800000] };
export const POINTS = 600;
// How often a range is asked for again, in ms.
export const AGAIN = { '1h': 30000, '24h': 120000, '7d': 600000 };

const NAMES = ['voltage', 'current', 'soc', 'temperature', 'cell_min_mv', 'cell_max_mv'];

// What the page just heard, as a sample; null while nothing is known of now.
export function sampleOf({ pack, cells, fields }, t) {
  if (pack.voltage_v == null || (fields && fields.voltage && fields.voltage.stale)) return null;
  return { timestamp_ms: t, voltage: pack.voltage_v, current: pack.current_a, soc: pack.soc_pct, temperature: pack.temperature_c, cell_min_mv: cells.min_mv, cell_max_mv: cells.max_mv };
}

// The samples and behind them what was heard since, oldest first.
export function joined(samples, tail) {
  const last = samples.length ? samples[samples.length - 1].timestamp_ms : 0;
  return samples.concat(tail.filter((s) => s.timestamp_ms > last));
}

// Columns [x, voltage, current, soc, temperature, least cell, greatest cell, spread] of the samples in [from, to], with a
// gap where nothing was measured for three times the usual step.
export function columnsOf(samples, from, to) {
  const out = [[], ...NAMES.map(() => []), []];
  const gap = 3 * usualStep(samples);
  let before = null;
  for (const s of samples) {
    const t = s.timestamp_ms;
    if (t < from || t > to) continue;
    if (before != null && t - before > gap) push(out, before + 1, {});
    push(out, t, s);
    before = t;
  }
  return out;
}

function push(out, t, s) {
  out[0].push(t);
  NAMES.forEach((n, i) => out[i + 1].push(s[n] ?? null));
  out[NAMES.length + 1].push(s.cell_max_mv == null || s.cell_min_mv == null ? null : s.cell_max_mv - s.cell_min_mv);
}

function usualStep(samples) {
  const steps = [];
  for (let i = 1; i < samples.length; i++) steps.push(samples[i].timestamp_ms - samples[i - 1].timestamp_ms);
  steps.sort((a, b) => a - b);
  return Math.max(5000, steps[steps.length >> 1] || 0);
}

// ---- alarms ------------------------------------------------------------------------------------------------------------

const SEVERITIES = { info: ['run', 'information'], warning: ['warn', 'warning'], critical: ['bad', 'critical'] };
export const severityOf = (a) => SEVERITIES[a.severity] || ['', a.severity];
// How long it was there: "20 min", or "for 5 min"; '' of what is but told.
export const lastedText = (a, now) => (a.cleared_ms ? (a.cleared_ms - a.raised_ms < 1000 ? '' : age(a.cleared_ms - a.raised_ms)) : a.raised_ms ? `for ${age(now - a.raised_ms)}` : '');

// ---- settings ------------------------------------------------------------------------------------------------------------

export const GROUPS = [['battery', 'Battery'], ['charger', 'Charger'], ['safety', 'Safety'], ['advanced', 'Advanced'], ['system', 'System']];

// The groups that there are, known ones first.
export function groupsOf(settings) {
  const there = new Set(settings.map((s) => s.group));
  const known = GROUPS.filter(([id]) => there.has(id));
  return [...known, ...[...there].filter((id) => !GROUPS.some((g) => g[0] === id)).map((id) => [id, id[0].toUpperCase() + id.slice(1)])];
}

// What a comparison found, in a line. A file of which the board has nothing is not the same.
export function comparedText({ name, list, same = 0, unknown = [], wrong = [] }) {
  const odd = unknown.length + wrong.length;
  const rest = odd ? `, ${plural(odd, 'entry', 'entries')} of it cannot be compared` : '';
  if (list.length) return `${plural(list.length, 'difference')} to ${name}${rest}`;
  if (!same && wrong.length) return `${name} has nothing to compare, ${plural(wrong.length, 'entry', 'entries')} of it ${wrong.length > 1 ? 'are' : 'is'} wrong.`;
  return same ? `${plural(same, 'setting')} of ${name} ${same > 1 ? 'are' : 'is'} as on the board${rest}.` : `${name} has no setting of this board.`;
}

// In what a backup differs from the one before it: by name, or how many.
export function changedText({ changed, changed_count: n }, settings) {
  if (!n) return 'as the one before';
  return n > 3 ? `${n} settings differ from the one before` : `other than before: ${changed.map((key) => named(key, settings)).join(', ')}`;
}

// A text of the hub with the settings' labels in place of their keys.
export const named = (text, settings) => String(text || '').replace(/[a-z0-9]+(_[a-z0-9]+)+/g, (key) => (settings.find((s) => s.key === key) || {}).label || key);

const decimalsOf = (s) => s.decimals || 0;
// As it stands in its field: no commas.
export const plain = (s, value) => (value == null ? '' : Number(value).toFixed(decimalsOf(s)));

// For people: the word of a choice, or figure and unit.
export function shown(s, value) {
  if (value == null) return 'not known';
  if (s.choices) return (s.choices.find((c) => c.value === value) || { text: `${value}, unknown` }).text;
  return `${fixed(value, decimalsOf(s))}${s.unit ? ` ${s.unit}` : ''}`;
}

// "1,200 to 4,500 mV"; '' where there is none.
export function limitsOf(s) {
  if (s.choices || s.min == null || s.max == null) return '';
  return `${fixed(s.min, decimalsOf(s))} to ${shown(s, s.max)}`;
}

// What was typed: {value} or {finding}.
export function readEdit(s, raw) {
  const text = String(raw).trim().replace(/,(?=\d{3}(\D|$))/g, '').replace(/\u2212/, '-');
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) return { finding: `"${raw}" is not a number.` };
  const decimals = decimalsOf(s);
  if (+value.toFixed(decimals) !== value) return { finding: decimals ? `Value is ${text}, at most ${decimals} decimals.` : `"${text}" is not a whole number.` };
  if (s.choices) return s.choices.some((c) => c.value === value) ? { value } : { finding: `${text} is no choice of this register.` };
  if ((s.min != null && value < s.min) || (s.max != null && value > s.max)) return { finding: `Value is ${shown(s, value)}, limits ${limitsOf(s)}.` };
  return { value };
}

// Edits that still differ from what the board has.
export function stillEdited(settings, edits) {
  const out = {};
  for (const s of settings) {
    if (!(s.key in edits)) continue;
    const read = readEdit(s, edits[s.key]);
    if (read.finding || read.value !== s.value) out[s.key] = edits[s.key];
  }
  return out;
}

// [kind of badge, word, sentence] of what became of one register.
export function outcomeOf(r, s) {
  switch (r.outcome) {
    case 'done': return ['ok', 'written', `The board reads ${shown(s, r.value)}.`];
    case 'refused': return ['bad', 'refused', `The board refuses it${r.code != null ? `, code ${r.code}` : ''}. Nothing was changed.`];
    case 'not_taken': return ['warn', 'not taken', `The board acknowledged, yet it reads ${shown(s, r.value)}.`];
    case 'lost': return ['bad', 'no answer', 'No answer from the board: it may or may not have it.'];
    case 'not_sent': return ['warn', 'not sent', 'One before it failed. Nothing was changed.'];
    case 'cancelled': return ['warn', 'cancelled', 'The line went away before. Nothing is known of it.'];
    case 'expired': return ['warn', 'expired', 'The line was too busy. It was not sent, or not confirmed.'];
    default: return ['', r.outcome, ''];
  }
}

// ---- counters ------------------------------------------------------------------------------------------------------------

export const ratePct = (part, whole) => (whole > 0 ? `${fixed((100 * part) / whole, part && part / whole < 0.001 ? 3 : 1)} %` : 'none yet');
