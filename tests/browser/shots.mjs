// shots.mjs - pictures of the portal for docs/img, from the real hub: node shots.mjs [FOLDER] [NAME...].
// Takes the hub at NH_HUB_URL or starts its own, publishes a little so that it lives, then looks.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBoard } from './battery_board.mjs';
import { launch, openPage } from './browser.mjs';
import { BINARY, startRealHub } from './hub.mjs';

const LIVE_MS = 45000; // how long to let figures gather before the pictures, and the room be played
const out = process.argv[2] || join(dirname(fileURLToPath(import.meta.url)), '../../docs/img');
// Name, address, theme, width, height, and what is pressed before.
const all = [
  ['home-light', 'home', 'light', 1440, 900], ['home-dark', 'home', 'dark', 1440, 900],
  ['memory-light', 'memory', 'light', 1440, 1400, 'Walk the heap'], ['memory-dark', 'memory', 'dark', 1440, 1400, 'Walk the heap'],
  ['mqtt-light', 'mqtt', 'light', 1440, 1300], ['mqtt-dark', 'mqtt', 'dark', 1440, 1300],
  ['log-dark', 'log', 'dark', 1440, 800], ['settings-light', 'settings', 'light', 1440, 1000], ['api-light', 'api', 'light', 1440, 900],
  ['devices-light', 'devices?at=/devices/0/scenarios/0/steps/2', 'light', 1440, 1280], ['phone-devices-dark', 'devices?at=/devices/0/scenarios/0/steps/2', 'dark', 390, 844],
  ['actions-light', 'actions', 'light', 1280, 800], ['traces-light', 'traces?device=pictures&scenario=solved', 'light', 1280, 800],
  ['macropad-light', 'macropad?screen=1&slot=9', 'light', 1440, 900, 'Press'], ['phone-macropad-dark', 'macropad?screen=3&slot=9', 'dark', 390, 844],
  ['lamp-dark', 'lamp', 'dark', 1440, 980], ['phone-lamp-dark', 'lamp', 'dark', 390, 844],
  ['battery-dark', 'battery', 'dark', 1440, 1340], ['battery-board-light', 'battery/board', 'light', 1440, 1000], ['battery-wall', 'battery/wall', 'dark', 1280, 720], ['phone-battery-light', 'battery', 'light', 390, 844],
  ['device-light', 'device', 'light', 1440, 900], ['updates-dark', 'updates', 'dark', 1440, 520],
  ['audio-light', 'audio', 'light', 1440, 620, 'Play theme.wav in the background'],
  ['phone-home-light', 'home', 'light', 390, 844], ['phone-memory-dark', 'memory', 'dark', 390, 844],
];

const names = process.argv.slice(3);
const SHOTS = all.filter(([name]) => !names.length || names.includes(name));

const post = (url, path, body) => fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const GALLERY = { id: 'gallery', display_name: 'Gallery', status: { topic: 'gallery/status' }, scenarios: [
  { id: 'opens', name: 'Door opens', button_enabled: true, button_label: 'Open the door',
    triggers: [{ type: 'topic', topic: 'gallery/reader/+', match: { op: 'equal', value: '04A1B2C3' } }, { type: 'button', name: 'big_red' }],
    conditions: [{ type: 'flag', flag: 'pictures_done' }],
    steps: [
      { type: 'audio_play', track: '/sdcard/opened.wav', volume: 80 }, { type: 'delay', delay_ms: 500 },
      { type: 'mqtt_publish', name: 'Unlock the door', topic: 'relay/door', payload: 'on', qos: 1 },
      { type: 'wait_flags', wait: { mode: 'any', timeout_ms: 30000, requirements: [{ flag: 'door_passed' }] } },
      { type: 'if', conditions: [{ type: 'flag', flag: 'door_passed' }],
        then: [{ type: 'set', variable: 'solved', expression: 'solved + 1' }, { type: 'parallel', branches: [{ steps: [{ type: 'command', device: 'robot', command: 'say', parameters: [{ name: 'text', value: 'Well done' }] }] }, { steps: [{ type: 'audio_play', track: '/sdcard/well_done.wav', blocking: true }] }] }],
        else: [{ type: 'audio_play', track: '/sdcard/wrong.wav' }, { type: 'repeat', count: 3, steps: [{ type: 'mqtt_publish', topic: 'gallery/light', payload: 'amber' }, { type: 'delay', delay_ms: 400 }] }] },
      { type: 'mqtt_publish', topic: 'relay/door', payload: 'off', qos: 1 }, { type: 'notify', text: 'Gallery solved', enabled: false }],
    on_stop: [{ type: 'mqtt_publish', topic: 'relay/door', payload: 'off' }] },
  { id: 'reset', name: 'Reset', steps: [{ type: 'set_flag', flag: 'door_passed', value: false }] }] };

