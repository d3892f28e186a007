// alarms.jsx - what is wrong now, to be acknowledged, and what was.

import { useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { useResource } from '../../lib/resource.js';
import { when } from '../../lib/format.js';
import { hubNow, useTick } from '../../lib/store.js';
import { Badge, Button, Loaded, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { lastedText, severityOf } from './model.js';
import { SOURCES } from './words.js';

const AGAIN_MS = 15000; // one may go as another comes

export function Alarms({ battery }) {
  const again = useTick(AGAIN_MS);
  const list = useResource('/api/battery/alarms', [JSON.stringify(battery.alarms), again]);
  const [busy, setBusy] = useState(false);
  const acknowledge = (what) => {
    setBusy(true);
    post('/api/battery/alarms/acknowledge', what).then(list.reload, (e) => toast(e.message)).then(() => setBusy(false));
  };
  const open = list.value ? list.value.active.filter((a) => a.state === 'active') : [];
  return (
    <Tile title="Alarms" span={4} class="alarms" end={open.length > 1 ? <Button kind="sm" online disabled={busy} onClick={() => acknowledge({ all: true })}>Acknowledge all</Button> : list.value && !list.value.active.length && <Badge kind="ok">none active</Badge>}>
      <Loaded of={list} lines={6}>{(v) => (
        <>
          {v.active.length > 0 && <ul class="al" aria-label="Active alarms">{v.active.map((a) => <Active key={a.id} a={a} busy={busy} onDo={() => acknowledge({ id: a.id })} />)}</ul>}
          <h3>History</h3>
          {v.history.length ? <ul class="al past" tabIndex={0} aria-label="Alarms of the past">{v.history.map((a) => <Past key={`${a.id}/${a.raised_ms}`} a={a} />)}</ul> : <p class="sub">No alarm yet.</p>}
        </>
      )}</Loaded>
    </Tile>
  );
}

function Active({ a, busy, onDo }) {
  useTick(1000);
  const [kind, word] = severityOf(a);
  const done = a.state !== 'active';
  return (
    <li>
      <div class="row between"><Badge kind={kind}>{word}</Badge>{done ? <span class="sub small">acknowledged</span> : <Button kind="sm" online disabled={busy} aria-label={`Acknowledge: ${a.message}`} onClick={onDo}>Acknowledge</Button>}</div>
      <p>{a.message}</p>
      <p class="sub small">{[lastedText(a, hubNow()), SOURCES[a.source] || a.source].filter(Boolean).join(', ')}</p>
    </li>
  );
}

function Past({ a }) {
  const [kind, word] = severityOf(a);
  const lasted = a.cleared_ms ? lastedText(a) : '';
  return (
    <li>
      <span class={'dot-b ' + kind} title={word}><span class="off-s">{word}</span></span>
      <span class="txt">{a.message}</span>
      <time class="sub">{when(a.raised_ms, hubNow())}{lasted && `, ${lasted}`}</time>
    </li>
  );
}
