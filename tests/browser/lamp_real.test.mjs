// The lamp page against the real hub: what is clicked happens there, and what happens there is seen.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { BINARY, hasRealHub, startRealHub } from './hub.mjs';

const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
const remotes = mkdtempSync(join(tmpdir(), 'nuthatch-remote-'));
const config = join(tmpdir(), `nuthatch-lamp-${process.pid}.yaml`);
let browser;
let hub;
let air; // the port of the radio

before(async () => {
  if (skip) return;
  air = await freeUdpPort();
  writeFileSync(config, `lamp: {enabled: true, width: 48, height: 16, fps: 30, transition_ms: 0}
lamp_live: {ddp_port: 0, e131_port: 0, artnet_port: 0, wled_port: 0, hyperion_port: 0, nodes_port: 0, timeout_ms: 1000}
lamp_radio: {enabled: true, port: ${air}}
`);
  browser = await launch();
  hub = await startRealHub(['--config', config]);
  await set({ power: true, effect: 'FIRE', brightness: 102, overlay: { enabled: true, mode: 'listen' } });
  await until((l) => l.power_state === 'on', lamp);
});
after(async () => {
  rmSync(config, { force: true });
  rmSync(remotes, { recursive: true, force: true });
  if (skip) return;
  await browser.close();
  await hub.stop();
});

function freeUdpPort() {
  return new Promise((done) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => done(port));
    });
  });
}

