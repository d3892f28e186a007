// words.js - words and figures of the pack that Home and the navigation show too. Pure.

import { age, duration, fixed, signed } from '../../lib/format.js';

const STATUS = { charging: ['run', 'charging'], full: ['ok', 'full'], discharging: ['run', 'discharging'], regeneration: ['run', 'regeneration'], idle: ['', 'idle'], fault: ['bad', 'fault'] };

// [kind of badge, word] of the board's status.
export const statusOf = (pack) => STATUS[String(pack.status).split(/[ _]/)[0].replace('fully', 'full')] || ['', pack.status || 'unknown'];

export const isLow = ({ soc_pct: soc }) => soc != null && soc < 20;

const QUIET_A = 0.1; // as the hub: less is rest

// Where the energy goes: 'in', 'out', or '' when nothing flows.
export const flowOf = ({ current_a: a }) => (a == null || Math.abs(a) < QUIET_A ? '' : a > 0 ? 'in' : 'out');

// ---- freshness: each field has its source and its age -----------------------------------------------------------

export const SOURCES = { local: 'local', remote: 'remote', store: 'stored', nobody: 'nobody' };

// ms since the field was measured, `now` by the browser's clock; null: never.
export function ageOf(battery, field, now = Date.now()) {
  const f = battery.fields && battery.fields[field];
  return f && f.age_ms != null ? f.age_ms + Math.max(0, now - battery.at) : null;
}

// The hub tells of the pack every few seconds also when nothing changes: a hub that says nothing knows nothing.
const SILENT_MS = 15000;

// Whether a value is not of now: the hub says so, it was kept over a restart, or nothing came for long.
export function isOld({ fields, at }, field, now = Date.now()) {
  const f = fields && fields[field];
  return !!f && (f.stale || f.source === 'store' || (f.age_ms != null && now - at > SILENT_MS));
}

// At rest the hub tells the values every few seconds only, but at once when one of them turns stale: what is not, is of now.
// What it told with an age of its own, such as counters that are read seldom, is counted on.
const NOW_MS = 2000;
const liveText = (told, ms) => (told < NOW_MS ? 'now' : age(ms));

// "local, now", "stale 14 s".
export function freshText(battery, field, now) {
  const ms = ageOf(battery, field, now);
  if (ms == null) return '';
  const { source, age_ms: told } = battery.fields[field];
  return isOld(battery, field, now) ? `${source === 'store' ? 'stored' : 'stale'} ${age(ms)}` : `${SOURCES[source] || source}, ${liveText(told, ms)}`;
}

// ---- figures ---------------------------------------------------------------------------------------------------------

export const watt = (w) => (w == null ? ['', 'W'] : Math.abs(w) < 9950 ? [signed(w, 0), 'W'] : [signed(w / 1000, 1), 'kW']);

// [label, text] of the time that is left in the direction of now.
export function leftOf({ time_to_full_s: full, time_to_empty_s: empty, ...pack }) {
  if (pack.current_a == null) return ['Time left', ''];
  const flow = flowOf(pack);
  if (!flow) return ['Time left', 'at rest']; // what the hub still tells is of the minutes before
  const s = flow === 'in' ? full : empty;
  return [flow === 'in' ? 'Full in' : 'Empty in', s == null ? 'not known' : duration(s * 1000)];
}

// '' while it is not known.
export const balancingText = ({ balancing: b }) => (b && b.length ? b.flatMap((on, i) => (on ? [i + 1] : [])).join(', ') || 'none' : '');

// [figure, unit] of an energy in kWh.
export const energy = (kwh) => (kwh == null ? ['', 'kWh'] : kwh < 1 ? [fixed(kwh * 1000, 0), 'Wh'] : [fixed(kwh, 2), 'kWh']);

export const volts = (mv) => fixed(mv == null ? null : mv / 1000, 3);

// ---- cells as bars from their mean ---------------------------------------------------------------------------------

// What the bars reach on both sides of the mean, in mV: 1, 2 or 5 times a power of ten, and 2 at least.
export function reachOf(mv, mean) {
  const most = Math.max(...mv.map((v) => Math.abs(v - mean)), 2);
  const pow = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((k) => k * pow).find((s) => s >= most * 0.999);
}

// In words what the bars show.
export function cellsText({ mv, min_mv: min, max_mv: max, min_at: low, max_at: high, delta_mv: delta, ...cells }) {
  if (!mv || !mv.length) return 'No cell is known.';
  return `${mv.length} cells, ${fixed(min, 1)} mV (cell ${low}) to ${fixed(max, 1)} mV (cell ${high}), spread ${fixed(delta, 1)} mV, balancing ${balancingText(cells) || 'not known'}`;
}
