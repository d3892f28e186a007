// links.jsx - the line to the board in figures, and who else has the values: gateway, publisher, bridges.

import { age, count, fixed, sizeText } from '../../lib/format.js';
import { useOptional } from '../../lib/optional.js';
import { useTick } from '../../lib/store.js';
import { Badge, Failed, Gauge, Loading, Stat, Tile } from '../../ui/parts.jsx';
import { ratePct } from './model.js';

const AGAIN_MS = 5000;

export function Links({ battery }) {
  const n = useTick(AGAIN_MS);
  return (
    <div class="grid links">
      <Line line={battery.line} connected={battery.connected.local} />
      <Remote n={n} />
      <Publish n={n} />
      <Bridge n={n} />
    </div>
  );
}

const ago = (v) => (v < 1000 ? 'now' : `${age(v)} ago`);
const ms = (v) => (v == null ? '' : fixed(v, v < 100 ? 1 : 0));

function Line({ line: l, connected }) {
  if (!l || !l.path) return <Tile title="Line"><p class="sub">This hub has no line to a board: <code>battery.path</code> is empty.</p></Tile>;
  const reads = l.reads_ok + l.reads_failed;
  const writes = l.writes_ok + l.writes_failed;
  const n = (v) => <dd class={v ? 'wn' : ''}>{count(v)}</dd>;
  return (
    <Tile title="Line" end={<><code>{l.path}</code>{connected ? <Badge kind="ok">answers</Badge> : <Badge kind="stale">{l.last_frame_age_ms == null ? 'never heard' : `silent ${age(l.last_frame_age_ms)}`}</Badge>}</>}>
      <dl class="stats apart line-s">
        <Stat big label="Latency, mean" value={ms(l.avg_latency_ms)} unit="ms" width={5} />
        <Stat big label="p99" value={ms(l.p99_latency_ms)} unit="ms" width={5} />
        <Stat big label="Worst" value={ms(l.max_latency_ms)} unit="ms" width={5} />
        <Stat big label="Reads failed" value={ratePct(l.reads_failed, reads)} width={6} tone={l.reads_failed ? 'wn' : ''} />
        <Stat big label="Last frame" value={l.last_frame_age_ms == null ? 'never' : l.last_frame_age_ms < 1000 ? 'now' : age(l.last_frame_age_ms)} width={5} />
      </dl>
      <div class="row q"><span class="sub small">Queue</span><span class="grow"><Gauge label="Queue of requests" value={l.queue_depth} max={l.queue_max} peak={l.queue_depth_max} text={`${l.queue_depth} of ${l.queue_max}, most ${l.queue_depth_max}`} /></span><span class="small">{count(l.queue_depth)} of {count(l.queue_max)}, most {count(l.queue_depth_max)}</span></div>
      <div class="trio">
        <dl class="kv">
          <dt>Exchanges</dt><dd>{count(l.exchanges)}</dd>
          <dt>Reads</dt><dd>{count(reads)}</dd>
          <dt>Writes</dt><dd>{count(writes)}{l.writes_failed > 0 && <span class="wn">, {count(l.writes_failed)} failed</span>}</dd>
          <dt>Shared reads</dt><dd>{count(l.coalesced)}</dd>
          <dt>Joined in blocks</dt><dd>{count(l.batched)}</dd>
          <dt>Bytes in</dt><dd>{sizeText(l.bytes_in)}</dd>
          <dt>Bytes out</dt><dd>{sizeText(l.bytes_out)}</dd>
        </dl>
        <dl class="kv">
          <dt>Time-outs</dt>{n(l.timeouts)}
          <dt>Repeats</dt>{n(l.retries)}
          <dt>CRC errors</dt>{n(l.crc_errors)}
          <dt>Bytes skipped</dt>{n(l.dropped_bytes)}
          <dt>Refused: command</dt>{n(l.nacks && l.nacks.command)}
          <dt>Refused: CRC</dt>{n(l.nacks && l.nacks.crc)}
          <dt>Refused: other</dt>{n(l.nacks && l.nacks.other)}
        </dl>
        <dl class="kv">
          <dt>Woken</dt><dd>{count(l.wakeups)}</dd>
          <dt>Reconnected</dt><dd>{count(l.reconnects)}</dd>
          <dt>Implausible</dt>{n(l.implausible)}
          <dt>Stray answers</dt>{n(l.stray)}
          <dt>Late answers</dt>{n(l.late)}
          <dt>Queue full</dt>{n(l.rejected)}
          <dt>Expired</dt>{n(l.expired)}
        </dl>
      </div>
    </Tile>
  );
}

