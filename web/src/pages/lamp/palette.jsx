// palette.jsx - the palette editor: stops are dragged, coloured, added and removed; one's own are saved, and shown
// by the lamp with the save.

import { useEffect, useRef, useState } from 'preact/hooks';
import { post, put, remove } from '../../lib/api.js';
import { isOnline } from '../../lib/store.js';
import { Button, Segments, Switch, Tile, findingOf } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { setLamp } from './act.js';
import { NAME_MAX, STOPS_MAX, addStop, colourStop, copyName, gradient, moveStop, nameFinding, parseHex, removeStop, widestGap } from './palette.js';

const BLEND = [['smooth', 'Smooth'], ['stepped', 'Stepped']];
const LIVE_REST_MS = 250;
const body = ({ name, stepped, stops }) => ({ name, stepped, stops });
const isSame = (a, b) => JSON.stringify(body(a)) === JSON.stringify(body(b));

// `palette`: the one that the lamp shows; `reload()` asks for the list anew.
export function PaletteEditor({ palette, list, reload }) {
  const [draft, setDraft] = useState(null); // of one's own, while it differs
  const [at, setAt] = useState(0);
  const [isLive, setLive] = useState(true);
  const [refused, setRefused] = useState(null);
  const [busy, setBusy] = useState(false);
  const timer = useRef();
  useEffect(() => {
    setDraft(null);
    setRefused(null);
    setAt(0);
    return () => clearTimeout(timer.current);
  }, [palette && palette.index]);
  // The draft stands until the list has it.
  useEffect(() => {
    if (draft && palette && isSame(draft, palette)) setDraft(null);
  }, [palette]);
  if (!palette) return null;
  const p = draft || palette;
  const own = palette.own;
  const stop = p.stops[Math.min(at, p.stops.length - 1)];
  const taken = list.palettes.filter((x) => x.index !== palette.index).map((x) => x.name);
  const finding = own ? nameFinding(p.name, taken) : '';
  const full = list.palettes.filter((x) => x.own).length >= list.own_max;

  const save = async (what) => {
    clearTimeout(timer.current);
    setBusy(true);
    try {
      await put('/api/lamp/palettes/' + palette.index, body(what));
      setRefused(null);
      reload();
    } catch (e) {
      setRefused(e);
    }
    setBusy(false);
  };
  const change = (next, stopAt = at) => {
    setDraft(next);
    setAt(stopAt);
    clearTimeout(timer.current);
    if (isLive && !nameFinding(next.name, taken)) timer.current = setTimeout(() => save(next), LIVE_REST_MS);
  };
  const copy = async () => {
    try {
      const made = await post('/api/lamp/palettes', { ...body(p), name: copyName(p.name, list.palettes.map((x) => x.name)) });
      reload();
      setLamp({ palette: made.index });
      toast(`${made.name} is yours to change.`);
    } catch (e) {
      setRefused(e);
    }
  };
  const drop = async () => {
    const was = body(palette);
    try {
      await remove('/api/lamp/palettes/' + palette.index);
      setLamp({ palette: 'auto' });
      reload();
      toast(`${was.name} is removed.`, () => post('/api/lamp/palettes', was).then((made) => { reload(); setLamp({ palette: made.index }); }, (e) => toast(e.message)));
    } catch (e) {
      setRefused(e);
    }
  };
  const add = (where) => {
    const [next, i] = addStop(p, where);
    if (i >= 0) change(next, i);
  };
  const without = (i) => change(...removeStop(p, i));

  return (
    <Tile title={`Palette ${palette.name}`} class="pal-ed" end={(
      <>
        <span>{p.stops.length} of {STOPS_MAX} stops</span>
        {own && <label class="row">Save as I go <Switch label="Save as I go" on={isLive} onChange={setLive} /></label>}
        {own && !isLive && <Button kind="sm pri" online disabled={!draft || busy || !!finding} onClick={() => save(p)}>Save</Button>}
        {own && draft && !isLive && <Button kind="sm" onClick={() => setDraft(null)}>Discard</Button>}
        {own && <Button kind="sm" online onClick={drop}>Remove</Button>}
        <Button kind="sm" online disabled={full} title={full ? `There are ${list.own_max} of your own, the limit` : undefined} onClick={copy}>Copy as new</Button>
      </>
    )}>
      <Bar palette={p} at={Math.min(at, p.stops.length - 1)} own={own} onChoose={setAt} onAdd={add} onMove={(i, to) => change(...moveStop(p, i, to))} onRemove={without} />
      <div class="row pal-row">
        <span class="sub small">Stop {Math.min(at, p.stops.length - 1) + 1}</span>
        <ColourField value={stop.color} disabled={!own || !isOnline()} onChange={(color) => change(colourStop(p, at, color))} />
        <div class="row"><label class="sub" for="stop-at">at</label>
          <PlaceField value={Math.round((stop.at * 100) / 255)} disabled={!own || !isOnline()} onChange={(pct) => change(...moveStop(p, at, (pct * 255) / 100))} /><span class="sub">%</span></div>
        <Segments label="Between stops" options={BLEND} value={p.stepped ? 'stepped' : 'smooth'} disabled={!own || !isOnline()} onChange={(v) => change({ ...p, stepped: v === 'stepped' })} />
        <span class="gap" />
        {own && <Button online disabled={p.stops.length >= STOPS_MAX} onClick={() => add(widestGap(p))}>Add stop</Button>}
        {own && <Button online disabled={p.stops.length < 2} onClick={() => without(at)}>Remove stop</Button>}
        {!own && <span class="sub small">{full ? `Built in. There are ${list.own_max} of your own already, the limit.` : 'Built in: copy it to change it.'}</span>}
      </div>
      {own && (
        <div class="f pal-name"><label for="pal-name"><span>Name</span><span class="sub">{p.name.length} of {NAME_MAX}</span></label>
          <input class="in" id="pal-name" value={p.name} disabled={!isOnline()} {...findingOf('pal-name', finding)} onInput={(e) => change({ ...p, name: e.target.value })} />
          {finding && <div class="find" id="pal-name-find"><span>{finding} It is not saved yet.</span></div>}
        </div>
      )}
      {refused && <div class="find" role="alert"><span>{refused.message}</span></div>}
    </Tile>
  );
}

