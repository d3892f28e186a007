// model.js - what stands on the page, from what the hub told. Pure.

import { timeText } from './words.js';

// The part of the feed, or /api/automation, in one form: {enabled, instances, suspended, cut, isCut, ...}.
export function fromReply({ enabled, counters, list }) {
  const of = (...states) => list.filter((r) => states.includes(r.state));
  return { enabled, ...counters, instances: of('running', 'waiting', 'queued', 'stopping'), suspended: of('suspended'), cut: of('cut_short', 'resumed') };
}

const key = (r) => `${r.device}/${r.scenario}`;

// Names of scenarios and devices by "device/scenario".
export const namesOf = (actions) => new Map(actions.map((a) => [key(a), a]));

export function nameOf(names, r) {
  const a = names.get(key(r));
  return a ? { name: a.name, device: a.device_name } : { name: r.scenario, device: r.device };
}

// Devices with a button, each with the buttons and what runs of them.
export function buttonGroups(actions, monitors, instances, suspended) {
  const groups = new Map();
  for (const a of actions) {
    if (a.button == null) continue;
    if (!groups.has(a.device)) groups.set(a.device, { device: a.device, name: a.device_name, status: statusOf(monitors, a.device), buttons: [] });
    const runs = instances.filter((r) => key(r) === key(a));
    groups.get(a.device).buttons.push({ ...a, key: key(a), runs, suspended: suspended.find((s) => key(s) === key(a)) || null });
  }
  return [...groups.values()];
}

const statusOf = (monitors, device) => (monitors.find((m) => m.id === device) || {}).status || null;

// A button's second line and how far its wait is: the oldest run counts.
export function buttonState(b, waitWord, leftOf, time) {
  const [run] = b.runs;
  if (!run) return b.suspended ? { text: `suspended, ${time(leftOf(b.suspended))} left`, tone: 'warn' } : b.enabled ? null : { text: 'disabled', tone: 'off' };
  const more = b.runs.length > 1 ? `, ${b.runs.length} runs` : '';
  if (run.state === 'stopping') return { text: 'stops', tone: 'run' };
  if (run.state === 'queued') return { text: 'queued', tone: 'run' };
  if (run.state !== 'waiting' || !run.wait) return { text: 'runs' + more, tone: 'run' };
  const left = leftOf(run);
  const share = shareOf(run, left);
  return { text: waitWord(run.wait) + (left == null ? '' : `, ${time(left)} left`) + more, tone: run.wait === 'operator' ? 'ask' : 'run', share };
}

// How much of a wait with an end has passed; null: it has none.
export const shareOf = (run, left) => (left == null ? null : Math.min(1, 1 - left / Math.max(1, run.waited_ms + run.left_ms)));

// What is left of a wait `now`; the hub told it at `at`, and a pause holds it.
export function leftNow(r, at, now, isPaused) {
  if (r.left_ms == null) return null;
  return Math.max(0, r.left_ms - (isPaused ? 0 : Math.max(0, now - at)));
}

// Runs in the order of who called whom: [run, depth].
export function callTree(instances) {
  const ids = new Set(instances.map((r) => r.id));
  const below = (caller, depth) => instances.filter((r) => (ids.has(r.caller) ? r.caller : 0) === caller && r.id !== caller)
    .flatMap((r) => [[r, depth], ...(depth < 8 ? below(r.id, depth + 1) : [])]);
  return below(0, 0);
}

// How runs that have gone since `before` ended: by the counters of their scenarios, [{key, result}].
export function endings(before, actions) {
  return actions.flatMap((a) => {
    const b = before.get(key(a));
    if (!b) return [];
    const result = a.failed > b.failed ? 'failed' : a.cancelled > b.cancelled ? 'stopped' : a.done > b.done ? 'done' : null;
    return result ? [{ key: key(a), result }] : [];
  });
}

// What is not as it should be before a game: offline devices, scenarios that run, templates that are not at their start.
export function readiness(monitors, instances) {
  const named = (list) => list.map((m) => m.name).join(', ');
  const offline = monitors.filter((m) => m.status === 'offline');
  const silent = monitors.filter((m) => m.status === 'unknown');
  const solved = monitors.filter((m) => ['uid_validator', 'signal_hold', 'sequence_lock'].includes(m.template) && m.state !== 'idle');
  return [
    { ok: !offline.length && !silent.length, text: offline.length ? `offline: ${named(offline)}` : silent.length ? `not heard of yet: ${named(silent)}` : 'all devices online' },
    { ok: !instances.length, text: instances.length ? `${instances.length} running` : 'nothing runs' },
    { ok: !solved.length, text: solved.length ? `not at the start: ${named(solved)}` : 'puzzles at the start' },
  ];
}

// Held time of a signal now: it grows while it is held.
export function heldMs(m, at, now, isPaused) {
  const grown = m.state === 'active' && !isPaused ? Math.max(0, now - at) : 0;
  return Math.min(m.required_hold_ms, m.progress_ms + grown);
}

// A value as an admin types it: true, false, a number, or text (in quotes to be sure).
export function readValue(text) {
  const t = text.trim();
  if (t === 'true' || t === 'false') return t === 'true';
  if (t !== '' && Number.isFinite(Number(t))) return Number(t);
  return /^".*"$/.test(t) ? t.slice(1, -1) : text;
}
export const showValue = (v) => (typeof v === 'string' && readValue(v) !== v ? `"${v}"` : String(v ?? ''));

const LOG_WORDS = {
  run: 'started', cancel: 'stopped', skip: 'skipped', force: 'forced', flag: 'set the flag', variable: 'set', button: 'pressed', call: 'called', start: 'started the game', pause: 'paused',
  resume: 'resumed', stop: 'stopped the game', reset: 'reset', add: 'changed the time', hint: 'sent a hint', game_end: 'the game ended', suspended: 'suspended', enable: 'enabled automation', disable: 'disabled automation',
  disabled: 'automation began disabled', resumed: 'resumed after a restart', cut_short: 'cut short by a restart', safe_off: 'made safe', template: 'template',
};
export const logText = (e) => {
  const ms = e.action === 'add' ? parseInt(e.text, 10) : NaN;
  return Number.isNaN(ms) ? e.text : `${ms < 0 ? '\u2212' : '+'}${timeText(Math.abs(ms))}`;
};
export const logWord = (action) => LOG_WORDS[action] || action;
