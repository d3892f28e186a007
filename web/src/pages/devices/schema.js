// schema.js - what /api/devices/schema says of a configuration, made easy to ask. Pure.

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const NODES = ['step', 'condition', 'trigger']; // typed objects that stand in lists of their own

// Rows are shared by all; each object learns whether its elements are shown as nested blocks.
export function indexSchema({ objects }) {
  const schema = { objects, root: 0 };
  for (const o of objects) o.isNode = o.typed && NODES.includes(o.name);
  // "branch": no node itself, but holds lists of them
  for (const o of objects) o.isBranch = !o.typed && o.name === 'branch';
  return schema;
}

export const objectNamed = (schema, name, typed = false) => schema.objects.findIndex((o) => o.name === name && o.typed === typed);
export const rowOf = (schema, ref, name) => schema.objects[ref].fields.find((f) => f.name === name);
export const typesOf = (schema, ref) => (schema.objects[ref].typed ? schema.objects[ref].fields[0].words : []);

// The rows that a value may have: of its type where it has one.
export function rowsFor(schema, ref, value) {
  const { typed, fields } = schema.objects[ref];
  const type = value && value.type;
  return typed ? fields.filter((f) => !f.types || f.types.includes(type)) : fields;
}

export const isRequired = (row, type) => !!row.required || (row.required_for || []).includes(type);

// A list whose elements are drawn as nested blocks: steps, conditions, triggers, branches.
export const isBlock = (schema, row) => row.kind === 'list' && (schema.objects[row.ref].isNode || schema.objects[row.ref].isBranch);

// What holds when the field is not there, as its text tells: "standard true". undefined: it does not tell.
export function standardOf(row) {
  const [, word] = /standard (-?\w+)/i.exec(row.text) || [];
  if (row.kind === 'bool') return word ? word === 'true' : /standard:/i.test(row.text) ? undefined : false;
  if (row.kind === 'enum') return row.words.includes(word) ? word : undefined;
  return row.kind === 'int' && /^-?\d+$/.test(word) ? Number(word) : undefined;
}

const FIRST = { count: 2, delay_ms: 1000, interval_ms: 60000, duration_ms: 3600000, required_hold_ms: 5000 };

// A new object with what it must have and a person would give the same way each time.
export function blank(schema, ref, type) {
  const { typed } = schema.objects[ref];
  const value = typed ? { type: type || typesOf(schema, ref)[0] } : {};
  for (const row of rowsFor(schema, ref, value)) {
    const wanted = isRequired(row, value.type) || (typed && row.types && row.types.length === 1 && row.name in FIRST);
    if (row.name === 'type' || (!wanted && !(value.type === 'delay' && row.name === 'delay_ms'))) continue;
    if (row.kind === 'object') value[row.name] = blank(schema, row.ref);
    else if (row.kind === 'list') value[row.name] = schema.objects[row.ref].isBranch ? [blank(schema, row.ref)] : [];
    else if (row.kind === 'texts') value[row.name] = [];
    else if (row.name in FIRST) value[row.name] = FIRST[row.name];
  }
  return value;
}

// The value of another type: fields that both have stay.
export function retyped(schema, ref, value, type) {
  const next = blank(schema, ref, type);
  for (const row of rowsFor(schema, ref, next)) if (row.name !== 'type' && row.name in value) next[row.name] = value[row.name];
  return next;
}

// Of an older generation, or another hub: names as this format has them, and without what only a hub knows.
export function adopted(schema, doc) {
  const { generation, active_profile, profiles, ...rest } = renamed(schema, schema.root, doc);
  return { ...rest, schema: 2 };
}

function renamed(schema, ref, value) {
  if (!value || typeof value !== 'object' || Array.isArray(value)) return value;
  const rows = schema.objects[ref].fields;
  const out = {};
  for (const [key, v] of Object.entries(value)) {
    const row = rows.find((r) => r.name === key) || rows.find((r) => r.alias === key);
    const name = row ? row.name : key;
    if (row && row.name !== key && row.name in value) continue;
    if (row && row.kind === 'object') out[name] = renamed(schema, row.ref, v);
    else if (row && row.kind === 'list' && Array.isArray(v)) out[name] = v.map((e) => renamed(schema, row.ref, e));
    else out[name] = v;
  }
  return out;
}

// What a reference field names: 'device', 'scenario', 'command', 'flag', 'variable', 'track', 'topic' or ''.
export function refKind(row, object) {
  if (row.kind !== 'text') return '';
  if (row.class === 'id') {
    if (row.name === 'device' || row.name === 'command') return row.name;
    return row.name === 'scenario' || row.name.endsWith('_scenario') ? 'scenario' : '';
  }
  if (object === 'topic' && row.name === 'name') return 'binding';
  return { flag: 'flag', variable: 'variable', track: 'track', topic: 'topic', filter: 'topic' }[row.class] || '';
}

export const choicesOf = (row) => (row.name === 'days' ? DAYS : null);

// Calls visit({row, object, value, path, owner, device}) for each field of the document that is no object or list.
// `owner` is the object that has it, `device` the number of the device that it is in, or -1.
export function walk(schema, doc, visit) {
  walkObject(schema, schema.root, doc, [], -1, visit);
}

function walkObject(schema, ref, owner, path, device, visit) {
  if (!owner || typeof owner !== 'object') return;
  const object = schema.objects[ref].name;
  for (const row of schema.objects[ref].fields) {
    const value = owner[row.name];
    if (value === undefined) continue;
    const at = [...path, row.name];
    if (row.kind === 'object') walkObject(schema, row.ref, value, at, device, visit);
    else if (row.kind === 'list' && Array.isArray(value)) {
      value.forEach((e, i) => walkObject(schema, row.ref, e, [...at, i], row.name === 'devices' ? i : device, visit));
    } else visit({ row, object, value, path: at, owner, device });
  }
}
