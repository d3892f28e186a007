// toast.jsx - text and Undo for eight seconds, waiting while hovered or focused; at most two.

import { useEffect, useState } from 'preact/hooks';
import { set, state, useKeys } from '../lib/store.js';

const SHOWN_MS = 8000;
let last = 0;

// `undo` may be async; without it the toast only tells.
export function toast(text, undo) {
  set('toasts', [...state.toasts, { id: ++last, text, undo }].slice(-2));
}
const drop = (id) => set('toasts', state.toasts.filter((t) => t.id !== id));

// Undoes the newest toast: Ctrl+Z outside a field.
export function undoLast() {
  const t = [...state.toasts].reverse().find((x) => x.undo);
  if (!t) return false;
  drop(t.id);
  t.undo();
  return true;
}

function Toast({ t }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(() => drop(t.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held]);
  const hold = { onMouseEnter: () => setHeld(true), onMouseLeave: () => setHeld(false),
    onFocusIn: () => setHeld(true), onFocusOut: () => setHeld(false) };
  return (
    <div class="toast" {...hold}>
      <span>{t.text}</span>
      {t.undo && <button type="button" onClick={() => { drop(t.id); t.undo(); }}>Undo</button>}
    </div>
  );
}

export function Toasts() {
  const { toasts } = useKeys('toasts');
  return <div class="toasts" role="status">{toasts.map((t) => <Toast key={t.id} t={t} />)}</div>;
}
