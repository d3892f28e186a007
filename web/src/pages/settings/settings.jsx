// settings.jsx - every setting with value, default, limits and source; edits are applied together.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post, put } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { loadInfo } from '../../lib/hub.js';
import { setParam } from '../../lib/route.js';
import { Accounts } from './accounts.jsx';
import { comesTo, limits, readEdit, shown, stillEdited } from './values.js';
import { isOnline, set, state, useKeys } from '../../lib/store.js';
import { Confirm } from '../../ui/dialog.jsx';
import { Badge, Button, Failed, Head, Loading, Note, Switch, Tile, findingOf } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';

const NAMES = { mqtt: 'MQTT', http: 'HTTP', ota: 'Updates' };
const KEPT = 'nuthatch.edits';

function setEdits(edits) {
  set('edits', edits);
  sessionStorage.setItem(KEPT, JSON.stringify(edits));
}

async function load() {
  const settings = await get('/api/settings');
  set('settings', settings);
  const edits = state.edits || JSON.parse(sessionStorage.getItem(KEPT) || '{}');
  setEdits(stillEdited(settings.fields, edits));
}

export default function Settings({ params }) {
  const { settings, edits, link } = useKeys('settings', 'edits', 'link');
  const [error, setError] = useState(null); // of loading
  const [refused, setRefused] = useState({}); // pointer -> finding of the hub
  const [problem, setProblem] = useState(null); // {text, conflict}
  const reload = () => load().then(() => setError(null), setError);
  useEffect(() => {
    if (link.state === 'live') reload();
  }, [link.state]);

  const list = Object.keys(edits || {});
  const fields = settings ? settings.fields : [];
  const waiting = fields.filter((f) => f.waits).map((f) => f.pointer);
  const read = new Map(fields.filter((f) => list.includes(f.pointer)).map((f) => [f.pointer, readEdit(f, edits[f.pointer])]));
  const findings = { ...refused };
  for (const [pointer, r] of read) if (r.finding) findings[pointer] = r.finding;
  const bad = list.filter((p) => findings[p]).length;
  const why = !isOnline() ? 'no connection' : bad ? plural(bad, 'finding') : list.length ? '' : 'no changes';

  const edit = (f, raw) => {
    setRefused(({ [f.pointer]: gone, ...rest }) => rest);
    setEdits(stillEdited(fields, { ...state.edits, [f.pointer]: raw }));
  };
  const send = async (values, undo) => {
    const before = Object.fromEntries(fields.filter((f) => f.pointer in values).map((f) => [f.pointer, f.value]));
    try {
      const reply = await put('/api/settings', { base_generation: state.settings.generation, values });
      setProblem(null);
      setRefused({});
      if (!undo) setEdits({});
      await load();
      loadInfo(); // the band shows the name
      toast(`${plural(Object.keys(values).length, 'change')} ${undo ? 'undone' : 'applied'}, generation ${reply.generation}.`, undo ? null : () => send(before, true));
    } catch (e) {
      setProblem({ text: e.message, conflict: e.status === 409 });
      setRefused(Object.fromEntries(e.details.map((d) => [d.field, d.text])));
    }
  };
  const apply = () => !why && send(Object.fromEntries([...read].map(([p, r]) => [p, r.value])));
  // Effects run after the paint: a key pressed before would meet what was there one edit ago.
  const save = useRef();
  save.current = apply;

  useEffect(() => {
    const first = document.querySelector('.set [aria-invalid]');
    if (first) first.focus();
  }, [refused]);
  useEffect(() => {
    const key = (e) => {
      if (!(e.ctrlKey || e.metaKey) || e.key !== 's') return;
      e.preventDefault();
      save.current();
    };
    const leave = (e) => Object.keys(state.edits || {}).length && e.preventDefault();
    addEventListener('keydown', key);
    addEventListener('beforeunload', leave);
    return () => {
      removeEventListener('keydown', key);
      removeEventListener('beforeunload', leave);
    };
  }, []);

  if (!settings) return <><Head title="Settings" />{error ? <Failed error={error} retry={reload} /> : <Loading lines={10} />}</>;
  const wanted = (params.find || '').toLowerCase();
  const groups = new Map();
  for (const f of fields) {
    if (!`${f.pointer} ${f.text}`.toLowerCase().includes(wanted)) continue;
    const group = f.pointer.split('/')[1];
    groups.set(group, [...(groups.get(group) || []), f]);
  }
  return (
    <>
      <Head title="Settings" facts={[`generation ${settings.generation}`, settings.file, plural(fields.length, 'setting')]}>
        <input class="in find-in" type="search" aria-label="Find setting" placeholder="Find setting" value={params.find || ''} onInput={(e) => setParam('find', e.target.value || null)} />
        {list.length > 0 && <Button onClick={() => { setEdits({}); setRefused({}); setProblem(null); }}>Discard</Button>}
        {why && <span class={bad ? 'b bad' : 'b'} id="why">{why}</span>}
        <Button kind="pri" disabled={!!why} aria-describedby="why" onClick={apply}>Apply {plural(list.length, 'change')}</Button>
      </Head>
      <div class="col">
        {problem && (
          <Note action={problem.conflict && <Button kind="sm" onClick={() => { setProblem(null); reload(); }}>Take over the new values, keep edits</Button>}>{problem.text}</Note>
        )}
        {waiting.length > 0 && <Restart list={waiting} />}
        {!wanted && <Accounts />}
        {[...groups].map(([group, of]) => (
          <Tile key={group} title={NAMES[group] || group[0].toUpperCase() + group.slice(1)}>
            {of.map((f) => <Row key={f.pointer} f={f} raw={edits && edits[f.pointer]} finding={findings[f.pointer]} edit={(raw) => edit(f, raw)} />)}
          </Tile>
        ))}
        {!groups.size && <p class="sub">No setting has "{params.find}".</p>}
      </div>
    </>
  );
}

