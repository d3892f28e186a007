// The pages Device settings and Updates against the real hub.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, openPage } from './browser.mjs';
import { BINARY, hasRealHub, startRealHub } from './hub.mjs';

const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
let browser;
let hub;
before(async () => {
  if (skip) return;
  browser = await launch();
  hub = await startRealHub();
});
after(async () => {
  if (skip) return;
  await browser.close();
  await hub.stop();
});
const config = () => fetch(hub.url + '/api/config').then((r) => r.json());
async function until(what, ask) {
  for (let i = 0; i < 100; i++) {
    const value = await ask();
    if (what(value)) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('It did not come to it.');
}

test('settings of the device are checked, applied together and undone; a password stays', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/device');
  const was = await config();
  await page.getByLabel('Name', { exact: false }).first().fill('Desk pad');
  await page.locator('dd', { hasText: 'desk-pad' }).waitFor();
  await page.getByLabel(/^Port/).fill('70000');
  await page.getByText('Port is 70000, limits 1 to 65535.').waitFor();
  assert.ok(await page.getByRole('button', { name: /^Apply/ }).isDisabled());
  await page.getByLabel(/^Port/).fill('1884');
  await page.getByLabel(/^Password/).fill('hush');
  await page.getByLabel(/^Dark after/).fill('120');
  await page.keyboard.press('Control+s');
  await page.getByText('4 changes applied.').waitFor();
  const now = await config();
  assert.deepEqual([now.device_name, now.device_name_sanitized, now.mqtt_port, now.screen_saver_timeout_seconds, now.mqtt_password], ['Desk pad', 'desk-pad', 1884, 120, '']);
  await page.getByText('Name and broker are in force after a restart.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('3 changes undone.').waitFor();
  const back = await config();
  assert.deepEqual([back.device_name, back.mqtt_port, back.screen_saver_timeout_seconds], [was.device_name, was.mqtt_port, was.screen_saver_timeout_seconds]);
  assert.deepEqual(faults, []);
  await close();
});

test('the light follows the slider; the panel sleeps and wakes', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/device');
  const display = () => fetch(hub.url + '/api/display').then((r) => r.json());
  await page.getByLabel(/^Brightness/).fill('40');
  await until((d) => d.brightness_pct === 40, display);
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await until((c) => c.backlight_brightness === 40, config);
  await page.getByRole('button', { name: 'Sleep now' }).click();
  await until((d) => d.saver !== 'awake', display);
  await page.getByRole('button', { name: 'Wake' }).click();
  await until((d) => d.saver === 'awake', display);
  await page.getByRole('link', { name: /^Heartbeat/ }).click();
  await page.getByText('/health/heartbeat_ms').waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('Updates tells the version, its slot, its history, and who updates it', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/updates');
  const firmware = await fetch(hub.url + '/api/firmware').then((r) => r.json());
  await page.getByText(firmware.reason).waitFor();
  await page.getByRole('table', { name: 'Slots' }).getByText(firmware.version).waitFor();
  await page.getByRole('table', { name: 'Versions that ran' }).getByText(firmware.version).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

test('a hub that updates itself takes a signed image, shows its way, and goes back', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nh-ota-'));
  const run = (...args) => execFileSync(BINARY, ['ota', ...args], { encoding: 'utf8' });
  const secret = join(folder, 'key');
  const key = run('keygen', '-o', secret).split('\n')[0];
  const image = join(folder, 'next.img');
  run('sign', '--key', secret, '--version', '7.7.7', '-o', image, BINARY);
  const config = join(folder, 'hub.yaml');
  writeFileSync(config, `ota: {enabled: true, key: "${key}", confirm_after_ms: 200, image_max_bytes: 67108864}\n`);
  // The page must find the next life where the one before was.
  const own = await startRealHub(['--config', config, '--http', '127.0.0.1:' + await freePort()]);
  const { page, faults, close } = await openPage(browser, own.url + '/#/updates');
  await page.getByText('ready').waitFor();
  await page.getByLabel('Image').setInputFiles({ name: 'x.bin', mimeType: 'application/octet-stream', buffer: Buffer.from('no image'.repeat(50)) });
  await page.getByRole('button', { name: 'Update' }).click();
  await page.getByText('This is no image of nuthatch', { exact: false }).waitFor();
  await page.getByLabel('Image').setInputFiles(image);
  await page.getByRole('button', { name: 'Update' }).click();
  await page.getByText('Version 7.7.7 is in slot a.', { exact: false }).waitFor();
  await page.getByRole('row', { name: /^a 0\.\d+\.\d+ running/ }).waitFor({ timeout: 20000 });
  await page.getByRole('button', { name: 'Back to the version before' }).click();
  await page.getByRole('button', { name: 'Go back' }).click();
  await page.getByText('Version 7.7.7 was taken back.').waitFor({ timeout: 20000 });
  assert.deepEqual(faults.filter((f) => !/400|WebSocket|ERR_CONNECTION/.test(f)), []);
  await close();
  await own.stop();
  rmSync(folder, { recursive: true });
});
