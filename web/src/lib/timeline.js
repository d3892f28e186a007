// timeline.js - rows over time as a plot needs them: cut to a window, in columns, with tags and axes.
// Loaded with the first page that plots. Pure.

import { T, TAG } from './columns.js';

// The usual time between heartbeats, in ms; a minute when there are too few to tell.
export function heartbeatMs(rows) {
  const steps = [];
  let last = null;
  for (let i = rows.length - 1; i >= 0 && steps.length < 15; i--) {
    if (rows[i][TAG] !== 'hb') continue;
    if (last != null) steps.push(last - rows[i][T]);
    last = rows[i][T];
  }
  steps.sort((a, b) => a - b);
  return steps.length > 1 ? steps[steps.length >> 1] : 60000;
}

// Columns [x, ...wanted columns] of the rows in [from, to], one row more on the left so that the
// line reaches the edge. The line is cut where nothing came for 2.5 heartbeats and at each boot.
export function columns(rows, wanted, from, to) {
  const gap = 2.5 * heartbeatMs(rows);
  const out = [[], ...wanted.map(() => [])];
  let i = lowerBound(rows, from);
  if (i > 0) i--;
  let before = null;
  for (; i < rows.length && rows[i][T] <= to; i++) {
    const r = rows[i];
    if (before && (r[T] - before[T] > gap || r[TAG] === 'boot')) {
      pushRow(out, [before[T] + 1], wanted);
    }
    pushRow(out, r, wanted);
    before = r;
  }
  return out;
}

function pushRow(out, row, wanted) {
  out[0].push(row[T]);
  wanted.forEach((c, k) => out[k + 1].push(row[c] ?? null));
}

export function lowerBound(rows, t) {
  let lo = 0;
  let hi = rows.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (rows[mid][T] < t) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

// [{t, tag}] of the window; 'hb' is a tick and comes with it.
export function tagsIn(rows, from, to) {
  const out = [];
  for (let i = lowerBound(rows, from); i < rows.length && rows[i][T] <= to; i++) {
    if (rows[i][TAG] != null) out.push({ t: rows[i][T], tag: rows[i][TAG] });
  }
  return out;
}

// Which tags of `tags` get a flag with their name, and on which side; the others become dots, which lie
// lower and so never touch a name. `x(t)` gives px, `width(tag)` the px of a name. Newest first, since
// the newest is looked for.
export function layoutTags(tags, x, width, left, right) {
  const out = [];
  let free = right; // left edge of the flag to the right
  for (let i = tags.length - 1; i >= 0; i--) {
    const { t, tag } = tags[i];
    const px = x(t);
    const w = width(tag) + 12;
    const side = px + w <= free ? 1 : px <= free && px - w >= left ? -1 : 0;
    out.push({ t, tag, px, side });
    if (side) free = (side > 0 ? px : px - w) - 8;
  }
  return out.reverse();
}

// The tag nearest to `t`, no further than `within` ms: {tag, ms} with ms > 0 after it.
export function nearestTag(tags, t, within) {
  let best = null;
  for (const g of tags) {
    const ms = t - g.t;
    if (Math.abs(ms) <= within && (!best || Math.abs(ms) < Math.abs(best.ms))) best = { tag: g.tag, ms };
  }
  return best;
}

// ---- axes ---------------------------------------------------------------------------------------

// Round steps that part [min, max] into about `n`: {min, max, ticks} that enclose it.
export function axis(min, max, n = 4) {
  const raw = (max - min || Math.abs(max) || 1) / n;
  const pow = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * pow).find((s) => s >= raw * 0.999);
  const lo = Math.floor(min / step + 1e-9) * step;
  const hi = Math.max(lo + step, Math.ceil(max / step - 1e-9) * step);
  const ticks = [];
  for (let v = lo, k = 0; v <= hi + step / 2; v = lo + ++k * step) ticks.push(+v.toPrecision(10));
  return { min: lo, max: ticks[ticks.length - 1], ticks };
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
  43200, 86400].map((s) => s * 1000);

// Round local times in [from, to], about `n` of them.
export function timeTicks(from, to, n) {
  const step = TIME_STEPS.find((s) => (to - from) / s <= n) || TIME_STEPS[TIME_STEPS.length - 1];
  const zone = new Date(from).getTimezoneOffset() * 60000;
  const ticks = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) ticks.push(t);
  return { step, ticks };
}

// ---- owners over time ---------------------------------------------------------------------------

// Which owner changed most in internal bytes between `from` and `to`: {name, bytes} or null.
// `log` is [{t, bytes: {name: n}}] by time.
export function mostChanged(log, from, to) {
  const at = (t) => {
    let found = null;
    for (const e of log) {
      if (e.t > t) break;
      found = e;
    }
    return found;
  };
  const a = at(from);
  const b = at(to);
  if (!a || !b || a === b) return null;
  let best = null;
  for (const name of Object.keys(b.bytes)) {
    const bytes = b.bytes[name] - (a.bytes[name] ?? 0);
    if (bytes && (!best || Math.abs(bytes) > Math.abs(best.bytes))) best = { name, bytes };
  }
  return best;
}
