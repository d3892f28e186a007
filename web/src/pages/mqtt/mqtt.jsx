// mqtt.jsx - the MQTT page: counters and rates, clients, retained messages, live messages, publish.

import { useRef, useState } from 'preact/hooks';
import { count, duration, plural, sizeText } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { hubNow, useKeys } from '../../lib/store.js';
import { Badge, Button, Head, Legend, Loaded, Loading, Segments, Stat, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';
import { useWindow } from '../../ui/window.js';
import { Messages } from './messages.jsx';
import { Publish } from './publish.jsx';
import { RatePlot, RateStats, dropped, qosShares, retainedText } from './rates.jsx';
import { Retained } from './retained.jsx';

export default function Mqtt({ params }) {
  const { mqtt } = useKeys('mqtt');
  useFeed('mqtt');
  const win = useWindow(['5m', '30m'], [], '5m');
  const form = useRef({ fill: () => {} });
  const c = mqtt.counters;
  if (!c) return <><Head title="MQTT" /><Loading big lines={12} /></>;
  const facts = [mqtt.listener, `${plural(c.clients, 'client')}${mqtt.limits ? ` of ${count(mqtt.limits.clients)}` : ''}`, `${count(c.connects_total)} connects since start`];
  return (
    <>
      <Head title="MQTT" facts={facts}>
        <Segments label="Span of the plot" options={win.options} value={win.span} onChange={win.choose} />
      </Head>
      <div class="grid">
        <article class="tile c12">
          <dl class="stats wide">
            <RateStats mqtt={mqtt} />
            <Stat big label="Clients" value={count(c.clients)} />
            <Stat big label="Subscriptions" value={count(c.subscriptions)} />
            <Stat big label="Retained" value={count(c.retained)} />
            <Stat big label="In flight" value={count(c.inflight)} />
            <Stat big label="Queued" value={count(c.queued_messages)} />
            <Stat big label="Dropped" value={count(dropped(c))} tone={dropped(c) ? 'wn' : ''} />
          </dl>
        </article>
        <div class="col c8 fill">
          <Tile title="Messages a second" end={<Legend items={[['s2', 'in'], ['s1', 'out']]} />}>
            <RatePlot mqtt={mqtt} from={win.from} to={win.to} height={200} onZoom={win.onZoom} />
          </Tile>
          <Clients ever={c.connects_total > 0} />
          {params.client && <Subscriptions client={params.client} changed={c.subscriptions} />}
        </div>
        <div class="col c4 fill">
          <Publish limits={mqtt.limits} form={form.current} />
          <Counters mqtt={mqtt} c={c} />
        </div>
        <Retained c={c} limits={mqtt.limits} topic={params.topic} view={params.view} fill={(m) => form.current.fill(m)} />
        <Messages />
      </div>
    </>
  );
}

function Counters({ mqtt, c }) {
  const r = mqtt.rates;
  const rows = [
    ['Messages in', count(c.messages_in)], ['Messages out', count(c.messages_out)],
    ['Bytes in', `${sizeText(c.bytes_in)}${r ? `, ${sizeText(Math.round(r.bytesIn))}/s` : ''}`], ['Bytes out', `${sizeText(c.bytes_out)}${r ? `, ${sizeText(Math.round(r.bytesOut))}/s` : ''}`],
    ['QoS 0, 1, 2 in', qosShares(c.messages_in_qos)], ['Sessions kept', count(c.sessions)], ['Retained', retainedText(c)], ['Queued', `${count(c.queued_messages)}, ${sizeText(c.queued_bytes)}`],
    ['Dropped, queue full', c.dropped_queue_full, 1], ['Dropped, no memory', c.dropped_no_memory, 1], ['Refused connects', c.refused_connects, 1], ['Protocol errors', c.protocol_errors, 1],
    ['Publishes refused', c.publish_refused, 1], ['Publishers held back', c.pushbacks, 1], ['Publishes denied', c.publish_denied, 1], ['Subscriptions denied', c.subscribe_denied, 1], ['Sessions evicted', c.sessions_evicted, 1],
    ['Keep-alive time-outs', c.keepalive_timeouts, 1], ['Takeovers', c.takeovers, 1], ['Retained refused', c.retained_refused, 1],
    ['Connects over the rate', c.refused_connect_rate, 1], ['Held back to their rate', c.publish_slowed, 1],
  ];
  return (
    <Tile title="Counters" end="since start">
      <dl class="kv">{rows.map(([label, value, n]) => <><dt>{label}</dt><dd class={n && !value ? 'sub' : ''}>{n ? count(value) : value}</dd></>)}</dl>
    </Tile>
  );
}

const PAGE = 50;

function Clients({ ever }) {
  const { clientsChanged } = useKeys('clientsChanged');
  useFeed('clients');
  const [first, setFirst] = useState(0);
  const list = useResource(`/api/mqtt/clients?first=${first}&count=${PAGE}`, [clientsChanged]);
  const columns = [
    { label: 'Client', class: 'name cut', cell: (x) => <code title={x.id}>{x.id}</code>, sort: (x) => x.id },
    { label: 'State', cell: (x) => (x.connected ? <Badge kind="ok">connected</Badge> : <Badge kind="stale">session kept</Badge>), sort: (x) => +x.connected },
    { label: 'Peer', class: 'opt', cell: (x) => x.peer, sort: (x) => x.peer || '' },
    num('For', (x) => (x.connected_unix_ms ? hubNow() - x.connected_unix_ms : null), duration),
    num('Keep-alive', (x) => x.keepalive_s, (v) => <>{count(v)} <span class="sub">s</span></>, { class: 'opt' }),
    num('Subs', (x) => x.subscriptions, count, { cell: (x) => <Button kind="sm" aria-label={`${count(x.subscriptions)} subscriptions of ${x.id}`} onClick={() => setParam('client', x.id)}>{count(x.subscriptions)}</Button> }), num('In', (x) => x.messages_in, count), num('Out', (x) => x.messages_out, count),
    num('Queued', (x) => x.queued_messages, (v) => <span class={v ? '' : 'sub'}>{count(v)}</span>),
    num('Dropped', (x) => x.dropped, (v) => <span class={v ? 'wn' : 'sub'}>{count(v)}</span>),
  ];
  return (
    <Tile title="Clients" end={list.value && <Pager first={first} n={list.value.clients.length} total={list.value.total} go={setFirst} />}>
      <Loaded of={list}>
        {(v) => <Table label="Clients" columns={columns} rows={v.clients} rowKey={(x) => x.id} empty={ever ? 'No client is connected.' : 'No client has connected yet.'} />}
      </Loaded>
    </Tile>
  );
}

function Subscriptions({ client, changed }) {
  const list = useResource(`/api/mqtt/subscriptions?client=${encodeURIComponent(client)}&count=200`, [changed]);
  const columns = [
    { label: 'Filter', class: 'name', cell: (x) => <code>{x.filter}{x.is_cut && '\u2026'}</code>, sort: (x) => x.filter },
    num('QoS', (x) => x.qos, count),
  ];
  return (
    <Tile title={`Subscriptions of ${client}`} end={<Button kind="sm" onClick={() => setParam('client', null)}>Close</Button>}>
      <Loaded of={list}>
        {(v) => <Table label="Subscriptions" columns={columns} rows={v.subscriptions} rowKey={(x) => x.filter} empty="It subscribes to nothing." foot={v.next && <tr><td class="none" colSpan="2">The first 200 are shown.</td></tr>} />}
      </Loaded>
    </Tile>
  );
}

function Pager({ first, n, total, go }) {
  return (
    <>
      <span>{n ? `${count(first + 1)} to ${count(first + n)} of ${count(total)}` : 'none'}</span>
      {total > PAGE && (
        <span class="row">
          <Button kind="ic sm" icon="prev" aria-label="Earlier clients" disabled={!first} onClick={() => go(Math.max(0, first - PAGE))} />
          <Button kind="ic sm" icon="next" aria-label="More clients" disabled={first + n >= total} onClick={() => go(first + PAGE)} />
        </span>
      )}
    </>
  );
}
