// position.js - what the sliders show. Pure.
//
// A slider that is dragged shows what the hand does; afterwards what was sent, until the hub's own state shows it,
// or for as long as a refusal may take.

export const STEPS = 10000; // of the position slider
const NEAR_MS = 1500; // so close to what was sent, the hub has done it
const TRUST_MS = 3000; // then the hub is believed again

// Where the track is now, from a state told at `at`.
export function positionOf(channel, at, now) {
  const on = channel.state === 'playing' ? Math.max(0, now - at) : 0;
  return channel.dur_ms ? Math.min(channel.dur_ms, channel.pos_ms + on) : channel.pos_ms;
}

// Whether a value that was sent at `sentAt` still stands before the hub's. `instance`: of the track it was for.
export function stillHeld(held, channel, posMs, now) {
  if (!held || held.instance !== channel.instance) return false;
  if (held.isDragged) return true;
  return now - held.sentAt < TRUST_MS && Math.abs(posMs - held.ms - (now - held.sentAt)) > NEAR_MS;
}

export const toStep = (ms, durMs) => (durMs ? Math.round((STEPS * Math.min(ms, durMs)) / durMs) : 0);
export const toMs = (step, durMs) => Math.min(Math.round((step * durMs) / STEPS), Math.max(0, durMs - 1));

const two = (n) => String(n).padStart(2, '0');
// "3:07", "1:02:07".
export function trackTime(ms) {
  const s = Math.floor((ms || 0) / 1000);
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

export const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);
// Each folder on the way: [["/sdcard", "card"], ["/sdcard/music", "music"]].
export function waysTo(path) {
  const parts = path.split('/').filter(Boolean);
  return parts.map((p, i) => ['/' + parts.slice(0, i + 1).join('/'), i ? p : 'card']);
}
