// The same pages against the real hub; left out when it has not been built.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { hasRealHub, startRealHub } from './hub.mjs';

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

test('every page renders in light', { skip }, () => everyPage(browser, hub.url, 'light'));
test('every page renders in dark', { skip }, () => everyPage(browser, hub.url, 'dark'));

test('a published message is seen live and retained', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/mqtt');
  await page.getByRole('switch', { name: 'Watch messages' }).click();
  await page.getByLabel('Topic', { exact: true }).fill('browser/test');
  await page.getByLabel(/^Payload/).fill('hidden seed');
  await page.getByRole('switch', { name: 'Retain' }).click();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.messages li', { hasText: 'hidden seed' }).waitFor();
  await page.locator('.topics li', { hasText: 'browser/test' }).waitFor();
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
