// changes.jsx - what differs, to read; and what uses it: backups, the save dialog, a conflict, the state of the card.

import { useEffect, useState } from 'preact/hooks';
import { get, post } from '../../lib/api.js';
import { duration, plural, sizeText, when } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { hubNow, isOnline, useKeys, useTick } from '../../lib/store.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Button, Failed, Field, Loaded, Loading, Note, Segments, Switch } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { apply, body, change, changesOf, draft, editor, errorsOf, isInForce, keepTrial, settle, undoTrial } from './editor.js';
import { diff } from './diff.js';
import { applyOps, clashes, opsOf } from './merge.js';
import { changeText } from './words.js';

const SHOWN_MAX = 200;

// Each change as place, what was and what is.
export function Changes({ from, to, label }) {
  const changes = diff(from, to);
  if (!changes.length) return <p class="sub">Nothing differs.</p>;
  return (
    <ul class="changes" aria-label={label}>
      {changes.slice(0, SHOWN_MAX).map((c) => {
        const { place, sign, was, is } = changeText(from, to, c);
        return <li class={c.kind}><b>{sign}</b><span>{place}{(was || is) && ': '}{was && <del>{was}</del>} {is && <ins>{is}</ins>}</span></li>;
      })}
      {changes.length > SHOWN_MAX && <li class="sub">and {changes.length - SHOWN_MAX} more</li>}
    </ul>
  );
}

// ---- backups -------------------------------------------------------------------------------------------------

export function Backups({ onClose }) {
  const { base } = editor();
  const list = useResource('/api/devices/backups');
  const [at, setAt] = useState(null);
  const [doc, setDoc] = useState(null);
  const [error, setError] = useState(null);
  const [running, setRunning] = useState('keep');
  useEffect(() => {
    if (at == null) return;
    setDoc(null);
    setError(null);
    get('/api/devices/backup?generation=' + at).then((d) => setDoc(body(d)), setError);
  }, [at]);
  const back = async () => {
    const how = { generation: at, cancel: running === 'cancel' };
    if (await change('/api/devices/rollback', how, (r) => `Generation ${at} is in force again, as ${r.generation}.`)) onClose();
  };
  const snapshot = () => change('/api/devices/snapshot', undefined, 'What is in force is a backup too.').then(list.reload);
  return (
    <Dialog label="Backups" class="broad" onClose={onClose}>
      <div class="row between"><h2>Backups</h2><Button kind="sm" online onClick={snapshot}>Make one now</Button></div>
      <Loaded of={list} lines={3}>
        {(backups) => (
          <div class="two">
            <ul class="choose" aria-label="Backups">
              {backups.map((b) => <li><button type="button" aria-pressed={b.generation === at} onClick={() => setAt(b.generation)}>generation {b.generation}<small>{when(b.mtime_unix_ms, hubNow())}, {sizeText(b.size_bytes)}</small></button></li>)}
              {!backups.length && <li class="sub">There are none: the card is missing, or nothing was changed yet.</li>}
            </ul>
            <div>
              {at == null && <p class="sub">Choose one to see what a rollback would change.</p>}
              {error && <Failed error={error} />}
              {at != null && !doc && !error && <Loading lines={3} />}
              {doc && <><h3>A rollback to generation {at} would change</h3><Changes from={base} to={doc} label="Changes of the rollback" /></>}
            </div>
          </div>
        )}
      </Loaded>
      <div class="row end">
        <Running value={running} onChange={setRunning} />
        <Button onClick={onClose}>Close</Button>
        <Button kind="pri" online disabled={!doc || !isInForce()} onClick={back}>Roll back</Button>
      </div>
    </Dialog>
  );
}

const Running = ({ value, onChange }) => (
  <Segments label="Scenarios that run" value={value} onChange={onChange} options={[['keep', 'keep what runs', 'It goes on with the configuration it began with'], ['cancel', 'cancel what runs']]} />
);

// ---- saving ----------------------------------------------------------------------------------------------------

const CONFIRM_S = 60;

