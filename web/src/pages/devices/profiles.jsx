// profiles.jsx - the bar of profiles: which one is edited, which is in force, and what can be done with them.

import { useRef, useState } from 'preact/hooks';
import { plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { useKeys } from '../../lib/store.js';
import { Confirm, Dialog } from '../../ui/dialog.jsx';
import { Badge, Button, Field } from '../../ui/parts.jsx';
import { change, countText, editor, isDirty, isInForce, load, replaceAll } from './editor.js';
import { freeId, idFrom } from './refs.js';

export function Profiles({ onYaml }) {
  const { devices } = useKeys('devices');
  const { profile, generation } = editor();
  const [turn, bump] = useState(0);
  const list = useResource('/api/devices/profiles', [devices && devices.profile, devices && devices.generation, generation, turn]);
  const [ask, setAsk] = useState(null);
  const [open, setOpen] = useState(false);
  const file = useRef();
  const profiles = list.value || [];
  const here = profiles.find((p) => p.id === profile) || { id: profile, name: profile };
  const close = () => setAsk(null);
  // What would leave edits behind asks first.
  const guarded = (what, then) => (isDirty() ? setAsk({ kind: 'leave', what, then }) : then());
  const done = (text) => (ok) => ok && bump((n) => n + 1) && text;
  const send = (verb, value, text, other) => change(`/api/devices/profile/${verb}`, value, text, other).then(done(text));
  const take = async (f) => {
    const text = await f.text();
    file.current.value = '';
    try {
      replaceAll(JSON.parse(text), `import ${f.name}`);
    } catch {
      onYaml(text);
    }
  };
  return (
    <div class={'pbar row ' + (open ? 'open' : '')} role="group" aria-label="Profiles">
      <label for="profile" class="sub">Profile</label>
      <select class="in" id="profile" value={profile} onChange={(e) => { const next = e.target.value; e.target.value = profile; guarded('open another profile', () => load(next)); }}>
        {!profiles.some((p) => p.id === profile) && <option value={profile}>{profile}</option>}
        {profiles.map((p) => <option value={p.id}>{p.name || p.id}, {plural(p.device_count, 'device')}{p.active ? ', in force' : ''}</option>)}
      </select>
      {isInForce() ? <Badge kind="ok">in force</Badge> : <Button kind="sm" online onClick={() => guarded('activate the profile', () => send('activate', { id: profile }, `Profile ${here.name} is in force.`, profile))}>Activate</Button>}
      <Button kind="sm open-s" aria-expanded={open} onClick={() => setOpen(!open)}>More</Button>
      <span class="row rest">
        <Button kind="sm" online icon="plus" onClick={() => setAsk({ kind: 'add' })}>Add</Button>
        <Button kind="sm" online onClick={() => setAsk({ kind: 'add', clone: profile })}>Clone</Button>
        <Button kind="sm" online onClick={() => setAsk({ kind: 'rename' })}>Rename</Button>
        <Button kind="sm" online disabled={isInForce()} title={isInForce() ? 'The profile in force cannot be deleted' : undefined} onClick={() => setAsk({ kind: 'delete' })}>Delete</Button>
        <a class="btn sm" href={`/api/devices/profile/download?profile=${encodeURIComponent(profile)}`} download={`${profile}.json`}>Download</a>
        <Button kind="sm" onClick={() => file.current.click()}>Import</Button>
        <input type="file" accept=".json,.yaml,.yml,application/json" class="file" hidden ref={file} aria-label="File to import" onChange={(e) => e.target.files[0] && take(e.target.files[0])} />
      </span>
      {ask && ask.kind === 'leave' && <Confirm title={`Leave ${countText()}?`} verb="Leave them" onDo={ask.then} onClose={close}>To {ask.what}, the draft is put away. Its changes are not applied.</Confirm>}
      {ask && ask.kind === 'delete' && (
        <Confirm title={`Delete profile ${here.name}?`} verb="Delete" onDo={() => send('delete', { id: profile }, `Profile ${here.name} is deleted.`, devices.profile)} onClose={close}>
          Its {plural(here.device_count || 0, 'device')} and its file on the card go. Backups of it stay.
        </Confirm>
      )}
      {ask && (ask.kind === 'add' || ask.kind === 'rename') && (
        <Naming ask={ask} here={here} taken={profiles.map((p) => p.id)} onClose={close}
          onDo={(name, id) => (ask.kind === 'rename' ? send('rename', { id: profile, name }, `The profile is named ${name}.`) : guarded('open the new profile', () => send('create', { id, name, clone: ask.clone }, `Profile ${name} is made.`, id)))} />
      )}
    </div>
  );
}

function Naming({ ask, here, taken, onDo, onClose }) {
  const isNew = ask.kind === 'add';
  const [name, setName] = useState(isNew ? (ask.clone ? `${here.name} 2` : '') : here.name);
  const id = freeId(taken, idFrom(name) || 'profile');
  const title = !isNew ? 'Rename profile' : ask.clone ? `Clone ${here.name}` : 'Add profile';
  return (
    <Dialog label={title} onClose={onClose}>
      <form onSubmit={(e) => { e.preventDefault(); onClose(); onDo(name.trim(), id); }}>
        <h2>{title}</h2>
        <Field id="pname" label="Name" limit={isNew ? `id ${id}` : null}><input class="in" id="pname" value={name} maxLength={63} onInput={(e) => setName(e.target.value)} /></Field>
        <div class="row end"><Button onClick={onClose}>Cancel</Button><button class="btn pri" disabled={!name.trim()}>{isNew ? 'Add' : 'Rename'}</button></div>
      </form>
    </Dialog>
  );
}
