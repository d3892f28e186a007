// inspect.jsx - the fields of the chosen button.

import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { plural, utf8Bytes } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { Button, Field, Tile, findingOf } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { useIcon } from './icons.js';
import { ACTIONS, SCREENS, buttonAt, colourOf, hasIcon, hex, isUsed, nameOf, place, slotsOf } from './model.js';

const CHECK_MS = 400;
const KEY_HELP = [
  ['STRING text', 'types the rest of the line'],
  ['STRINGLN text', 'the same, then ENTER'],
  ['CTRL c', 'a chord: CTRL SHIFT ALT ALTGR GUI, then one key'],
  ['ENTER TAB ESC F5', 'one key; also UP, HOME, DELETE, NUM1'],
  ['VOLUMEUP MUTE PLAYPAUSE', 'media keys'],
  ['DELAY 500', 'waits, in ms'],
  ['REPEAT 3', 'the command before it, again'],
  ['HOLD SHIFT … RELEASE', 'keeps keys down'],
  ['LAYOUT de', 'us, de, gb, fr from here on'],
  ['REM text', 'a note'],
];

export function Inspector({ doc, at, known, state, finds, onEdit, onIcon, onPress, onSwap }) {
  const b = buttonAt(doc, at);
  const limits = known.limits || {};
  const of = (field) => finds.find((f) => f.field === field);
  const change = (what, value, join) => onEdit({ [what]: value }, join ? `${what}${at.screen}/${at.slot}` : null);
  const room = (text, limit) => (limit ? `${utf8Bytes(text)} of ${limit} bytes` : null);
  const actions = (state && state.actions) || Object.keys(ACTIONS);
  const field = (name, label, value, input, limit) => (
    <Field id={'mp-' + name} label={label} limit={room(value, limit)} finding={(of(name) || {}).text} warning={(of(name) || {}).warning}>{input}</Field>
  );
  return (
    <Tile title={`Button ${at.slot + 1}`} class="inspect" end={<><code>{`macro${at.screen + 1}/${at.slot}`}</code><Button kind="sm" online icon="play" disabled={!isUsed(b) || b.action === 'none'} title="Presses it as it is saved" onClick={onPress}>Press</Button></>}>
      {of('slot') && <p class="find warn"><span>{of('slot').text}</span></p>}
      {field('label', 'Label', b.label, <input id="mp-label" class="in" value={b.label} autocomplete="off" onInput={(e) => change('label', e.target.value, true)} {...findingOf('mp-label', (of('label') || {}).text)} />, limits.label_bytes)}
      <Field id="mp-action" label="Action">
        <select id="mp-action" class="in" value={b.action} onChange={(e) => onEdit(retyped(b, e.target.value))}>
          {Object.keys(ACTIONS).filter((a) => actions.includes(a) || a === b.action).map((a) => <option value={a}>{ACTIONS[a].name}</option>)}
        </select>
      </Field>
      <Payload b={b} known={known} state={state} finds={finds} limits={limits} change={change} field={field} />
      <div class="f">
        <span class="lab">Icon</span>
        <div class="row"><IconChip b={b} colour={colourOf(doc, b, 'icon_color')} back={colourOf(doc, b, 'button_bg')} />
          <Button disabled={b.action === 'none'} title={b.action === 'none' ? 'A button without an action has no icon' : undefined} onClick={onIcon}>{hasIcon(b) ? 'Change icon' : 'Choose icon'}</Button>
          {hasIcon(b) && <Button onClick={() => change('icon', { type: 'none', id: '', display: '' })}>No icon</Button>}
        </div>
        {of('icon') && <div class="find warn"><span>{of('icon').text}</span></div>}
      </div>
      <div class="colours">
        <Colour id="mp-bg" label="Button" value={b.button_bg} base={doc.defaults.button_bg} onChange={(v) => change('button_bg', v, true)} />
        <Colour id="mp-ic" label="Icon" value={b.icon_color} base={doc.defaults.icon_color} onChange={(v) => change('icon_color', v, true)} />
        <Colour id="mp-lc" label="Label" value={b.label_color} base={doc.defaults.label_color} onChange={(v) => change('label_color', v, true)} />
      </div>
      <Field id="mp-swap" label="Swap with">
        <select id="mp-swap" class="in" value="" onChange={(e) => { const [screen, slot] = e.target.value.split('/').map(Number); onSwap({ screen, slot }); }}>
          <option value="">another place</option>
          {Array.from({ length: SCREENS }, (_, screen) => (
            <optgroup label={`Screen ${screen + 1}`}>
              {Array.from({ length: slotsOf(doc.screens[screen]) }, (_, slot) => ({ screen, slot })).filter((p) => p.screen !== at.screen || p.slot !== at.slot)
                .map((p) => <option value={`${p.screen}/${p.slot}`}>{place(p)}{isUsed(buttonAt(doc, p)) ? `: ${nameOf(buttonAt(doc, p), p)}` : ''}</option>)}
            </optgroup>
          ))}
        </select>
      </Field>
    </Tile>
  );
}

