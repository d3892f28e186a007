// look.jsx - brightness, speed, intensity, palette, colours and text: how an effect looks.

import { useState } from 'preact/hooks';
import { utf8Bytes } from '../../lib/format.js';
import { isOnline } from '../../lib/store.js';
import { Failed, Field, Tile, findingOf } from '../../ui/parts.jsx';
import { setLamp, setTransition, transition } from './act.js';
import { COLOR_NAMES, TEXT_MAX_BYTES, usesOf } from './model.js';
import { AUTO, gradient } from './palette.js';
import { PauseButton, Sliders } from './slider.jsx';

const OVER = [['', 'As the hub has it'], [0, 'At once'], [300, '0.3 s'], [700, '0.7 s'], [1500, '1.5 s'], [3000, '3 s'], [10000, '10 s'], [60000, '60 s']];

function Transition() {
  const [ms, set] = useState(transition());
  const change = (e) => {
    const next = e.target.value === '' ? null : +e.target.value;
    setTransition(next);
    set(next);
  };
  return (
    <div class="f inline"><label for="lamp-over">Transition</label>
      <select class="in" id="lamp-over" value={ms ?? ''} title="Of brightness, colours and palette" onChange={change}>
        {OVER.map(([v, name]) => <option value={v}>{name}</option>)}
      </select>
    </div>
  );
}

function Colours({ lamp, waits }) {
  return (
    <div class={`colours ${waits('colors') ? 'waits' : ''}`}>
      {lamp.colors.map((color, i) => (
        <label><span>{COLOR_NAMES[i]}</span>
          <input type="color" value={color} disabled={!isOnline()} aria-label={`${COLOR_NAMES[i]} colour`} onInput={(e) => setLamp({ colors: replaced(lamp.colors, i, e.target.value) }, true)} onChange={(e) => setLamp({ colors: replaced(lamp.colors, i, e.target.value) })} />
          <code>{color}</code>
        </label>
      ))}
    </div>
  );
}
const replaced = (list, at, value) => list.map((v, i) => (i === at ? value : v));

// What is typed goes to the lamp as it is typed; what is too long stays here, with a finding.
function Text({ lamp }) {
  const [typed, setTyped] = useState(null);
  const text = typed ?? lamp.text;
  const bytes = utf8Bytes(text);
  const finding = bytes > TEXT_MAX_BYTES ? `Text has ${bytes} bytes, limit ${TEXT_MAX_BYTES}. The lamp shows what it had.` : '';
  const type = (value, isOver) => {
    setTyped(isOver && !finding ? null : value);
    if (utf8Bytes(value) <= TEXT_MAX_BYTES) setLamp({ text: value }, !isOver);
  };
  return (
    <Field id="lamp-text" label="Text" limit={`${bytes} of ${TEXT_MAX_BYTES} bytes`} finding={finding}>
      <input class="in" id="lamp-text" value={text} disabled={!isOnline()} {...findingOf('lamp-text', finding)} onInput={(e) => type(e.target.value)} onChange={(e) => type(e.target.value, true)} />
    </Field>
  );
}

function PaletteList({ palettes, lamp, auto, waits }) {
  const cards = [{ index: AUTO, name: 'auto', own: false, of: auto }, ...palettes];
  const key = (e) => {
    const all = [...e.currentTarget.children];
    const i = all.indexOf(document.activeElement);
    const to = { ArrowRight: i + 1, ArrowDown: i + 2, ArrowLeft: i - 1, ArrowUp: i - 2, Home: 0, End: all.length - 1 }[e.key];
    if (to == null || i < 0) return;
    e.preventDefault();
    if (all[to]) all[to].focus();
  };
  const choice = (p) => setLamp({ palette: p.index === AUTO ? 'auto' : p.index });
  return (
    <div class={`pal ${waits('palette') ? 'waits' : ''}`} role="radiogroup" aria-label="Palette" onKeyDown={key}>
      {cards.map((p) => {
        const isOn = p.index === lamp.palette_index;
        return (
          <button key={p.index} type="button" role="radio" aria-checked={isOn} tabIndex={isOn ? 0 : -1} disabled={!isOnline()} onClick={() => choice(p)}>
            <i style={{ backgroundImage: (p.of || p.stops) && gradient(p.of || p) }} /><span>{p.index === AUTO ? `auto${p.of ? `: ${p.of.name}` : ''}` : p.name}{p.own && <small>own</small>}</span>
          </button>
        );
      })}
    </div>
  );
}

export function Look({ lamp, effects, palettes, error, reload, waits }) {
  const uses = usesOf(lamp, effects);
  const effect = effects.find((e) => e.id === lamp.effect_id);
  const auto = effect && palettes.find((p) => p.name === effect.palette);
  const plays = uses.includes('palette');
  return (
    <Tile title="Look" class="look" end={<>{lamp.paused && <span>paused</span>}<PauseButton lamp={lamp} small /></>}>
      <Sliders lamp={lamp} waits={waits} uses={uses} />
      {uses.includes('text') && <Text lamp={lamp} />}
      {uses.includes('colors') && <><h3>Colours</h3><Colours lamp={lamp} waits={waits} /></>}
      <div class="row between pal-h"><h3>Palette</h3>{effect && !plays && <span class="sub small">{effect.name} has colours of its own</span>}</div>
      {error && !palettes.length ? <Failed error={error} retry={reload} /> : <PaletteList palettes={palettes} lamp={lamp} auto={auto} waits={waits} />}
      <Transition />
    </Tile>
  );
}
