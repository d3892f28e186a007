// history.js - the tiers over time: rows as /api/memory/history gives them, joined with the live ones.

import { I_FREE, T, TAG } from './columns.js';

const ROWS_MAX = 6000;

// The untagged row of a live memory message.
export function rowFromTiers(unixMs, tiers, tag = null) {
  const row = [unixMs];
  for (let i = 0; i < 2; i++) {
    const t = tiers[i] || {};
    row.push(t.free_bytes ?? null, t.min_free_bytes ?? null, t.largest_free_bytes ?? null,
      t.frag_pct ?? null);
  }
  row.push(tag);
  return row;
}

// `rows` with `more` in it, by time, each once; neither argument is changed.
export function mergeRows(rows, more) {
  if (!more.length) return rows;
  let out;
  if (!rows.length || more[0][T] > rows[rows.length - 1][T]) {
    out = rows.concat(more);
  } else {
    const seen = new Set(rows.map(key));
    out = rows.concat(more.filter((r) => !seen.has(key(r))));
    out.sort((a, b) => a[T] - b[T]);
  }
  return out.length > ROWS_MAX ? thin(out) : out;
}
const key = (r) => r[T] + '/' + (r[TAG] ?? '');

// Halves the older half: of each four untagged neighbours the two that are extreme in free internal
// memory stay. Tagged rows and gaps stay always.
export function thin(rows) {
  const half = rows.length >> 1;
  const out = [];
  let group = [];
  const flush = () => {
    const byFree = [...group].sort((a, b) => a[I_FREE] - b[I_FREE]);
    const keep = new Set([byFree[0], byFree[byFree.length - 1]]);
    for (const r of group) if (keep.has(r)) out.push(r);
    group = [];
  };
  for (let i = 0; i < half; i++) {
    const r = rows[i];
    if (r[TAG] != null || r[I_FREE] == null) {
      if (group.length) flush();
      out.push(r);
    } else if (group.push(r) === 4) {
      flush();
    }
  }
  if (group.length) flush();
  return out.concat(rows.slice(half));
}
