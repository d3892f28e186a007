// blocks.js - steps, conditions and triggers as a tree: rows to draw, and where a step can go. Pure.

import { getAt, isUnder, samePath, setAt } from './path.js';
import { isBlock, isRequired, rowsFor } from './schema.js';

const OPEN = ['then', 'else', 'default', 'steps', 'branches']; // shown though they are empty

// The nested lists of a value that are shown: [{row, list}].
export function blocksOf(schema, ref, value) {
  return rowsFor(schema, ref, value).filter((row) => isBlock(schema, row))
    .map((row) => ({ row, list: value[row.name] || [] }))
    .filter(({ row, list }) => list.length || isRequired(row, value.type) || OPEN.includes(row.name));
}

// All rows below the list at `path`: {kind: 'node' | 'block' | 'branch', path, depth, ref, value, index, label}.
// `folded` has pointers' texts of nodes whose inside is not shown.
export function rowsOf(schema, ref, list, path, folded = new Set(), depth = 0) {
  return list.flatMap((value, index) => nodeRows(schema, ref, value, [...path, index], index, folded, depth));
}

function nodeRows(schema, ref, value, path, index, folded, depth) {
  const blocks = blocksOf(schema, ref, value);
  const isFolded = folded.has(path.join('/'));
  const kind = schema.objects[ref].isNode ? 'node' : 'branch';
  const row = { kind, path, depth, ref, value, index, isFolded, canFold: blocks.length > 0 };
  if (isFolded) return [row];
  const isAlone = blocks.length === 1 && blocks[0].list.length > 0;
  return [row, ...blocks.flatMap((b) => blockRows(schema, b, path, folded, depth + 1, isAlone))];
}

// A list that stands alone, or one of branches, which have rows of their own, gets no row for itself.
function blockRows(schema, { row, list }, path, folded, depth, isAlone) {
  const at = [...path, row.name];
  if (list.length && (isAlone || schema.objects[row.ref].isBranch)) return rowsOf(schema, row.ref, list, at, folded, depth);
  const head = { kind: 'block', path: at, depth, ref: row.ref, label: row.name, count: list.length };
  return [head, ...rowsOf(schema, row.ref, list, at, folded, depth + 1)];
}

// The list that has the node at `path`, and its place in it.
export const listOf = (path) => [path.slice(0, -1), path[path.length - 1]];

// Kind of the elements of the list at `path`: the number of the object, found from the scenario's.
export function refOfList(schema, ref, base, doc, path) {
  let value = getAt(doc, base);
  let at = ref;
  for (let i = base.length; i < path.length; i++) {
    const key = path[i];
    if (typeof key === 'number') {
      value = value && value[key];
      continue;
    }
    const row = schema.objects[at].fields.find((f) => f.name === key);
    if (!row || row.ref == null) return null;
    at = row.ref;
    value = value && value[key];
  }
  return at;
}

// Where Alt+Left takes the node at `path`: behind the nearest node above that stands among the same kind; null: nowhere.
export function outOf(schema, scenarioRef, base, doc, path) {
  const kind = refOfList(schema, scenarioRef, base, doc, path.slice(0, -1));
  for (let n = path.length - 2; n > base.length + 1; n--) {
    if (typeof path[n - 1] !== 'number') continue;
    const list = path.slice(0, n - 1);
    if (refOfList(schema, scenarioRef, base, doc, list) === kind) return { list, index: path[n - 1] + 1 };
  }
  return null;
}

// Where Alt+Right takes it: the end of the first fitting block of the node before it; null: nowhere.
export function intoPrevious(schema, ref, doc, path) {
  const [list, index] = listOf(path);
  const before = getAt(doc, list)[index - 1];
  return before ? endOfBlock(schema, ref, ref, before, [...list, index - 1]) : null;
}