// What the hub says of a text, which it alone can read.
export const YamlFindings = ({ told }) => (told.findings.length === 0 ? <p class="sub" role="status">Nothing is wrong with it.</p> : (
  <ul role="status" aria-label={plural(told.findings.length, 'finding')}>
    {told.findings.map((f) => <li class={'find ' + (f.severity === 'error' ? '' : 'warn')}><span>{f.line ? `Line ${f.line}: ` : ''}<code>{f.path}</code> {f.message}</span></li>)}
  </ul>
));

// `yaml`: this text instead of the draft.
export function SaveDialog({ yaml, onClose }) {
  const { devices } = useKeys('devices', 'link');
  const [running, setRunning] = useState('keep');
  const [isTrial, setTrial] = useState(false);
  const [seconds, setSeconds] = useState(String(CONFIRM_S));
  const [error, setError] = useState(null);
  const [told, setTold] = useState(null); // of a text: {errors, findings}
  const e = editor();
  useEffect(() => { if (yaml !== undefined) post('/api/devices/validate', yaml, 'application/yaml').then(setTold, setError); }, [yaml]);
  const inForce = isInForce();
  const canTry = inForce && devices && devices.card;
  const s = Number(seconds);
  const isBad = isTrial && !(Number.isInteger(s) && s >= 5 && s <= 86400);
  const save = async (ev) => {
    ev.preventDefault();
    setError(null);
    try {
      await apply({ cancel: running === 'cancel', confirmS: isTrial && canTry ? s : 0, yaml });
      onClose();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Dialog label="Apply" class="broad" onClose={onClose}>
      <form onSubmit={save}>
        <h2>{yaml === undefined ? `Apply ${plural(changesOf().length, 'change')}` : 'Apply the YAML text'}{inForce ? '' : ` to profile ${e.profile}`}</h2>
        {yaml === undefined && <Changes from={e.base} to={draft()} label="Changes" />}
        {yaml === undefined && e.findings.length > 0 && <p class="find warn"><span>{plural(e.findings.length, 'warning')}: they stop nothing.</span></p>}
        {yaml !== undefined && !told && !error && <Loading lines={2} />}
        {told && <YamlFindings told={told} />}
        {inForce ? (
          <>
            <div class="row between"><span>Scenarios that run</span><Running value={running} onChange={setRunning} /></div>
            <div class="row between">
              <label for="trial">On trial: back to before, unless kept in time{canTry ? '' : ' (needs the card: what was before is a backup there)'}</label>
              <Switch id="trial" label="On trial" on={isTrial} disabled={!canTry} onChange={setTrial} />
            </div>
            {isTrial && (
              <Field id="trial-s" label="Seconds to keep it" limit="5 to 86,400" finding={isBad && `"${seconds}" is not 5 to 86,400.`}>
                <input class="in figure" id="trial-s" inputMode="numeric" value={seconds} onInput={(ev) => setSeconds(ev.target.value)} />
              </Field>
            )}
          </>
        ) : <p class="sub">This profile is not in force: nothing that runs is touched.</p>}
        {error && <Failed error={error} />}
        <div class="row end"><Button onClick={onClose}>Cancel</Button><button class="btn pri" disabled={isBad || !isOnline() || (yaml !== undefined && !(told && told.errors === 0))}>{yaml === undefined ? 'Apply' : 'Apply YAML'}</button></div>
      </form>
    </Dialog>
  );
}

// ---- somebody else changed it meanwhile ----------------------------------------------------------------------------

export function Conflict() {
  const [merging, setMerging] = useState(false);
  const { theirs, base, generation } = editor();
  if (!theirs) return null;
  const whose = theirs.by || 'the hub itself';
  const send = () => apply({ overwrite: true }).catch((e) => toast(e.message));
  return (
    <section class="tile conflict" role="alert" aria-label="Conflict">
      <p><b>Generation {theirs.generation} is in force, made by {whose}{theirs.unixMs ? ` at ${when(theirs.unixMs, hubNow())}` : ''}.</b> Yours began with generation {generation}. Nothing of yours is applied.</p>
      <details open><summary>What {whose} changed</summary><Changes from={base} to={theirs.doc} label="Their changes" /></details>
      <details><summary>What you changed</summary><Changes from={base} to={draft()} label="My changes" /></details>
      <div class="row">
        <Button onClick={() => settle(theirs.doc, 'theirs instead of mine')}>Take theirs</Button>
        <Button kind="pri" onClick={() => setMerging(true)}>Merge</Button>
        <Button kind="bad" online onClick={send}>Overwrite with mine</Button>
      </div>
      {merging && <Merge onClose={() => setMerging(false)} />}
    </section>
  );
}

const opPlace = (op) => op.where.map((k) => (typeof k === 'object' ? k.is : k)).join(' › ');

// My changes one by one, to be taken onto theirs or left. Those that meet one of theirs are left at first.
function Merge({ onClose }) {
  const { theirs, base } = editor();
  const theirOps = opsOf(base, theirs.doc);
  const mine = opsOf(base, draft()).map((op) => ({ op, meets: theirOps.find((t) => clashes(op, t) || clashes(t, op)) }));
  const [takes, setTakes] = useState(() => mine.map((m) => !m.meets));
  const merge = () => {
    const { doc, lost } = applyOps(theirs.doc, mine.filter((_, i) => takes[i]).map((m) => m.op));
    settle(doc, 'merge');
    toast(lost.length ? `${plural(lost.length, 'change')} had no place in theirs: ${lost.map(opPlace).join('; ')}.` : 'Both are in the draft now. Look at it, then apply.');
    onClose();
  };
  return (
    <Dialog label="Merge" class="broad" onClose={onClose}>
      <h2>My changes on top of theirs</h2>
      <ul class="merge">
        {mine.map(({ op, meets }, i) => (
          <li>
            <label><input type="checkbox" checked={takes[i]} onChange={() => setTakes(takes.map((t, n) => (n === i ? !t : t)))} />
              <span>{opPlace(op)}{meets && <em class="wn"> they changed this too</em>}</span></label>
          </li>
        ))}
      </ul>
      <div class="row end"><Button onClick={onClose}>Cancel</Button><Button kind="pri" onClick={merge}>Take {plural(takes.filter(Boolean).length, 'change')}</Button></div>
    </Dialog>
  );
}

// ---- the state of the hub's configuration ---------------------------------------------------------------------------

export function Banners() {
  const { devices } = useKeys('devices');
  if (!devices) return null;
  const sync = (keep, text) => post('/api/devices/sync', { keep }).then((r) => toast(text || `Done: ${r.message}.`), (e) => toast(e.message));
  return (
    <>
      {devices.confirm_ms > 0 && <Trial devices={devices} />}
      {devices.conflict ? (
        <Note kind="warn" action={<span class="row"><Button kind="sm" online onClick={() => sync('hub')}>Keep the hub's</Button><Button kind="sm" online onClick={() => sync('card')}>Keep the card's</Button></span>}>
          The card came back with another configuration. Choose which one stays; the other becomes a backup.
        </Note>
      ) : !devices.card ? (
        <Note kind="warn" role="status">The card is missing: changes are kept in the hub, and written to the card when it is back. Backups and other profiles are on the card.</Note>
      ) : !devices.saved ? (
        <Note kind="warn" action={<Button kind="sm" online onClick={() => sync('newer')}>Write it now</Button>}>What is in force is not on the card.</Note>
      ) : null}
      {devices.degraded && !devices.conflict && <Note kind="warn" role="status">{devices.degraded}</Note>}
    </>
  );
}

function Trial({ devices }) {
  useTick(500);
  const left = Math.max(0, devices.confirm_ms - (Date.now() - devices.at));
  return (
    <Note kind="warn" role="status" action={<span class="row"><Button kind="sm pri" online onClick={keepTrial}>Keep</Button><Button kind="sm" online onClick={undoTrial}>Undo now</Button></span>}>
      Generation {devices.generation} is on trial: <b class="count">{duration(left)}</b> left, then generation {devices.confirm_back} comes back.
    </Note>
  );
}

export { errorsOf };
