// shots.mjs - pictures of the portal for docs/img, from the real hub: node shots.mjs [FOLDER].
// Takes the hub at NH_HUB_URL or starts its own, publishes a little so that it lives, then looks.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from './browser.mjs';
import { startRealHub } from './hub.mjs';

const LIVE_MS = 45000; // how long to let figures gather before the pictures
const out = process.argv[2] || join(dirname(fileURLToPath(import.meta.url)), '../../docs/img');
const SHOTS = [
  ['home-light', 'home', 'light', 1440, 900], ['home-dark', 'home', 'dark', 1440, 900],
  ['memory-light', 'memory', 'light', 1440, 1400, 'Walk the heap'], ['memory-dark', 'memory', 'dark', 1440, 1400, 'Walk the heap'],
  ['mqtt-light', 'mqtt', 'light', 1440, 1300], ['mqtt-dark', 'mqtt', 'dark', 1440, 1300],
  ['log-dark', 'log', 'dark', 1440, 800], ['settings-light', 'settings', 'light', 1440, 1000], ['api-light', 'api', 'light', 1440, 900],
  ['phone-home-light', 'home', 'light', 390, 844], ['phone-memory-dark', 'memory', 'dark', 390, 844],
];

const post = (url, path, body) => fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

// Invented readings, so that the pictures show a hub at work.
async function live(url, stop) {
  for (let i = 0; !stop.now; i++) {
    const value = (21 + 3 * Math.sin(i / 40) + (i % 7) / 10).toFixed(2);
    await post(url, '/api/mqtt/publish', { topic: `greenhouse/bed/${1 + (i % 12)}/moisture`, payload: value, qos: i % 3, retain: true });
    if (i % 90 === 45) await post(url, '/api/memory/snapshot', { tag: ['before_visit', 'greenhouse_up', 'after_visit'][Math.floor(i / 90) % 3] });
    await new Promise((done) => setTimeout(done, 100));
  }
}

const hub = await startRealHub();
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
      await page.screenshot({ path: join(out, `${name}.png`) });
      console.log(`${name} (${of})`);
    }
    if (faults.length) throw new Error(faults.join('\n'));
  }
} finally {
  stop.now = true;
  await feeding.catch(() => {});
  await browser.close();
  await hub.stop();
}
