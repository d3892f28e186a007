// knows.jsx - flags and variables: anybody sees them, admins set them; and the operator's log.

import { useState } from 'preact/hooks';
import { isAdmin } from '../../lib/access.js';
import { count, when } from '../../lib/format.js';
import { hubNow } from '../../lib/store.js';
import { Badge, Button, Switch, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { command, useInRoom, usePoll } from './live.js';
import { logText, logWord, readValue, showValue } from './model.js';
import { originWord } from './words.js';

const LOG_SHOWN = 60;

async function set(what, name, value, before) {
  const send = (v) => command('/api/automation/' + what, { name, value: v });
  if (await send(value)) toast(`${name} is ${showValue(value)}.`, before == null ? undefined : () => send(before));
}

export function Knows() {
  const { auto, mayAct } = useInRoom();
  const flags = usePoll('/api/automation/flags', 0, [auto.flags_version]).value || [];
  const variables = usePoll('/api/automation/variables', 0, [auto.variables_version]).value || [];
  const [find, setFind] = useState('');
  const found = (list) => list.filter((x) => x.name.toLowerCase().includes(find.toLowerCase()));
  const admin = isAdmin();
  return (
    <Tile title="Flags and variables" span={6} class="knows" end={`${count(flags.length)}, ${count(variables.length)}`}>
      {flags.length + variables.length > 12 && <input class="in" type="search" aria-label="Name contains" placeholder="Name contains" value={find} onInput={(e) => setFind(e.target.value)} />}
      <ul aria-label="Flags">
        {found(flags).map((f) => (
          <li key={f.name}><code>{f.name}</code>
            {admin ? <><span class="sub">{String(f.value)}</span><Switch label={f.name} on={f.value} disabled={!mayAct} onChange={(on) => set('flag', f.name, on, f.value)} /></>
              : <Badge kind={f.value ? 'ok' : ''}>{String(f.value)}</Badge>}
          </li>
        ))}
      </ul>
      <ul aria-label="Variables">{found(variables).map((v) => <Variable key={v.name} v={v} admin={admin} off={!mayAct} />)}</ul>
      {!flags.length && !variables.length && <p class="sub">No scenario has set a flag or a variable yet.</p>}
    </Tile>
  );
}

function Variable({ v, admin, off }) {
  const [draft, setDraft] = useState(null);
  const submit = (e) => {
    e.preventDefault();
    set('variable', v.name, readValue(draft), v.value);
    setDraft(null);
  };
  return (
    <li><code>{v.name}</code>{v.persist && <Badge title="Kept over a restart of the hub">kept</Badge>}
      {draft == null ? <><code class="val">{showValue(v.value)}{v.is_cut && '\u2026'}</code>{admin && <Button kind="sm" disabled={off} aria-label={`Set ${v.name}`} onClick={() => setDraft(showValue(v.value))}>Set</Button>}</> : (
        <form class="row" onSubmit={submit}>
          <input class="in mono" aria-label={`Value of ${v.name}`} ref={(e) => e && document.activeElement !== e && e.focus()} value={draft} onInput={(e) => setDraft(e.target.value)} onKeyDown={(e) => e.key === 'Escape' && setDraft(null)} />
          <Button type="submit" kind="sm pri">Set</Button>
        </form>
      )}
    </li>
  );
}

export function Log({ log }) {
  const rows = log.slice(-LOG_SHOWN).reverse();
  return (
    <Tile title="Operator log" span={6} class="oplog" end={<>
      <a class="btn sm" href="/api/game/log?format=csv" download="game.csv">CSV</a>
      <a class="btn sm" href="/api/game/log" download="game.json">JSON</a>
    </>}>
      <ol tabIndex={0} aria-label="Operator log, newest first">
        {rows.map((e) => <li><time>{when(e.unix_ms, hubNow())}</time><span><b>{logWord(e.action)}</b> {logText(e)}</span><span class="sub">{e.user || originWord(e.origin)}</span></li>)}
        {!rows.length && <li class="sub">Nobody has done anything yet.</li>}
      </ol>
      {log.length > LOG_SHOWN && <p class="sub small">The newest {LOG_SHOWN} of {count(log.length)} are shown.</p>}
    </Tile>
  );
}
