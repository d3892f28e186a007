// diff.js - what differs between two configurations, piece by piece. Pure.

import { equal } from './path.js';

const KEYS = ['id', 'name'];
const LCS_MAX = 400; // elements of a list that are compared each with each

// The field by which the elements of both lists can be told apart: all have it, none twice; else null.
export function keyOf(a, b) {
  const isKey = (list, k) => list.every((e) => e && typeof e[k] === 'string') && new Set(list.map((e) => e[k])).size === list.length;
  return KEYS.find((k) => isKey(a, k) && isKey(b, k)) || null;
}

// Changes from `a` to `b` in the order of the document: {kind: 'add' | 'remove' | 'change' | 'move', path, before, after}.
// A path leads to the thing in `b`, of what is gone in `a`.
export function diff(a, b, path = []) {
  if (equal(a, b)) return [];
  if (Array.isArray(a) && Array.isArray(b)) return diffLists(a, b, path);
  if (isObject(a) && isObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((k) => diffField(a[k], b[k], [...path, k]));
  }
  return [{ kind: 'change', path, before: a, after: b }];
}

const isObject = (v) => v && typeof v === 'object' && !Array.isArray(v);

function diffField(a, b, path) {
  if (a === undefined) return Array.isArray(b) ? diffLists([], b, path, true) : [{ kind: 'add', path, after: b }];
  if (b === undefined) return Array.isArray(a) ? diffLists(a, [], path, true) : [{ kind: 'remove', path, before: a }];
  return diff(a, b, path);
}

function diffLists(a, b, path, isNew) {
  if (isNew && !a.length && !b.length) return [];
  if (![...a, ...b].every(isObject)) return [{ kind: 'change', path, before: a, after: b }];
  const key = a.length && b.length && keyOf(a, b);
  return key ? diffKeyed(a, b, path, key) : diffOrdered(a, b, path);
}

function diffKeyed(a, b, path, key) {
  const places = new Map(a.map((e, i) => [e[key], i]));
  const out = a.flatMap((e, i) => (b.some((f) => f[key] === e[key]) ? [] : [{ kind: 'remove', path: [...path, i], before: e }]));
  const stay = kept(b.map((e) => places.get(e[key])).filter((i) => i !== undefined));
  b.forEach((e, i) => {
    const was = places.get(e[key]);
    if (was === undefined) return out.push({ kind: 'add', path: [...path, i], after: e });
    if (!stay.has(was)) out.push({ kind: 'move', path: [...path, i], before: was, after: i });
    return out.push(...diff(a[was], e, [...path, i]));
  });
  return out;
}

// The greatest part of the places that is in order: who stays while the others moved.
function kept(places) {
  const best = places.map(() => 1);
  const from = places.map(() => -1);
  let end = -1;
  places.forEach((p, i) => {
    for (let j = 0; j < i; j++) if (places[j] < p && best[j] + 1 > best[i]) [best[i], from[i]] = [best[j] + 1, j];
    if (end < 0 || best[i] > best[end]) end = i;
  });
  const stay = new Set();
  for (let i = end; i >= 0; i = from[i]) stay.add(places[i]);
  return stay;
}

// Lists without names (steps): what is alike stays; in the gaps between, elements of one type are the same one, changed.
function diffOrdered(a, b, path) {
  const pairs = a.length * b.length > LCS_MAX * LCS_MAX ? [] : common(a, b);
  const out = [];
  let i = 0;
  let j = 0;
  for (const [ni, nj] of [...pairs, [a.length, b.length]]) {
    gap(a, b, i, ni, j, nj, path, out);
    i = ni + 1;
    j = nj + 1;
  }
  return out;
}

function gap(a, b, i, iEnd, j, jEnd, path, out) {
  while (i < iEnd || j < jEnd) {
    if (i < iEnd && j < jEnd && a[i].type === b[j].type) out.push(...diff(a[i++], b[j], [...path, j++]));
    else if (i < iEnd && (j >= jEnd || iEnd - i >= jEnd - j)) out.push({ kind: 'remove', path: [...path, i], before: a[i++] });
    else out.push({ kind: 'add', path: [...path, j], after: b[j++] });
  }
}

// Longest common subsequence, as pairs of places.
function common(a, b) {
  const same = a.map((x) => b.map((y) => equal(x, y)));
  const len = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) len[i][j] = same[i][j] ? len[i + 1][j + 1] + 1 : Math.max(len[i + 1][j], len[i][j + 1]);
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (same[i][j]) pairs.push([i++, j++]);
    else if (len[i + 1][j] >= len[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}