// A part of the hub that may be off.
function Part({ title, path, n, off, children }) {
  const r = useOptional(path, [n]);
  return (
    <Tile title={title} span={4} end={r.off ? 'off' : null}>
      {r.off ? <p class="sub">{off}</p> : r.value ? children(r.value) : r.error ? <Failed error={r.error} retry={r.reload} /> : <Loading lines={4} />}
    </Tile>
  );
}

const Remote = ({ n }) => (
  <Part title="Gateway" path="/api/battery/remote" n={n} off={<>No gateway is asked or served: section <code>battery_remote</code>.</>}>{(v) => <Gateway v={v} />}</Part>
);

// Both ends: the gateway that this hub asks, and the hubs that ask this one.
function Gateway({ v }) {
  const kept = v.kept || {};
  return (
    <>
      {v.gateway ? (
        <>
          <div class="row between"><code title="The gateway that is asked">{v.gateway}</code>{v.connected ? <Badge kind="ok">connected</Badge> : <Badge kind="stale">not connected</Badge>}</div>
          {!v.connected && <p class="sub small">{v.reason || 'No answer yet'}{v.next_try_ms != null && `; next try ${soon(v.next_try_ms)}`}.</p>}
          <dl class="kv">
            <dt>Frames in</dt><dd>{count(v.frames_in)}{v.frames_bad > 0 && <span class="wn">, {count(v.frames_bad)} bad</span>}</dd>
            <dt>Last frame</dt><dd>{v.last_frame_age_ms == null ? 'none yet' : ago(v.last_frame_age_ms)}</dd>
            <dt>Reconnected</dt><dd>{count(v.reconnects)}</dd>
            {v.pending && v.pending.length > 0 && <><dt>Waits to be told</dt><dd class="wn">{v.pending.join(', ')}</dd></>}
          </dl>
        </>
      ) : <p class="sub">This hub asks no gateway.</p>}
      {v.serves ? <dl class="kv sink"><dt>Hubs that listen here</dt><dd>{count(v.clients)}</dd><dt>Frames out</dt><dd>{count(v.frames_out)}</dd>{v.points_taken > 0 && <><dt>Points taken</dt><dd>{count(v.points_taken)}</dd></>}</dl> : <p class="sub small sink">It is no gateway for others.</p>}
      {kept.writes_avoided != null && <dl class="kv sink"><dt>Kept on flash</dt><dd>{count(kept.flushes)} times{kept.flush_errors > 0 && <span class="wn">, {count(kept.flush_errors)} failed</span>}</dd><dt>Writes saved</dt><dd>{count(kept.writes_avoided)}</dd></dl>}
    </>
  );
}

const Publish = ({ n }) => (
  <Part title="Publisher" path="/api/battery/publish" n={n} off={<>No points are sent: <code>battery_publish.enabled</code> is false.</>}>{(v) => <Points v={v} />}</Part>
);

const SINKS = { http: 'HTTP', mqtt: 'MQTT', influx: 'InfluxDB' };
// Of the next try.
const soon = (ms) => (ms < 1000 ? 'at once' : `in ${age(ms)}`);

