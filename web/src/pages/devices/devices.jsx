// devices.jsx - the page: what stands around the editor, and which part of it is shown.

import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { plural, sizeText } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { href } from '../../lib/route.js';
import { isOnline, set, useKeys } from '../../lib/store.js';
import { Button, Empty, Failed, Head, Loading } from '../../ui/parts.jsx';
import { addType, typeOptions } from './acts.js';
import { Backups, Banners, Changes, Conflict, SaveDialog } from './changes.jsx';
import { Device } from './device.jsx';
import { changesOf, draft, editor, errorsOf, hubChanged, load, select, step } from './editor.js';
import { idOf, Form } from './fields.jsx';
import { Inspect } from './inspect.jsx';
import { Nav } from './nav.jsx';
import { getAt, parsePointer, pointer } from './path.js';
import { Picker } from './picker.jsx';
import { Profiles } from './profiles.jsx';
import { RawText } from './raw.jsx';
import { addDevice } from './scenario.jsx';
import { placeOf } from './words.js';

// As far as the address leads to something that is there.
function existing(doc, path) {
  let at = path;
  while (at.length && getAt(doc, at) === undefined) at = at.slice(0, -1);
  // a list is selected only if it was asked for
  while (at.length < path.length && typeof at[at.length - 1] === 'string') at = at.slice(0, -1);
  if (at.length === 1) at = [];
  return at[0] === 'devices' && (at.length < 4 || at[2] === 'scenarios') ? at : at[0] === 'devices' ? at.slice(0, 2) : [];
}

// Another page names a device and scenario by their ids.
function byIds(doc, { device, scenario }) {
  const d = (doc.devices || []).findIndex((x) => x.id === device);
  if (d < 0) return [];
  const s = (doc.devices[d].scenarios || []).findIndex((x) => x.id === scenario);
  return s < 0 ? ['devices', d] : ['devices', d, 'scenarios', s];
}

function useWide() {
  const query = matchMedia('(min-width: 1181px)');
  const [is, setIs] = useState(query.matches);
  useEffect(() => {
    const again = () => setIs(query.matches);
    query.addEventListener('change', again);
    return () => query.removeEventListener('change', again);
  }, []);
  return is;
}

// Ctrl+Z and Ctrl+S belong to the editor, but not within a text as a whole.
function useEditorKeys(save) {
  useEffect(() => {
    const press = (e) => {
      if (!(e.ctrlKey || e.metaKey) || e.altKey || document.querySelector('dialog[open]')) return;
      const key = e.key.toLowerCase();
      const isText = e.target.matches && e.target.matches('textarea.raw, .find-in, [type=search]');
      if (key === 's') save();
      else if (key === 'z' && !isText) step(e.shiftKey ? 'redo' : 'undo');
      else if (key === 'y' && !isText) step('redo');
      else return;
      e.preventDefault();
      e.stopPropagation();
    };
    document.addEventListener('keydown', press, true);
    return () => document.removeEventListener('keydown', press, true);
  }, [save]);
}

// What takes the focus once it is drawn: the form of what is selected now.
let wanted = null;
function wantFocus(selector) {
  wanted = selector;
  set('editor', { ...editor() }); // it may be there already
}
function giveFocus() {
  const element = wanted && document.querySelector(wanted);
  if (!element) return;
  wanted = null;
  for (let d = element.closest('details:not([open])'); d; d = d.parentElement.closest('details:not([open])')) d.open = true;
  element.focus();
}