// What another action can use of what stands there stays.
function retyped(b, action) {
  const keeps = ACTIONS[action].payload && ACTIONS[b.action].payload === ACTIONS[action].payload;
  return { action, payload: keeps ? b.payload : '', mqtt_topic: action === 'mqtt_send' ? b.mqtt_topic : '' };
}

function Payload({ b, known, state, finds, limits, change, field }) {
  const finding = (name) => findingOf('mp-' + name, (finds.find((f) => f.field === name) || {}).text);
  if (b.action === 'send_keys') return <Script b={b} state={state} limit={limits.payload_bytes} finds={finds} onInput={(v) => change('payload', v, true)} />;
  if (b.action === 'mqtt_send') {
    return (
      <>
        {field('mqtt_topic', 'Topic', b.mqtt_topic, <input id="mp-mqtt_topic" class="in mono" spellcheck={false} autocomplete="off" value={b.mqtt_topic} onInput={(e) => change('mqtt_topic', e.target.value, true)} {...finding('mqtt_topic')} />, limits.topic_bytes)}
        {field('payload', 'Message', b.payload, <textarea id="mp-payload" class="in mono" rows="2" spellcheck={false} value={b.payload} onInput={(e) => change('payload', e.target.value, true)} {...finding('payload')} />, limits.payload_bytes)}
      </>
    );
  }
  if (b.action === 'nav_to') {
    const ids = known.screens || Array.from({ length: SCREENS }, (_, i) => `macro${i + 1}`);
    return field('payload', 'Screen', b.payload, (
      <select id="mp-payload" class="in" value={b.payload} onChange={(e) => change('payload', e.target.value)} {...finding('payload')}>
        {!ids.includes(b.payload) && <option value={b.payload}>{b.payload || 'choose one'}</option>}
        {ids.map((id) => <option value={id}>{(known.names || {})[id] || id}</option>)}
      </select>
    ));
  }
  if (b.action === 'run_scenario') return <Scenario b={b} change={change} field={field} finding={finding} limit={limits.payload_bytes} />;
  if (b.action === 'lamp_effect') return field('payload', 'Effect by name, or JSON', b.payload, <textarea id="mp-payload" class="in mono" rows="3" spellcheck={false} placeholder="FIRE" value={b.payload} onInput={(e) => change('payload', e.target.value, true)} {...finding('payload')} />, limits.payload_bytes);
  return null;
}

function Scenario({ b, change, field, finding, limit }) {
  const list = useResource('/api/automation/actions');
  const of = list.value ? (Array.isArray(list.value) ? list.value : list.value.scenarios || []) : [];
  return (
    <>
      {field('payload', 'Scenario, or name of a button', b.payload, <input id="mp-payload" class="in mono" list="mp-scenarios" spellcheck={false} autocomplete="off" placeholder="device/scenario" value={b.payload} onInput={(e) => change('payload', e.target.value, true)} {...finding('payload')} />, limit)}
      <datalist id="mp-scenarios">{of.map((s) => <option value={`${s.device}/${s.scenario}`}>{`${s.device_name}: ${s.name}`}</option>)}</datalist>
    </>
  );
}

