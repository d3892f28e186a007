// values.js - what was typed for a setting, as a value or as a finding. Pure.

import { count, sizeText, utf8Bytes } from '../../lib/format.js';

const INT = /^-?\d+$/;

// `raw` is text, or a bool for a switch: {value} or {finding}.
export function readEdit(field, raw) {
  if (field.type === 'int') return readInt(field, String(raw).replace(/[,\s]/g, ''));
  if (field.type !== 'string') return { value: raw };
  const bytes = utf8Bytes(raw);
  if (field.max != null && bytes > field.max) return { finding: `Text has ${count(bytes)} bytes, limit ${count(field.max)}.` };
  if (field.min != null && bytes < field.min) return { finding: `Text has ${count(bytes)} bytes, at least ${count(field.min)}.` };
  return { value: raw };
}

function readInt(field, text) {
  if (!INT.test(text)) return { finding: `"${text}" is not a whole number.` };
  const value = Number(text);
  const low = field.min != null && value < field.min;
  const high = field.max != null && value > field.max;
  return low || high ? { finding: `Value is ${count(value)}, limits ${limits(field)}.` } : { value };
}

// "256 to 1,048,576".
export function limits(field) {
  if (field.type === 'string') return field.max != null ? `${count(field.max)} bytes` : '';
  if (field.type !== 'int') return '';
  if (field.min != null && field.max != null) return `${count(field.min)} to ${count(field.max)}`;
  return field.min != null ? `from ${count(field.min)}` : field.max != null ? `up to ${count(field.max)}` : '';
}

// A value as it is shown beside its field.
export function shown(field, value) {
  if (value == null) return 'none';
  if (field.type === 'bool') return value ? 'on' : 'off';
  if (field.type === 'int') return count(value);
  return value === '' ? 'empty' : String(value);
}

// What a large figure of bytes or ms comes to: "64.0 KiB", or ''.
export function comesTo(field, value) {
  if (field.type !== 'int' || value == null) return '';
  if (field.unit === 'bytes' && value >= 1024) return sizeText(value);
  return field.unit === 'ms' && value >= 1000 ? `${count(value / 1000)} s` : '';
}

// Edits that still differ from the fields' values; those of fields that are gone are dropped too.
export function stillEdited(fields, edits) {
  const out = {};
  for (const f of fields) {
    if (!(f.pointer in edits)) continue;
    const read = readEdit(f, edits[f.pointer]);
    if (read.finding || read.value !== f.value) out[f.pointer] = edits[f.pointer];
  }
  return out;
}