function Row({ f, raw, finding, edit }) {
  const edited = raw !== undefined;
  const id = 'set' + f.pointer.replace(/\W/g, '-');
  const value = edited ? raw : f.value;
  const read = readEdit(f, value == null ? '' : value);
  const hint = comesTo(f, read.value);
  const range = limits(f);
  return (
    <div class={'set ' + (edited ? 'on' : '')}>
      <div class="what"><label for={id}>{f.text || f.pointer}</label><code class="sub">{f.pointer}</code></div>
      <div class="ctl">
        <div class="row"><Control f={f} id={id} value={value} finding={finding} edit={edit} />{f.unit && <span class="sub">{f.unit}</span>}{hint && f.unit && <span class="sub">= {hint}</span>}</div>
        {finding && <div class="find" id={id + '-find'}><span>{finding}</span></div>}
      </div>
      <div class="about">
        <span>default {shown(f, f.default)}{range && `, limits ${range}`}</span>
        <span class="row">
          {edited ? <><Badge kind="run">was {shown(f, f.value)}</Badge><Button kind="sm" onClick={() => edit(f.value)}>Revert</Button></>
            : <Badge title="Where the value comes from">{f.writable ? f.source : 'only in the file'}</Badge>}
          {f.waits ? <Badge kind="warn">after restart</Badge> : f.restart && f.writable && <span>after restart</span>}
        </span>
      </div>
    </div>
  );
}

function Control({ f, id, value, finding, edit }) {
  const off = !f.writable;
  if (f.type === 'bool') return <Switch id={id} label={f.text} on={!!value} disabled={off} onChange={edit} />;
  if (f.type === 'enum') {
    return (
      <select id={id} class="in" disabled={off} value={value} onChange={(e) => edit(e.target.value)} {...findingOf(id, finding)}>
        {f.choices.map((c) => <option value={c}>{c}</option>)}
      </select>
    );
  }
  return (
    <input id={id} class={'in ' + (f.type === 'int' ? 'figure' : 'mono')} inputMode={f.type === 'int' ? 'numeric' : undefined} disabled={off} spellcheck={false} autocomplete="off"
      value={value == null ? '' : value} onInput={(e) => edit(e.target.value)} {...findingOf(id, finding)} />
  );
}

function Restart({ list }) {
  const [ask, setAsk] = useState(false);
  const restart = () => post('/api/reboot').catch((e) => toast(e.message));
  return (
    <>
      <Note kind="warn" role="status" action={<Button kind="sm" online onClick={() => setAsk(true)}>Restart hub</Button>}>
        {plural(list.length, 'setting takes', 'settings take')} effect after a restart: <code>{list.join(', ')}</code>
      </Note>
      {ask && (
        <Confirm title="Restart the hub?" verb="Restart" onDo={restart} onClose={() => setAsk(false)}>
          Only settings are kept: sessions and retained messages are in RAM and end. The hub is back on its addresses in about a second, and this page by itself.
        </Confirm>
      )}
    </>
  );
}
