// live.jsx - light software that sends over UDP: who has the canvas, how well it arrives, who is sent to.

import { post } from '../../lib/api.js';
import { age, count, fixed } from '../../lib/format.js';
import { isOnline, useTick } from '../../lib/store.js';
import { Badge, Button, Failed, Switch, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { listening, lossOf } from './model.js';
import { useOptional } from '../../lib/optional.js';
import { ms } from './words.js';

const EVERY_MS = 2000;
const IDLE_TICKS = 5; // without live data a fifth as often

// The figures of live data, asked for while somebody looks; `off`: this hub takes none.
export function useLive(lamp) {
  const n = useTick(EVERY_MS);
  const holder = lamp.info.live ? lamp.info.live.protocol + lamp.info.live.from : '';
  return useOptional('/api/lamp/live', [holder, holder ? n : Math.floor(n / IDLE_TICKS)]);
}

const send = (live, body) => post('/api/lamp/live', body).then(live.reload, (e) => toast(e.message));

// Who has the canvas, among those that may: the effects, unless somebody sends.
export function Source({ lamp, live }) {
  const holder = lamp.info.live;
  const names = live.value ? listening(live.value) : [];
  if (holder && !names.includes(holder.protocol)) names.push(holder.protocol);
  if (!names.length) return null;
  const says = holder ? `${holder.protocol} from ${holder.from} has the canvas` : 'The effects have the canvas';
  return (
    <div class="segc source" role="group" aria-label={says}>
      <button type="button" class={holder ? '' : 'on'} aria-pressed={!holder} disabled={!holder || !isOnline()} title={holder ? `Take it back from ${holder.from}` : undefined} onClick={() => send(live, { release: true })}>Effects</button>
      {names.map((name) => {
        const isOn = holder && holder.protocol === name;
        return <span class={isOn ? 'on' : ''} title={isOn ? says : 'Has the canvas once whole frames come'}>{name}{isOn && <small>{holder.from}</small>}</span>;
      })}
    </div>
  );
}

export function Live({ lamp, live }) {
  if (live.off) return <Tile title="Live inputs" end="off"><p class="sub">Frames of light software are not taken: <code>lamp_live.enabled</code> is false.</p></Tile>;
  if (!live.value) return live.error ? <Tile title="Live inputs"><Failed error={live.error} retry={live.reload} /></Tile> : null;
  const l = live.value;
  const holder = lamp.info.live;
  const { targets } = l.send;
  return (
    <Tile title="Live inputs" class="live-t" end={<label class="row">Take them <Switch label="Take live data" on={l.enabled} disabled={!isOnline()} onChange={(enabled) => send(live, { enabled })} /></label>}>
      {holder && <div class="row between held"><span><b>{holder.protocol}</b> from {holder.from} has the canvas.</span><Button kind="sm" online onClick={() => send(live, { release: true })}>Release</Button></div>}
      {l.sources.length > 0 ? <Sources list={l.sources} /> : <p class="sub">Nobody sends. {l.enabled ? `After ${fixed(l.timeout_ms / 1000, l.timeout_ms % 1000 ? 1 : 0)} s without a frame the effect comes back.` : 'Who sends is refused.'}</p>}
      <Ports ports={l.ports} />
      {targets.length > 0 && <><h3>Sent to</h3><Targets list={targets} /></>}
      {l.nodes.length > 0 && <p class="sub small">WLED devices heard: {l.nodes.map((n) => n.name || n.ip).join(', ')}.</p>}
    </Tile>
  );
}

function Sources({ list }) {
  return (
    <div class="scroll"><table aria-label="Senders">
      <thead><tr><th>Sender</th><th class="r">Frames/s</th><th class="r">Jitter p99</th><th class="r">Lost</th></tr></thead>
      <tbody>
        {list.map((s) => {
          const lost = lossOf(s);
          return (
            <tr class={s.live ? '' : 'stale'}>
              <td class="name">{s.live ? <Badge kind="run">{s.protocol}</Badge> : <Badge kind={s.released || s.refused ? 'warn' : ''}>{s.protocol}</Badge>} {s.name || s.from}{s.released ? ', released' : ''}</td>
              <td class="r">{s.live && s.interval_us ? fixed(1e6 / s.interval_us, 1) : `${age(s.idle_ms)} ago`}</td>
              <td class="r">{s.jitter_p99_us ? ms(s.jitter_p99_us) : 'none yet'}</td>
              <td class="r" title={`${count(s.incomplete)} incomplete, ${count(s.late)} late, ${count(s.refused)} refused, of ${count(s.packets)} packets`}>{lost ? <span class="wn">{count(lost)}</span> : 0}</td>
            </tr>
          );
        })}
      </tbody>
    </table></div>
  );
}

function Ports({ ports }) {
  return (
    <ul class="ports" aria-label="Ports">
      {ports.map((p) => <li><Badge kind={p.error ? 'bad' : ''} title={p.error ? `${p.address}:${p.port}: ${p.error}` : `${p.address}:${p.port}, ${count(p.received)} packets`}>{p.name} {p.port}{p.error ? `: ${p.error}` : ''}</Badge></li>)}
    </ul>
  );
}

function Targets({ list }) {
  return (
    <div class="scroll"><table aria-label="Controllers">
      <tbody>
        {list.map((t) => (
          <tr class={t.sending ? '' : 'stale'}>
            <td class="name">{t.protocol} {t.address}</td><td class="r">{count(t.count)} <span class="sub">pixels</span></td>
            <td class="r">{t.error ? <span class="wn">{t.error}</span> : <>{count(t.frames)} <span class="sub">frames</span></>}</td>
          </tr>
        ))}
      </tbody>
    </table></div>
  );
}
