// merge.js - my changes on top of somebody else's. Pure.
//
// Changes are told by names (device "door", scenario "main"), not by places, so that they fit another document.
// What has no names, as a list of steps, is one piece: two people who change one scenario's steps must choose.

import { equal } from './path.js';
import { keyOf } from './diff.js';

// From `base` to `mine`: [{where, before, after}]; `where` has field names and {by, is} for elements.
export function opsOf(base, mine, where = []) {
  if (equal(base, mine)) return [];
  const key = Array.isArray(base) && Array.isArray(mine) && keyOf(base, mine);
  if (key) {
    const names = [...new Set([...base, ...mine].map((e) => e[key]))];
    const at = (list, is) => list.find((e) => e[key] === is);
    return names.flatMap((is) => opsOf(at(base, is), at(mine, is), [...where, { by: key, is }]));
  }
  const isObject = (v) => v && typeof v === 'object' && !Array.isArray(v);
  if (isObject(base) && isObject(mine)) {
    return [...new Set([...Object.keys(base), ...Object.keys(mine)])].flatMap((k) => opsOf(base[k], mine[k], [...where, k]));
  }
  return [{ where, before: base, after: mine }];
}

const sameKey = (a, b) => (typeof a === 'object' ? typeof b === 'object' && a.is === b.is : a === b);

// Both touch one thing, or one touches what is inside the other's.
export const clashes = (a, b) => a.where.slice(0, b.where.length).every((k, i) => sameKey(k, b.where[i])) && !equal(a.after, b.after);

// `doc` with the changes; {doc, lost}: those whose place is not there any more.
export function applyOps(doc, ops) {
  const lost = [];
  let next = doc;
  for (const op of ops) {
    const put = putAt(next, op.where, op.after);
    if (put === undefined) lost.push(op);
    else next = put;
  }
  return { doc: next, lost };
}

function putAt(value, where, after) {
  if (!where.length) return after;
  const [key, ...rest] = where;
  if (typeof key !== 'object') {
    if (value === undefined) return undefined;
    if (!rest.length && after === undefined) {
      const { [key]: gone, ...others } = value;
      return others;
    }
    const inner = putAt(value[key], rest, after);
    return inner === undefined ? undefined : { ...value, [key]: inner };
  }
  const list = value || [];
  const i = list.findIndex((e) => e[key.by] === key.is);
  if (!rest.length) {
    if (after === undefined) return list.filter((_, n) => n !== i);
    return i < 0 ? [...list, after] : list.map((e, n) => (n === i ? after : e));
  }
  const inner = i < 0 ? undefined : putAt(list[i], rest, after);
  return inner === undefined ? undefined : list.map((e, n) => (n === i ? inner : e));
}
