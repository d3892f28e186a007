// hold.jsx - a button that acts when it was held for a second: by finger, mouse, Enter or the space bar. Whoever
// cannot hold (a screen reader clicks) is asked instead.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Confirm } from '../../ui/dialog.jsx';
import { Icon } from '../../ui/parts.jsx';

const HOLD_MS = 1000;

export function Hold({ verb, icon, kind = '', disabled, title, onDo, asks }) {
  const [on, setOn] = useState(false);
  const [ask, setAsk] = useState(false);
  const timer = useRef();
  const held = useRef(false); // a pointer began what a click ends
  const begin = () => {
    setOn(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setOn(false);
      onDo();
    }, HOLD_MS);
  };
  const end = () => {
    clearTimeout(timer.current);
    setOn(false);
  };
  useEffect(() => end, []);
  useEffect(() => disabled && end(), [disabled]);
  const press = (e) => {
    if (e.button !== 0) return;
    held.current = true;
    begin();
  };
  const leave = () => {
    held.current = false;
    end();
  };
  const isKey = (e) => e.key === 'Enter' || e.key === ' ';
  const down = (e) => {
    if (!isKey(e)) return;
    e.preventDefault();
    if (!e.repeat) begin();
  };
  const up = (e) => {
    if (!isKey(e)) return;
    e.preventDefault(); // no click of the space bar
    end();
  };
  const click = () => {
    if (!held.current) setAsk(true);
    held.current = false;
  };
  return (
    <>
      <button type="button" class={`btn hold ${kind} ${on ? 'on' : ''}`} disabled={disabled} title={title} aria-label={`${verb}: hold for a second`}
        onPointerDown={press} onPointerUp={end} onPointerLeave={leave} onPointerCancel={leave} onContextMenu={(e) => e.preventDefault()}
        onKeyDown={down} onKeyUp={up} onBlur={end} onClick={click}>
        <i />{icon && <Icon name={icon} />}<span>{verb}</span><small>hold 1 s</small>
      </button>
      {ask && <Confirm title={`${verb}?`} verb={verb} onDo={onDo} onClose={() => setAsk(false)}>{asks}</Confirm>}
    </>
  );
}
