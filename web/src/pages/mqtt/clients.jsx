// clients.jsx - clients and kept sessions: searched, ordered and paged by the hub; one of them whole,
// with its subscriptions, and sent away.

import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { age, count, duration, plural, sizeText } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { hubNow, state, useKeys, useTick } from '../../lib/store.js';
import { Confirm } from '../../ui/dialog.jsx';
import { Badge, Button, Loaded, Segments, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';
import { toast } from '../../ui/toast.jsx';

const PAGE = 50;
const LOOK_MS = 5000; // figures of clients change without a word

const listenerOf = (x) => ((state.info || {}).mqtt_listeners || [])[x.listener];
// How it came in, in a word or two.
function way(x) {
  const l = listenerOf(x);
  const kind = l && l.listen.startsWith('unix:') ? 'unix' : x.protocol;
  return kind && kind + (x.tls ? ', TLS' : '');
}
const lasts = (x) => (x.connected ? hubNow() - x.connected_unix_ms : x.away_s != null ? x.away_s * 1000 : null);
const quiet = (v) => <span class={v ? '' : 'sub'}>{count(v)}</span>;

// `sort` of a column is the name of the hub's order.
const columns = [
  { label: 'Client', class: 'name cut', cell: (x) => <button type="button" class="sort" title={x.id} onClick={() => setParam('client', x.id)}><code>{x.id}</code></button>, sort: 'id' },
  { label: 'User', class: 'opt cut', cell: (x) => x.user, sort: 'user' },
  { label: 'By', class: 'opt', cell: way },
  { label: 'MQTT', class: 'opt', cell: (x) => x.version },
  { label: 'State', cell: (x) => (x.connected ? <Badge kind="ok">connected</Badge> : <Badge kind="stale">away</Badge>) },
  num('For', lasts, duration, { sort: 'since' }),
  num('Keep-alive', (x) => x.keepalive_s, (v) => v > 0 && <>{count(v)} <span class="sub">s</span></>, { class: 'opt', sort: 'keepalive' }),
  num('Subs', (x) => x.subscriptions, count, { class: 'opt', sort: 'subscriptions' }),
  num('In', (x) => x.messages_in, count, { class: 'opt', sort: 'messages_in' }),
  num('Out', (x) => x.messages_out, count, { class: 'opt', sort: 'messages_out' }),
  num('Bytes', (x) => x.bytes_in + x.bytes_out, sizeText, { class: 'opt', sort: 'bytes' }),
  num('In flight', (x) => x.inflight, quiet, { class: 'opt', sort: 'inflight' }),
  num('Queued', (x) => x.queued_messages, quiet, { sort: 'queued' }),
  num('Dropped', (x) => x.dropped, (v) => <span class={v ? 'wn' : 'sub'}>{count(v)}</span>, { class: 'opt', sort: 'dropped' }),
];

export function Clients({ ever, chosen }) {
  const { clientsChanged } = useKeys('clientsChanged', 'info');
  useFeed('clients');
  const [find, setFind] = useState('');
  const [of, setOf] = useState('any');
  const [first, setFirst] = useState(0);
  const order = useState(null);
  const [sort] = order;
  const by = sort ? `&sort=${columns[sort[0]].sort}&order=${(columns[sort[0]].sort === 'since' ? -1 : 1) * sort[1] < 0 ? 'down' : 'up'}` : '';
  const list = useResource(`/api/mqtt/clients?first=${first}&count=${PAGE}&state=${of}&find=${encodeURIComponent(find)}${by}`, [clientsChanged, useTick(LOOK_MS)]);
  const anew = (set) => (v) => {
    set(v);
    setFirst(0);
  };
  return (
    <Tile title="Clients" end={list.value && <Pager first={first} n={list.value.clients.length} total={list.value.total} go={setFirst} />}>
      <div class="row seek">
        <input class="in" type="search" aria-label="Client or user contains" placeholder="Client or user contains" value={find} onInput={(e) => anew(setFind)(e.target.value)} />
        <Segments label="Which" options={[['any', 'All'], ['connected', 'Connected'], ['away', 'Away']]} value={of} onChange={anew(setOf)} />
      </div>
      <Loaded of={list}>
        {(v) => <Table label="Clients" columns={columns} rows={v.clients} order={order} rowKey={(x) => x.id} rowClass={(x) => (x.id === chosen ? 'on' : '')}
          empty={find || of !== 'any' ? 'No client is like that.' : ever ? 'No client is connected.' : 'No client has connected yet.'} />}
      </Loaded>
    </Tile>
  );
}

// One client and all that is known of it.
export function Client({ id }) {
  const { clientsChanged } = useKeys('clientsChanged');
  const tick = useTick(LOOK_MS);
  const [ask, setAsk] = useState(false);
  const list = useResource(`/api/mqtt/clients?client=${encodeURIComponent(id)}`, [clientsChanged, tick]);
  // The table above may be long.
  useEffect(() => document.getElementById('client').scrollIntoView({ block: 'nearest' }), [id, !list.value]);
  const x = list.value && list.value.clients[0];
  const subs = useResource(x ? `/api/mqtt/subscriptions?client=${encodeURIComponent(id)}&count=200` : null, [list.at]);
  const send = (what, done) => post(`/api/mqtt/${what}`, { client: id }).then(() => toast(`${id} ${done}.`), (e) => toast(e.message));
  const off = !x || x.protocol === 'bridge';
  const end = (
    <>
      <Button kind="sm" online disabled={off || !x.connected} onClick={() => send('disconnect', 'disconnected')}>Disconnect</Button>
      <Button kind="sm bad" online disabled={off} onClick={() => setAsk(true)}>Forget session</Button>
      <Button kind="sm" onClick={() => setParam('client', null)}>Close</Button>
    </>
  );
  return (
    <Tile title={`Client ${id}`} end={end} id="client">
      <Loaded of={list} lines={4}>{() => (x ? <div class="trio">{facts(x).map((rows) => <Facts rows={rows} />)}</div> : <p class="sub">It is gone, and nothing is kept of it.</p>)}</Loaded>
      {x && <Loaded of={subs}>
        {(v) => <Table label="Subscriptions" columns={subColumns} rows={v.subscriptions} rowKey={(s) => s.filter} empty="It subscribes to nothing." foot={v.next && <tr><td class="none" colSpan="3">The first 200 are shown.</td></tr>} />}
      </Loaded>}
      {ask && (
        <Confirm title={`Forget ${id}?`} verb="Forget session" onDo={() => send('forget', 'forgotten')} onClose={() => setAsk(false)}>
          Its subscriptions and {plural(x.queued_messages, 'queued message')} are lost. This cannot be undone.
        </Confirm>
      )}
    </Tile>
  );
}

export const Facts = ({ rows }) => <dl class="kv">{rows.map(([label, value, tone]) => <><dt>{label}</dt><dd class={tone}>{value}</dd></>)}</dl>;

function kept(x) {
  if (x.connected && (x.clean || !x.session_expiry_s)) return 'ends with its connection';
  const ms = x.session_expiry_s == null ? null : x.session_expiry_s * 1000;
  if (x.connected) return ms == null ? 'kept for ever' : `kept ${duration(ms)} longer`;
  return ms == null ? 'kept for ever' : `ends in ${age(ms)}`;
}

function facts(x) {
  const l = listenerOf(x);
  const t = lasts(x);
  return [
    [[x.connected ? 'Connected' : 'Away', t == null ? 'since before the start' : duration(t)], ['Session', kept(x)], ['User', x.user || 'anonymous', x.user ? '' : 'sub'], ['Keep-alive', x.keepalive_s ? `${count(x.keepalive_s)} s` : 'none']],
    [['Came in by', way(x) || 'not connected'], ['Listener', l ? <code>{l.listen}</code> : x.protocol === 'websocket' ? 'the portal' : 'none'], ['Peer', x.peer || 'none'], ['MQTT', x.version || 'not connected']],
    [['Messages', `${count(x.messages_in)} in, ${count(x.messages_out)} out`], ['Bytes', `${sizeText(x.bytes_in)} in, ${sizeText(x.bytes_out)} out`],
      ['Queued', `${count(x.queued_messages)}, ${sizeText(x.queued_bytes)}${x.paged_messages ? `, ${count(x.paged_messages)} on disk only` : ''}`], ['In flight, dropped', `${count(x.inflight)}, ${count(x.dropped)}`, x.dropped ? 'wn' : '']],
  ];
}

const SHARED = /^\$share\/([^/]*)\//;
const HANDLING = ['', 'retained when new', 'no retained'];
const subColumns = [
  { label: 'Filter', class: 'name wrap', cell: (s) => <code>{s.filter.replace(SHARED, '')}{s.is_cut && '\u2026'}</code>, sort: (s) => s.filter },
  num('QoS', (s) => s.qos, count),
  { label: 'Options', class: 'wrap pad', cell: (s) => [SHARED.test(s.filter) && `shared by ${SHARED.exec(s.filter)[1]}`, s.no_local && 'no local', s.retain_as_published && 'retain as published', HANDLING[s.retain_handling], s.identifier && `identifier ${s.identifier}`].filter(Boolean).join(', ') },
];

function Pager({ first, n, total, go }) {
  return (
    <>
      <span>{n ? `${count(first + 1)} to ${count(first + n)} of ${count(total)}` : 'none'}</span>
      {(total > PAGE || first > 0) && (
        <span class="row">
          <Button kind="ic sm" icon="prev" aria-label="Earlier clients" disabled={!first} onClick={() => go(Math.max(0, first - PAGE))} />
          <Button kind="ic sm" icon="next" aria-label="More clients" disabled={first + n >= total} onClick={() => go(first + PAGE)} />
        </span>
      )}
    </>
  );
}
