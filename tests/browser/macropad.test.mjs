// The macro pad page against the real hub: buttons are made, moved, typed and saved; the panel is seen and touched.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, openPage } from './browser.mjs';
import { SIZES } from './checks.mjs';
import { hasRealHub, startRealHub } from './hub.mjs';

const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
const config = join(tmpdir(), `nuthatch-macropad-${process.pid}.yaml`);
let browser;
let hub;

before(async () => {
  if (skip) return;
  writeFileSync(config, 'macropad: {keyboard: feed}\ndisplay: {splash_ms: 0}\n');
  browser = await launch();
  hub = await startRealHub(['--config', config]);
});
after(async () => {
  rmSync(config, { force: true });
  if (skip) return;
  await browser.close();
  await hub.stop();
});

const api = (path, body, method = 'POST') => fetch(hub.url + path, body === undefined ? {} : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const document_ = () => api('/api/macros').then((r) => r.json());
async function until(what, ask) {
  for (let i = 0; i < 100; i++) {
    const value = await ask();
    if (what(value)) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('It did not come to it.');
}
const open = (at = '') => openPage(browser, `${hub.url}/#/macropad${at}`);
const cell = (page, slot) => page.locator(`.panel [data-slot="${slot}"]`);
async function save(page) {
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('The pad is saved and in force.').last().waitFor();
}

test('a button is made, checked, saved, pressed, and what it types is seen', { skip }, async () => {
  const { page, faults, close } = await open();
  await cell(page, 1).click();
  await page.getByLabel('Label', { exact: false }).first().fill('Hello');
  await page.getByLabel('Action').selectOption('send_keys');
  const script = page.getByLabel(/^Key script/);
  await script.fill('STRNG Hello');
  await page.getByText(/Line 1: /).waitFor();
  await script.fill('STRING Hello from the pad');
  await page.getByText('No findings.').waitFor();
  await cell(page, 2).click();
  await page.getByLabel('Action').selectOption('mqtt_send');
  await page.getByText('A message needs a topic.').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled());
  await page.getByRole('button', { name: '1 finding' }).click();
  await page.getByLabel(/^Topic/).fill('desk/lamp');
  await save(page);
  const { screens } = await document_();
  assert.deepEqual([screens[0].buttons[1].label, screens[0].buttons[1].payload, screens[0].buttons[2].mqtt_topic], ['Hello', 'STRING Hello from the pad', 'desk/lamp']);
  await cell(page, 1).click();
  await page.getByRole('button', { name: 'Press' }).click();
  await page.getByRole('list', { name: /^What was typed/ }).getByText('Hello from the pad').waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('the live panel is seen, and takes a click as a touch', { skip }, async () => {
  const { page, faults, close } = await open();
  await page.locator('.mirror canvas:not(.stale)').waitFor();
  const shown = (screen) => page.getByRole('img', { name: `Live picture of the panel, screen ${screen}.` });
  await page.getByLabel('Screen of the panel').selectOption('info');
  await shown('info').waitFor();
  const lit = () => page.locator('.mirror canvas').evaluate((c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].some((v, i) => i % 4 < 3 && v > 128));
  await until(Boolean, lit);
  await shown('info').click(); // a tap on that screen leads to the next
  await shown('test').waitFor();
  await page.getByRole('button', { name: 'Screen after' }).click();
  await shown('macro1').waitFor();
  assert.deepEqual(faults, []);
  await close();
});

// A picture of 3 x 2 pixels, all red: PNG.
const RED = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP4z8AAQQxwFgBB0gX7h/C5SAAAAABJRU5ErkJggg==', 'base64');

test('icons: a built-in mask, an emoji, a picture; they are installed with the save, and swept when nobody uses them', { skip }, async () => {
  const { page, faults, close } = await open('?screen=4&slot=1');
  const installed = () => api('/api/icons/installed').then((r) => r.json()).then((l) => l.icons.map((i) => i.id));
  const pick = async (slot, kind) => {
    await cell(page, slot).click();
    await page.getByLabel('Action').selectOption('go_back');
    await page.getByRole('button', { name: /^(Choose|Change) icon$/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Choose an icon' });
    await dialog.getByRole('radio', { name: kind }).click();
    return dialog;
  };
  const masks = await pick(0, 'Built in');
  await masks.getByLabel('Find icon').fill('volume up');
  await masks.getByRole('button', { name: 'volume up', exact: true }).locator('img').waitFor();
  await masks.getByRole('button', { name: 'volume up', exact: true }).click();
  await cell(page, 0).locator('image').waitFor();
  const emoji = await pick(1, 'Emoji');
  await emoji.getByLabel('Find icon').fill('\u{1F600}');
  await emoji.getByRole('button', { name: '\u{1F600}', exact: true }).first().click();
  const pictures = await pick(2, 'Picture');
  await pictures.getByLabel('Picture file').setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await pictures.getByText(/no\.png is no picture/).waitFor();
  await pictures.getByLabel('Picture file').setInputFiles({ name: 'Red.png', mimeType: 'image/png', buffer: RED });
  await cell(page, 2).locator('image').waitFor();
  assert.deepEqual(await installed(), [], 'nothing before it is saved');
  await save(page);
  const ids = await installed();
  assert.ok(ids.includes('emoji_u1f600') && ids.some((id) => /^user_red_[0-9a-f]{8}$/.test(id)), ids.join());
  const blob = new Uint8Array(await fetch(hub.url + '/api/icons/data?id=' + ids.find((id) => id.startsWith('user_'))).then((r) => r.arrayBuffer()));
  assert.deepEqual([...blob.slice(0, 9)], [0x49, 0x43, 0x4e, 0x31, 3, 0, 2, 0, 1]);
  assert.equal(blob.length, 16 + 3 * 2 * 3);
  for (const slot of [1, 2]) {
    await cell(page, slot).click();
    await page.getByRole('button', { name: 'No icon' }).click();
  }
  await save(page);
  await until((list) => list.length === 0, installed);
  assert.deepEqual(faults, []);
  await close();
});

test('a click on the live panel presses the button that is there', { skip }, async () => {
  const { page, faults, close } = await open();
  const presses = () => api('/api/macropad').then((r) => r.json()).then((s) => s.presses);
  const panel = page.locator('.mirror canvas');
  await page.locator('.mirror canvas:not(.stale)').waitFor();
  await page.getByRole('img', { name: /screen macro1/ }).waitFor();
  const before = await presses();
  const box = await panel.boundingBox();
  await page.mouse.click(box.x + box.width * 0.76, box.y + box.height * 0.24); // slot 2 of the ring
  await until((n) => n === before + 1, presses);
  await page.getByRole('list', { name: /^What was typed/ }).getByText('Hello from the pad').first().waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('buttons are dragged to swap, moved by keys, copied, cleared; all of it is undone', { skip }, async () => {
  const { page, faults, close } = await open();
  const label = (slot) => cell(page, slot).getAttribute('aria-label');
  const drag = async (from, to) => {
    const [a, b] = [await cell(page, from).boundingBox(), await to.boundingBox()];
    await page.mouse.move(a.x + a.width / 2, a.y + a.height / 2);
    await page.mouse.down();
    await page.mouse.move(b.x + b.width / 2, b.y + b.height / 2, { steps: 8 });
    await page.mouse.up();
  };
  await cell(page, 1).waitFor();
  await drag(1, cell(page, 8));
  assert.match(await label(8), /Hello/);
  assert.match(await label(1), /free/);
  await page.keyboard.press('Control+z');
  assert.match(await label(1), /Hello/);
  await cell(page, 1).focus();
  await page.keyboard.press('Alt+ArrowLeft');
  const moved = await page.evaluate(() => +document.activeElement.dataset.slot);
  assert.match(await label(moved), /Hello/);
  await page.keyboard.press('Control+c');
  await page.getByRole('tab', { name: /^Screen 3/ }).click();
  await cell(page, 4).click();
  await page.keyboard.press('Control+v');
  assert.match(await label(4), /Hello/);
  await page.keyboard.press('Delete');
  await page.getByText('Hello is cleared.').waitFor();
  assert.match(await label(4), /free/);
  await page.keyboard.press('Control+z');
  assert.match(await label(4), /Hello/);
  await page.reload();
  await page.getByRole('tab', { name: 'Screen 3', exact: true }).waitFor(); // the draft is still there
  page.on('dialog', (d) => d.accept());
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('tab', { name: 'Screen 3, empty' }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a pad is exported and comes back; what is no pad is refused', { skip }, async () => {
  const { page, faults, close } = await open();
  await cell(page, 0).waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
  const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(file.screens[0].buttons[1].label, 'Hello');
  file.screens[0].buttons[1].label = 'Again';
  file.screens[5].template = 'round_pie_8';
  const input = page.getByLabel('File to import');
  await input.setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from('[]') });
  await page.getByText(/no macro pad document/).waitFor();
  await input.setInputFiles({ name: 'b.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file)) });
  await page.getByText('b.json is loaded, not saved yet.').waitFor();
  await save(page);
  const { screens } = await document_();
  assert.deepEqual([screens[0].buttons[1].label, screens[5].template], ['Again', 'round_pie_8']);
  assert.deepEqual(faults, []);
  await close();
});

test('what somebody else saved meanwhile is told, and neither is lost unasked', { skip }, async () => {
  const { page, close } = await openPage(browser, hub.url + '/#/macropad', { ignore: ['409'] });
  await cell(page, 0).click();
  await page.getByLabel('Label', { exact: false }).first().fill('Mine');
  const theirs = await document_();
  theirs.screens[7].buttons[0] = { label: 'Theirs', action: 'go_back' };
  assert.equal((await api('/api/macros', theirs)).status, 200);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText(/Somebody else saved generation \d+ meanwhile/).waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await page.getByRole('tab', { name: 'Screen 8', exact: true }).waitFor();
  assert.match(await cell(page, 0).getAttribute('aria-label'), /free/);
  await close();
});

test('the page holds at every size, in both themes', { skip }, async () => {
  for (const theme of ['light', 'dark']) {
    for (const [width, height] of SIZES) {
      const { page, faults, close } = await openPage(browser, hub.url + '/#/macropad', { width, height, theme });
      await cell(page, 0).waitFor();
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px does not scroll sideways`);
      assert.deepEqual(faults, []);
      await close();
    }
  }
});
