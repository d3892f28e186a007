// store.js - what the browser knows, by key, and who wants to hear of a change of which key.

import { useEffect, useState } from 'preact/hooks';

export const state = {
  link: { state: 'connecting', since: Date.now(), lastAt: 0, retryAt: 0 },
  auth: 'unknown', // 'ok' | 'needed' | 'change': the password, first
  session: null, // who is signed in, /api/session/info
  info: null,
  memory: null,
  memoryError: null,
  rows: [], // tiers over time, see history.js
  owners: [], // owners over time: [{t, bytes}]
  mqtt: { counters: null, limits: null, rates: null, at: 0, log: [] },
  log: { lines: [], missed: 0 },
  messages: { messages: [], missed: 0 },
  clientsChanged: 0,
  routesChanged: 0,
  edits: null, // the settings' draft: {pointer: value}
  deviceSettings: null, // edits of the device's settings: {name: what was typed}
  devices: null, // which configuration is in force, as /api/devices tells; false: the hub has none
  deviceEdits: 0, // changes of the devices' draft
  audio: null, // as /api/audio tells
  macropad: null, // as /api/macropad tells; false: the hub has none
  macros: null, // the pad's document as it is edited
  display: null, // the panel, as /api/display tells; false: the hub has none
  lamp: null, // as /api/lamp tells, with `at`: when it came; false: the hub has none
  lampPending: {}, // what was set and has no answer yet
  lampRadio: null, // its remotes, as /api/lamp/radio tells
  lampCurrent: [], // its current over time: [[t, mA]]
  battery: null, // the pack, as /api/battery tells, with `at`: when it came; false: the hub has none
  trial: null, // the scenario of the harness that is played: {id, step}
  runs: null, // of the harness, as they were read from files
  typed: [], // what the pad typed last, oldest first
  automation: null, // parts of the feed, each with `at`: when it came
  game: null,
  monitors: null,
  toasts: [],
  skewMs: 0, // hub clock minus browser clock
};

const heard = new Map(); // key -> Set of functions

export function set(key, value) {
  if (state[key] === value) return;
  state[key] = value;
  for (const fn of [...(heard.get(key) || [])]) fn();
}

export function listen(key, fn) {
  if (!heard.has(key)) heard.set(key, new Set());
  heard.get(key).add(fn);
  return () => heard.get(key).delete(fn);
}

// Renders again when one of `keys` changes; gives the state.
export function useKeys(...keys) {
  const [, bump] = useState(0);
  useEffect(() => {
    const again = () => bump((n) => n + 1);
    const stops = keys.map((k) => listen(k, again));
    again(); // what changed between render and effect
    return () => stops.forEach((stop) => stop());
  }, [keys.join()]);
  return state;
}

// Renders again each `ms` while the page is seen.
export function useTick(ms) {
  const [n, bump] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || bump((k) => k + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return n;
}

export const hubNow = () => Date.now() + state.skewMs;
export const isOnline = () => state.link.state === 'live';

// A value that the browser keeps.
export function keep(name, value) {
  try {
    if (value == null) localStorage.removeItem('nuthatch.' + name);
    else localStorage.setItem('nuthatch.' + name, JSON.stringify(value));
  } catch {
    // Storage is off: the choice lasts until reload.
  }
}
export function kept(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem('nuthatch.' + name)) ?? fallback;
  } catch {
    return fallback;
  }
}
