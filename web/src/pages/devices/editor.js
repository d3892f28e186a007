// editor.js - the one owner of the draft: what the hub has, what was changed since, what is wrong with it. The
// draft outlives the page (and a reload); the page shows it and calls what stands here.

import { get, post } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { current, go, href } from '../../lib/route.js';
import { set, state } from '../../lib/store.js';
import { toast } from '../../ui/toast.jsx';
import { mended } from './blocks.js';
import { diff } from './diff.js';
import { equal, getAt, insertAt, isUnder, moveItems, parsePointer, pathAfterRemoval, pointer, removeAt, setAt } from './path.js';
import { adopted, indexSchema } from './schema.js';
import { begin, push, redo, restate, undo } from '../../lib/undo.js';

const CHECK_MS = 400; // of rest before the hub is asked what is wrong
const KEPT = 'nuthatch.devices';

// One object, replaced at each change and told of under the key "editor":
// {schema, profile, base, generation, history, findings, checked, checking, theirs, trial, error}
const put = (changes) => set('editor', { ...state.editor, ...changes });
export const editor = () => state.editor;
export const draft = () => state.editor.history.now.doc;

// What only the hub sets is no part of what is edited.
export function body({ generation, active_profile, profiles, ...doc }) {
  return doc;
}

// ---- loading -------------------------------------------------------------------------------------------------

export const configPath = (profile) => '/api/devices/config' + (profile ? '?profile=' + encodeURIComponent(profile) : '');

// Loads the configuration of `profile` (none: the one in force) in place of what is there.
export async function load(profile) {
  try {
    const [schema, config, info] = await Promise.all([
      state.editor?.schema || get('/api/devices/schema').then(indexSchema), get(configPath(profile)), get('/api/devices')]);
    set('devices', { ...info, at: Date.now() });
    const name = profile || info.profile;
    const kept = takeKept(name);
    const hub = { base: body(config), generation: config.generation };
    const { base, generation } = kept || hub;
    const history = kept ? push(begin(base), kept.doc, { text: 'edits kept from before', ms: Date.now() }) : begin(base);
    set('editor', { schema, profile: name, base, generation, history, findings: [], checked: null });
    changed();
  } catch (error) {
    set('editor', { ...state.editor, error });
  }
}

// A draft that a reload left behind, with what it began with: the hub may have gone on meanwhile.
function takeKept(profile) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT));
    return kept && kept.profile === profile ? kept : null;
  } catch {
    return null;
  }
}

function keepDraft() {
  const { profile, generation, base } = state.editor;
  try {
    if (isDirty()) sessionStorage.setItem(KEPT, JSON.stringify({ profile, generation, base, doc: draft() }));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // No room: a reload loses the draft, and the browser asks before.
  }
}
addEventListener('beforeunload', (e) => isDirty() && e.preventDefault());

export const isDirty = () => !!state.editor?.history && !equal(draft(), state.editor.base);
export const isInForce = () => !!state.devices && state.editor.profile === state.devices.profile;

// ---- editing -------------------------------------------------------------------------------------------------

// `doc` is the draft from now on. `text` says what was done; `join` names the field being typed in.
export function commit(doc, text, { join, at } = {}) {
  put({ history: push(state.editor.history, doc, { text, join, at: at || selection(), ms: Date.now() }) });
  changed();
}

// The field at `path`; undefined takes it away.
export function edit(path, value, text) {
  commit(setAt(draft(), path, value), text || `edit ${path[path.length - 1]}`, { join: pointer(path) });
}

export function insert(list, index, items, text) {
  const doc = insertAt(draft(), list, index, items);
  const before = draft();
  commit(mended(before, doc, [[list, list]]), text, { at: [...list, index] });
  select([...list, index]);
}

export function remove(list, index, count, text) {
  const before = draft();
  const doc = mended(before, removeAt(before, list, index, count), [[list, list]]);
  const left = getAt(doc, list).length;
  commit(doc, text, { at: selection() });
  const at = selection();
  if (isUnder(at, list) && at.length > list.length) select(left ? [...list, Math.min(index, left - 1)] : ownerOf(list));
}

const ownerOf = (list) => list.slice(0, -1);

export function move(list, index, count, toList, toIndex, text) {
  const before = draft();
  const moved = moveItems(before, list, index, count, toList, toIndex);
  if (!moved || moved.value === before) return false;
  const to = moved.path.slice(0, -1);
  const left = pathAfterRemoval(list, list, index, count);
  commit(mended(before, moved.value, [[list, left], [toList, to]]), text, { at: moved.path });
  select(moved.path);
  return true;
}

export function step(which) {
  const h = state.editor.history;
  const next = which === 'undo' ? undo(h) : redo(h);
  if (next === h) return;
  put({ history: next });
  changed();
  const at = (which === 'undo' ? h : next).now.at;
  if (at) select(at);
}

export const replaceAll = (doc, text) => commit(adopted(state.editor.schema, doc), text, { at: [] });

// How many things differ from what the hub has.
export const changesOf = () => (isDirty() ? diff(state.editor.base, draft()) : []);

function changed() {
  set('deviceEdits', changesOf().length);
  keepDraft();
  check();
}

// ---- what is selected: in the address -------------------------------------------------------------------------

export const selection = () => parsePointer(current().params.at);

