// words.js - what the hub's words say to people: Actions and Traces. Pure.

const WAITS = {
  delay: 'waits', flags: 'waits for flags', event: 'waits for a message', operator: 'waits for an operator', audio: 'plays a track',
  run: 'waits for a scenario', command: 'waits for an answer', branches: 'waits for its branches', publish_rate: 'waits to publish',
};
export const waitWord = (wait) => WAITS[wait] || `waits for ${wait}`;

// Minutes and seconds, with hours from one on. `round`: Math.ceil for what is left, so that 0:00 is the end.
export function timeText(ms, round = Math.floor) {
  const s = Math.max(0, round(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  return (h ? `${h}:${two(Math.floor(s / 60) % 60)}` : String(Math.floor(s / 60))) + ':' + two(s % 60);
}

// A short time: "0.4 s" below ten seconds, "12 s", "3 min 5 s".
export function shortTime(ms) {
  if (ms == null) return '';
  const t = Math.max(0, ms);
  if (t < 9950) return `${(t / 1000).toFixed(1)} s`;
  const s = Math.round(t / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return s % 60 ? `${min} min ${s % 60} s` : `${min} min`;
  return min % 60 ? `${Math.floor(min / 60)} h ${min % 60} min` : `${Math.floor(min / 60)} h`;
}

// A step's place in words of the editor, counted from one: "/steps/3/then/0" is "4, then 1".
export function stepPlace(path) {
  const parts = (path || '').split('/').slice(1);
  const words = { steps: '', on_stop: 'on stop ', then: 'then ', else: 'else ', default: 'default ', branches: 'branch ' };
  const out = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const last = out.length - 1;
    if (parts[i] === 'steps' && parts[i - 2] === 'branches') out[last] += `.${+parts[i + 1] + 1}`;
    else out.push((words[parts[i]] ?? parts[i] + ' ') + (+parts[i + 1] + 1));
  }
  return out.join(', ');
}

const REFUSALS = {
  busy: 'Runs already', conditions: 'Its conditions do not hold', disabled: 'Disabled', limit: 'A limit is reached',
  not_found: 'Not there any more', conflict: 'Not possible now', forbidden: 'Not for operators',
};
export const refusalWord = (error) => REFUSALS[error.code] || error.message;

const STARTED_BY = {
  boot: 'start of the hub', button: 'button', http: 'portal or HTTP', mqtt: 'message', radio: 'radio remote', automation: 'automation', voice: 'voice', cli: 'console', sched: 'time',
};
export const originWord = (origin) => STARTED_BY[origin] || origin;
