// radio.jsx - remotes by radio: who is paired, how well they are heard, and pairing one more.

import { useEffect, useState } from 'preact/hooks';
import { isAdmin } from '../../lib/access.js';
import { post, remove } from '../../lib/api.js';
import { count, fixed } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { isOnline, set, useKeys, useTick } from '../../lib/store.js';
import { Confirm } from '../../ui/dialog.jsx';
import { Badge, Button, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { codeText, leftOf } from './model.js';

const UNHEARD_MS = 60000; // of a remote that has said nothing for so long the signal is old
const KNOWN_MS = 1500; // the feed has told of the radio by then, if there is one

const took = (promise) => promise.then((r) => set('lampRadio', { ...r, at: Date.now() }), (e) => toast(e.message));

export function Radio() {
  useFeed('lamp_radio');
  const { lampRadio: radio } = useKeys('lampRadio', 'link');
  const [isLate, setLate] = useState(false);
  const [gone, setGone] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), KNOWN_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!radio) return isLate && <Tile title="Radio peers" end="off"><p class="sub">Remotes are not heard: <code>lamp_radio.enabled</code> is false.</p></Tile>;
  const admin = isAdmin();
  const { peers, counters: c } = radio;
  const refused = c.forged + c.replayed + c.version_1_refused;
  return (
    <Tile title="Radio peers" class="radio" end={`channel ${radio.channel}`}>
      {peers.length > 0 ? (
        <div class="scroll"><table aria-label="Radio peers">
          <thead><tr><th>Peer</th><th>Key</th><th class="r">Signal</th><th class="r">Ack p99</th><th class="r">Lost</th>{admin && <th><span class="off-s">Remove</span></th>}</tr></thead>
          <tbody>{peers.map((p) => <Peer key={p.address} p={p} at={radio.at} onRemove={admin && (() => setGone(p))} />)}</tbody>
        </table></div>
      ) : <p class="sub">No remote is paired. {admin ? 'Open the window, then begin at the remote.' : ''}</p>}
      <Pairing radio={radio} admin={admin} full={peers.length >= radio.peer_max} />
      <p class="sub small">{count(c.applied)} commands applied, {count(c.repeats)} repeats answered again{refused ? <>, <span class="wn">{count(refused)} refused</span></> : ''}. {radio.allow_v1 ? 'Older remotes without keys may command.' : 'Remotes without keys are refused.'}</p>
      {gone && <Confirm title={`Forget ${gone.name || gone.address}?`} verb="Forget" onClose={() => setGone(null)} onDo={() => took(remove('/api/lamp/radio/peers/' + gone.address))}>Its key is erased here; it has to be paired anew to command this lamp.</Confirm>}
    </Tile>
  );
}

function Peer({ p, at, onRemove }) {
  useTick(5000);
  const silent = p.heard_ago_ms == null || p.heard_ago_ms + Date.now() - at > UNHEARD_MS;
  const name = p.name || p.address;
  return (
    <tr class={silent ? 'stale' : ''}>
      <td class="name" title={p.address}>{name}</td>
      <td>{p.key === 'paired' ? <Badge kind="ok">paired</Badge> : <Badge kind="warn">version 1</Badge>}</td>
      <td class="r">{p.rssi_dbm == null ? 'not heard' : `${fixed(p.rssi_dbm)} dBm`}</td>
      <td class="r">{p.ack_p99_us ? `${fixed(p.ack_p99_us / 1000, 1)} ms` : 'none yet'}</td>
      <td class="r">{count(p.lost)}</td>
      {onRemove && <td class="r flat"><Button kind="sm" online aria-label={`Forget ${name}`} onClick={onRemove}>Forget</Button></td>}
    </tr>
  );
}

function Pairing({ radio, admin, full }) {
  useTick(1000);
  const { pairing } = radio;
  const left = leftOf(pairing, Date.now() - radio.at);
  const open = (seconds) => took(post('/api/lamp/radio/pair', seconds === 0 ? { seconds: 0 } : {}));
  if (!left) return admin && <div class="row pair"><Button kind="sm" online disabled={full} onClick={() => open()}>Pair a remote</Button>{full && <span class="sub small">{radio.peer_max} are paired, the limit.</span>}</div>;
  return (
    <div class="pair open" role="status">
      {pairing.code ? (
        <>
          <p><b>{pairing.name || pairing.address}</b> wants to be paired. Does it show these digits?</p>
          <output class="code" aria-label="Code">{codeText(pairing.code)}</output>
          {admin && <div class="row"><Button kind="pri" online onClick={() => took(post('/api/lamp/radio/accept', { code: pairing.code }))}>The same</Button><Button online onClick={() => open(0)}>Other digits</Button></div>}
        </>
      ) : <p>Waits for a remote: hold its pairing key now.</p>}
      <div class="row between"><span class="sub">{left} s left</span>{admin && !pairing.code && <Button kind="sm" disabled={!isOnline()} onClick={() => open(0)}>Close</Button>}</div>
    </div>
  );
}
