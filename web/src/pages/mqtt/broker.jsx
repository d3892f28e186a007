// broker.jsx - the broker itself: where it listens, its store, its bridges, its counters.

import { age, count, duration, sizeText } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { useKeys, useTick } from '../../lib/store.js';
import { Badge, Gauge, Loaded, Note, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';
import { Facts } from './clients.jsx';
import { qosShares, retainedText } from './rates.jsx';

const LOOK_MS = 5000;

// Nothing is acknowledged meanwhile: whoever looks must see it.
export const StoreNote = ({ c }) => (c.store_error || c.store_full) && (
  <div class="c12"><Note>{c.store_error ? `The store cannot be written: ${c.store_error}. Acknowledgements wait until it can.` : 'The store is over its limit. Publishers wait for room.'}</Note></div>
);

const MODES = { durable: 'on disk first', interval: 'on disk within', memory: 'in memory only' };
const counted = (label, n) => [label, count(n), n ? 'wn' : 'sub'];

export function Broker({ c }) {
  const { info } = useKeys('info');
  const now = useResource('/api/mqtt', [useTick(LOOK_MS)]);
  const listeners = info ? [...(info.mqtt_listeners || []), { listen: '/mqtt at the portal', protocol: 'websocket', tls: !!info.listeners.https }] : [];
  return (
    <>
      <Tile title="Durability">
        <Loaded of={now} lines={6}>
          {({ durability: d = {} }) => (
            <>
              {d.max_bytes && <Gauge label="Size of the store" value={d.used_bytes} max={d.max_bytes} text={`${sizeText(d.used_bytes)} of ${sizeText(d.max_bytes)}`} />}
              <Facts rows={[
                ['Acknowledged is', `${MODES[d.mode]}${d.interval_ms ? ` ${count(d.interval_ms)} ms` : ''}`],
                ...(d.max_bytes ? [
                  ['Store', `${sizeText(d.used_bytes)} of ${sizeText(d.max_bytes)}`],
                  ['Commits, slowest', `${count(c.store_commits)}, ${count(c.store_commit_max_ms)} ms`],
                  ['Records', `${count(c.store_records)}, ${sizeText(c.store_bytes)}`],
                  ['On disk only', `${count(c.paged_messages)}, ${sizeText(c.paged_bytes)}`],
                  counted('Failed commits', c.store_errors), counted('Publishers held back', c.store_holds), counted('Damaged records', c.store_damaged),
                ] : []),
              ]} />
            </>
          )}
        </Loaded>
      </Tile>
      <Tile title="Listeners">
        <Table label="Listeners" rows={listeners} rowKey={(l) => l.listen} columns={[
          { label: 'Address', class: 'name wrap', cell: (l) => <code>{l.listen}</code> },
          { label: 'Speaks', cell: (l) => `${l.listen.startsWith('unix:') ? 'unix' : l.protocol}${l.tls ? ', TLS' : ''}` },
        ]} />
        {now.value && now.value.connections && <Facts rows={[['Open, accepted', `${count(now.value.connections.open)}, ${count(now.value.connections.accepted)}`],
          counted('Refused', now.value.connections.refused), counted('Handshakes failed', now.value.connections.handshake_failures), counted('Handshakes too slow', now.value.connections.handshake_timeouts)]} />}
      </Tile>
    </>
  );
}

const STATES = { online: 'ok', waiting: 'warn' };
const sum = (...keys) => (b) => keys.reduce((all, k) => all + b[k], 0);
const bridgeColumns = [
  { label: 'Bridge', class: 'name', cell: (b) => <code>{b.name}</code>, sort: (b) => b.name },
  { label: 'To', class: 'opt', cell: (b) => <code>{b.address}</code>, sort: (b) => b.address },
  { label: 'State', cell: (b) => <Badge kind={STATES[b.state] || 'run'}>{b.state}</Badge>, sort: (b) => b.state },
  { label: 'Why', class: 'wrap', cell: (b) => <>{b.reason}{b.next_in_ms != null && `, next attempt in ${age(b.next_in_ms)}`}{b.state === 'online' && !b.subscribed && ', not subscribed yet'}</> },
  num('For', (b) => b.since_ms, duration, { class: 'opt' }),
  num('Connects, failed', (b) => b.failures, count, { class: 'opt', cell: (b) => `${count(b.connects)}, ${count(b.failures)}` }),
  num('In', (b) => b.messages_in, count),
  num('Out', (b) => b.messages_out, count),
  num('Bytes', sum('bytes_in', 'bytes_out'), sizeText, { class: 'opt' }),
  num('Not carried', sum('dropped_unmapped', 'dropped_loops', 'dropped_unfit'), count, { class: 'opt' }),
  num('Refused', sum('refused_there', 'refused_here', 'refused_subscriptions'), (v) => <span class={v ? 'wn' : 'sub'}>{count(v)}</span>, { class: 'opt' }),
];

export function Bridges() {
  const list = useResource('/api/mqtt/bridges', [useTick(LOOK_MS)]);
  return list.value && list.value.bridges.length > 0 && (
    <Tile title="Bridges"><Table label="Bridges" columns={bridgeColumns} rows={list.value.bridges} rowKey={(b) => b.name} /></Tile>
  );
}

const FAULTS = {
  dropped_queue_full: 'Dropped, queue full', dropped_no_memory: 'Dropped, no memory', dropped_too_large: 'Dropped, over the client\u2019s limit', messages_expired: 'Messages expired', publish_denied: 'Publishes denied', subscribe_denied: 'Subscriptions denied',
  publish_refused: 'Publishes refused', retained_refused: 'Retained refused', pushbacks: 'Publishers held back', publish_slowed: 'Held back to their rate', refused_connects: 'Refused connects', refused_connect_rate: 'Connects over the rate',
  protocol_errors: 'Protocol errors', keepalive_timeouts: 'Keep-alive time-outs', takeovers: 'Takeovers', sessions_evicted: 'Sessions evicted', sessions_expired: 'Sessions expired',
};

export function Counters({ c, r }) {
  const bytes = (n, per) => `${sizeText(n)}${r ? `, ${sizeText(Math.round(per))}/s` : ''}`;
  return (
    <Tile title="Counters" span={8} end="since start">
      <div class="duo">
        <Facts rows={[
          ['Messages in', count(c.messages_in)], ['Messages out', count(c.messages_out)], ['Bytes in', bytes(c.bytes_in, r && r.bytesIn)], ['Bytes out', bytes(c.bytes_out, r && r.bytesOut)],
          ['QoS 0, 1, 2 in', qosShares(c.messages_in_qos)], ['QoS 0, 1, 2 out', qosShares(c.messages_out_qos)], ['Sessions', count(c.sessions)], ['Clients of 5.0', count(c.clients_5)], ['Shared subscriptions', count(c.shared_groups)],
          ['Wills waiting', count(c.wills_waiting)], ['Retained', retainedText(c)], ['Queued', `${count(c.queued_messages)}, ${sizeText(c.queued_bytes)}`],
        ]} />
        <Facts rows={Object.keys(FAULTS).map((k) => [FAULTS[k], count(c[k]), c[k] ? '' : 'sub'])} />
      </div>
    </Tile>
  );
}
