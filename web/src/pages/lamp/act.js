// act.js - what is set here, on its way to the lamp, and the lamp as it looks meanwhile.

import { post } from '../../lib/api.js';
import { lampCame } from '../../lib/hub.js';
import { keep, kept, set, state, useKeys } from '../../lib/store.js';
import { toast } from '../../ui/toast.jsx';
import { createSender } from './send.js';
import { withPatch } from './words.js';

const sender = createSender({
  post: (patch) => post('/api/lamp', patch),
  onState: lampCame,
  onRefused: (error) => toast(error.message),
  onPending: (patch) => set('lampPending', patch),
  now: () => Date.now(),
  after: (fn, ms) => setTimeout(fn, ms),
  cancel: (t) => clearTimeout(t),
});

const GOES_OVER = ['brightness', 'colors', 'palette'];

// Sets fields of the lamp; `isDragged`: more follow.
export function setLamp(patch, isDragged = false) {
  const ms = isDragged ? 0 : transition();
  sender.put(ms != null && GOES_OVER.some((f) => f in patch) ? { ...patch, transition_ms: ms } : patch, isDragged);
}

// "next", "toggle_pause", ...: at once, for they count from what is.
export const command = (name, more) => post('/api/lamp', { command: name, ...more }).then(lampCame, (e) => toast(e.message));

// How long brightness, colours and palette take to their new values; null: as the hub has it.
export const transition = () => kept('lamp.transition', null);
export const setTransition = (ms) => keep('lamp.transition', ms);

// The lamp with what has no answer yet, and which fields that is; null: not known.
export function useLamp() {
  const { lamp, lampPending } = useKeys('lamp', 'lampPending', 'link');
  return { lamp: lamp && withPatch(lamp, lampPending), raw: lamp, waits: (field) => field in lampPending, isLive: state.link.state === 'live' };
}
