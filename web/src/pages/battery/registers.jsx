// registers.jsx - the board's settings by group: value, unit, limits, default; edits are reviewed, then written together.

import { useEffect, useRef, useState } from 'preact/hooks';
import { isAdmin } from '../../lib/access.js';
import { get } from '../../lib/api.js';
import { age, plural } from '../../lib/format.js';
import { setParam } from '../../lib/route.js';
import { isOnline, set, state, useKeys, useTick } from '../../lib/store.js';
import { Badge, Button, findingOf, Loaded, Segments, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { groupsOf, limitsOf, plain, readEdit, shown, stillEdited } from './model.js';
import { Review } from './review.jsx';

export const setEdits = (edits) => set('batteryEdits', edits);

export function Registers({ settings, group, again }) {
  const { batteryEdits: edits = {} } = useKeys('batteryEdits', 'link');
  const [review, setReview] = useState(null);
  const [refused, setRefused] = useState({}); // key -> finding of the hub
  const [reading, setReading] = useState(false);
  const list = settings.value ? settings.value.settings : [];
  const read = new Map(list.filter((s) => s.key in edits).map((s) => [s.key, readEdit(s, edits[s.key])]));
  const findings = { ...refused };
  for (const [key, r] of read) if (r.finding) findings[key] = r.finding;
  const bad = [...read.keys()].filter((k) => findings[k]).length;
  const n = read.size;
  const why = !isOnline() ? 'no connection' : bad ? plural(bad, 'finding') : '';

  const edit = (s, raw) => {
    setRefused(({ [s.key]: gone, ...rest }) => rest);
    setEdits(stillEdited(list, { ...state.batteryEdits, [s.key]: raw }));
  };
  const open = () => n && !why && setReview(Object.fromEntries([...read].map(([k, r]) => [k, r.value])));
  const save = useRef();
  save.current = open;
  useEffect(() => {
    const key = (e) => {
      if (!(e.ctrlKey || e.metaKey) || e.key !== 's') return;
      e.preventDefault();
      save.current();
    };
    const leave = (e) => Object.keys(state.batteryEdits || {}).length && e.preventDefault();
    addEventListener('keydown', key);
    addEventListener('beforeunload', leave);
    return () => {
      removeEventListener('keydown', key);
      removeEventListener('beforeunload', leave);
    };
  }, []);

  const readAgain = () => {
    setReading(true);
    get('/api/battery/settings?fresh=1').then(again, (e) => toast(e.message)).then(() => setReading(false));
  };
  // What the board took is no edit any more; the others stay, with what the hub found.
  const written = (results) => {
    const done = new Set(results.filter((r) => r.outcome === 'done').map((r) => r.key));
    setEdits(Object.fromEntries(Object.entries(state.batteryEdits || {}).filter(([k]) => !done.has(k))));
    again();
  };
  const groups = groupsOf(list);
  const shownGroup = groups.some((g) => g[0] === group) ? group : groups.length ? groups[0][0] : '';
  const marks = (id) => list.filter((s) => s.group === id && s.key in edits).length;
  return (
    <Tile title="Registers" class="regs" end={<>{settings.value && <Read value={settings.value} at={settings.at} />}<Button kind="sm" online disabled={reading} onClick={readAgain}>{reading ? 'Reading' : 'Read from the board'}</Button></>}>
      <Loaded of={settings} lines={10}>{() => (list.length ? (
        <>
          <div class="scroll"><Segments label="Group of registers" options={groups.map(([id, name]) => [id, marks(id) ? `${name} (${marks(id)})` : name])} value={shownGroup} onChange={(id) => setParam('group', id)} /></div>
          <div class="reg-l">{list.filter((s) => s.group === shownGroup).map((s) => <Row key={s.key} s={s} raw={edits[s.key]} finding={findings[s.key]} edit={(raw) => edit(s, raw)} />)}</div>
          {isAdmin() && <div class={`reg-do ${n ? 'on' : ''}`} role="group" aria-label="Changes">
            <span class={n ? '' : 'sub'}>{n ? plural(n, 'change') : 'No changes.'} {why && n > 0 && <span class={bad ? 'b bad' : 'b'} id="reg-why">{why}</span>}</span>
            <span class="row">
              <Button disabled={!n} onClick={() => { setEdits({}); setRefused({}); }}>Discard</Button>
              <Button kind="pri" disabled={!n || !!why} aria-describedby={why ? 'reg-why' : undefined} onClick={open}>Review {plural(n, 'change')}</Button>
            </span>
          </div>}
        </>
      ) : <p class="sub">The board has not told its settings yet. They are read once it answers.</p>)}</Loaded>
      {review && <Review changes={review} settings={list} onRefused={setRefused} onWritten={written} onClose={() => setReview(null)} />}
    </Tile>
  );
}

function Read({ value, at }) {
  useTick(5000);
  return <span>{value.age_ms == null ? 'not read yet' : `read ${age(value.age_ms + Date.now() - at)} ago`}</span>;
}

function Row({ s, raw, finding, edit }) {
  const edited = raw !== undefined;
  const id = 'reg-' + s.address + '-' + s.key;
  const range = limitsOf(s);
  return (
    <div class={'set ' + (edited ? 'on' : '')}>
      <div class="what">
        <label for={id}>{s.label || s.key}</label>
        <code class="sub">{s.address} <span class="key">{s.key}</span></code>
      </div>
      <div class="ctl">
        <div class="row"><Control s={s} id={id} value={edited ? raw : plain(s, s.value)} finding={finding} edit={edit} /><span class="sub unit">{s.unit}</span></div>
        {finding && <div class="find" id={id + '-find'} role="alert"><span>{finding}</span></div>}
      </div>
      <div class="about">
        <span>{[range, s.default != null && `default ${shown(s, s.default)}`].filter(Boolean).join(', ')}</span>
        <span class="row">
          {edited && <><Badge kind="run">was {shown(s, s.value)}</Badge><Button kind="sm" aria-label={`Revert ${s.label}`} onClick={() => edit(plain(s, s.value))}>Revert</Button></>}
          {!edited && s.default != null && s.value != null && s.value !== s.default && <Badge>not the default</Badge>}
          {s.dangerous && <Badge kind="warn" title="It is written after a confirmation only">protects</Badge>}
          {!s.writable && <Badge>read only</Badge>}
        </span>
        {s.comment && <span class="com">{s.comment}</span>}
      </div>
    </div>
  );
}

function Control({ s, id, value, finding, edit }) {
  const off = !s.writable || !isAdmin();
  if (s.choices) {
    return (
      <select id={id} class="in" disabled={off} value={value} onChange={(e) => edit(e.target.value)} {...findingOf(id, finding)}>
        {!s.choices.some((c) => String(c.value) === String(value)) && <option value={value}>{value === '' ? 'not known' : `${value}, unknown`}</option>}
        {s.choices.map((c) => <option value={String(c.value)}>{c.text}</option>)}
      </select>
    );
  }
  return <input id={id} class="in figure" inputMode="decimal" disabled={off} spellcheck={false} autocomplete="off" placeholder="not known" value={value} onInput={(e) => edit(e.target.value)} {...findingOf(id, finding)} />;
}
