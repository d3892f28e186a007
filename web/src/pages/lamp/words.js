// words.js - words and figures of the lamp that Home shows too. Pure.

import { fixed } from '../../lib/format.js';

const SHORT = { http: 'HTTP', mqtt: 'MQTT', wled: 'WLED', automation: 'scenario', cli: 'command', sched: 'schedule', boot: 'start' };
export const byShort = (changed) => (changed && changed.ago_ms != null ? SHORT[changed.by] || changed.by : 'nobody yet');

const POWER = {
  off: ['', 'off'], switching_on: ['run', 'switching on'], on: ['ok', 'on'], switching_off: ['run', 'switching off'], failed: ['bad', 'failed'],
};
// [kind of badge, word].
export const powerBadge = (state) => POWER[state] || ['', state];
export const isSwitching = (state) => state === 'switching_on' || state === 'switching_off';

export const ampere = (ma) => fixed(ma / 1000, 2);
// Microseconds in the unit in which they are read.
export const ms = (us) => (us == null ? '' : `${fixed(us / 1000, us < 9950 ? (us < 100 ? 2 : 1) : 0)} ms`);

// The state as it looks with what has no answer yet.
export function withPatch(lamp, patch) {
  const next = { ...lamp, ...patch };
  if (patch.overlay) next.overlay = { ...lamp.overlay, ...patch.overlay };
  if (patch.effect != null) Object.assign(next, typeof patch.effect === 'number' ? { effect_id: patch.effect, effect: lamp.effect } : { effect: patch.effect });
  if (typeof patch.palette === 'number') Object.assign(next, { palette_index: patch.palette });
  if (patch.palette === 'auto') next.palette_index = 255;
  if (patch.colors) next.colors = lamp.colors.map((c, i) => patch.colors[i] || c);
  return next;
}