// ---- key scripts ---------------------------------------------------------------------------------------------------

// What the hub finds in a script, a little after the last key.
function useCheck(script) {
  const [found, setFound] = useState({ script: null, findings: [], count: 0 });
  useEffect(() => {
    if (!script.trim()) return setFound({ script, findings: [], count: 0 });
    const timer = setTimeout(() => post('/api/macropad/check', { script }).then((r) => setFound({ script, ...r }), () => {}), CHECK_MS);
    return () => clearTimeout(timer);
  }, [script]);
  return found;
}

function Script({ b, state, limit, finds, onInput }) {
  const check = useCheck(b.payload);
  const own = finds.find((f) => f.field === 'payload');
  const bad = (own && own.text) || (check.count ? plural(check.count, 'finding') : null);
  const keyboard = (state && state.keyboard) || {};
  const type = () => post('/api/macropad/type', { script: b.payload }).then(() => toast('It is typed.'), (e) => toast(e.message));
  return (
    <div class="f">
      <label for="mp-payload"><span>Key script</span><span class="sub">{utf8Bytes(b.payload)} of {limit} bytes</span></label>
      <textarea id="mp-payload" class="in mono script" rows="6" spellcheck={false} autocapitalize="off" value={b.payload} onInput={(e) => onInput(e.target.value)} {...findingOf('mp-payload', bad)} />
      <div id="mp-payload-find" aria-live="polite">
        {own && <div class={'find ' + (own.warning ? 'warn' : '')}><span>{own.text}</span></div>}
        {check.findings.map((f) => <div class="find"><span>Line {f.line}: {f.text}{f.token && <>: <code>{f.token}</code></>}</span></div>)}
        {!bad && b.payload.trim() && check.script === b.payload && <div class="small sub">No findings.</div>}
      </div>
      <div class="row between small sub">
        <span>{keyboard.output === 'off' ? 'There is no keyboard: scripts are left out.' : `Typed on ${keyboard.output === 'uinput' ? 'this computer' : 'the feed only'}, layout ${keyboard.layout || 'us'}.`}</span>
        <Button kind="sm" online disabled={!b.payload.trim() || keyboard.output === 'off'} onClick={type}>Type it now</Button>
      </div>
      <details class="help">
        <summary>Commands, one a line</summary>
        <dl>{KEY_HELP.map(([k, t]) => <><dt><code>{k}</code></dt><dd>{t}</dd></>)}</dl>
      </details>
    </div>
  );
}

// ---- icon and colours ----------------------------------------------------------------------------------------------

function IconChip({ b, colour, back }) {
  const emoji = b.icon.type === 'emoji' && b.icon.display;
  const url = useIcon(hasIcon(b) && !emoji ? b.icon.id : null, colour);
  return (
    <span class="chip-i" style={{ background: hex(back), color: hex(colour) }} title={b.icon.id || 'No icon'}>
      {emoji ? b.icon.display : url ? <img src={url} alt={b.icon.id} /> : hasIcon(b) && url === null ? '?' : ''}
    </span>
  );
}

// A colour, or (undefined) the default `base`.
export function Colour({ id, label, value, base, onChange }) {
  const isOwn = value !== undefined;
  return (
    <div class="colour">
      <label for={id}>{label}</label>
      <div class="row">
        <input id={id} type="color" value={hex(value ?? base)} onInput={(e) => onChange(parseInt(e.target.value.slice(1), 16))} />
        {base === undefined || !isOwn ? <code class="sub">{base !== undefined && !isOwn ? 'default' : hex(value)}</code>
          : <button type="button" class="link" title={`Back to the default, ${hex(base)}`} onClick={() => onChange(undefined)}>default</button>}
      </div>
    </div>
  );
}