export default function Devices({ params }) {
  useFeed('devices');
  const { devices, editor: e, adding } = useKeys('devices', 'editor', 'adding', 'link');
  const isWide = useWide();
  useLayoutEffect(giveFocus);
  const [dialog, setDialog] = useState(null); // 'backups' | {yaml} | 'save'
  useEffect(() => {
    if (!e || !e.history) load(params.profile);
  }, []);
  useEffect(() => {
    hubChanged();
  }, [devices && devices.generation, devices && devices.profile, e && e.generation, e && e.applying]);
  const ready = e && e.history;
  const errors = ready ? errorsOf(e.findings) : [];
  const n = ready ? changesOf().length : 0;
  const why = !ready ? 'loading' : !isOnline() ? 'no connection' : e.theirs ? 'conflict' : errors.length ? plural(errors.length, 'error') : !n ? 'no changes' : e.checking ? 'checking' : '';
  const save = () => !why && setDialog('save');
  useEditorKeys(ready ? save : () => {});
  if (!ready) return <><Head title="Devices" />{e && e.error ? <Failed error={e.error} retry={() => load(params.profile)} /> : <Loading lines={10} />}</>;

  const doc = draft();
  const tab = params.tab || '';
  const isRoom = tab === 'room';
  const isRaw = tab === 'raw' && !params.at;
  const asked = params.at ? existing(doc, parsePointer(params.at)) : params.device ? byIds(doc, params) : [];
  const isList = !asked.length && !isRoom && !isRaw; // on a phone: the list alone
  const at = isList && doc.devices && doc.devices.length ? ['devices', 0] : asked;
  const node = at.length > 4 && tab === '' ? at : null;
  const { past, future } = e.history;
  const facts = [isList || isWide ? `generation ${e.generation}` : '', plural((doc.devices || []).length, 'device'), devices && `${sizeText(devices.bytes)} compiled`];
  const close = () => setDialog(null);
  return (
    <div class={'devices ' + (isList ? 'list' : 'one')}>
      <Head title="Devices" facts={facts}>
        <Button kind="ic" icon="undo" aria-label={past.length ? `Undo: ${e.history.now.text}` : 'Undo'} title={e.history.now.text} disabled={!past.length} onClick={() => step('undo')} />
        <Button kind="ic" icon="redo" aria-label={future.length ? `Redo: ${future[0].text}` : 'Redo'} disabled={!future.length} onClick={() => step('redo')} />
        <Button onClick={() => setDialog('backups')}>Backups</Button>
        <a class="btn" href={href('devices', { tab: 'raw' })} aria-current={isRaw ? 'true' : undefined}>Raw</a>
        {why && (errors.length && isOnline() ? <button type="button" class="b bad why" id="why" title="Go to the first" onClick={() => goToFinding(errors[0])}>{why}</button> : <span class={'b ' + (e.theirs ? 'bad' : '')} id="why">{why}</span>)}
        <Button kind="pri" disabled={!!why} aria-describedby="why" onClick={save}>Apply {plural(n, 'change')}</Button>
      </Head>
      <div class="col">
        <Banners />
        <Conflict />
        <Profiles onYaml={(text) => setDialog({ yaml: text })} />
        <div class={'editor ' + (isWide && node ? 'three' : '')}>
          <Nav at={at} isRoom={isRoom} />
          <div class="body">
            {!isList && <a class="btn sm back" href={href('devices')}>‹ All devices</a>}
            <article class="tile">
              {isRoom ? <Room /> : isRaw ? <RawText path={[]} onYaml={(text) => setDialog({ yaml: text })} />
                : at.length ? <Device index={at[1]} at={at} tab={tab} inspect={isWide ? null : (path) => <Inspect path={path} />} />
                  : <Empty action={<Button kind="pri" icon="plus" onClick={addDevice}>Add device</Button>}>No device is known yet. Add one, or import a file.</Empty>}
            </article>
            <FindingList />
          </div>
          {isWide && node && <article class="tile side-t" key={pointer(node)}><Inspect path={node} /></article>}
        </div>
      </div>
      {adding && <Picker label={`Add ${e.schema.objects[adding.ref].name}`} options={typeOptions(adding.ref)} onPick={(type) => { addType(adding, type); wantFocus('.inspect .form :is(input, textarea, select)'); }} onClose={() => set('adding', null)} />}
      {dialog === 'backups' && <Backups onClose={close} />}
      {dialog === 'save' && <SaveDialog onClose={close} />}
      {dialog && dialog.yaml !== undefined && <SaveDialog yaml={dialog.yaml} onClose={close} />}
    </div>
  );
}

// What belongs to no device.
function Room() {
  const { schema, base } = editor();
  return (
    <>
      <div class="thead"><h2>The room</h2></div>
      <Form of={schema.root} path={[]} skip={['schema', 'generation', 'active_profile', 'profiles', 'devices']} />
      {changesOf().length > 0 && <details class="more"><summary>What this draft changes</summary><Changes from={base} to={draft()} label="Changes of the draft" /></details>}
    </>
  );
}

const SHOWN_MAX = 30;

// Everything that is wrong, each leading to its field.
function FindingList() {
  const { findings, checkError } = editor();
  const doc = draft();
  if (checkError) return <p class="find warn"><span>Not checked: {checkError.message}</span></p>;
  if (!findings.length) return null;
  return (
    <section class="tile finds" aria-label={plural(findings.length, 'finding')} role="status">
      {findings.slice(0, SHOWN_MAX).map((f) => (
        <button type="button" class={'find ' + (f.severity === 'error' ? '' : 'warn')} onClick={() => goToFinding(f)}>
          <span><b>{f.severity === 'error' ? 'Error' : 'Warning'}</b> at {placeOf(doc, parsePointer(f.path)).join(' › ') || 'the configuration'}: {f.message}</span>
        </button>
      ))}
      {findings.length > SHOWN_MAX && <p class="sub">and {findings.length - SHOWN_MAX} more</p>}
    </section>
  );
}

// Selects what has the finding, and goes to its field.
function goToFinding({ path: text }) {
  const doc = draft();
  const path = parsePointer(text);
  const steps = path.slice();
  while (steps.length && (typeof steps[steps.length - 1] !== 'number' || getAt(doc, steps) === undefined)) steps.pop();
  const isNode = path[2] === 'scenarios';
  if (path[0] === 'devices') select(isNode ? nodeOf(steps) : path.slice(0, 2), { tab: isNode ? '' : path[2] === 'template' ? 'template' : 'device' });
  else select([], { tab: 'room' });
  wantFocus('#' + idOf(path));
}

// The step, condition or trigger that has the place: elements of its own lists (rules, parameters) are in its form.
const BLOCKS = ['scenarios', 'steps', 'then', 'else', 'default', 'on_stop', 'triggers', 'conditions', 'while', 'until', 'branches'];
function nodeOf(path) {
  let at = path;
  for (let i = 2; i < path.length; i += 2) if (!BLOCKS.includes(path[i])) at = at.slice(0, Math.min(at.length, i));
  return at;
}
