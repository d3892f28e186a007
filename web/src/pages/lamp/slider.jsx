// slider.jsx - a value that is dragged: sent on the way, held against the feed until it is let go.

import { useState } from 'preact/hooks';
import { isOnline } from '../../lib/store.js';
import { Button } from '../../ui/parts.jsx';
import { setLamp } from './act.js';

const pct = (v) => `${Math.round((v * 100) / 255)} %`;

// `field` of the lamp from `min` to `max`; `text(value)` is what stands beside it.
function Slider({ label, field, value, min = 0, max = 255, step = 1, text, waits, disabled, title }) {
  const [held, setHeld] = useState(null);
  const shown = held ?? value;
  const drag = (e) => {
    setHeld(+e.target.value);
    setLamp({ [field]: +e.target.value }, true);
  };
  const drop = (e) => {
    setLamp({ [field]: +e.target.value });
    setHeld(null);
  };
  return (
    <label class={`sl ${waits ? 'waits' : ''}`} title={title}>
      <span>{label}</span>
      <input type="range" min={min} max={max} step={step} value={shown} disabled={disabled} aria-label={label} aria-valuetext={text(shown)}
        style={{ '--v': `${((shown - min) * 100) / (max - min)}%` }} onInput={drag} onChange={drop} />
      <output>{text(shown)}</output>
    </label>
  );
}

// The three sliders, as on Home and here.
export function Sliders({ lamp, waits, few, uses }) {
  const off = !isOnline();
  return (
    <>
      <Slider label="Brightness" field="brightness" value={lamp.brightness} text={pct} waits={waits('brightness')} disabled={off} />
      <Slider label="Speed" field="speed_pct" min={10} max={300} value={lamp.speed_pct} text={(v) => `${v} %`} waits={waits('speed_pct')} disabled={off} />
      {!few && <Slider label="Intensity" field="intensity" value={lamp.intensity} text={pct} waits={waits('intensity')} disabled={off} title={uses && !uses.includes('intensity') ? `${lamp.effect} does not look at it` : undefined} />}
    </>
  );
}

export const PauseButton = ({ lamp, small }) => (
  <Button kind={`ic ${small ? 'sm' : ''}`} online icon={lamp.paused ? 'go' : 'pause'} aria-label={lamp.paused ? 'Go on' : 'Pause'} aria-pressed={lamp.paused} onClick={() => setLamp({ paused: !lamp.paused })} />
);
