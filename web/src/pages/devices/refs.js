// refs.js - what a configuration names, and renaming it everywhere. Pure.

import { getAt, setAt } from './path.js';
import { refKind, walk } from './schema.js';

// Everything that a field may refer to, from the document as it is: what exists and what is only named.
export function namesIn(schema, doc) {
  const sets = { flag: new Set(), variable: new Set(), topic: new Set(), track: new Set() };
  walk(schema, doc, ({ row, object, value }) => {
    const kind = row.class === 'variable' ? 'variable' : refKind(row, object);
    if (typeof value === 'string' && value && sets[kind]) sets[kind].add(value);
  });
  const names = Object.fromEntries(Object.entries(sets).map(([k, s]) => [k, [...s].sort()]));
  names.device = (doc.devices || []).map((d) => d.id).filter(Boolean);
  return names;
}

// The device whose scenarios or commands a field means: the one beside it, else the one that it is in.
export function deviceMeant(doc, owner, device) {
  const devices = doc.devices || [];
  return owner && owner.device ? devices.find((d) => d.id === owner.device) : devices[device];
}

export function suggestions(names, doc, kind, owner, device) {
  const meant = () => deviceMeant(doc, owner, device) || {};
  if (kind === 'scenario') return (meant().scenarios || []).map((s) => s.id).filter(Boolean);
  if (kind === 'binding') return ((doc.devices || [])[device]?.scenarios || []).map((s) => s.id).filter(Boolean);
  if (kind === 'command') return (meant().commands || []).map((c) => c.id).filter(Boolean);
  return names[kind] || [];
}

// A free id like `wish`: "door", "door_2", ...
export function freeId(taken, wish) {
  if (!taken.includes(wish)) return wish;
  const stem = wish.replace(/_\d+$/, '');
  let n = 2;
  while (taken.includes(`${stem}_${n}`)) n++;
  return `${stem}_${n}`;
}

// "The big door" -> "the_big_door".
export const idFrom = (text) => text.normalize('NFKD').toLowerCase().replace(/[^a-z0-9_.-]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 31);

const word = (name) => new RegExp(`(^|[^\\w.])${name.replace(/[.\\]/g, '\\$&')}(?![\\w.])`, 'g');
// Names outside of quotes.
const inExpression = (text, from, to) => text.split(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/).map((part, i) => (i % 2 ? part : part.replace(word(from), `$1${to}`))).join('');
const inBraces = (text, from, to) => text.replace(/\{\{.*?\}\}/g, (inner) => inExpression(inner, from, to));

// The document with every reference to `from` (a device, or a scenario or command of device `of`, a flag or a
// variable) as `to`: {doc, count}. The thing's own id is not touched.
export function renameRefs(schema, doc, kind, from, to, of) {
  let next = doc;
  let count = 0;
  const put = (path, value) => {
    if (getAt(next, path) === value) return;
    next = setAt(next, path, value);
    count++;
  };
  walk(schema, doc, ({ row, object, value, path, owner, device }) => {
    if (typeof value !== 'string') return;
    const ref = refKind(row, object);
    if (ref === 'binding' && kind === 'scenario' && device === of && value === from) return put(path, to);
    if (ref === kind && value === from) {
      const isOfDevice = kind === 'scenario' || kind === 'command';
      if (!isOfDevice || deviceMeant(doc, owner, device) === doc.devices[of]) put(path, to);
    } else if (kind === 'flag' || kind === 'variable') {
      if (row.class === 'variable' && kind === 'variable' && value === from) put(path, to);
      else if (row.class === 'expression') put(path, inExpression(value, from, to));
      else if (value.includes('{{')) put(path, inBraces(value, from, to));
    }
  });
  return { doc: next, count };
}

// Which of a device's scenarios its template starts.
export function usedByTemplate(schema, device) {
  const used = new Set();
  walk(schema, { devices: [{ template: device.template }] }, ({ row, object, value }) => {
    if (refKind(row, object) === 'scenario') used.add(value);
  });
  return used;
}
