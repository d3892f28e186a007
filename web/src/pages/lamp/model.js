// model.js - what the page says about the lamp: words, figures, which effects are shown. Pure.

import { age, fixed } from '../../lib/format.js';

export const KINDS = [['all', 'All'], ['noise', 'Noise'], ['particles', 'Particles'], ['geometry', 'Geometry'], ['sound', 'Sound'], ['text', 'Text']];
export const MODES = [['idle', 'Idle'], ['listen', 'Listen'], ['speak', 'Speak']];
export const BLENDS = [['alpha', 'Alpha'], ['add', 'Add'], ['max', 'Max']];

const BY = { http: 'the portal or HTTP', mqtt: 'MQTT', wled: 'a WLED client', radio: 'radio remote', automation: 'a scenario', voice: 'voice', button: 'the touch button', cli: 'the command line', sched: 'the schedule', boot: 'the start of the hub' };

// "changed by radio remote “desk”, 42 s ago"; `at`: when the state came, by the browser's clock.
export function changedText({ changed, at }, now) {
  if (!changed || changed.ago_ms == null) return 'not changed yet';
  const who = changed.who ? ` \u201c${changed.who}\u201d` : '';
  return `changed by ${BY[changed.by] || changed.by}${who}, ${age(changed.ago_ms + now - at)} ago`;
}

// Why the power sequence stopped, and what that means.
export function failureText({ power_fault: why }) {
  const what = why || 'the hub does not say why';
  const then = /does not (stop|go off)/.test(what) ? 'The panels keep their supply.' : 'The lamp stays dark.';
  return `Power failed: ${what}. ${then}`;
}

export function sizeText({ width, height, panels, pixels }) {
  return `${width} \u00d7 ${height}, ${panels === 1 ? '1 panel' : `${panels} panels`}, ${fixed(pixels)} pixels`;
}

export const isUpright = ({ width, height }) => height > width * 1.2;

// Effects of a kind whose name has each word of `find`.
export function shownEffects(effects, kind, find) {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return effects.filter((e) => (kind === 'all' || e.kind === kind) && words.every((w) => e.name.toLowerCase().includes(w)));
}

// The palette that the state names; `auto`: that of the effect, by its name.
export function shownPalette(lamp, effects, palettes) {
  if (lamp.palette_index !== 255) return palettes.find((p) => p.index === lamp.palette_index);
  const effect = effects.find((e) => e.id === lamp.effect_id);
  return effect && palettes.find((p) => p.name === effect.palette);
}

// What of the look the effect at hand takes: of palette, colors, intensity, audio, text, clock.
export const usesOf = (lamp, effects) => (effects.find((e) => e.id === lamp.effect_id) || {}).uses || [];

export const COLOR_NAMES = ['Primary', 'Background', 'Third'];
export const TEXT_MAX_BYTES = 63;

// ---- direction: 0 straight away from whoever looks, clockwise ------------------------------------------------

export const wrapAngle = (deg) => ((Math.round(deg) % 360) + 360) % 360;
// Of a point from the centre, y downwards.
export const angleOf = (dx, dy) => wrapAngle((Math.atan2(dx, -dy) * 180) / Math.PI);
export function angleAfterKey(key, angle, isLarge) {
  const step = isLarge ? 15 : 1;
  const by = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 15, PageDown: -15 }[key];
  if (by) return wrapAngle((angle ?? 0) + by);
  return key === 'Home' ? 0 : null;
}

// ---- pairing ---------------------------------------------------------------------------------------------------

// Seconds that the window is still open, `ms` after it was told; 0: it is closed.
export const leftOf = (pairing, ms) => (pairing ? Math.max(0, Math.ceil(pairing.left_s - ms / 1000)) : 0);
export const codeText = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;

// ---- live data ---------------------------------------------------------------------------------------------------

const SHOWN_MAX = 3;
// The first protocols whose port is open; the others are named once they send.
export const listening = (live) => (live.enabled ? live.ports.filter((p) => !p.error).map((p) => p.name).slice(0, SHOWN_MAX) : []);
// Frames that were not whole and packets that came too late.
export const lossOf = (s) => s.incomplete + s.late;
