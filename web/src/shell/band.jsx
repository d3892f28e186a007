// band.jsx - the eye stripe: both tiers as bars, one segment an owner; then the tools.

import { useState } from 'preact/hooks';
import { ownerClass } from '../lib/colour.js';
import { age, clock, fixed, sizeText, tierUnit, wholeSize } from '../lib/format.js';
import { feed } from '../lib/hub.js';
import { nextTheme } from '../lib/theme.js';
import { useKeys, useTick, hubNow } from '../lib/store.js';
import { Button, Icon, Mark } from '../ui/parts.jsx';
import { open } from './keys.jsx';
import { signOut } from './sign_in.jsx';

const NAMES = { internal: 'internal', psram: 'PSRAM' };

export function Band() {
  const { info, memory } = useKeys('info', 'memory');
  return (
    <header class="band">
      <a class="brand" href="#/home">
        <Mark size={30} />
        <span><b>nuthatch</b><small>{info ? `${info.name} \u00b7 ${info.board.name}` : '\u00a0'}</small></span>
      </a>
      <div class="stripes">
        {memory
          ? memory.tiers.map((t, i) => t.size_bytes > 0 && <Stripe memory={memory} tier={t} at={i} />)
          : <><div class="stripe"><div class="cap">&nbsp;</div><div class="seg" /></div>
              <div class="stripe ps"><div class="cap">&nbsp;</div><div class="seg" /></div></>}
      </div>
      <Tools />
    </header>
  );
}

function Stripe({ memory, tier, at }) {
  const { unit, div } = tierUnit(tier.size_bytes);
  const show = (bytes) => fixed(bytes / div, 1);
  const size = tier.size_bytes;
  const share = (bytes) => (100 * bytes) / size + '%';
  const held = memory.owners.map((o) => ({ name: o.name, bytes: o.tiers[at].current_bytes })).filter((o) => o.bytes > 0);
  const rest = size - tier.free_bytes - held.reduce((sum, o) => sum + o.bytes, 0);
  const name = NAMES[tier.name] || tier.name;
  const label = `${name} tier: ${show(tier.free_bytes)} ${unit} free of ${wholeSize(size)}, low water ${show(tier.min_free_bytes)} ${unit}`;
  return (
    <div class={'stripe ' + (at ? 'ps' : '')} role="img" aria-label={label}>
      <div class="cap">
        <span>{name}</span>
        <span><b>{show(tier.free_bytes)} {unit}</b> free</span>
        <span class="rust">low water {show(tier.min_free_bytes)}</span>
        <span class="end">{wholeSize(size)}</span>
      </div>
      <div class="seg">
        {held.map((o) => <i key={o.name} class={ownerClass(o.name)} style={{ width: share(o.bytes) }} title={`${o.name} ${sizeText(o.bytes)}`} />)}
        {rest >= 1024 && <i class="k6" style={{ width: share(rest) }} title={`block headers ${sizeText(rest)}`} />}
        {!at && memory.reserve_bytes > 0 &&
          <i class="resv" style={{ width: share(memory.reserve_bytes) }} title={`reserve ${sizeText(memory.reserve_bytes)}`} />}
        <i class="mark" style={{ left: share(size - tier.min_free_bytes) }} title={`low water ${show(tier.min_free_bytes)} ${unit}`} />
      </div>
    </div>
  );
}

function Tools() {
  const { link, themeChoice, session } = useKeys('link', 'themeChoice', 'session');
  useTick(1000);
  const [menu, setMenu] = useState(false);
  const names = { live: 'live', connecting: 'joining', offline: 'offline' };
  const heard = link.lastAt ? `Last frame ${age(Date.now() - link.lastAt)} ago` : 'No frame yet';
  return (
    <div class="tools">
      <button type="button" class="jump" title="Go to a page, topic, owner or setting" onClick={() => open('goto')}>Go to <kbd>/</kbd></button>
      <button type="button" onClick={nextTheme} title={`Theme: ${themeChoice}`} aria-label={`Theme: ${themeChoice}`}><Icon name="theme" /></button>
      <span class={'live ' + link.state} title={heard}>{names[link.state]}</span>
      {session && session.username && (
        <span class="who" onKeyDown={(e) => e.key === 'Escape' && setMenu(false)}>
          <button type="button" aria-expanded={menu} title={session.role_name} onClick={() => setMenu(!menu)}>{session.username}</button>
          {menu && (
            <span class="menu">
              {!session.in_file && <button type="button" onClick={() => { setMenu(false); open('password'); }}>Change password</button>}
              <button type="button" onClick={signOut}>Sign out</button>
            </span>
          )}
        </span>
      )}
    </div>
  );
}

// One note under the band while there is no connection.
export function OfflineNote() {
  const { link } = useKeys('link');
  useTick(1000);
  if (link.state !== 'offline') return null;
  const now = Date.now();
  const wait = Math.max(0, Math.ceil((link.retryAt - now) / 1000));
  const from = link.lastAt ? ` Values are from ${clock(link.lastAt - now + hubNow())}.` : '';
  return (
    <div class="gone">
      <div class="note stale" role="alert">
        <span />
        <span>No connection to the hub for {age(now - link.since)}.{from} <span aria-live="off">{wait ? `Trying again in ${wait} s.` : 'Trying now.'}</span></span>
        <Button kind="sm" onClick={() => feed.retry()}>Try now</Button>
      </div>
    </div>
  );
}
