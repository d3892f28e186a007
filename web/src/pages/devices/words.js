// words.js - a configuration in words: names of types and fields, a step on one line, a place, a change. Pure.

import { count, plural } from '../../lib/format.js';

// What the picker of steps, triggers and conditions says. A type that is not here shows its own name.
const TYPES = {
  step: {
    mqtt_publish: ['publish', 'Sends an MQTT message'], delay: ['delay', 'Waits for a time'], audio_play: ['play', 'Plays a track'],
    audio_stop: ['stop audio', 'Ends what plays'], audio_pause: ['pause audio', 'Halts what plays'], audio_resume: ['resume audio', 'Goes on playing'],
    audio_seek: ['seek audio', 'Goes to a place in the track'], audio_volume: ['volume', 'Sets the loudness'],
    lamp: ['lamp', 'Sets the lamp, or gives it a command'],
    set_flag: ['set flag', 'Sets a flag to true or false'], set: ['set', 'Gives a variable a value'],
    wait_flags: ['wait for flags', 'Waits until flags hold'], wait_event: ['wait for message', 'Waits for an MQTT message'],
    wait_operator: ['wait for operator', 'Waits until a person goes on'], if: ['if', 'One of two ways'], choose: ['choose', 'The first way that fits'],
    repeat: ['repeat', 'Steps over and over'], parallel: ['parallel', 'Several ways at once'], run: ['run', 'Starts another scenario'],
    stop_scenario: ['stop scenario', 'Ends another scenario'], command: ['command', 'Tells a device something'], stop: ['stop', 'Ends this scenario'],
    log: ['log', 'A line for the log'], notify: ['notify', 'A line for people'], clock: ['game clock', 'Starts, pauses or moves the clock'],
    event: ['event', 'Posts an event of the hub'], loop: ['loop', 'Goes back to a step before'], nop: ['nothing', 'Does nothing'],
    laser_trigger: ['laser trigger', 'Event of the oldest generation'],
  },
  trigger: {
    topic: ['message', 'An MQTT message comes'], flag: ['flag', 'A flag changes'], variable: ['variable', 'A variable changes'],
    interval: ['interval', 'Again and again'], time: ['time of day', 'At a time'], boot: ['start of the hub', 'Once at the start'],
    device_online: ['device online', 'A device appears'], device_offline: ['device offline', 'A device goes'],
    audio_finished: ['track ended', 'A track has ended'], template: ['template', 'The template of a device comes to something'],
    button: ['button', 'A button of the hub'], http: ['HTTP call', 'Somebody calls the hub'],
  },
  condition: {
    flag: ['flag', 'A flag is true or false'], variable: ['variable', 'A variable compares'], expression: ['expression', 'An expression is true'],
    device_online: ['device online', 'A device is there'], template_state: ['template', 'State of a device’s template'], time: ['time', 'Time of day, day of the week'],
    running: ['running', 'A scenario runs'], and: ['and', 'All of several'], or: ['or', 'One of several'], not: ['not', 'None of several'],
  },
};

export const typeName = (kind, type) => TYPES[kind]?.[type]?.[0] || String(type || '').replace(/_/g, ' ');
export const typeText = (kind, type) => TYPES[kind]?.[type]?.[1] || '';

const TEMPLATES = { uid_validator: 'UID validator', signal_hold: 'Signal hold', on_mqtt_event: 'MQTT trigger', on_flag: 'Flag trigger', if_condition: 'Condition', interval_task: 'Interval', sequence_lock: 'Sequence lock' };
export const templateName = (type) => TEMPLATES[type] || typeName('', type);

const FIELDS = { qos: 'QoS', id: 'Id', uid: 'Readers', json: 'JSON pointer', http: 'HTTP', mqtt: 'Rules', bg_track: 'Background track', bg_start_topic: 'Background start topic', max: 'At most', await: 'Wait for it', op: 'Compare', as: 'Variable of the text', on_stop: 'When stopped', for_ms: 'Held for', display_name: 'Name', source_id: 'Reader topic' };
// "heartbeat_timeout_ms" -> "Heartbeat timeout".
export function fieldName(name) {
  const text = FIELDS[name] || name.replace(/_ms$/, '').replace(/_/g, ' ') || name;
  return text === 'ms' ? 'Time' : text[0].toUpperCase() + text.slice(1);
}
export const unitOf = (name) => (/(^|_)ms$/.test(name) ? 'ms' : '');

