// button.jsx - the touch button, pressed from here: what the hand does goes to the same machine as the line's.

import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { age, count } from '../../lib/format.js';
import { isOnline, useKeys } from '../../lib/store.js';
import { Badge, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { useOptional } from '../../lib/optional.js';

const CLICKS = [['short', 'One click'], ['double', 'Two clicks'], ['triple', 'Three clicks'], ['long', 'Long press']];
const SETTLED_MS = 900; // then the hub knows what it was

export function TouchButton() {
  const { lamp } = useKeys('lamp');
  const [again, setAgain] = useState(0);
  const state = useOptional('/api/lamp/button', [lamp && lamp.version, again]);
  if (!state.value) return null; // this hub's lamp has none
  const { actions, last, portal, line } = { line: null, ...state.value };
  const what = last && CLICKS.find(([id]) => id === last.click);
  return (
    <Tile title="Touch button" class="touch" end={state.value.has_line ? <Badge kind={line && line.down ? 'run' : 'ok'}>line</Badge> : <span>no line, here alone</span>}>
      <div class="touch-in">
        <Hold onSettled={() => setAgain((n) => n + 1)} />
        <dl class="kv">{CLICKS.map(([id, name]) => <><dt>{name}</dt><dd class={last && last.click === id && last.ago_ms < 5000 ? 'is-last' : ''}>{(actions[id] || 'nothing').replace(/_/g, ' ')}</dd></>)}</dl>
      </div>
      <p class="sub small" role="status">{last ? `${what ? what[1] : last.click} from ${last.from === 'portal' ? 'here' : last.from}, ${age(last.ago_ms + Date.now() - state.at)} ago${last.done ? '' : ': refused'}.` : 'Not pressed yet.'}{portal && portal.bounces ? ` ${count(portal.bounces)} bounces passed over.` : ''}</p>
    </Tile>
  );
}

// A level while it is held; let go when the window loses it, so that it never stays down.
function Hold({ onSettled }) {
  const down = useRef(false);
  const [isDown, setDown] = useState(false);
  const timer = useRef();
  const turn = useRef(Promise.resolve()); // levels go one after the other
  const level = (is) => {
    if (down.current === is || (is && !isOnline())) return;
    down.current = is;
    setDown(is);
    turn.current = turn.current.then(() => post('/api/lamp/button', { level: is })).catch((e) => toast(e.message));
    clearTimeout(timer.current);
    if (!is) timer.current = setTimeout(onSettled, SETTLED_MS);
  };
  useEffect(() => {
    const up = () => level(false);
    addEventListener('blur', up);
    document.addEventListener('visibilitychange', up);
    return () => {
      removeEventListener('blur', up);
      document.removeEventListener('visibilitychange', up);
      level(false);
    };
  }, []);
  const key = (is) => (e) => {
    if (e.key !== ' ' && e.key !== 'Enter') return;
    e.preventDefault();
    if (!e.repeat) level(is);
  };
  return (
    <button type="button" class={`pad ${isDown ? 'down' : ''}`} aria-label="Press and hold" aria-pressed={isDown} disabled={!isOnline()}
      onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); level(true); }} onPointerUp={() => level(false)} onPointerCancel={() => level(false)} onLostPointerCapture={() => level(false)}
      onKeyDown={key(true)} onKeyUp={key(false)} onBlur={() => level(false)} onContextMenu={(e) => e.preventDefault()}><span>{isDown ? 'held' : 'press'}</span></button>
  );
}
