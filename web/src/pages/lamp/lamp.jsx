// lamp.jsx - the lamp: its picture now, all effects, how they look, and who else holds it.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../../lib/api.js';
import { count, fixed } from '../../lib/format.js';
import { lampCame } from '../../lib/hub.js';
import { useResource } from '../../lib/resource.js';
import { keep, set, useKeys, useTick } from '../../lib/store.js';
import { Badge, Button, Empty, Failed, Head, Loading, Note, Switch, Tile } from '../../ui/parts.jsx';
import { setLamp, useLamp } from './act.js';
import { TouchButton } from './button.jsx';
import { Gallery } from './gallery.jsx';
import { Live, Source, useLive } from './live.jsx';
import { Look } from './look.jsx';
import { changedText, failureText, isUpright, shownPalette, sizeText } from './model.js';
import { Overlay } from './overlay.jsx';
import { PaletteEditor } from './palette.jsx';
import { Current } from './power.jsx';
import { Radio } from './radio.jsx';
import { Screen } from './screen.jsx';
import { Statistics } from './stats.jsx';
import { isSwitching, ms, powerBadge } from './words.js';

const HEIGHT = 430; // of the picture, at most
const UPRIGHT_HEIGHT = 640; // of a lamp that stands: it has a column of its own
const isNarrow = () => matchMedia('(max-width: 720px)').matches;

export default function Lamp() {
  const { lamp, raw, waits, isLive } = useLamp();
  const [error, setError] = useState(null);
  const load = () => get('/api/lamp').then((l) => { setError(null); lampCame(l); }, (e) => (e.status === 404 ? none() : setError(e)));
  useEffect(() => {
    if (isLive) load();
  }, [isLive]);
  if (lamp === false) return <><Head title="Lamp" /><Disabled retry={load} /></>;
  if (!lamp) return <><Head title="Lamp" />{error ? <Failed error={error} retry={load} /> : <Loading big lines={10} />}</>;
  return <Page lamp={lamp} raw={raw} waits={waits} />;
}

function none() {
  keep('lamp', null);
  set('lamp', false);
}

function Disabled({ retry }) {
  return (
    <div class="grid">
      <Tile title="Not enabled" span={8}>
        <Empty action={<Button kind="sm" onClick={retry}>Look again</Button>}>This hub has no lamp: it runs without one until hub.yaml has these lines and the hub was started again.</Empty>
        <pre class="yaml">{'lamp:\n  enabled: true\n  width: 48\n  height: 16\nlamp_hardware:\n  limit_ma: 4000'}</pre>
        <p class="sub small">Without LEDs the lamp is shown here all the same. All settings of the lamp: docs/configuration.md.</p>
      </Tile>
    </div>
  );
}

// `raw`: as the hub has it, without what has no answer yet.
function Page({ lamp, raw, waits }) {
  const canvas = useRef();
  const effects = useResource('/api/lamp/effects');
  const palettes = useResource('/api/lamp/palettes');
  const fx = effects.value ? effects.value.effects : [];
  const list = palettes.value;
  const live = useLive(lamp);
  // Somebody else made or renamed the palette that the lamp shows.
  const unknown = list && raw.palette_index !== 255 && !list.palettes.some((p) => p.index === raw.palette_index && p.name === raw.palette) ? raw.palette : '';
  useEffect(() => {
    if (unknown) palettes.reload();
  }, [unknown]);
  return (
    <div class={`lamp-p ${isUpright(lamp.info) ? 'upright' : ''}`}>
      <Head title="Lamp" facts={[sizeText(lamp.info), `state ${count(lamp.seq)}`, <Changed />]}>
        <Source lamp={lamp} live={live} />
        <Button disabled={lamp.power_state !== 'on'} title="The picture of this moment, as a PNG file" onClick={() => record(canvas.current, lamp)}>Record</Button>
        <Power lamp={lamp} waits={waits('power')} />
      </Head>
      {lamp.power_state === 'failed' && (
        <div class="apart"><Note action={<div class="row"><Button kind="sm" online onClick={() => setLamp({ power: true })}>Switch on again</Button><Button kind="sm" online onClick={() => setLamp({ power: false })}>Switch off</Button></div>}>{failureText(lamp)}</Note></div>
      )}
      <div class="grid">
        <div class="c8 col">
          <Preview lamp={lamp} canvasRef={canvas} />
          {effects.value ? <Gallery effects={fx} palettes={list ? list.palettes : []} lamp={lamp} waits={waits('effect')} /> : <Tile title="Effects">{effects.error ? <Failed error={effects.error} retry={effects.reload} /> : <Loading big lines={8} />}</Tile>}
          {list && <PaletteEditor palette={shownPalette(lamp, fx, list.palettes)} list={list} reload={palettes.reload} />}
          <div class="pair-t"><TouchButton /><Statistics info={lamp.info} seq={lamp.seq} /></div>
        </div>
        <div class="c4 col">
          <Look lamp={lamp} effects={fx} palettes={list ? list.palettes : []} error={palettes.error} reload={palettes.reload} waits={waits} />
          <Overlay lamp={lamp} waits={waits} />
          <Current info={lamp.info} />
          <Live lamp={lamp} live={live} />
          <Radio />
        </div>
      </div>
    </div>
  );
}

// Ages by itself: the page need not be drawn anew for it.
function Changed() {
  const { lamp } = useKeys('lamp');
  useTick(1000);
  return lamp ? changedText(lamp, Date.now()) : '';
}

function Power({ lamp, waits }) {
  const [kind, word] = powerBadge(lamp.power_state);
  const { isLive } = useLamp();
  return (
    <span class={`row pw ${waits ? 'waits' : ''}`} role="status">
      {(isSwitching(lamp.power_state) || lamp.power_state === 'failed') && <Badge kind={kind}>{word}</Badge>}
      <label for="lamp-power">Power</label>
      <Switch id="lamp-power" label="Power" on={lamp.power} disabled={!isLive || isSwitching(lamp.power_state)} onChange={(power) => setLamp({ power })} />
    </span>
  );
}

function Preview({ lamp, canvasRef }) {
  const { info, power_state: power } = lamp;
  const isOn = power === 'on';
  const what = info.live ? `${info.live.protocol} from ${info.live.from}` : lamp.effect;
  const says = isOn ? `Live picture of the lamp: ${what}${lamp.paused ? ', paused' : ''}.` : `The lamp is ${powerBadge(power)[1]}.`;
  return (
    <article class="tile pv" aria-label="Preview">
      <Screen lamp={lamp} maxHeight={isUpright(info) && !isNarrow() ? UPRIGHT_HEIGHT : HEIGHT} canvasRef={canvasRef} label={says} />
      {!isOn && <p class="pv-off">{power === 'off' ? 'The lamp is off.' : `The lamp is ${powerBadge(power)[1]}.`}</p>}
      <div class="pv-f">
        <b>{what}</b>
        {isOn && <><span>{fixed(info.fps, 1)} fps</span><span>jitter {ms(info.jitter_us)}</span><span>render {ms(info.render_us)}</span><span>overlay {ms(info.overlay_us)}</span><span>show {ms(info.show_us)}</span></>}
        <span class="end">frame {count(info.frames)}, CRC {info.frame_crc}</span>
      </div>
    </article>
  );
}

// The picture as it is seen, as a file.
function record(canvas, lamp) {
  canvas.toBlob((blob) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `lamp-${lamp.effect.toLowerCase().replace(/\W+/g, '-')}-${canvas.dataset.frame || 0}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }, 'image/png');
}