function endOfBlock(schema, kind, ref, value, path) {
  for (const { row, list } of blocksOf(schema, ref, value)) {
    const at = [...path, row.name];
    if (row.ref === kind) return { list: at, index: list.length };
    if (!schema.objects[row.ref].isBranch) continue;
    for (let i = list.length - 1; i >= 0; i--) {
      const found = endOfBlock(schema, kind, row.ref, list[i], [...at, i]);
      if (found) return found;
    }
  }
  return null;
}

// Where a drag may end in the gap after row `gap` (-1: before the first) of `rows` of the list `top`, for elements of
// the kind `ref`: [{list, index, depth}], the deepest first.
export function dropPlaces(rows, gap, ref, top, topRef) {
  const row = rows[gap];
  const next = rows[gap + 1];
  if (!row) return ref === topRef ? [{ list: top, index: 0, depth: 0 }] : [];
  const out = [];
  const put = (list, index, depth) => out.push({ list, index, depth });
  if (row.kind === 'block' && row.ref === ref) put(row.path, 0, row.depth + 1);
  else if (next && next.kind !== 'block' && next.ref === ref && next.path.length > row.path.length && isUnder(next.path, row.path)) put(next.path.slice(0, -1), 0, next.depth);
  // Behind this row, and behind every node that ends with it.
  for (let i = gap; i >= 0; i--) {
    const r = rows[i];
    if (r.kind === 'block' || r.ref !== ref || !isUnder(row.path, r.path) || (next && isUnder(next.path, r.path))) continue;
    const [list, index] = listOf(r.path);
    put(list, index + 1, r.depth);
  }
  return out;
}

// ---- steps that name steps by number ----------------------------------------------------------------------

const targets = (step) => [['target_step'], ['wait', 'target_step'], ['loop', 'target_step']].filter((p) => typeof getAt(step, p) === 'number');

// The list `after` with target_step pointing at the same steps as in `before`. A step keeps its identity on its
// way; a target that is gone keeps its number, and the hub says so.
export function retarget(before, after) {
  if (!before || before === after) return after;
  return after.map((step) => {
    if (!before.includes(step)) return step;
    let next = step;
    for (const p of targets(step)) {
      const to = after.indexOf(before[getAt(step, p)]);
      if (to >= 0) next = setAt(next, p, to);
    }
    return next;
  });
}

// The document `after` a move or removal, with every list named mended. Lists as [before, after] paths.
export function mended(before, after, lists) {
  let doc = after;
  for (const [was, is] of lists) {
    const list = getAt(after, is);
    if (Array.isArray(list)) doc = setAt(doc, is, retarget(getAt(before, was), list));
  }
  return doc;
}

// ---- when a step begins -------------------------------------------------------------------------------------

const WAITS = ['wait_flags', 'wait_event', 'wait_operator'];
const isOpen = (s) => WAITS.includes(s.type) || (s.type === 'audio_play' && s.blocking) || (s.type === 'run' && s.await) || (s.type === 'command' && s.await !== false)
  || ['if', 'choose', 'repeat', 'parallel', 'loop'].includes(s.type);

// For each element of a list of steps: {ms, atLeast}: delays before it, and whether something waits besides.
export function timesOf(list) {
  let ms = 0;
  let atLeast = false;
  return list.map((s) => {
    const isOn = s.enabled !== false;
    const delay = isOn && typeof s.delay_ms === 'number' ? s.delay_ms : 0;
    const at = { ms: s.type === 'delay' ? ms : ms + delay, atLeast };
    ms += delay;
    if (isOn && (isOpen(s) || (s.type === 'delay' && s.delay_max_ms))) atLeast = true;
    return at;
  });
}

// A run of elements of one list: both ends and all between; null when they are of different lists.
export function runOf(a, b) {
  const [la, ia] = listOf(a);
  const [lb, ib] = listOf(b);
  return samePath(la, lb) ? { list: la, index: Math.min(ia, ib), count: Math.abs(ia - ib) + 1 } : null;
}

export const inRun = (run, path) => !!run && isUnder(path, run.list) && path[run.list.length] >= run.index && path[run.list.length] < run.index + run.count;
