// device.jsx - the settings of the device: name, panel, another broker; what the network gave it.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post, put, remove } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { loadInfo, useFeed } from '../../lib/hub.js';
import { isOnline, set, state, useKeys } from '../../lib/store.js';
import { Confirm } from '../../ui/dialog.jsx';
import { Badge, Button, Failed, Field, Head, Loading, Note, Switch, Tile, findingOf } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { FIELDS, KEPT, limitOf, plainName, read, refusalOf, stillEdited } from './fields.js';

const REST_MS = 150;

export default function Device() {
  const { info, deviceSettings, display, link } = useKeys('info', 'deviceSettings', 'display', 'link');
  useFeed('display');
  const [config, setConfig] = useState(null);
  const [health, setHealth] = useState(null);
  const [error, setError] = useState(null);
  const [refused, setRefused] = useState({});
  const [problem, setProblem] = useState(null);
  const [waits, setWaits] = useState(false); // for a restart
  const [asks, setAsks] = useState(false);
  const load = () => Promise.all([get('/api/config'), get('/api/health').catch(() => null)]).then(([c, h]) => {
    setError(null);
    setConfig(c);
    setHealth(h);
  }, setError);
  useEffect(() => {
    if (link.state === 'live') load();
  }, [link.state]);
  const edits = config ? stillEdited(config, deviceSettings || {}) : {};
  const names = Object.keys(edits);
  const findings = { ...refused };
  for (const n of names) {
    const { finding } = read(n, edits[n]);
    if (finding) findings[n] = finding;
  }
  const bad = names.filter((n) => findings[n]).length;
  const why = !isOnline() ? 'no connection' : bad ? plural(bad, 'finding') : names.length ? '' : 'no changes';
  const edit = (name, raw) => {
    setRefused(({ [name]: gone, ...rest }) => rest);
    set('deviceSettings', stillEdited(config, { ...state.deviceSettings, [name]: raw }));
  };
  const send = async (values, undo) => {
    const before = Object.fromEntries(Object.keys(values).filter((n) => !FIELDS[n].secret).map((n) => [n, config[n]]));
    try {
      await post('/api/config?no_reboot=1', values);
      setProblem(null);
      setRefused({});
      set('deviceSettings', {});
      if (Object.keys(values).some((n) => FIELDS[n].restart)) setWaits(!undo);
      await load();
      loadInfo();
      toast(`${plural(Object.keys(values).length, 'change')} ${undo ? 'undone' : 'applied'}.`, undo || !Object.keys(before).length ? null : () => send(before, true));
    } catch (e) {
      const at = refusalOf(e.message);
      if (at) setRefused({ [at.field]: at.text });
      setProblem(e.message);
    }
  };
  const apply = () => !why && send(Object.fromEntries(names.map((n) => [n, read(n, edits[n]).value])));
  const save = useRef();
  save.current = apply;
  useEffect(() => {
    const key = (e) => {
      if (!(e.ctrlKey || e.metaKey) || e.key !== 's') return;
      e.preventDefault();
      save.current();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);

  if (!config) return <><Head title="Device settings" />{error ? <Failed error={error} retry={load} /> : <Loading lines={10} />}</>;
  const valueOf = (name) => edits[name] ?? (config[name] ?? '');
  const input = (name) => <Input key={name} name={name} value={valueOf(name)} finding={findings[name]} isEdited={name in edits} edit={(raw) => edit(name, raw)} />;
  const restart = () => post('/api/reboot').then(() => { setWaits(false); toast('The hub restarts.'); }, (e) => toast(e.message));
  return (
    <div class="device">
      <Head title="Device settings" facts={[config.device_name, info && info.board && `profile ${info.board.name}`]}>
        {names.length > 0 && <Button onClick={() => { set('deviceSettings', {}); setRefused({}); setProblem(null); }}>Discard</Button>}
        {why && <span class={bad ? 'b bad' : 'b'} id="why">{why}</span>}
        <Button kind="pri" disabled={!!why} aria-describedby="why" onClick={apply}>Apply {plural(names.length, 'change')}</Button>
      </Head>
      <div class="grid">
        {problem && <div class="c12"><Note>{problem}. Nothing was changed.</Note></div>}
        {waits && <div class="c12"><Note kind="warn" role="status" action={<Button kind="sm" online onClick={restart}>Restart hub</Button>}>Name and broker are in force after a restart.</Note></div>}
        <Tile title="Name and network" span={6} end="the network is the host's">
          {input('device_name')}
          <dl class="kv facts-l">
            <dt>In topics and addresses</dt><dd><code>{plainName(String(valueOf('device_name'))) || 'none'}</code></dd>
            <dt>Host name</dt><dd><code>{info ? info.hostname : ''}</code></dd>
            <dt>Local name</dt><dd><code>{info ? info.mdns_name : ''}</code></dd>
            <dt>Address</dt><dd><code>{(health && health.ip_address) || 'none'}</code></dd>
            <dt>MAC</dt><dd><code>{info ? info.mac_address : ''}</code></dd>
            <dt>Portal</dt><dd><code>{info && info.listeners ? [info.listeners.http, info.listeners.https].filter(Boolean).join(', ') : ''}</code></dd>
            <dt>Wi-Fi</dt><dd>{health && health.wifi_rssi != null ? `${health.wifi_rssi} dBm, channel ${health.wifi_channel}` : 'none, or the host does not tell'}</dd>
          </dl>
        </Tile>
        {display ? <PanelTile display={display} input={input} brightness={valueOf('backlight_brightness')} isEdited={'backlight_brightness' in edits} edit={edit} />
          : <Tile title="Panel" span={6}><p class="sub">This hub has no panel.</p></Tile>}
        <Tile title="Another broker" span={6} end={health && config.mqtt_host ? <Badge kind={health.mqtt_connected ? 'ok' : 'warn'}>{health.mqtt_connected ? 'connected' : 'not connected'}</Badge> : 'not set'}>
          <p class="small sub intro">Health and Home Assistant discovery go there. The hub's own broker is on page <a href="#/mqtt">MQTT</a>.</p>
          <div class="pair">{['mqtt_host', 'mqtt_port', 'mqtt_username', 'mqtt_password', 'mqtt_interval_seconds'].map(input)}</div>
        </Tile>
        <Tile title="More settings" span={6}>
          <ul class="links">
            {[['/health/', 'Heartbeat, tripwire, hotspot tags'], ['/display/', 'Size and shape of the panel, buffers'], ['/macropad/', 'Keyboard, layout, limits of the macro pad'], ['/homeassistant/', 'Home Assistant'], ['/http/', 'Addresses of the portal'], ['/log/', 'Log']].map(([find, text]) => (
              <li><a href={'#/settings?find=' + encodeURIComponent(find)}>{text}</a><code class="sub">{find}</code></li>
            ))}
          </ul>
          <p class="small sub">They are on page <a href="#/settings">Settings</a>, with accounts and passwords.</p>
          <div class="row tail"><Button online onClick={() => setAsks(true)}>Reset device settings</Button></div>
        </Tile>
        <Tile title="Kept for older clients" span={12} end="they do nothing here">
          <details><summary>{KEPT.length} fields that the older macro pad firmware had</summary><div class="pair four">{KEPT.map(input)}</div></details>
        </Tile>
      </div>
      {asks && (
        <Confirm title="Reset the device settings?" verb="Reset and restart" onClose={() => setAsks(false)} onDo={() => remove('/api/config').then(() => { set('deviceSettings', {}); toast('Reset. The hub restarts.'); }, (e) => toast(e.message))}>
          Name, panel, broker and its password go back to their defaults, and the hub restarts. This cannot be undone.
        </Confirm>
      )}
    </div>
  );
}

function Input({ name, value, finding, isEdited, edit }) {
  const f = FIELDS[name];
  const id = 'dev-' + name;
  if (f.flag) return <div class={'row between sw-f ' + (isEdited ? 'on' : '')}><label for={id}>{f.label}</label><Switch id={id} label={f.label} on={!!value} onChange={edit} /></div>;
  return (
    <Field id={id} label={<>{f.label}{isEdited && <i class="edited" title="edited" />}</>} limit={limitOf(name)} finding={finding}>
      <input id={id} class={`in ${f.mono ? 'mono' : ''} ${f.number ? 'figure' : ''}`} type={f.secret ? 'password' : 'text'} autocomplete={f.secret ? 'new-password' : 'off'} inputMode={f.number ? 'numeric' : undefined} spellcheck={false}
        placeholder={f.hint || ''} value={value} onInput={(e) => edit(e.target.value)} {...findingOf(id, finding)} />
    </Field>
  );
}

// The light follows the slider at once; what is applied outlives a restart.
function PanelTile({ display, input, brightness, isEdited, edit }) {
  const timer = useRef();
  useEffect(() => () => clearTimeout(timer.current), []);
  const move = (v) => {
    edit('backlight_brightness', String(v));
    clearTimeout(timer.current);
    timer.current = setTimeout(() => put('/api/display/brightness', { brightness: v }).catch((e) => toast(e.message)), REST_MS);
  };
  const act = (what) => post('/api/display/' + what).catch((e) => toast(e.message));
  const asleep = display.saver !== 'awake';
  return (
    <Tile title="Panel" span={6} end={<><span>{display.width} x {display.height}{display.round ? ', round' : ''}</span><Badge kind={asleep ? '' : 'ok'}>{display.saver}</Badge></>}>
      <label class="slide" for="dev-backlight">
        <span>Brightness{isEdited && <i class="edited" title="edited" />}</span>
        <input id="dev-backlight" type="range" min="0" max="100" value={brightness} onInput={(e) => move(+e.target.value)} /><output>{brightness} %</output>
      </label>
      {input('screen_saver_enabled')}
      {input('screen_saver_wake_on_touch')}
      <div class="pair">{['screen_saver_timeout_seconds', 'screen_saver_fade_out_ms', 'screen_saver_fade_in_ms'].map(input)}</div>
      <div class="row tail"><Button online disabled={asleep} onClick={() => act('sleep')}>Sleep now</Button><Button online disabled={!asleep} onClick={() => act('wake')}>Wake</Button></div>
    </Tile>
  );
}