function Bar({ palette, at, own, onChoose, onAdd, onMove, onRemove }) {
  const box = useRef();
  const dragged = useRef(null);
  const placeOf = (e) => {
    const r = box.current.getBoundingClientRect();
    return Math.max(0, Math.min(255, ((e.clientX - r.left) * 255) / r.width));
  };
  const down = (e, i) => {
    onChoose(i);
    if (!own || !isOnline()) return;
    dragged.current = { i, x: e.clientX, isMoved: false };
    e.currentTarget.setPointerCapture(e.pointerId);
  };
  const drag = (e) => {
    const d = dragged.current;
    if (!d || (!d.isMoved && Math.abs(e.clientX - d.x) < 3)) return;
    d.isMoved = true;
    // It does not pass its neighbours, so that it stays the one that is held.
    const [lo, hi] = [palette.stops[d.i - 1], palette.stops[d.i + 1]].map((s) => s && s.at);
    onMove(d.i, Math.max(lo ?? 0, Math.min(hi ?? 255, placeOf(e))));
  };
  const key = (e, i) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[e.key];
    if (own && isOnline() && step) onMove(i, palette.stops[i].at + step * (e.shiftKey ? 26 : 3));
    else if (own && isOnline() && (e.key === 'Delete' || e.key === 'Backspace')) onRemove(i);
    else return;
    e.preventDefault();
  };
  return (
    <div class="stops" ref={box}>
      <i class={own ? 'own' : ''} style={{ backgroundImage: gradient(palette) }} title={own ? 'A click adds a stop' : undefined} onClick={(e) => own && isOnline() && onAdd(placeOf(e))} />
      {palette.stops.map((s, i) => (
        <b key={i} class={i === at ? 'on' : ''} style={{ left: `${(s.at * 100) / 255}%`, background: s.color }} role="slider" tabIndex={0} aria-label={`Stop ${i + 1}, ${s.color}`}
          aria-valuemin="0" aria-valuemax="100" aria-valuenow={Math.round((s.at * 100) / 255)} aria-valuetext={`${Math.round((s.at * 100) / 255)} %`} aria-disabled={!own}
          onPointerDown={(e) => down(e, i)} onPointerMove={drag} onPointerUp={() => { dragged.current = null; }} onPointerCancel={() => { dragged.current = null; }} onFocus={() => onChoose(i)} onKeyDown={(e) => key(e, i)} />
      ))}
    </div>
  );
}

// Taken when it is left or Enter is pressed; what is typed stands until then, whatever the feed tells.
function PlaceField({ value, disabled, onChange }) {
  const [typed, setTyped] = useState(null);
  const take = () => {
    if (typed != null && typed !== '' && +typed !== value) onChange(Math.max(0, Math.min(100, +typed)));
    setTyped(null);
  };
  return <input class="in figure" id="stop-at" type="number" min="0" max="100" step="1" value={typed ?? value} disabled={disabled} aria-label="Position of the stop in percent" onInput={(e) => setTyped(e.target.value)} onChange={take} onBlur={take} />;
}

// A colour by the browser's own picker or as text; what is no colour is not taken.
function ColourField({ value, disabled, onChange }) {
  const [typed, setTyped] = useState(null);
  const bad = typed != null && !parseHex(typed);
  const type = (text) => {
    setTyped(text);
    const hex = parseHex(text);
    if (hex && hex.length === text.trim().length) onChange(hex);
  };
  return (
    <div class="row">
      <input type="color" class="chip-c" value={value} disabled={disabled} aria-label="Colour of the stop" onInput={(e) => { setTyped(null); onChange(e.target.value); }} />
      <input class="in mono hex" value={typed ?? value} disabled={disabled} aria-label="Colour as hex" aria-invalid={bad ? 'true' : undefined} title={bad ? 'A colour is # and six digits from 0 to f' : undefined}
        onInput={(e) => type(e.target.value)} onBlur={() => { if (typed != null && parseHex(typed)) onChange(parseHex(typed)); setTyped(null); }} />
    </div>
  );
}
