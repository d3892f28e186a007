// draft.js - the document that is edited: its past, what the hub has, saving.

import { request } from '../../lib/api.js';
import { set, state } from '../../lib/store.js';
import { begin, push, redo, restate, undo } from '../../lib/undo.js';
import { install, loadIcons } from './icons.js';
import { readDocument, usedIcons } from './model.js';

const KEPT = 'nuthatch.macros';

const put = (change) => set('macros', { ...state.macros, ...change });
export const draft = () => state.macros.history.now.doc;
export const isDirty = () => !!state.macros && JSON.stringify(draft()) !== state.macros.text;

function keepDraft() {
  try {
    if (isDirty()) sessionStorage.setItem(KEPT, JSON.stringify({ doc: draft(), generation: state.macros.generation }));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Too large or off: the draft lasts until reload.
  }
}

function keptDraft() {
  try {
    const { doc, generation } = JSON.parse(sessionStorage.getItem(KEPT));
    const read = readDocument(doc);
    return typeof read === 'string' ? null : { doc: read, generation };
  } catch {
    return null;
  }
}

async function fetchDocument() {
  const reply = await fetch('/api/macros').catch(() => null);
  if (!reply) throw new Error('No answer from the hub.');
  const value = await reply.json().catch(() => null);
  if (!reply.ok) throw Object.assign(new Error((value && value.error && value.error.message) || `The hub answers ${reply.status}.`), { status: reply.status });
  const doc = readDocument(value);
  if (typeof doc === 'string') throw new Error(doc);
  return { doc, generation: +(reply.headers.get('etag') || '').replace(/\D/g, '') || 0 };
}

// Reads what is in force. Edits that were not saved stay; somebody else's document is told, not taken.
export async function load() {
  const [{ doc, generation }, icons] = await Promise.all([fetchDocument(), loadIcons()]);
  const old = state.macros;
  const kept = old && isDirty() ? { doc: draft(), generation: old.generation } : keptDraft();
  const text = JSON.stringify(doc);
  if (!kept || JSON.stringify(kept.doc) === text) return set('macros', { history: begin(doc), text, generation, icons, other: null });
  const history = old ? old.history : push(begin(doc), kept.doc, { text: 'the draft' });
  const moved = kept.generation !== generation;
  return set('macros', { history, text: moved && old ? old.text : text, generation: kept.generation, icons, other: moved ? { doc, generation } : null });
}

// One step: `what` is said by undo; `join` joins keys pressed in one field.
export function edit(doc, what, join) {
  put({ history: push(state.macros.history, doc, { text: what, join, ms: Date.now() }), refused: null });
  keepDraft();
}
export function step(back) {
  put({ history: (back ? undo : redo)(state.macros.history), refused: null });
  keepDraft();
}

// Goes back to what the hub has.
export function discard() {
  const { other, text, generation } = state.macros;
  const base = other || { doc: JSON.parse(text), generation };
  edit(base.doc, 'discarding');
  put({ text: JSON.stringify(base.doc), generation: base.generation, other: null });
  keepDraft();
}

// Keeps the draft, to be saved over what somebody else saved.
export const overwrite = () => put({ generation: state.macros.other.generation, other: null });

// Installs what icons it needs, saves, and lets the hub sweep those that nobody uses. Throws what was refused.
export async function save() {
  const doc = draft();
  const { generation, icons } = state.macros;
  put({ saving: true, refused: null });
  try {
    await install([...usedIcons(doc, 'emoji'), ...usedIcons(doc, 'asset')], icons.installed);
    await request('POST', '/api/macros?base_generation=' + generation, { version: 9, ...doc });
    if (icons.builtin.length) await request('POST', '/api/icons/gc').catch(() => null); // it is swept after the next one
    const [now, list] = await Promise.all([fetchDocument(), loadIcons().catch(() => icons)]);
    // What the hub made of it is what is in force, unless somebody went on typing.
    const { history } = state.macros;
    put({ history: draft() === doc ? restate(history, now.doc) : history, text: JSON.stringify(now.doc), generation: now.generation, icons: list, other: null });
  } catch (e) {
    if (e.status === 409 && e.code === 'changed') put({ other: await fetchDocument().catch(() => null) });
    put({ refused: e });
    throw e;
  } finally {
    put({ saving: false });
    keepDraft();
  }
}

// {at, field} of a finding of the hub: "/screens/0/buttons/3/mqtt_topic".
export function placeOfPointer(pointer) {
  const m = /^\/screens\/(\d+)(?:\/buttons\/(\d+)(?:\/(\w+))?)?/.exec(pointer || '');
  return m ? { at: { screen: +m[1], slot: +(m[2] || 0) }, field: m[3] || null } : null;
}
