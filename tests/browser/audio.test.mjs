// The audio page against the real hub, whose output is ALSA's null device.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, openPage } from './browser.mjs';
import { hasRealHub, startRealHub } from './hub.mjs';

const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
const config = join(tmpdir(), `nuthatch-audio-${process.pid}.yaml`);
let browser;
let hub;

// A tone: 8 kHz, 16 bit, mono.
function wav(seconds) {
  const bytes = 16000 * seconds;
  const b = Buffer.alloc(44 + bytes);
  b.write('RIFF', 0);
  b.writeUInt32LE(36 + bytes, 4);
  b.write('WAVEfmt ', 8);
  b.writeUInt32LE(16, 16);
  b.writeUInt16LE(1, 20);
  b.writeUInt16LE(1, 22);
  b.writeUInt32LE(8000, 24);
  b.writeUInt32LE(16000, 28);
  b.writeUInt16LE(2, 32);
  b.writeUInt16LE(16, 34);
  b.write('data', 36);
  b.writeUInt32LE(bytes, 40);
  for (let i = 0; i < bytes / 2; i++) b.writeInt16LE(Math.round(8000 * Math.sin(i / 5)), 44 + 2 * i);
  return b;
}

before(async () => {
  if (skip) return;
  writeFileSync(config, 'audio: {output: "null"}\n');
  browser = await launch();
  hub = await startRealHub(['--config', config]);
  mkdirSync(join(hub.data, 'sdcard/music'), { recursive: true });
  writeFileSync(join(hub.data, 'sdcard/open.wav'), wav(3));
  writeFileSync(join(hub.data, 'sdcard/music/theme.wav'), wav(120));
});
after(async () => {
  rmSync(config, { force: true });
  if (skip) return;
  await browser.close();
  await hub.stop();
});

const status = () => fetch(hub.url + '/api/audio').then((r) => r.json());
async function until(what) {
  for (let i = 0; i < 100; i++) {
    const s = await status();
    if (what(s)) return s;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('The player did not come to it: ' + JSON.stringify(await status()));
}

test('a track is found in its folder and played; position, volume, pause, repeat, stop', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/audio');
  const background = page.getByRole('article', { name: 'Channel Background' });
  await page.locator('.cards li', { hasText: 'open.wav' }).getByText('0:03').waitFor();
  await page.getByRole('button', { name: 'music', exact: true }).click();
  await page.locator('.cards li', { hasText: 'theme.wav' }).getByText('2:00').waitFor();
  await page.getByRole('button', { name: 'Play theme.wav in the background' }).click();
  await background.getByText('playing').waitFor();
  await background.getByText('theme.wav').waitFor();
  await page.getByText('output open').waitFor();

  const slider = background.getByLabel('Position, Background');
  await slider.fill('5000');
  assert.match(await background.locator('output').first().innerText(), /^1:00 /, 'what was moved to is shown at once');
  await until((s) => s.channels[0].pos_ms >= 59000);
  await page.getByRole('article', { name: 'Player' }).or(page.locator('.tile', { hasText: 'Underruns' })).getByLabel('Volume').fill('35');
  await until((s) => s.volume === 35);
  await background.getByLabel('Volume').fill('50');
  await until((s) => s.channels[0].volume === 50);
  await background.getByRole('button', { name: 'Pause' }).click();
  await until((s) => s.channels[0].paused);
  await background.getByRole('button', { name: 'Resume' }).click();
  await until((s) => s.channels[0].playing);
  await background.getByText('playing').waitFor();
  await background.getByRole('switch', { name: 'Repeat one, Background' }).click();
  // It goes on at its place, once the track is open again: from the start it would not be there in time.
  await until((s) => s.channels[0].loop && s.channels[0].playing && s.channels[0].pos_ms > 55000);

  await page.getByRole('button', { name: 'Up' }).click();
  await page.getByRole('button', { name: 'Play open.wav', exact: true }).click();
  await until((s) => s.channels[1].playing && s.channels[0].playing); // both at once
  await page.getByRole('button', { name: 'Stop all' }).click();
  await until((s) => s.channels.every((c) => c.state === 'idle'));
  await background.getByText('idle').waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a file that is no track is refused in words', { skip }, async () => {
  writeFileSync(join(hub.data, 'sdcard/broken.wav'), 'no sound');
  const { page, faults, close } = await openPage(browser, hub.url + '/#/audio');
  await page.locator('.cards li', { hasText: 'broken.wav' }).getByText('length not known').waitFor();
  await page.getByRole('button', { name: 'Play broken.wav', exact: true }).click();
  await until((s) => s.channels[1].message);
  await page.getByRole('article', { name: 'Channel Effect' }).locator('.track').getByText((await status()).channels[1].message).waitFor();
  assert.deepEqual(faults, []);
  await close();
});
