// acts.js - what a person does to steps, triggers and conditions: add, move, copy, disable. Each is one step of undo.

import { keep, kept, set } from '../../lib/store.js';
import { toast } from '../../ui/toast.jsx';
import { intoPrevious, listOf, outOf, refOfList } from './blocks.js';
import { fromClip, toClip } from './clip.js';
import { commit, draft, edit, editor, insert, move, remove, selection } from './editor.js';
import { getAt, setAt } from './path.js';
import { blank, objectNamed, typesOf } from './schema.js';
import { typeName, typeText } from './words.js';

const nameOfRef = (ref) => editor().schema.objects[ref].name;
const many = (kind, n) => (n === 1 ? kind : `${n} ${kind}s`);

// ---- adding ------------------------------------------------------------------------------------------------

// Opens the picker for a place in a list of `ref`; the page draws it.
export const askType = (ref, place) => set('adding', { ref, ...place });

export function addTo(row) {
  if (editor().schema.objects[row.ref].isBranch) return insert(row.path, row.count, [blank(editor().schema, row.ref)], 'add branch');
  return askType(row.ref, { list: row.path, index: row.count });
}

// Behind what is selected, if that is of the same kind within the list at `path`; else at its end.
export function addAfter(ref, path) {
  const at = selection();
  const { schema } = editor();
  const scenario = at.slice(0, 4);
  const isBelow = path.every((k, i) => at[i] === k) && at.length > path.length;
  const isPlace = typeof at[at.length - 1] === 'number';
  if (isBelow && isPlace) {
    const [list, index] = listOf(at);
    if (refOfList(schema, objectNamed(schema, 'scenario'), scenario, draft(), list) === ref) return askType(ref, { list, index: index + 1 });
  }
  if (isBelow && !isPlace && refOfList(schema, objectNamed(schema, 'scenario'), scenario, draft(), at) === ref) return askType(ref, { list: at, index: (getAt(draft(), at) || []).length });
  return askType(ref, { list: path, index: (getAt(draft(), path) || []).length });
}

export const typeOptions = (ref) => typesOf(editor().schema, ref).map((t) => ({ id: t, label: typeName(nameOfRef(ref), t), detail: typeText(nameOfRef(ref), t) }));

export function addType({ ref, list, index }, type) {
  insert(list, index, [blank(editor().schema, ref, type)], `add ${typeName(nameOfRef(ref), type)}`);
}

// ---- moving, removing -----------------------------------------------------------------------------------------

export function shift(way, run, row) {
  const { schema } = editor();
  const doc = draft();
  const scenario = run.list.slice(0, 4);
  const length = getAt(doc, run.list).length;
  const places = {
    up: () => run.index > 0 && { list: run.list, index: run.index - 1 },
    down: () => run.index + run.count < length && { list: run.list, index: run.index + run.count + 1 },
    out: () => outOf(schema, objectNamed(schema, 'scenario'), scenario, doc, [...run.list, run.index]),
    in: () => intoPrevious(schema, row.ref, doc, [...run.list, run.index]),
  };
  const to = places[way]();
  if (to) move(run.list, run.index, run.count, to.list, to.index, `move ${way}`);
}

export const removeRun = (run, kind) => remove(run.list, run.index, run.count, `remove ${many(kind, run.count)}`);

export function duplicate(run, kind) {
  // Copies, not the same objects: what a loop goes back to is told by identity.
  const items = structuredClone(getAt(draft(), run.list).slice(run.index, run.index + run.count));
  insert(run.list, run.index + run.count, items, `duplicate ${many(kind, run.count)}`);
}

export function toggle(path) {
  const { enabled, ...rest } = getAt(draft(), path);
  const next = enabled === false ? rest : { ...rest, enabled: false };
  commit(setAt(draft(), path, next), enabled === false ? 'enable' : 'disable');
}

// ---- clipboard ------------------------------------------------------------------------------------------------

// Gives the text for the system's clipboard. It is kept in the browser too, for buttons and other tabs.
export function copy(run, ref) {
  const text = toClip(nameOfRef(ref), getAt(draft(), run.list).slice(run.index, run.index + run.count));
  keep('clip', text);
  if (navigator.clipboard) navigator.clipboard.writeText(text).catch(() => {});
  toast(`${many(nameOfRef(ref), run.count)} copied.`);
  return text;
}

export function cut(run, ref) {
  const text = copy(run, ref);
  remove(run.list, run.index, run.count, `cut ${many(nameOfRef(ref), run.count)}`);
  return text;
}

export function paste({ list, index }, ref, text) {
  const kind = nameOfRef(ref);
  const { items, finding } = fromClip(text || kept('clip', ''), kind);
  if (finding) return toast(finding);
  return insert(list, index, items, `paste ${many(kind, items.length)}`);
}

export const hasClip = () => !!kept('clip', '');
export { edit };
