// path.js - places in a configuration: a path is an array of keys. Pure; nothing is changed in place, and
// what a change does not touch keeps its identity, so that undo costs little and a comparison is quick.

const escape = (key) => String(key).replace(/~/g, '~0').replace(/\//g, '~1');
export const pointer = (path) => path.map((key) => '/' + escape(key)).join('');

// A JSON pointer as a path; digits become places in a list.
export function parsePointer(text) {
  if (!text) return [];
  return text.split('/').slice(1).map((k) => (/^\d+$/.test(k) ? Number(k) : k.replace(/~1/g, '/').replace(/~0/g, '~')));
}

// What stands at `path`; undefined: nothing.
export function getAt(value, path) {
  for (const key of path) {
    if (value == null || typeof value !== 'object') return undefined;
    value = value[key];
  }
  return value;
}

// `value` with `next` at `path`; undefined takes the field or element away. Objects on the way are made.
export function setAt(value, path, next) {
  if (!path.length) return next;
  const [key, ...rest] = path;
  const inner = setAt(value == null ? undefined : value[key], rest, next);
  if (value && inner === value[key] && key in value) return value;
  if (Array.isArray(value)) return inner === undefined ? value.filter((_, i) => i !== key) : value.map((v, i) => (i === key ? inner : v));
  const copy = { ...value, [key]: inner };
  if (inner === undefined) delete copy[key];
  return copy;
}

// `items` put into the list at `path` (made if it is not there) before `index`.
export function insertAt(value, path, index, items) {
  const list = getAt(value, path) || [];
  return setAt(value, path, [...list.slice(0, index), ...items, ...list.slice(index)]);
}

// `count` elements of the list at `path` from `index` on, taken away.
export function removeAt(value, path, index, count = 1) {
  return setAt(value, path, getAt(value, path).filter((_, i) => i < index || i >= index + count));
}

export const samePath = (a, b) => a.length === b.length && a.every((k, i) => k === b[i]);
export const isUnder = (path, above) => path.length >= above.length && above.every((k, i) => k === path[i]);

// Where `path` is after `count` elements from `index` on of the list `list` were taken away; null: it went too.
export function pathAfterRemoval(path, list, index, count) {
  if (path.length <= list.length || !isUnder(path, list)) return path;
  const at = path[list.length];
  if (at < index) return path;
  return at < index + count ? null : [...list, at - count, ...path.slice(list.length + 1)];
}

// Moves `count` elements from `index` of `list` to before `toIndex` of `toList`; both places as they are before
// the move. Gives {value, path} with the new path of the first; null: into itself.
export function moveItems(value, list, index, count, toList, toIndex) {
  if (toList.length > list.length && isUnder(toList, list) && toList[list.length] >= index && toList[list.length] < index + count) return null;
  const items = getAt(value, list).slice(index, index + count);
  if (samePath(list, toList)) {
    if (toIndex >= index && toIndex <= index + count) return { value, path: [...list, index] };
    const at = toIndex > index ? toIndex - count : toIndex;
    return { value: insertAt(removeAt(value, list, index, count), list, at, items), path: [...list, at] };
  }
  const target = pathAfterRemoval(toList, list, index, count);
  const moved = insertAt(removeAt(value, list, index, count), target, toIndex, items);
  return { value: moved, path: [...target, toIndex] };
}

// Same content, whatever the order of fields.
export function equal(a, b) {
  if (a === b) return true;
  if (a == null || b == null || typeof a !== 'object' || typeof b !== 'object' || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => k in b && equal(a[k], b[k]));
}
