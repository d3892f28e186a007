// hub.js - ties feed, requests and store together: one feed for the page, and what each part does.

import { useEffect } from 'preact/hooks';
import { isAdmin, loadSession } from './access.js';
import { get } from './api.js';
import { createFeed } from './feed.js';
import { mergeRows, rowFromTiers } from './history.js';
import { addCurrent, addOwners, hasUnknown, reduceBattery, reduceLamp, reduceLog, reduceMemory, reduceMessages, reduceMqtt, reduceTyped } from './reduce.js';
import { hubNow, keep, kept, listen, set, state } from './store.js';

const QUIET_MS = 2000; // the feed tells of changed counters: after this without one, none has

let reloading = false;

const onPart = {
  mem(data) {
    if (data.unix_ms) state.skewMs = data.unix_ms - Date.now();
    const before = state.memory;
    if (!before) return loadMemory();
    if (hasUnknown(before, data)) loadMemory();
    const memory = reduceMemory(before, data);
    set('memory', memory);
    set('rows', mergeRows(state.rows, [rowFromTiers(memory.unix_ms, memory.tiers)]));
    set('owners', addOwners(state.owners, memory.unix_ms, memory.owners));
  },
  snap(data) {
    if (data.rows) set('rows', mergeRows(state.rows, data.rows));
  },
  mqtt(data) {
    if (data.counters) set('mqtt', reduceMqtt(state.mqtt, data, hubNow()));
  },
  log: (data) => set('log', reduceLog(state.log, data)),
  messages: (data) => set('messages', reduceMessages(state.messages, data)),
  clients: () => set('clientsChanged', state.clientsChanged + 1),
  automation: (data) => set('automation', { ...data, at: Date.now() }),
  game: (data) => set('game', { ...data, at: Date.now() }),
  monitors: (data) => set('monitors', { ...data, at: Date.now() }),
  routes: () => set('routesChanged', state.routesChanged + 1),
  devices: (data) => set('devices', { ...data, at: Date.now() }),
  audio: (data) => set('audio', { ...data, at: Date.now() }),
  display: (data) => set('display', { ...state.display, ...data }),
  lamp: (data) => lampCame(data),
  lamp_radio: (data) => set('lampRadio', { ...data, at: Date.now() }),
  battery: (data) => batteryCame(data),
  typed: (data) => set('typed', reduceTyped(state.typed, data, Date.now())),
};

// The state of the lamp, from the feed or as the answer to a command. A hub without one has no such part of the feed.
export function lampCame(data) {
  if (!state.lamp) keep('lamp', true);
  set('lamp', reduceLamp(state.lamp, data, Date.now()));
  if (data.info) set('lampCurrent', addCurrent(state.lampCurrent, hubNow(), data.info.estimate_ma));
}

// The pack, from the feed or asked for.
export function batteryCame(data) {
  set('battery', reduceBattery(state.battery, data, Date.now()));
  if (state.battery) keep('battery', true);
}

const channels = new Map(); // channel of binary messages -> who takes them

// Gives what ends it.
export function onChannel(channel, take) {
  channels.set(channel, take);
  return () => channels.get(channel) === take && channels.delete(channel);
}

export const feed = createFeed({
  url: location.origin.replace(/^http/, 'ws') + '/ws',
  open: (url) => new WebSocket(url),
  onPart: (name, data) => onPart[name] && onPart[name](data),
  onBytes: (channel, bytes) => channels.has(channel) && channels.get(channel)(bytes),
  onLink: linkChanged,
  now: () => Date.now(),
  after: (fn, ms) => setTimeout(fn, ms),
  cancel: (t) => clearTimeout(t),
});

async function linkChanged(link) {
  const was = state.link.state;
  set('link', link);
  if (state.lamp) state.lamp = { ...state.lamp, version: 0 }; // a hub that restarted counts anew
  if (link.state === 'live') return loadAll();
  // The first moment of a break cuts the plotted lines; a socket refused for want of a password
  // looks like any other break, so ask.
  if (was === 'live') {
    state.mqtt.at = 0;
    set('rows', mergeRows(state.rows, [rowFromTiers(hubNow(), [])]));
  }
  if (link.state === 'offline') loadInfo();
}

const quiet = (promise) => promise.catch(() => null);

export async function loadAll() {
  await loadSession(); // says what there is to ask for
  return Promise.all([loadInfo(), loadMemory(), loadHistory(), ...(isAdmin() ? [loadMqtt(), loadLog(), loadPart('devices'), loadPart('audio'), loadPart('macropad'), loadPart('display'), kept('battery') && loadPart('battery')] : [])]);
}

export async function loadInfo() {
  const info = await quiet(get('/api/info'));
  if (!info) return;
  state.skewMs = info.unix_ms - Date.now();
  set('info', { ...info, at: Date.now() });
}

export async function loadMemory() {
  if (reloading) return;
  reloading = true;
  try {
    set('memory', await get('/api/memory'));
    set('memoryError', null);
  } catch (e) {
    set('memoryError', e);
  }
  reloading = false;
}

async function loadHistory() {
  const history = await quiet(get('/api/memory/history'));
  if (history) set('rows', mergeRows(state.rows, history.rows));
}

async function loadMqtt() {
  const mqtt = await quiet(get('/api/mqtt'));
  if (!mqtt) return;
  set('mqtt', { ...state.mqtt, counters: mqtt.counters, limits: mqtt.limits, at: hubNow(), base: null, listener: mqtt.listener });
}

// A component that is off has no such route, and no entry in the navigation.
async function loadPart(name) {
  try {
    set(name, { ...await get('/api/' + name), at: Date.now() });
  } catch (e) {
    if (e.status !== 404) return;
    keep(name, null);
    set(name, false);
  }
}

async function loadLog() {
  const lines = state.log.lines;
  const after = lines.length ? lines[lines.length - 1].seq : 0;
  const log = await quiet(get('/api/log?after=' + after));
  if (log) set('log', reduceLog(state.log, log));
}

// Holds parts of the feed while the component is mounted.
export function useFeed(...parts) {
  useEffect(() => {
    const releases = parts.filter(Boolean).map((p) => feed.want(p));
    return () => releases.forEach((release) => release());
  }, [parts.join()]);
}

export function startHub() {
  document.addEventListener('visibilitychange', () => {
    feed.setHidden(document.hidden);
    // What passed while nobody looked is in no rate.
    state.mqtt.at = 0;
    if (!document.hidden && isAdmin()) loadMqtt();
  });
  listen('auth', () => {
    if (state.auth === 'ok') feed.start();
    else feed.stop();
  });
  loadSession();
  loadInfo();
  feed.start();
  setInterval(() => {
    const { mqtt } = state;
    if (state.link.state === 'live' && mqtt.at && hubNow() - mqtt.at >= QUIET_MS) set('mqtt', reduceMqtt(mqtt, {}, hubNow()));
  }, 1000);
  // The process' own figures are not in the feed: asked for while somebody looks.
  setInterval(() => {
    if (!document.hidden && state.link.state === 'live') loadMemory();
  }, 30000);
}
