// board.jsx - what the board keeps: its registers, its counters, its log, and what it can be told.

import { useState } from 'preact/hooks';
import { isAdmin } from '../../lib/access.js';
import { post } from '../../lib/api.js';
import { age, count, duration, fixed, when } from '../../lib/format.js';
import { useOptional } from '../../lib/optional.js';
import { useResource } from '../../lib/resource.js';
import { hubNow, isOnline, useKeys, useTick } from '../../lib/store.js';
import { Button, Loaded, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { outcomeOf } from './model.js';
import { Files } from './files.jsx';
import { Registers } from './registers.jsx';
import { TokenDialog } from './token.jsx';
import { energy, freshText } from './words.js';

export function Board({ battery, group }) {
  return battery.line && battery.line.path ? <Own battery={battery} group={group} /> : <Elsewhere battery={battery} />;
}

// Registers and log are those of a board that another hub holds: here is what that one tells of it.
function Elsewhere({ battery }) {
  const { value } = useOptional('/api/battery/remote', []);
  const at = value && value.gateway;
  return (
    <div class="grid">
      <Tile title="Settings" span={4}>
        <p>This hub has no line of its own to the board. The board’s settings and its log are read and changed at the gateway{at && <>: <a href={`${at}/#/battery/board`}>{at}</a></>}.</p>
      </Tile>
      <div class="col c8">
        <Counters battery={battery} />
        <Version battery={battery} />
      </div>
    </div>
  );
}

function Own({ battery, group }) {
  const [n, setN] = useState(0);
  const settings = useResource('/api/battery/settings', [n]);
  const again = () => setN((k) => k + 1);
  return (
    <div class="grid">
      <div class="col c8"><Registers settings={settings} group={group} again={again} /></div>
      <div class="col c4">
        <Files settings={settings.value ? settings.value.settings : null} again={again} />
        <Counters battery={battery} own />
        <EventLog />
        <Version battery={battery} own />
      </div>
    </div>
  );
}

function Counters({ battery, own }) {
  useTick(5000);
  const { counters: c, pack } = battery;
  const n = (v) => <dd class={v ? 'wn' : ''}>{count(v)}</dd>;
  return (
    <Tile title="Statistics" end={<><span>{freshText(battery, 'counters')}</span>{own && <Control action="clear_statistics" verb="Clear" title="Clear the board’s statistics?" text="All counters and extremes below begin again at zero." />}</>}>
      {!c ? <p class="sub">The board has not told them yet.</p> : (
        <div class="duo">
          <dl class="kv">
            <dt>Chargings</dt><dd>{count(c.chargings)}</dd>
            <dt>to the full</dt><dd>{count(c.full_charges)}</dd>
            <dt>Cycles</dt><dd>{fixed(pack.cycles, 1)}</dd>
            <dt>Energy in</dt><dd>{energy(pack.energy_in_kwh).join(' ')}</dd>
            <dt>Energy out</dt><dd>{energy(pack.energy_out_kwh).join(' ')}</dd>
            <dt>Most charged</dt><dd>{fixed(c.max_charge_a, 1)} A</dd>
            <dt>Most drawn</dt><dd>{fixed(c.max_discharge_a, 1)} A</dd>
          </dl>
          <dl class="kv">
            <dt>Under-voltage</dt>{n(c.under_voltage)}
            <dt>Over-voltage</dt>{n(c.over_voltage)}
            <dt>Over-current out</dt>{n(c.discharge_over)}
            <dt>Over-current in</dt>{n(c.charge_over)}
            <dt>Too hot</dt>{n(c.overheat)}
            <dt>Worst spread</dt><dd>{fixed(c.max_spread_mv, 1)} mV</dd>
            <dt>Coldest, hottest</dt><dd>{fixed(c.min_temp_c)}, {fixed(c.max_temp_c)} °C</dd>
          </dl>
        </div>
      )}
      {c && <p class="sub small last-r">Last reset: {c.last_reset || 'not known'}. Woken by: {c.last_wakeup || 'not known'}.</p>}
    </Tile>
  );
}

const KINDS = { fault: 'bad', warning: 'warn', information: '' };

function EventLog() {
  const [n, setN] = useState(0);
  const log = useResource('/api/battery/events', [n]);
  const again = () => setN((k) => k + 1);
  return (
    <Tile title="The board’s log" class="blog" end={<><Button kind="sm" online onClick={again}>Read again</Button><Control action="clear_events" verb="Clear" title="Clear the board’s log?" text="Its events are erased. Faults that are there stay." onDone={again} /></>}>
      <Loaded of={log} lines={5}>{(v) => (v.events.length ? (
        <ul class="al past" tabIndex={0} aria-label="Events of the board">
          {v.events.map((e, i) => <li key={i}><span class={'dot-b ' + KINDS[e.kind]} title={e.kind}><span class="off-s">{e.kind}</span></span><span class="txt">{e.text}</span><time class="sub" title={e.age_s == null ? '' : when(hubNow() - e.age_s * 1000, hubNow())}>{e.age_s == null ? '' : `${age(e.age_s * 1000)} ago`}</time></li>)}
        </ul>
      ) : <p class="sub">The board’s log is {v.clock_s == null ? 'not known yet' : 'empty'}.</p>)}</Loaded>
    </Tile>
  );
}

function Version({ battery, own }) {
  const { version: v, pack } = battery;
  return (
    <Tile title="Board" end={own && <Control action="restart" verb="Restart" title="Restart the board?" text="It opens its switches while it restarts: load and charger are cut off for a moment." />}>
      <dl class="kv">
        {v && v.hardware && <><dt>Hardware</dt><dd>{v.hardware}</dd></>}
        {v && v.firmware && <><dt>Firmware</dt><dd>{v.firmware}{v.firmware_internal != null && <span class="sub"> internal {v.firmware_internal}</span>}</dd></>}
        {v && v.bootloader != null && <><dt>Boot loader</dt><dd>{v.bootloader}</dd></>}
        {v && v.serial && <><dt>Serial number</dt><dd><code>{v.serial}</code></dd></>}
        {pack.lifetime_s != null && <><dt>Runs for</dt><dd>{duration(pack.lifetime_s * 1000)}</dd></>}
      </dl>
      {!v && <p class="sub">The board has not told what it is.</p>}
    </Tile>
  );
}

// A button for what cannot be undone: the hub asks for a token first, the person for a word.
function Control({ action, verb, title, text, onDone }) {
  useKeys('link');
  const [open, setOpen] = useState(false);
  const send = (token) => post('/api/battery/control', token ? { action, token } : { action });
  const done = (reply) => {
    setOpen(false);
    toast(reply.outcome === 'done' ? `${verb}: done by the board.` : `${verb}: ${outcomeOf(reply, {})[1]}.`);
    if (onDone) onDone();
  };
  if (!isAdmin()) return null;
  return (
    <>
      <Button kind="sm" disabled={!isOnline()} aria-label={title.replace('?', '')} onClick={() => setOpen(true)}>{verb}</Button>
      {open && <TokenDialog title={title} text={text} verb={verb} word={verb.toLowerCase()} send={send} onDone={done} onClose={() => setOpen(false)} />}
    </>
  );
}

