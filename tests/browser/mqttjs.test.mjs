// MQTT.js in a real browser, on the portal's own MQTT page, over the WebSocket of the portal's port.
// Left out when the hub has not been built.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { launch, openPage } from './browser.mjs';
import { hasRealHub, startRealHub } from './hub.mjs';

const skip = hasRealHub() ? false : 'no hub: build/release/nuthatch is not there and NH_HUB_URL is not set';
const library = skip ? '' : readFileSync(join(dirname(createRequire(import.meta.url).resolve('mqtt/package.json')), 'dist/mqtt.min.js'), 'utf8') + '\nglobalThis.mqtt = mqtt;';
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

// In the page: connects where the page came from, gives what came back for each quality of service.
async function roundTrip() {
  const client = globalThis.mqtt.connect(location.origin.replace(/^http/, 'ws') + '/mqtt', {
    clientId: 'mqttjs', reconnectPeriod: 0, timerVariant: 'native', // a timer in a worker is no script of ours
  });
  const got = [];
  const came = new Map();
  client.on('message', (topic, payload, packet) => {
    got.push([topic, payload.toString(), packet.qos]);
    came.get(payload.toString())?.();
  });
  await new Promise((done, failed) => {
    client.once('connect', done);
    client.once('error', failed);
    client.once('close', () => failed(new Error('closed')));
  });
  await client.subscribeAsync('browser/js/#', { qos: 2 });
  for (const qos of [0, 1, 2]) {
    const text = `mqtt.js says ${qos}`;
    const back = new Promise((done) => { came.set(text, done); });
    await client.publishAsync('browser/js/' + qos, text, { qos });
    await back;
  }
  const large = 'x'.repeat(60000); // over many frames of ours
  const back = new Promise((done) => { came.set(large, done); });
  await client.publishAsync('browser/js/large', large, { qos: 1 });
  await back;
  got.pop();
  await client.endAsync();
  return got;
}

test('MQTT.js on the MQTT page: each quality of service, there and back, and in the live view', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/mqtt');
  await page.getByRole('switch', { name: 'Watch messages' }).click();
  await page.evaluate(library);
  assert.deepEqual(await page.evaluate(roundTrip),
    [0, 1, 2].map((qos) => ['browser/js/' + qos, `mqtt.js says ${qos}`, qos]));
  for (const qos of [0, 1, 2]) await page.locator('.messages li', { hasText: `mqtt.js says ${qos}` }).waitFor();
  assert.deepEqual(faults, []); // no policy stood in the way
  await close();
});

test('MQTT.js from another site is refused', { skip }, async () => {
  const { page, close } = await openPage(browser, 'about:blank');
  await page.evaluate(library);
  const said = await page.evaluate((url) => new Promise((done) => {
    const client = globalThis.mqtt.connect(url, { reconnectPeriod: 0, timerVariant: 'native' });
    client.on('connect', () => done('connected'));
    client.on('close', () => done('closed'));
    client.on('error', () => {});
  }), hub.url.replace(/^http/, 'ws') + '/mqtt');
  assert.equal(said, 'closed');
  await close();
});