// Invented readings, so that the pictures show a hub at work.
async function live(url, stop) {
  for (let i = 0; !stop.now; i++) {
    const value = (21 + 3 * Math.sin(i / 40) + (i % 7) / 10).toFixed(2);
    await post(url, '/api/mqtt/publish', { topic: `greenhouse/bed/${1 + (i % 12)}/moisture`, payload: value, qos: i % 3, retain: true });
    if (i % 10 === 0) await post(url, '/api/lamp', { brightness: Math.round(56 + 14 * Math.sin(i / 60)) });
    if (i % 90 === 45) await post(url, '/api/memory/snapshot', { tag: ['before_visit', 'greenhouse_up', 'after_visit'][Math.floor(i / 90) % 3] });
    await new Promise((done) => setTimeout(done, 100));
  }
}

// The example room, and tracks of silence for the audio page.
async function furnish({ url, data }) {
  const example = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../examples/devices/room.yaml'), 'utf8');
  await fetch(url + '/api/devices/apply', { method: 'POST', headers: { 'content-type': 'application/yaml' }, body: example });
  const room = await fetch(url + '/api/devices/config').then((r) => r.json());
  room.devices.unshift(GALLERY);
  await post(url, '/api/devices/apply', room);
  await post(url, '/api/lamp', { effect: 'FIRE', speed_pct: 130, overlay: { enabled: true, mode: 'listen', angle_deg: 200 } });
  if (!data) return;
  const card = join(data, 'sdcard');
  mkdirSync(join(card, 'hints'), { recursive: true });
  for (const [name, seconds] of [['theme.wav', 240], ['opened.wav', 3], ['well_done.wav', 7], ['wrong.wav', 2], ['welcome.wav', 31]]) {
    const head = Buffer.from('524946460000000057415645666d74201000000001000100401f0000803e0000020010006461746100000000', 'hex');
    head.writeUInt32LE(36 + 16000 * seconds, 4);
    head.writeUInt32LE(16000 * seconds, 40);
    writeFileSync(join(card, name), Buffer.concat([head, Buffer.alloc(16000 * seconds)]));
  }
}

// Nearly full, so that cells are balanced while it is charged.
const link = join(tmpdir(), `nuthatch-shots-${process.pid}.tty`);
const board = await startBoard(link, ['--profile', 'charge', '--soc', '93', '--factor', '15']);
const config = join(tmpdir(), `nuthatch-shots-${process.pid}.yaml`);
const macros = join(dirname(fileURLToPath(import.meta.url)), '../../examples/home/macros.json');
writeFileSync(config, `name: attic\naudio: {output: "null"}\nmacropad: {keyboard: feed, start_file: ${macros}}
lamp: {enabled: true, width: 48, height: 16, fps: 40}
lamp_live: {ddp_port: 0, e131_port: 0, artnet_port: 0, wled_port: 0, hyperion_port: 0, nodes_port: 0}
lamp_radio: {enabled: true}
battery: {enabled: true, path: ${link}, poll_ms: 200}
`);

const hub = await startRealHub(['--config', config]);
await furnish(hub);
const room = hub.mqtt && spawn(BINARY, ['sim', 'room', '--auto', '--mqtt', hub.mqtt], { stdio: 'ignore' });
const browser = await launch();
const stop = { now: false };
const feeding = live(hub.url, stop);
try {
  mkdirSync(out, { recursive: true });
  // One page stays open for the whole time: rates and owners over time are gathered in the browser.
  const views = await Promise.all(['light', 'dark'].map(async (theme) => [theme, await openPage(browser, `${hub.url}/#/home?span=5m`, { theme })]));
  await new Promise((done) => setTimeout(done, LIVE_MS));
  for (const [theme, { page, faults }] of views) {
    for (const [name, id, of, width, height, press] of SHOTS.filter((s) => s[2] === theme)) {
      await page.setViewportSize({ width, height });
      await page.evaluate((h) => { location.hash = h; }, `#/${id}${['home', 'memory', 'mqtt'].includes(id) ? '?span=5m' : ''}`);
      await page.locator('h1').waitFor();
      if (press) await page.getByRole('button', { name: press }).click();
      if (id === 'mqtt') await page.getByRole('switch', { name: 'Watch messages' }).click();
      await page.waitForTimeout(2500);
      await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
      if (name === 'phone-devices-dark') await page.locator('.trow.on').evaluate((e) => scrollTo(0, e.getBoundingClientRect().top - 130));
      await page.screenshot({ path: join(out, `${name}.png`) });
      console.log(`${name} (${of})`);
    }
    if (faults.length) throw new Error(faults.join('\n'));
  }
} finally {
  stop.now = true;
  await feeding.catch(() => {});
  if (room) room.kill();
  await browser.close();
  await hub.stop();
  await board.stop();
  rmSync(config);
}
