// The same pages against the real hub; left out when it has not been built.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { launch, openPage } from './browser.mjs';
import { REAL_PAGES, everyPage } from './checks.mjs';
import { hasRealHub, startRealHub, startRealHubWithPassword } from './hub.mjs';

const skip = hasRealHub() ? false : 'no hub: build/release/nuthatch is not there and NH_HUB_URL is not set';
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

test('every page renders in light', { skip }, () => everyPage(browser, hub.url, 'light', REAL_PAGES));
test('every page renders in dark', { skip }, () => everyPage(browser, hub.url, 'dark', REAL_PAGES));

test('a bookmark of the older firmware opens the page of its matter', { skip }, async () => {
  for (const [file, title] of [['network.html', 'Device settings'], ['firmware.html', 'Updates']]) {
    const { page, faults, close } = await openPage(browser, `${hub.url}/${file}`);
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    assert.deepEqual(faults, []);
    await close();
  }
});

test('a published message is seen live and retained', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/mqtt');
  await page.getByRole('switch', { name: 'Watch messages' }).click();
  await page.getByLabel('Topic', { exact: true }).fill('browser/test');
  await page.getByLabel(/^Payload/).fill('hidden seed');
  await page.getByRole('switch', { name: 'Retain' }).click();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.messages li', { hasText: 'hidden seed' }).waitFor();
  await page.getByRole('list', { name: 'Retained topics' }).getByRole('button', { name: 'browser/' }).click();
  await page.getByRole('list', { name: 'Below browser' }).getByRole('button', { name: /^test/ }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a client is found, looked at and sent away; its session is forgotten', { skip: skip || !!process.env.NH_HUB_URL && !process.env.NH_HUB_MQTT }, async () => {
  const id = 'browser-guest';
  const [host, port] = hub.mqtt.split(':');
  const socket = connect(+port, host);
  const gone = new Promise((done) => socket.on('close', done).resume());
  // CONNECT of 3.1.1 with a kept session, then SUBSCRIBE
  socket.write(Buffer.concat([Buffer.from([0x10, 12 + id.length, 0, 4]), Buffer.from('MQTT'), Buffer.from([4, 0, 0, 60, 0, id.length]), Buffer.from(id),
    Buffer.from([0x82, 8, 0, 1, 0, 3]), Buffer.from('a/+'), Buffer.from([1])]));
  const { page, faults, close } = await openPage(browser, hub.url + '/#/mqtt');
  await page.getByLabel('Client or user contains').fill('GUEST');
  await page.getByRole('table', { name: 'Clients' }).getByRole('button', { name: id }).click();
  await page.getByRole('table', { name: 'Subscriptions' }).getByText('a/+').waitFor();
  await page.locator('#client dd', { hasText: hub.mqtt }).waitFor();
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await gone;
  await page.locator('#client dt', { hasText: 'Away' }).waitFor();
  await page.getByRole('button', { name: 'Forget session' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget session' }).click();
  await page.getByText('It is gone, and nothing is kept of it.').waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a snapshot with a tag is listed; the heap is walked', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/memory');
  await page.getByLabel('Tag of the snapshot').fill('browser_test');
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  await page.locator('.snap code', { hasText: 'browser_test' }).first().waitFor();
  await page.getByRole('button', { name: 'Walk the heap' }).click();
  await page.getByRole('img', { name: /Map of the internal heap/ }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a setting is applied and undone', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/settings');
  const field = page.locator('.set .figure:not([disabled])').first();
  await field.waitFor();
  const before = await field.inputValue();
  await field.fill(String(Number(before) + 1));
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByText(/1 change applied, generation \d+\./).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText(/1 change undone, generation \d+\./).waitFor();
  assert.equal(await field.inputValue(), before);
  assert.deepEqual(faults, []);
  await close();
});

// These start hubs of their own: not for one that runs elsewhere.
const own = skip || (process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false);

async function signIn(page, user, password) {
  await page.getByRole('heading', { name: 'Sign in to nuthatch' }).waitFor();
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}

// After a wrong password the next try waits: as a person would, press again until it is let through.
async function signInWhenLetTo(page) {
  const live = page.locator('.live.live');
  for (let i = 0; i < 100 && !(await live.isVisible()); i++) {
    await page.getByRole('button', { name: 'Sign in' }).click({ timeout: 1000 }).catch(() => {});
    await page.waitForTimeout(100);
  }
  await live.waitFor();
}

test('an admin adds an operator, who has to choose a password and sees what is for operators', { skip: own }, async () => {
  const guarded = await startRealHubWithPassword('correct horse');
  const { page, close } = await openPage(browser, guarded.url + '/#/settings');
  try {
    await signIn(page, 'admin', 'correct horse');
    await page.getByRole('button', { name: 'Add account' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User').fill('ann');
    await dialog.getByLabel('New password').fill('sunflower');
    await dialog.getByLabel('Again').fill('sunflower');
    await dialog.getByRole('button', { name: 'Add account' }).click();
    await page.getByText('ann may sign in.').waitFor();
    await page.getByRole('table', { name: 'Accounts' }).getByText('has to change the password').waitFor();
    await page.getByRole('button', { name: 'admin', exact: true }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'ann', 'sunflower');
    await page.getByRole('heading', { name: 'Choose a password' }).waitFor();
    await page.getByLabel('Present password').fill('sunflower');
    await page.getByLabel('New password').fill('pumpkin seed');
    await page.getByLabel('Again').fill('pumpkin seed');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.locator('.live.live').waitFor();
    await page.getByRole('link', { name: 'Go to Home' }).click(); // Settings is for admins
    await page.getByRole('img', { name: /^internal tier/ }).waitFor();
    assert.deepEqual(await page.locator('nav.side a').allTextContents(), ['Home', 'Actions']);
    await page.locator('main h2', { hasText: 'Owners' }).waitFor(); // the band is there before the page
    assert.deepEqual(await page.locator('main h2').allTextContents(), ['Memory', 'Owners']);
    await page.locator('main canvas').first().waitFor();
    assert.equal(await page.evaluate(() => fetch('/api/log').then((r) => r.status)), 403);
  } finally {
    await close();
    await guarded.stop();
  }
});

test('a first password is set in the portal, on this machine', { skip: own }, async () => {
  const mine = await startRealHub();
  const { page, close } = await openPage(browser, mine.url + '/#/settings');
  try {
    await page.getByRole('button', { name: 'Set a password' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User').fill('boss');
    await dialog.getByLabel('New password').fill('nuthatches');
    await dialog.getByLabel('Again').fill('nuthatches');
    await dialog.getByRole('button', { name: 'Set password' }).click();
    await page.getByRole('table', { name: 'Accounts' }).getByRole('row', { name: /boss/ }).waitFor();
    await page.locator('.live.live').waitFor(); // the feed is back, with the session
    await page.getByRole('button', { name: 'boss', exact: true }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'boss', 'nuthatches');
    await page.locator('.live.live').waitFor();
  } finally {
    await close();
    await mine.stop();
  }
});

test('a password: the form is shown, lets in and out', { skip: own }, async () => {
  const guarded = await startRealHubWithPassword('correct horse');
  const { page, close } = await openPage(browser, guarded.url + '/#/memory');
  try {
    await signIn(page, 'admin', 'wrong horse');
    await page.getByText('The user or the password is wrong.').waitFor();
    await page.getByLabel('Password').fill('correct horse');
    await page.keyboard.press('Enter');
    await page.getByText(/Try again in \d+ s/).waitFor();
    await signInWhenLetTo(page);
    await page.getByRole('button', { name: 'admin' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to nuthatch' }).waitFor();
    assert.equal(await page.evaluate(() => fetch('/api/memory').then((r) => r.status)), 401);
  } finally {
    await close();
    await guarded.stop();
  }
});

test('a restart asked for on the settings page happens, and the page comes back', { skip: own }, async () => {
  const mine = await startRealHub();
  const { page, close } = await openPage(browser, mine.url + '/#/settings');
  try {
    await page.getByLabel(/inflight_max/).or(page.locator('[id*="inflight_max"]')).first().fill('21');
    await page.getByRole('button', { name: 'Apply 1 change' }).click();
    await page.getByRole('button', { name: 'Restart hub' }).click();
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    const back = async () => {
      for (let i = 0; i < 100; i++) {
        const limits = await fetch(mine.url + '/api/mqtt').then((r) => r.json()).catch(() => null);
        if (limits && limits.limits.inflight === 21) return true;
        await new Promise((done) => setTimeout(done, 100));
      }
      return false;
    };
    assert.ok(await back());
    await page.locator('.live.live').waitFor();
  } finally {
    await close();
    await mine.stop();
  }
});