// 1500 -> "1.5 s".
export function timeText(ms) {
  if (typeof ms !== 'number') return String(ms ?? '');
  const [div, unit] = ms >= 3600000 && ms % 360000 === 0 ? [3600000, 'h'] : ms >= 60000 && ms % 6000 === 0 ? [60000, 'min'] : ms >= 1000 ? [1000, 's'] : [1, 'ms'];
  return `${count(Math.trunc(ms / div))}${ms % div ? String((ms % div) / div).slice(1, 5) : ''} ${unit}`;
}

const UNITS = { ms: 1, s: 1000, min: 60000, m: 60000, h: 3600000 };
// What was typed for a whole number: "1500", "1,500", with `unit` ms also "1.5 s". null: it is none.
export function readNumber(text, unit) {
  const [, digits, word] = /^\s*(-?[\d,]*\.?\d+)\s*([a-z]*)\s*$/i.exec(text) || [];
  if (digits === undefined || (word && (unit !== 'ms' || !UNITS[word]))) return null;
  const value = Number(digits.replace(/,/g, '')) * (word ? UNITS[word] : 1);
  return Number.isInteger(value) ? value : null;
}

// ---- one line ---------------------------------------------------------------------------------------------

const code = (v) => (v === undefined || v === '' ? null : { code: typeof v === 'string' ? v : JSON.stringify(v) });
const match = (m) => (m ? compare(m.json ? `payload ${m.json}` : 'payload', m) : []);
const OPS = { equal: 'is', not_equal: 'is not', contains: 'contains', less: 'below', less_equal: 'at most', greater: 'above', greater_equal: 'at least', exists: 'exists', any: 'is anything' };
const compare = (name, { op = 'equal', value }) => [name, OPS[op] || op, ['exists', 'any'].includes(op) ? null : code(value)];
const atMost = (s) => s.timeout_ms > 0 && `at most ${timeText(s.timeout_ms)}${s.on_timeout ? `, then ${s.on_timeout}` : ''}`;
const args = (list) => (list || []).flatMap((p) => [`${p.name || '?'} =`, code(p.value)]);
const where = (o) => [o.device && code(o.device), code(o.scenario)];

const LINES = {
  step: {
    delay: (s) => [timeText(s.delay_ms), s.delay_max_ms && `to ${timeText(s.delay_max_ms)}`],
    mqtt_publish: (s) => [code(s.topic), code(s.payload), s.qos > 0 && `QoS ${s.qos}`, s.retain && 'retained'],
    audio_play: (s) => [code(s.track), s.channel && `on ${s.channel}`, s.volume != null && `volume ${s.volume}`, s.repeat_track && 'again and again', s.blocking && 'to the end'],
    audio_seek: (s) => [timeText(s.position_ms), s.channel],
    audio_volume: (s) => [s.volume, s.fade_ms && `in ${timeText(s.fade_ms)}`],
    lamp: (s) => [s.power === true ? 'on' : s.power === false && 'off', code(s.effect), s.brightness != null && `brightness ${s.brightness}`, s.command, s.delta != null && `by ${s.delta}`, s.transition_ms && `in ${timeText(s.transition_ms)}`],
    set_flag: (s) => [code(s.flag), `to ${s.value === true || s.value === 'true'}`],
    set: (s) => [code(s.variable), 'to', code(s.expression ?? s.value)],
    wait_flags: ({ wait = {} }) => [wait.mode === 'any' && 'any of', ...(wait.requirements || []).flatMap((r) => [r.state === false && 'not', code(r.flag)]), atMost(wait)],
    wait_event: (s) => [code(s.topic), ...match(s.match), atMost(s)],
    wait_operator: (s) => [code(s.text), atMost(s)],
    if: (s) => conditions(s.conditions),
    choose: (s) => [plural((s.branches || []).length, 'branch', 'branches')],
    repeat: (s) => (s.count != null ? [plural(s.count, 'time')] : s.each ? [`for each of ${s.each.length}`] : s.while ? ['while', ...conditions(s.while)] : s.until ? ['until', ...conditions(s.until)] : []),
    parallel: (s) => [plural((s.branches || []).length, 'branch', 'branches'), 'all must end'],
    run: (s) => [...where(s), ...args(s.parameters), s.await && 'and wait'],
    stop_scenario: where,
    command: (s) => [s.device && code(s.device), code(s.command), ...args(s.parameters)],
    stop: (s) => [s.result || 'ok', s.reason],
    log: (s) => [code(s.text), s.level],
    clock: (s) => [s.action, s.action === 'add' && timeText(s.ms)],
    loop: ({ loop = {} }) => [`to step ${loop.target_step ?? '?'}`, loop.max_iterations ? `at most ${plural(loop.max_iterations, 'time')}` : 'for ever'],
    event: (s) => [s.event, code(s.topic), code(s.payload)],
  },
  trigger: {
    topic: (t) => [code(t.topic), ...match(t.match)],
    flag: (t) => [code(t.flag), `becomes ${t.state !== false}`],
    variable: (t) => (t.match ? compare(code(t.variable), t.match) : [code(t.variable)]),
    interval: (t) => [`each ${timeText(t.interval_ms)}`],
    time: (t) => [t.at, (t.days || []).join(' ')],
    audio_finished: (t) => [code(t.track), t.reason],
  },
  condition: {
    flag: (c) => [code(c.flag), c.state === false ? 'is false' : 'is true'],
    variable: (c) => compare(code(c.variable), c),
    expression: (c) => [code(c.expression)],
    time: (c) => [c.after && `after ${c.after}`, c.before && `before ${c.before}`, (c.days || []).join(' ')],
  },
};
LINES.step.notify = LINES.step.log;

