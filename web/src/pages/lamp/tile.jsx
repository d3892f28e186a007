// tile.jsx - the lamp on Home.

import { useResource } from '../../lib/resource.js';
import { fixed } from '../../lib/format.js';
import { isOnline, kept } from '../../lib/store.js';
import { Button, Loading, Stat, Switch, Tile } from '../../ui/parts.jsx';
import { command, setLamp, useLamp } from './act.js';
import { Screen } from './screen.jsx';
import { PauseButton, Sliders } from './slider.jsx';
import { Thumb } from './thumb.jsx';
import { ampere, byShort, isSwitching, ms, powerBadge } from './words.js';

const FAVOURITES = ['FIRE', 'AURORA', 'SEA', 'METABALLS', 'CLOCK'];

function LampTile() {
  const { lamp, waits } = useLamp();
  const effects = useResource(lamp ? '/api/lamp/effects' : null);
  const palettes = useResource(lamp ? '/api/lamp/palettes' : null);
  if (!lamp && (lamp === false || !kept('lamp', false))) return null;
  if (!lamp) return <Tile title="Lamp" href="#/lamp" span={4} order={3}><Loading big lines={9} /></Tile>;
  const { info } = lamp;
  const fx = effects.value ? effects.value.effects : [];
  const five = [...fx.filter((e) => FAVOURITES.includes(e.name)), ...fx.filter((e) => !FAVOURITES.includes(e.name))].slice(0, 5);
  const state = lamp.power_state;
  return (
    <Tile title="Lamp" href="#/lamp" span={4} order={3} class="home-lamp" end={<>{state !== 'on' && <span class={state === 'failed' ? 'wn' : ''}>{powerBadge(state)[1]}</span>}<span>{info.width} × {info.height}</span></>}>
      <Screen lamp={lamp} maxHeight={info.height > info.width ? 210 : 160} label={`Live picture of the lamp: ${lamp.effect}.`} />
      <div class="row acts-l">
        <Button kind="ic" online icon="prev" aria-label="Previous effect" onClick={() => command('previous')} />
        <b>{info.live ? info.live.protocol : lamp.effect}</b>
        <Button kind="ic" online icon="next" aria-label="Next effect" onClick={() => command('next')} />
        <span class="gap" />
        <PauseButton lamp={lamp} />
        <Switch label="Power of the lamp" on={lamp.power} disabled={!isOnline() || isSwitching(state)} onChange={(power) => setLamp({ power })} />
      </div>
      <Sliders lamp={lamp} waits={waits} few />
      <div class="mini" role="group" aria-label="Effects">
        {five.map((e) => <button key={e.id} type="button" aria-label={e.name} title={e.name} aria-pressed={e.id === lamp.effect_id} disabled={!isOnline()} onClick={() => setLamp({ effect: e.id })}><Thumb effect={e} palettes={palettes.value ? palettes.value.palettes : []} /></button>)}
      </div>
      <dl class="stats apart">
        <Stat label="Frames" value={fixed(info.fps, 1)} unit="fps" width={4} />
        <Stat label="Frame" value={ms(info.render_us + info.overlay_us).split(' ')[0]} unit="ms" />
        <Stat label="Current, estimate" value={ampere(info.estimate_ma)} unit={info.limit_ma ? `of ${ampere(info.limit_ma)} A` : 'A'} />
        <Stat label="Changed by" value={byShort(lamp.changed)} />
      </dl>
    </Tile>
  );
}

export default [{ order: 30, operator: true, parts: ['lamp'], Tile: LampTile }];