function Points({ v }) {
  const { sinks = [], flash } = v;
  return (
    <>
      <div class="row q"><span class="sub small">Waiting</span><span class="grow"><Gauge label="Points waiting" value={v.buffered_points} max={v.buffer_capacity} text={`${count(v.buffered_points)} of ${count(v.buffer_capacity)}`} /></span><span class="small">{count(v.buffered_points)} of {count(v.buffer_capacity)}</span></div>
      <dl class="kv">
        <dt>A point every</dt><dd>{fixed(v.period_ms / 1000, v.period_ms % 1000 ? 1 : 0)} s</dd>
        <dt>Made</dt><dd>{count(v.produced)}</dd>
        <dt>With every sink</dt><dd>{count(v.published_points)}</dd>
        <dt>Overwritten</dt><dd class={v.overwritten ? 'wn' : ''}>{count(v.overwritten)}</dd>
        <dt>Last sent</dt><dd>{v.last_sync_age_ms == null ? 'not yet' : ago(v.last_sync_age_ms)}</dd>
        {flash && <><dt>On flash</dt><dd>{count(flash.points)} of {count(flash.capacity)}</dd></>}
      </dl>
      {sinks.map((s) => (
        <div class="sink" key={s.name}>
          <div class="row between"><b title={s.address}>{SINKS[s.name] || s.name}</b>{s.online ? <Badge kind="ok">online</Badge> : <Badge kind="stale">offline</Badge>}</div>
          {!s.online && s.reason && <p class="sub small">{s.reason}{s.next_try_in_ms != null && `; next try ${soon(s.next_try_in_ms)}`}.</p>}
          <dl class="kv"><dt>Delivered</dt><dd>{count(s.delivered)}</dd><dt>Waiting</dt><dd>{count(s.pending)}</dd>{s.dropped > 0 && <><dt>Lost to the ring</dt><dd class="wn">{count(s.dropped)}</dd></>}{s.errors > 0 && <><dt>Failed tries</dt><dd class="wn">{count(s.errors)}</dd></>}</dl>
        </div>))}
      {!sinks.length && <p class="sub">No sink is set: <code>battery_publish.http</code>, <code>mqtt</code> or <code>influx</code>.</p>}
    </>
  );
}
const Bridge = ({ n }) => (
  <Part title="Bridges" path="/api/battery/bridge" n={n} off={<>Nothing goes to CAN, MQTT or Home Assistant: section <code>battery_bridge</code>.</>}>{(v) => <Neighbours v={v} />}</Part>
);

const STATES = { bulk: 'run', float: 'ok', sustain: 'warn' };

// What the pack's neighbours are told: limits for an inverter, frames on CAN, topics.
function Neighbours({ v: { limits: l, can, mqtt = {} } }) {
  return (
    <>
      {l ? (
        <>
          <div class="row between"><b>Charge control</b><span class="row"><Badge kind={STATES[l.state] || ''}>{l.state.replace(/_/g, ' ')}</Badge>{l.protecting && <Badge kind="warn">protecting</Badge>}</span></div>
          <dl class="kv"><dt>Charge voltage</dt><dd>{fixed(l.charge_voltage_v, 1)} V</dd><dt>Charge current</dt><dd>{fixed(l.charge_a, 1)} A</dd><dt>Discharge current</dt><dd>{fixed(l.discharge_a, 1)} A</dd><dt>Discharge down to</dt><dd>{fixed(l.discharge_voltage_v, 1)} V</dd></dl>
        </>
      ) : <p class="sub small">Limits for an inverter are not known yet.</p>}
      {can ? <Can c={can} /> : <p class="sub small sink">No CAN: <code>battery_bridge.can</code> is empty.</p>}
      <div class="sink">
        <div class="row between"><b>MQTT</b>{mqtt.topics ? <Badge kind="ok">topics</Badge> : <Badge>off</Badge>}</div>
        <dl class="kv"><dt>Messages</dt><dd>{count(mqtt.messages)}{mqtt.failed > 0 && <span class="wn">, {count(mqtt.failed)} failed</span>}</dd><dt>Commands</dt><dd>{count(mqtt.commands)}{mqtt.refused > 0 && <span class="wn">, {count(mqtt.refused)} refused</span>}</dd></dl>
      </div>
    </>
  );
}

function Can({ c }) {
  const { inverter: i = {} } = c;
  return (
    <div class="sink">
      <div class="row between"><b>CAN <code>{c.interface}</code></b>{c.open ? <Badge kind={c.bus_errors ? 'warn' : 'ok'}>{c.dialect}</Badge> : <Badge kind="stale">closed</Badge>}</div>
      {c.error && <p class="sub small">{c.error}.</p>}
      <dl class="kv">
        <dt>Frames out</dt><dd>{count(c.frames_out)}{c.frames_refused > 0 && <span class="wn">, {count(c.frames_refused)} refused</span>}</dd>
        <dt>Frames in</dt><dd>{count(c.frames_in)}</dd>
        <dt>Bus errors</dt><dd class={c.bus_errors ? 'wn' : ''}>{count(c.bus_errors)}</dd>
        <dt>Inverter</dt><dd>{i.alive ? i.identity || 'alive' : i.last_alive_age_ms == null ? 'not heard yet' : `silent ${age(i.last_alive_age_ms)}`}</dd>
      </dl>
    </div>
  );
}
