// fields.js - the settings of the device: what each takes, and what is wrong with an edit. Pure.

import { utf8Bytes } from '../../lib/format.js';

// {text, max} texts in bytes; {number, min, max, unit} whole numbers; {flag}. `restart`: in force after a restart.
export const FIELDS = {
  device_name: { label: 'Name', text: true, max: 31, restart: true },
  mqtt_host: { label: 'Host', text: true, max: 63, mono: true, restart: true, hint: 'empty: none' },
  mqtt_port: { label: 'Port', number: true, min: 1, max: 65535, restart: true },
  mqtt_username: { label: 'User', text: true, max: 31, mono: true, restart: true },
  mqtt_password: { label: 'Password', text: true, max: 63, secret: true, restart: true, hint: 'empty: stays as it is' },
  mqtt_interval_seconds: { label: 'Health every', number: true, min: 0, max: 65535, unit: 's', restart: true, hint: '0: once after each connect' },
  backlight_brightness: { label: 'Brightness', number: true, min: 0, max: 100, unit: '%' },
  screen_saver_enabled: { label: 'Screen saver', flag: true },
  screen_saver_timeout_seconds: { label: 'Dark after', number: true, min: 1, max: 65535, unit: 's' },
  screen_saver_fade_out_ms: { label: 'Fade out', number: true, min: 0, max: 65535, unit: 'ms' },
  screen_saver_fade_in_ms: { label: 'Fade in', number: true, min: 0, max: 65535, unit: 'ms' },
  screen_saver_wake_on_touch: { label: 'A touch wakes it', flag: true },
  wifi_ssid: { label: 'wifi_ssid', text: true, max: 31, mono: true },
  fixed_ip: { label: 'fixed_ip', text: true, max: 15, mono: true },
  subnet_mask: { label: 'subnet_mask', text: true, max: 15, mono: true },
  gateway: { label: 'gateway', text: true, max: 15, mono: true },
  dns1: { label: 'dns1', text: true, max: 15, mono: true },
  dns2: { label: 'dns2', text: true, max: 15, mono: true },
  dummy_setting: { label: 'dummy_setting', text: true, max: 63, mono: true },
};

export const KEPT = ['wifi_ssid', 'fixed_ip', 'subnet_mask', 'gateway', 'dns1', 'dns2', 'dummy_setting'];

export function limitOf(name) {
  const f = FIELDS[name];
  if (f.text) return `${f.max} bytes`;
  return f.number ? `${f.min} to ${f.max}${f.unit ? ' ' + f.unit : ''}` : null;
}

// {value} of what was typed, or {finding}.
export function read(name, raw) {
  const f = FIELDS[name];
  if (f.flag) return { value: raw };
  if (f.text) {
    const bytes = utf8Bytes(raw);
    if (bytes > f.max) return { finding: `${f.label} has ${bytes} bytes, limit ${f.max}.` };
    if (name === 'device_name' && !/[a-z0-9]/i.test(raw)) return { finding: 'The name needs a letter a to z or a digit.' };
    if (name === 'wifi_ssid' && !raw) return { finding: 'wifi_ssid may not be empty.' };
    return { value: raw };
  }
  const text = String(raw).trim();
  if (!/^\d+$/.test(text) || +text < f.min || +text > f.max) return { finding: `${f.label} is ${text || 'empty'}, limits ${f.min} to ${f.max}.` };
  return { value: +text };
}

// Edits that differ from what the hub has.
export function stillEdited(config, edits) {
  return Object.fromEntries(Object.entries(edits).filter(([name, raw]) => {
    const r = read(name, raw);
    return r.finding || (FIELDS[name].secret ? raw !== '' : r.value !== config[name]);
  }));
}

// The name as it stands in topics and addresses.
export function plainName(name) {
  return name.toLowerCase().replace(/[ _-]+/g, '-').replace(/[^a-z0-9-]/g, '').replace(/-+/g, '-').replace(/^-|-$/g, '');
}

// {field, text} of a refusal: "Invalid configuration: mqtt_host abc is too long; limit: 63 bytes".
export function refusalOf(message) {
  const m = /^Invalid configuration: (\w+) (.*)$/.exec(message || '');
  return m && FIELDS[m[1]] ? { field: m[1], text: `${FIELDS[m[1]].label} ${m[2]}.` } : null;
}
