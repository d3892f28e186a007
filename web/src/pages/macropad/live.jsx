// live.jsx - the panel as it is now, taking clicks as touches, and what the pad typed.

import { useEffect, useRef, useState } from 'preact/hooks';
import { put } from '../../lib/api.js';
import { clock } from '../../lib/format.js';
import { feed, onChannel, useFeed } from '../../lib/hub.js';
import { useKeys } from '../../lib/store.js';
import { Badge, Button, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { readTiles, touchMessage } from './mirror.js';

const CHANNEL = 1;
const MOVE_MS = 40;

export function Mirror() {
  const { display, link } = useKeys('display', 'link');
  useFeed('display', 'mirror');
  const canvas = useRef();
  const [seen, setSeen] = useState(false);
  useEffect(() => onChannel(CHANNEL, (bytes) => {
    const pen = canvas.current.getContext('2d');
    const size = readTiles(bytes, (x, y, w, h, rgba) => pen.putImageData(new ImageData(rgba, w, h), x, y), (w, h) => {
      if (canvas.current.width !== w || canvas.current.height !== h) Object.assign(canvas.current, { width: w, height: h });
    });
    if (size) setSeen(true);
  }), []);
  const down = useRef(false);
  const last = useRef(0);
  const touch = (phase) => (e) => {
    if (phase === 'down') {
      down.current = true;
      e.currentTarget.setPointerCapture(e.pointerId);
    }
    if (!down.current || (phase === 'move' && e.timeStamp - last.current < MOVE_MS)) return;
    last.current = e.timeStamp;
    const box = canvas.current.getBoundingClientRect();
    const at = (v, from, length, pixels) => Math.max(0, Math.min(pixels - 1, Math.floor(((v - from) * pixels) / length)));
    feed.sendBytes(touchMessage(CHANNEL, phase, at(e.clientX, box.left, box.width, canvas.current.width), at(e.clientY, box.top, box.height, canvas.current.height)));
    if (phase === 'up') down.current = false;
  };
  const shown = display && display.screen;
  const dark = display && display.saver && display.saver !== 'awake';
  const screens = (display && display.screens) || [];
  const name = screens.find((s) => s.id === shown);
  const show = (id) => put('/api/display/screen', { screen: id }).catch((e) => toast(e.message));
  return (
    <Tile title="Panel" end={<>{dark && <Badge>{display.saver}</Badge>}<span>{name ? name.name : shown}</span></>} class="mirror">
      <canvas ref={canvas} width="360" height="360" class={(display && display.round === false ? '' : 'round') + (seen && link.state === 'live' ? '' : ' stale')}
        role="img" aria-label={`Live picture of the panel${shown ? ', screen ' + shown : ''}. Clicks are touches.`}
        onPointerDown={touch('down')} onPointerMove={touch('move')} onPointerUp={touch('up')} onPointerCancel={touch('up')} />
      <div class="row nav-s">
        <Button kind="sm" online icon="prev" aria-label="Screen before" onClick={() => show(beside(shown, -1))} />
        <select class="in" aria-label="Screen of the panel" value={shown || ''} onChange={(e) => show(e.target.value)}>
          {!name && <option value={shown || ''}>{shown || '…'}</option>}
          {screens.map((s) => <option value={s.id}>{s.name}</option>)}
        </select>
        <Button kind="sm" online icon="next" aria-label="Screen after" onClick={() => show(beside(shown, 1))} />
      </div>
      <p class="small sub">{seen ? 'What the panel shows now. A click is a touch.' : 'No picture has come yet.'}</p>
    </Tile>
  );
}

function beside(shown, step) {
  const at = /^macro(\d)$/.exec(shown || '');
  return `macro${at ? ((+at[1] + 7 + step) % 8) + 1 : 1}`;
}

export function Typed({ state }) {
  const { typed } = useKeys('typed');
  useFeed('typed');
  const entries = [...typed].reverse();
  const output = state && state.keyboard && state.keyboard.output;
  const where = { uinput: 'on this computer', feed: 'shown only', off: 'no keyboard' }[output];
  return (
    <Tile title="Typed" end={where} class="typed">
      <ol aria-label="What was typed, newest first">
        {entries.map((e) => (
          <li key={e.number}>
            <span class={e.kind}>{e.kind === 'chord' ? e.text.split(/[ +]/).filter(Boolean).map((k) => <kbd>{k}</kbd>) : <code>{e.text}</code>}</span>
            <small>{e.screen ? `screen ${e.screen}, button ${e.slot + 1}` : 'a request'}{e.at ? `, ${clock(e.at)}` : ''}</small>
          </li>
        ))}
      </ol>
      {!entries.length && <p class="sub">Nothing was typed yet. What a button types is shown here, and forgotten by the hub after 16 entries.</p>}
    </Tile>
  );
}
