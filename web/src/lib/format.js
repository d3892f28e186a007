// format.js - figures, units, times and ages as text. Pure; every figure of the portal comes from here.

const MINUS = '\u2212';
const KIB = 1024;
const MIB = 1024 * 1024;

// `value` with `decimals` places, thousands parted by a comma and a true minus. null gives ''.
export function fixed(value, decimals = 0) {
  if (value == null || !Number.isFinite(value)) return '';
  const text = Math.abs(value).toFixed(decimals);
  const [whole, part] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',') + (part ? '.' + part : '');
  return (value < 0 && Number(text) !== 0 ? MINUS : '') + grouped;
}

export const count = (n) => fixed(n, 0);
export const kib = (bytes) => fixed(bytes == null ? null : bytes / KIB, 1);
export const mib = (bytes) => fixed(bytes == null ? null : bytes / MIB, 1);

// With its sign, also when positive: a change.
export function signed(value, decimals) {
  const text = fixed(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? '+' + text : text;
}

// [figure, unit]: bytes below 1 KiB, else KiB or MiB with one decimal.
export function size(bytes) {
  if (bytes == null) return ['', ''];
  const least = Math.abs(bytes);
  if (least < KIB) return [count(bytes), 'B'];
  return least < MIB ? [kib(bytes), 'KiB'] : [mib(bytes), 'MiB'];
}
export const sizeText = (bytes) => size(bytes).join(' ');

// The unit in which a tier of `total` bytes is shown, with its divisor.
export function tierUnit(total) {
  return total >= 2 * MIB ? { unit: 'MiB', div: MIB } : { unit: 'KiB', div: KIB };
}

// A tier's own size: whole where it is whole ("320 KiB", "8 MiB", "1.5 MiB").
export function wholeSize(bytes) {
  if (bytes == null) return '';
  const { unit, div } = tierUnit(bytes);
  return fixed(bytes / div, bytes % div ? 1 : 0) + ' ' + unit;
}

export function pct(part, whole) {
  return whole > 0 ? Math.round((100 * part) / whole) : 0;
}

// Per second: one decimal below 100, none above.
export const rate = (v) => (v == null ? '' : fixed(v, v < 99.95 ? 1 : 0));

const two = (n) => String(n).padStart(2, '0');

export function clock(unixMs) {
  if (!unixMs) return '';
  const d = new Date(unixMs);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}
export const hourMinute = (unixMs) => clock(unixMs).slice(0, 5);

export function date(unixMs) {
  const d = new Date(unixMs);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

// Clock time today, with the date before it on any other day.
export function when(unixMs, nowMs) {
  if (!unixMs) return '';
  return date(unixMs) === date(nowMs) ? clock(unixMs) : `${date(unixMs)} ${hourMinute(unixMs)}`;
}

const STEPS = [
  [1000, 's'],
  [60000, 'min'],
  [3600000, 'h'],
  [86400000, 'd'],
];

// One unit: "12 s", "3 min", "8 h", "4 d".
export function age(ms) {
  if (ms == null) return '';
  const t = Math.max(0, ms);
  let step = STEPS[0];
  for (const s of STEPS) if (t >= s[0]) step = s;
  return `${Math.floor(t / step[0])} ${step[1]}`;
}

// Two units: "6 d 4 h", "12 min 3 s".
export function duration(ms) {
  if (ms == null) return '';
  const t = Math.max(0, ms);
  let i = STEPS.length - 1;
  while (i > 0 && t < STEPS[i][0]) i--;
  const text = age(t);
  if (i === 0) return text;
  const rest = Math.floor((t % STEPS[i][0]) / STEPS[i - 1][0]);
  return rest ? `${text} ${rest} ${STEPS[i - 1][1]}` : text;
}

export const plural = (n, one, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`;

const encoder = new TextEncoder();
export const utf8Bytes = (text) => encoder.encode(text).length;