function conditions(list) {
  return (list || []).flatMap((c, i) => [i > 0 && 'and', ...(['and', 'or', 'not'].includes(c.type) ? [c.type, '(…)'] : lineOf('condition', c))]);
}

// What a node does, as pieces: texts, and {code} for what is to be read letter by letter.
export function lineOf(kind, value) {
  const own = LINES[kind]?.[value.type];
  const pieces = own ? own(value) : [...where(value), ...['outcome', 'name', 'channel', 'fade_ms'].map((k) => value[k])];
  if (!own && value.fade_ms) pieces[pieces.length - 1] = `in ${timeText(value.fade_ms)}`;
  return pieces.flat().filter((p) => p != null && p !== false && p !== '').map((p) => (typeof p === 'number' ? String(p) : p));
}

const textOf = (pieces) => pieces.map((p) => p.code ?? p).join(' ');

// ---- places and changes -------------------------------------------------------------------------------------

const ONE = { devices: 'device', scenarios: 'scenario', steps: 'step', then: 'then step', else: 'else step', default: 'default step', on_stop: 'stop step', triggers: 'trigger', conditions: 'condition', while: 'condition', until: 'condition', branches: 'branch', variables: 'variable', commands: 'command' };

// The words on the way to a place: ["Gallery", "Door opens", "step 3 publish", "topic"].
export function placeOf(doc, path) {
  const out = [];
  let value = doc;
  for (let i = 0; i < path.length; i++) {
    const key = path[i];
    const list = path[i - 1];
    value = value == null ? undefined : value[key];
    if (typeof key === 'number') out.push(elementName(list, key, value));
    else if (typeof path[i + 1] !== 'number') out.push(fieldName(key).toLowerCase());
  }
  return out;
}

function elementName(list, index, value) {
  const v = value || {};
  if (list === 'devices' || list === 'scenarios') return v.display_name || v.name || v.id || `${ONE[list]} ${index + 1}`;
  const kind = list === 'triggers' ? 'trigger' : ['conditions', 'while', 'until'].includes(list) ? 'condition' : 'step';
  const type = v.type && list !== 'tabs' ? ' ' + typeName(kind, v.type) : v.id || v.name ? ` ${v.id || v.name}` : '';
  return `${ONE[list] || fieldName(list).toLowerCase().replace(/s$/, '')} ${index + 1}${type}`;
}

const short = (v) => {
  const text = typeof v === 'string' ? v : JSON.stringify(v);
  return text === undefined ? '' : text.length > 60 ? text.slice(0, 57) + '…' : text;
};

// One change of diff(): {place, sign, was, is}.
export function changeText(a, b, { kind, path, before, after }) {
  const isNode = typeof path[path.length - 1] === 'number';
  const list = path[path.length - 2];
  const about = (v) => (isNode && v && v.type ? textOf(lineOf(list === 'triggers' ? 'trigger' : list === 'conditions' ? 'condition' : 'step', v)) : isNode ? '' : short(v));
  const place = placeOf(kind === 'remove' ? a : b, path).join(' › ');
  if (kind === 'move') return { place, sign: 'moved', was: `place ${before + 1}`, is: `place ${after + 1}` };
  if (kind === 'add') return { place, sign: 'added', is: about(after) };
  if (kind === 'remove') return { place, sign: 'removed', was: about(before) };
  return { place, sign: 'changed', was: short(before), is: short(after) };
}
