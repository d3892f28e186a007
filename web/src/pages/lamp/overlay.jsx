// overlay.jsx - the face over the effect: on or off, what it does, where it looks.

import { useRef, useState } from 'preact/hooks';
import { isOnline } from '../../lib/store.js';
import { Segments, Switch, Tile } from '../../ui/parts.jsx';
import { setLamp } from './act.js';
import { BLENDS, MODES, angleAfterKey, angleOf } from './model.js';

const SAYS = { alpha: 'over the effect', add: 'its light is added', max: 'the brighter of both' };

export function Overlay({ lamp, waits }) {
  const o = lamp.overlay;
  const off = !isOnline();
  const put = (patch, isDragged) => setLamp({ overlay: patch }, isDragged);
  return (
    <Tile title="Overlay" class={`ovl ${waits('overlay') ? 'waits' : ''}`} end={<Switch label="Overlay" on={o.enabled} disabled={off} onChange={(enabled) => put({ enabled })} />}>
      <div class={`ovl-in ${o.enabled ? '' : 'rests'}`}>
        <Dial angle={o.angle_deg} disabled={off} onChange={(angle_deg, isDragged) => put({ angle_deg }, isDragged)} />
        <div>
          <Segments label="What the face does" options={MODES} value={o.mode} disabled={off} onChange={(mode) => put({ mode })} />
          <dl class="kv">
            <dt>Direction</dt><dd>{o.angle_deg == null ? 'nowhere' : `${Math.round(o.angle_deg)}\u00b0`}</dd>
            <dt>Blend</dt><dd>{SAYS[o.blend]}</dd>
          </dl>
          <Segments kind="sm" label="Blend" options={BLENDS} value={o.blend} disabled={off} onChange={(blend) => put({ blend })} />
        </div>
      </div>
    </Tile>
  );
}

const MID = 48;
const point = (deg, r) => {
  const a = ((deg - 90) * Math.PI) / 180;
  return [MID + r * Math.cos(a), MID + r * Math.sin(a)];
};
const at = (deg, r) => point(deg, r).map((v) => v.toFixed(1)).join(' ');
const TICKS = Array.from({ length: 12 }, (_, i) => `M${at(i * 30, 40)}L${at(i * 30, i % 3 ? 37 : 34)}`).join('');

// Where the face looks: dragged, or moved by arrows (Shift: by 15 degrees).
function Dial({ angle, disabled, onChange }) {
  const svg = useRef();
  const [held, setHeld] = useState(null);
  const shown = held ?? angle;
  const here = (e) => {
    const box = svg.current.getBoundingClientRect();
    return angleOf(e.clientX - box.left - box.width / 2, e.clientY - box.top - box.height / 2);
  };
  const drag = (e, isOver) => {
    if (disabled || (held == null && e.type !== 'pointerdown')) return;
    const deg = here(e);
    setHeld(isOver ? null : deg);
    onChange(deg, !isOver);
  };
  const down = (e) => {
    e.currentTarget.setPointerCapture(e.pointerId);
    drag(e);
  };
  const key = (e) => {
    const next = angleAfterKey(e.key, angle, e.shiftKey);
    if (next == null || disabled) return;
    e.preventDefault();
    onChange(next);
  };
  return (
    <svg ref={svg} class="dial" viewBox="0 0 96 96" role="slider" tabindex={disabled ? -1 : 0} aria-label="Direction" aria-valuemin="0" aria-valuemax="359" aria-valuenow={Math.round(shown ?? 0)}
      aria-valuetext={shown == null ? 'nowhere' : `${Math.round(shown)} degrees`} aria-disabled={disabled}
      onPointerDown={down} onPointerMove={(e) => drag(e)} onPointerUp={(e) => drag(e, true)} onPointerCancel={() => setHeld(null)} onKeyDown={key}>
      <circle class="rim" cx={MID} cy={MID} r="40" /><path class="rim" d={TICKS} />
      {shown != null && <path class="wedge" d={`M${MID} ${MID}L${at(shown - 5, 40)}A40 40 0 0 1 ${at(shown + 5, 40)}Z`} />}
      {shown != null && <path class="hand" d={`M${MID} ${MID}L${at(shown, 34)}`} />}
      {shown != null && <circle class="grip" cx={point(shown, 34)[0]} cy={point(shown, 34)[1]} r="4.5" />}
      <circle class="hub" cx={MID} cy={MID} r="3.5" />
    </svg>
  );
}