// Without a new entry in the history of the browser, unless another device or scenario comes up.
export function select(path, more = {}) {
  const { page, params } = current();
  if (page !== 'devices') return;
  const next = { ...params, ...more, at: pointer(path) };
  for (const [k, v] of Object.entries(next)) if (!v) delete next[k];
  const was = parsePointer(params.at);
  if (was[1] !== path[1] || was[3] !== path[3] || params.tab !== next.tab) return void go('devices', next);
  history.replaceState(null, '', href(page, next));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

// ---- what is wrong ----------------------------------------------------------------------------------------------

let timer;
let turn = 0;

function check() {
  clearTimeout(timer);
  timer = setTimeout(checkNow, CHECK_MS);
  if (!state.editor.checking) put({ checking: true });
}

export async function checkNow() {
  clearTimeout(timer);
  const mine = ++turn;
  const doc = draft();
  try {
    const reply = await post('/api/devices/validate', doc);
    if (mine !== turn) return;
    if (doc === draft()) put({ findings: reply.findings, checked: doc, checking: false, checkError: null });
  } catch (error) {
    if (mine === turn) put({ checking: false, checkError: error });
  }
}

const isAt = (finding, at) => finding.path === at || finding.path.startsWith(at + '/');
export const findingsUnder = (path) => {
  const at = pointer(path);
  return state.editor.findings.filter((f) => isAt(f, at));
};
export const findingsAt = (path) => {
  const at = pointer(path);
  return state.editor.findings.filter((f) => f.path === at);
};
export const errorsOf = (findings) => findings.filter((f) => f.severity === 'error');

// ---- saving -----------------------------------------------------------------------------------------------------

// Puts the draft in force, or `yaml` as it stands. True: it is. A conflict is noted in `theirs`.
export async function apply({ cancel, confirmS, overwrite, yaml }) {
  const { profile, generation } = state.editor;
  const doc = draft();
  const query = new URLSearchParams({ profile, base_generation: overwrite ? 0 : generation, running: cancel ? 'cancel' : 'keep' });
  if (confirmS) query.set('confirm_s', confirmS);
  put({ applying: true });
  try {
    const reply = await post('/api/devices/apply?' + query, yaml ?? { ...doc, active_profile: profile }, yaml === undefined ? undefined : 'application/yaml');
    await rebase(profile, yaml === undefined ? doc : null);
    put({ theirs: null, trial: confirmS ? { generation: reply.generation, doc: draft() } : null });
    toast(`Generation ${reply.generation} ${isInForce() ? 'is in force' : `of profile ${profile} is saved`}.`, null);
    return true;
  } catch (error) {
    if (error.status !== 409) throw error;
    await look();
    return false;
  } finally {
    put({ applying: false });
  }
}

// What the hub has now is what edits are measured from. `sent`: the draft becomes it, unless it went on meanwhile.
async function rebase(profile, sent) {
  const [config, info] = await Promise.all([get(configPath(profile)), get('/api/devices')]);
  const base = body(config);
  const { history } = state.editor;
  const goesOn = sent && history.now.doc !== sent;
  const next = goesOn ? history : sent ? restate(history, base) : push(history, base, { text: 'what the hub has', ms: Date.now() });
  set('devices', { ...info, at: Date.now() });
  put({ base, generation: config.generation, history: next });
  changed();
}

// The hub has another generation than the draft began with: loads it if there is nothing to lose.
export async function hubChanged() {
  const { devices, editor: e } = state;
  if (!e?.history || e.applying || !devices || !isInForce() || devices.generation === e.generation) return;
  if (e.theirs && e.theirs.generation === devices.generation) return;
  const { trial } = e;
  if (trial && devices.generation > trial.generation) {
    put({ trial: null, applying: true });
    await rebase(e.profile, draft()).catch(() => {});
    put({ applying: false });
    if (!equal(trial.doc, draft())) commit(trial.doc, 'what was not kept');
    return void toast('It was not kept: the configuration before is in force. Yours is here as a draft.');
  }
  if (isDirty()) return void look().catch(() => {});
  put({ applying: true });
  await rebase(e.profile, draft()).catch(() => {});
  put({ applying: false });
  toast(`Generation ${state.devices.generation}${byWhom()} is loaded.`);
}

const byWhom = () => (state.devices.changed_by ? ` by ${state.devices.changed_by}` : ' by the hub');

// Fetches what somebody else made meanwhile.
async function look() {
  const [config, info] = await Promise.all([get(configPath(state.editor.profile)), get('/api/devices')]);
  set('devices', { ...info, at: Date.now() });
  put({ theirs: { doc: body(config), generation: config.generation, by: info.changed_by, unixMs: info.changed_unix_ms } });
}

// Ends a conflict: edits go on from theirs, with `doc` as the draft.
export function settle(doc, text) {
  const { theirs, history } = state.editor;
  put({ base: theirs.doc, generation: theirs.generation, theirs: null, history: push(history, doc, { text, ms: Date.now() }) });
  changed();
}

// POST of a change to what the hub has; then the page has it too, as a step that can be undone. `other`: the
// profile to go on with.
export async function change(path, value, done, other) {
  put({ applying: true });
  try {
    const reply = await post(path, value);
    if (other) await load(other);
    else await rebase(state.editor.profile, null);
    if (done) toast(typeof done === 'function' ? done(reply) : done);
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  } finally {
    put({ applying: false });
  }
}

export async function keepTrial() {
  try {
    await post('/api/devices/confirm');
    put({ trial: null });
    toast('The configuration stays.');
  } catch (error) {
    toast(error.message);
  }
}

// Back to before the trial; what was tried stays as a draft.
export async function undoTrial() {
  const { trial } = state.editor;
  const tried = trial ? trial.doc : draft();
  put({ trial: null });
  if (await change('/api/devices/rollback', { generation: state.devices.confirm_back }, 'The configuration before is in force. Yours is here as a draft.')) commit(tried, 'what was tried');
}

export const countText = () => plural(changesOf().length, 'change');