const lamp = (path = '') => fetch(hub.url + '/api/lamp' + path).then((r) => r.json());
const set = (body) => fetch(hub.url + '/api/lamp', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((r) => r.json());
async function until(what, ask) {
  for (let i = 0; i < 100; i++) {
    const value = await ask();
    if (what(value)) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`It did not come to it: ${JSON.stringify(await ask()).slice(0, 600)}`);
}
const open = (at = 'lamp', view = {}) => openPage(browser, `${hub.url}/#/${at}`, { ignore: ['willReadFrequently'], ...view });
const sample = (page) => page.locator('.lampbox canvas').evaluate((c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 997 === 0).join());
const effect = (page, name) => page.getByRole('radiogroup', { name: 'Effect', exact: true }).getByRole('radio', { name, exact: true });

test('an effect that is clicked is the hub\u2019s, and its picture moves', { skip }, async () => {
  const { page, faults, close } = await open();
  await effect(page, 'SNOW FALL').click();
  await until((l) => l.effect === 'SNOW FALL' && l.changed.by === 'http', lamp);
  await effect(page, 'DIAG RAINBOW').click();
  await until((l) => l.effect === 'DIAG RAINBOW', lamp);
  await page.getByRole('img', { name: 'Live picture of the lamp: DIAG RAINBOW.' }).waitFor();
  const first = await until((s) => s.split(',').some((v) => +v > 100 && +v < 255), () => sample(page));
  await until((s) => s !== first, () => sample(page));
  await page.locator('.pv-f', { hasText: /[1-9][\d.]* fps/ }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('paused, the picture stands; its brightness still changes', { skip }, async () => {
  await set({ overlay: { enabled: false } }); // the face lives on
  const { page, faults, close } = await open();
  await page.getByRole('button', { name: 'Pause' }).click();
  await until((l) => l.paused, lamp);
  const crc = (await lamp()).info.frame_crc;
  await page.getByRole('slider', { name: 'Brightness' }).fill('200');
  const now = await until((l) => l.brightness === 200, lamp);
  assert.equal(now.paused, true);
  await until((l) => l.info.frames > now.info.frames + 5, lamp);
  assert.equal((await lamp()).info.frame_crc, crc);
  await page.getByRole('button', { name: 'Go on' }).click();
  await until((l) => !l.paused, lamp);
  await set({ overlay: { enabled: true } });
  assert.deepEqual(faults, []);
  await close();
});

test('power off and on, with the sequence in between', { skip }, async () => {
  const { page, faults, close } = await open();
  const power = page.getByRole('switch', { name: 'Power' });
  await power.click();
  await until((l) => l.power_state === 'off', lamp);
  await page.getByText('The lamp is off.', { exact: true }).waitFor();
  await power.click();
  await until((l) => l.power_state === 'on', lamp);
  await page.getByRole('img', { name: /^Live picture of the lamp/ }).waitFor();
  const first = await sample(page);
  await until((s) => s !== first, () => sample(page));
  assert.deepEqual(faults, []);
  await close();
});

test('two browsers see what the other does', { skip }, async () => {
  const [a, b] = [await open(), await open('home')];
  await effect(a.page, 'CONFETTI').click();
  await until((l) => l.effect === 'CONFETTI', lamp);
  await b.page.locator('.home-lamp b', { hasText: 'CONFETTI' }).waitFor();
  await b.page.locator('.home-lamp').getByRole('slider', { name: 'Brightness' }).fill('51');
  await a.page.locator('.look output', { hasText: '20 %' }).waitFor();
  await b.page.locator('.home-lamp').getByRole('button', { name: 'Next effect' }).click();
  await effect(a.page, 'DIAG RAINBOW').and(a.page.getByRole('radio', { checked: true })).waitFor();
  assert.deepEqual([...a.faults, ...b.faults], []);
  await a.close();
  await b.close();
});

test('look and overlay: every value is what the hub has after it', { skip }, async () => {
  const { page, faults, close } = await open();
  await page.getByRole('slider', { name: 'Speed' }).fill('250');
  await page.getByRole('slider', { name: 'Intensity' }).fill('10');
  await page.getByRole('radiogroup', { name: 'Palette' }).getByRole('radio').nth(3).click();
  await page.getByRole('radio', { name: 'Speak' }).click();
  await page.getByRole('radio', { name: 'Max' }).click();
  await page.getByRole('slider', { name: 'Direction' }).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowRight');
  await until((l) => l.speed_pct === 250 && l.intensity === 10 && l.palette_index === 2 && l.overlay.mode === 'speak' && l.overlay.blend === 'max' && l.overlay.angle_deg === 15, lamp);
  assert.deepEqual(faults, []);
  await close();
});

test('a palette of one\u2019s own: copied, changed, seen by the hub, removed', { skip }, async () => {
  const { page, faults, close } = await open();
  const editor = page.locator('.pal-ed');
  const own = () => lamp('/palettes').then((l) => l.palettes.filter((p) => p.own));
  await editor.getByRole('button', { name: 'Copy as new' }).click();
  const [made] = await until((l) => l.length === 1, own);
  await until((l) => l.palette_index === made.index, lamp);
  await editor.getByRole('slider', { name: /^Stop 1/ }).click();
  await editor.getByLabel('Colour as hex').fill('#123456');
  await until(([p]) => p.stops[0].color === '#123456', own);
  await editor.getByLabel(/^Name/).fill('Mine');
  await until(([p]) => p.name === 'Mine', own);
  await editor.getByRole('button', { name: 'Remove', exact: true }).click();
  await until((l) => l.length === 0, own);
  await until((l) => l.palette === 'auto', lamp);
  assert.deepEqual(faults, []);
  await close();
});

test('colours and text of an effect that takes them', { skip }, async () => {
  const { effects } = await lamp('/effects');
  const one = (use) => effects.find((e) => e.uses.includes(use));
  const { page, faults, close } = await open();
  if (one('colors')) {
    await effect(page, one('colors').name).click();
    await page.getByLabel('Primary colour').fill('#00ff88');
    await until((l) => l.colors[0] === '#00ff88', lamp);
  }
  if (one('text')) {
    await effect(page, one('text').name).click();
    await page.locator('#lamp-text').fill('Hello');
    await until((l) => l.text === 'Hello', lamp);
  }
  assert.deepEqual(faults, []);
  await close();
});

test('the button is pressed in the page, and does what it is set to', { skip }, async () => {
  const { page, faults, close } = await open();
  const was = (await lamp()).effect;
  const pad = page.getByRole('button', { name: 'Press and hold' });
  await pad.focus();
  for (let i = 0; i < 2; i++) {
    await page.keyboard.down('Space');
    await until((b) => b.portal.down, () => lamp('/button'));
    await page.keyboard.up('Space');
    await until((b) => !b.portal.down, () => lamp('/button'));
  }
  const { last } = await until((b) => b.last && b.last.from === 'portal', () => lamp('/button'));
  await page.locator('.touch', { hasText: /(One click|Two clicks) from here/ }).waitFor();
  if (last.click === 'double') assert.notEqual((await lamp()).effect, was); // next, unless the machine was slow
  assert.deepEqual(faults, []);
  await close();
  await set({ paused: false });
});

test('frames by DDP have the canvas until they are sent away', { skip }, async () => {
  const { page, faults, close } = await open();
  await page.getByRole('group', { name: 'The effects have the canvas' }).waitFor();
  const port = (await lamp('/live')).ports.find((p) => p.name === 'DDP').port;
  const socket = createSocket('udp4');
  // 48 x 16 pixels of green in two packets, the second one pushes.
  const packet = (push, sequence, at, pixels) => Buffer.concat([Buffer.from([0x40 | push, sequence, 0x0b, 1, 0, 0, at >> 8, at & 255, (pixels * 3) >> 8, (pixels * 3) & 255]), Buffer.alloc(pixels * 3, Buffer.from([0, 255, 0]))]);
  let n = 0;
  const sending = setInterval(() => {
    n = (n % 14) + 1;
    socket.send(packet(0, n, 0, 480), port, '127.0.0.1');
    socket.send(packet(1, n + 1, 1440, 288), port, '127.0.0.1');
  }, 40);
  try {
    await page.getByRole('img', { name: 'Live picture of the lamp: DDP from 127.0.0.1.' }).waitFor();
    await page.getByRole('table', { name: 'Senders' }).getByRole('row', { name: /DDP 127\.0\.0\.1 [\d.]+/ }).waitFor();
    await until((s) => s.split(',').filter((v) => +v > 60).length > 20, () => sample(page));
    await page.getByRole('button', { name: 'Release' }).click();
    await until((l) => l.info.live === null, lamp);
    await page.getByRole('group', { name: 'The effects have the canvas' }).waitFor();
  } finally {
    clearInterval(sending);
    socket.close();
  }
  assert.deepEqual(faults, []);
  await close();
});

test('the pairing window of the radio is opened, counts, and is closed', { skip }, async () => {
  const { page, faults, close } = await open();
  const radio = page.locator('.tile.radio');
  await radio.getByText('No remote is paired.').waitFor();
  await radio.getByRole('button', { name: 'Pair a remote' }).click();
  await radio.getByText('Waits for a remote: hold its pairing key now.').waitFor();
  assert.ok((await lamp('/radio')).pairing.left_s > 0);
  await radio.getByRole('button', { name: 'Close' }).click();
  await until((r) => r.pairing === null, () => lamp('/radio'));
  await radio.getByRole('button', { name: 'Pair a remote' }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a remote is paired by its digits, sets the lamp, and is forgotten', { skip }, async () => {
  const remote = (...args) => new Promise((done, fail) => execFile(BINARY, ['remote', '--state', remotes, '--port', String(air), ...args], { timeout: 60000 }, (e, out, err) => (e ? fail(new Error(err || e.message)) : done(out))));
  const { page, faults, close } = await open();
  const radio = page.locator('.tile.radio');
  const row = radio.getByRole('table', { name: 'Radio peers' }).getByRole('row', { name: /porch/ });
  await radio.getByRole('button', { name: 'Pair a remote' }).click();
  const pairing = remote('pair', '--yes', '--name', 'porch');
  await radio.getByText('porch wants to be paired. Does it show these digits?').waitFor();
  assert.match(await radio.getByLabel('Code').innerText(), /^\d{3} \d{3}$/);
  await radio.getByRole('button', { name: 'The same' }).click();
  await pairing;
  await row.getByText('paired').waitFor();
  await remote('--set', 'effect=PLASMA');
  await effect(page, 'PLASMA').and(page.getByRole('radio', { checked: true })).waitFor();
  await page.getByText(/changed by radio remote .porch., \d+ s ago/).waitFor();
  await radio.getByRole('button', { name: 'Forget porch' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click();
  await radio.getByText('No remote is paired.').waitFor();
  assert.deepEqual((await lamp('/radio')).peers, []);
  assert.deepEqual(faults, []);
  await close();
});

test('a hub without a lamp says which lines make one, and they do', { skip }, async () => {
  const bare = await startRealHub();
  const { page, close } = await openPage(browser, bare.url + '/#/lamp', { ignore: ['404'] });
  const lines = await page.locator('pre.yaml').innerText();
  await close();
  await bare.stop();
  const file = config + '.lines';
  writeFileSync(file, lines + '\n');
  execFileSync(BINARY, ['check', file], { stdio: 'ignore' });
  const hub2 = await startRealHub(['--config', file]);
  assert.equal((await fetch(hub2.url + '/api/lamp').then((r) => r.json())).info.width, 48);
  await hub2.stop();
  rmSync(file);
});

test('the page and Home hold at every size, in both themes', { skip }, async () => {
  for (const theme of ['light', 'dark']) await everyPage(browser, hub.url, theme, [['lamp', 'Lamp'], ['home', 'Home']]);
});
