// The editor of devices against the real hub: from nothing to a room in force, and what may go wrong on the way.

import test, { after, afterEach, before, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { hasRealHub, startRealHub } from './hub.mjs';

// Each test has a hub of its own: not for one that runs elsewhere.
const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
const fixture = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../fixtures/devices/everything.yaml'), 'utf8');
const config = join(tmpdir(), `nuthatch-devices-${process.pid}.yaml`);
let browser;
let hub;
let opened;
before(async () => {
  writeFileSync(config, 'devices: {card_poll_ms: 100}\n');
  if (!skip) browser = await launch();
});
after(async () => {
  rmSync(config, { force: true });
  if (!skip) await browser.close();
});
beforeEach(async () => {
  if (!skip) hub = await startRealHub(['--config', config]);
  opened = [];
});
afterEach(async () => {
  if (skip) return;
  for (const o of opened) await o.close();
  await hub.stop();
  for (const o of opened) assert.deepEqual(o.faults, []);
});

async function open(hash = '#/devices', options) {
  const o = await openPage(browser, `${hub.url}/${hash}`, options);
  opened.push(o);
  return o.page;
}
const config_ = () => fetch(hub.url + '/api/devices/config').then((r) => r.json());
const info = () => fetch(hub.url + '/api/devices').then((r) => r.json());
async function put(doc, query = '') {
  const isYaml = typeof doc === 'string';
  const reply = await fetch(hub.url + '/api/devices/apply' + query, { method: 'POST', headers: { 'content-type': isYaml ? 'application/yaml' : 'application/json' }, body: isYaml ? doc : JSON.stringify(doc) });
  assert.equal(reply.status, 200, await reply.clone().text());
  return reply.json();
}
const ROOM = { schema: 2, devices: [{ id: 'door', display_name: 'Door', scenarios: [
  { id: 'main', name: 'Main', steps: [{ type: 'delay', delay_ms: 100 }, { type: 'log', text: 'one' }, { type: 'if', conditions: [{ type: 'flag', flag: 'f' }], then: [{ type: 'nop' }] }, { type: 'set_flag', flag: 'f', value: true }] },
  { id: 'other', name: 'Other', steps: [{ type: 'run', scenario: 'main' }] }] }] };

const button = (page, name) => page.getByRole('button', { name, exact: true });
const tree = (page, name = 'Steps') => page.getByRole('tree', { name, exact: true });
const texts = async (page, name) => (await tree(page, name).locator('.trow').allInnerTexts()).map((t) => t.replace(/[⠿▾▸+]|≥ ?/g, ' ').replace(/^\s*[\d.]*\s+/, '').replace(/\s+/g, ' ').trim().replace(/ \d+$/, '')); // no gutter, no badge
const inspect = (page) => page.locator('.inspect');
const field = (page, label) => inspect(page).getByLabel(new RegExp(`^${label}(required)?$`)); // the limit is part of the label
async function add(page, kind, section, word) {
  await page.getByRole('region', { name: section }).getByRole('button', { name: `Add ${kind}`, exact: true }).last().click();
  await pick(page, word);
}
async function pick(page, word) {
  await page.getByRole('combobox').last().fill(word);
  await page.keyboard.press('Enter');
  await page.locator('dialog').waitFor({ state: 'detached' });
}
async function applyAll(page) {
  await page.getByRole('button', { name: /^Apply \d+ changes?$/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).click();
  await page.getByText(/^Generation \d+ is in force\.$/).last().waitFor();
  await page.getByText('no changes').waitFor();
}

test('a scenario is built from nothing, applied, and there after a reload', { skip }, async () => {
  const page = await open();
  await page.getByText('No device is known yet.').waitFor();
  await page.locator('main').getByRole('button', { name: 'Add device' }).last().click();
  await page.getByLabel('Id', { exact: true }).fill('gallery');
  await page.getByLabel('Id', { exact: true }).press('Enter');
  await page.getByLabel('Name', { exact: true }).fill('Gallery');
  await page.getByRole('tab', { name: /Scenarios/ }).click();
  await button(page, 'Add scenario').click();
  await page.getByLabel('Id', { exact: true }).fill('opened');
  await page.getByLabel('Id', { exact: true }).press('Enter');

  await add(page, 'trigger', 'Triggers', 'message');
  await field(page, 'Topic').fill('gallery/solved');
  await add(page, 'step', 'Steps', 'publish');
  await field(page, 'Topic').fill('relay/door');
  await field(page, 'Payload').fill('on');
  await add(page, 'step', 'Steps', 'delay');
  await field(page, 'Delay').fill('1.5 s');
  await add(page, 'step', 'Steps', 'if');
  await tree(page).getByRole('button', { name: 'Add to conditions' }).click();
  await pick(page, 'flag');
  await field(page, 'Flag').fill('door_passed');
  await tree(page).getByRole('button', { name: 'Add to then' }).click();
  await pick(page, 'set flag');
  await field(page, 'Flag').fill('gallery_done');
  assert.deepEqual(await texts(page), ['publish relay/door on', 'delay 1.5 s', 'if door_passed is true', 'conditions', 'flag door_passed is true', 'then', 'set flag gallery_done to false', 'else: none']);
  await applyAll(page);

  const [device] = (await config_()).devices;
  assert.equal(device.id, 'gallery');
  assert.deepEqual(device.scenarios[0].triggers, [{ type: 'topic', topic: 'gallery/solved' }]);
  assert.deepEqual(device.scenarios[0].steps, [
    { type: 'mqtt_publish', topic: 'relay/door', payload: 'on' }, { type: 'delay', delay_ms: 1500 },
    { type: 'if', conditions: [{ type: 'flag', flag: 'door_passed' }], then: [{ type: 'set_flag', flag: 'gallery_done' }] }]);
  await page.reload();
  await tree(page).waitFor();
  assert.equal((await texts(page))[0], 'publish relay/door on');
  await page.getByText('no changes').waitFor();

  // A prop of the room starts it, and its trace is there.
  const [host, port] = (await fetch(hub.url + '/api/info').then((r) => r.json())).listeners.mqtt.split(':');
  execFileSync('mosquitto_pub', ['-h', host, '-p', port, '-q', '1', '-t', 'gallery/solved', '-m', 'yes']);
  await page.goto(`${hub.url}/#/traces?device=gallery&scenario=opened`);
  await page.locator('main').getByText('1 done').first().waitFor();
  await page.goto(`${hub.url}/#/traces?device=gallery&scenario=opened&run=1`);
  await page.locator('main').getByText(/relay\/door/).first().waitFor();
});

test('undo and redo, by keys and by buttons, over moves and typing', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0/scenarios/0/steps/1');
  const before = ['delay 100 ms', 'log one', 'if f is true', 'conditions', 'flag f is true', 'then', 'nothing', 'else: none', 'set flag f to true'];
  await tree(page).locator('[aria-selected=true]').focus();
  await page.keyboard.press('Alt+ArrowUp');
  assert.deepEqual((await texts(page)).slice(0, 2), ['log one', 'delay 100 ms']);
  await page.keyboard.press('Alt+ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  await page.keyboard.press('Alt+ArrowRight'); // into the if
  assert.deepEqual((await texts(page)).slice(5), ['then', 'nothing', 'set flag f to true', 'else: none']);
  await page.keyboard.press('Alt+ArrowLeft'); // and out again
  assert.deepEqual(await texts(page), before);
  await page.keyboard.press('Delete');
  assert.equal((await texts(page)).length, before.length - 1);
  await page.keyboard.press('Control+z');
  assert.deepEqual(await texts(page), before);
  await page.keyboard.press('Control+Shift+z');
  assert.equal((await texts(page)).length, before.length - 1);
  await page.getByRole('button', { name: /^Undo/ }).click();
  for (let i = 0; i < 4; i++) await page.keyboard.press('Control+z');
  await page.getByText('no changes').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Undo', exact: true }).isDisabled());
  // What is typed in one field is one step.
  await tree(page).getByText('log').click();
  await field(page, 'Text').pressSequentially(' and two');
  await page.keyboard.press('Control+z');
  assert.equal(await field(page, 'Text').inputValue(), 'one');
});

test('drag, disable, duplicate, and the clipboard from one scenario to another', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0/scenarios/0/steps/0');
  const grip = (n) => tree(page).locator('.grip').nth(n);
  const at = async (locator) => locator.boundingBox();
  const from = await at(grip(1)); // log
  const last = await at(tree(page).locator('.trow', { hasText: 'else' }));
  await page.mouse.move(from.x + 3, from.y + 5);
  await page.mouse.down();
  await page.mouse.move(last.x + 150, last.y + last.height / 2, { steps: 6 });
  await page.mouse.move(last.x + 150, last.y + last.height - 4);
  await tree(page).locator('.drop').waitFor();
  await page.mouse.up();
  assert.deepEqual((await texts(page)).slice(-3), ['else', 'log one', 'set flag f to true']);
  await tree(page).getByText('log').click();
  await button(page, 'Disable').click();
  await tree(page).locator('.off').waitFor();
  await button(page, 'Duplicate').click();
  assert.equal(await tree(page).locator('.off').count(), 2);
  await button(page, 'Cut').click();
  await page.getByRole('combobox', { name: 'Scenario' }).selectOption('Other');
  await page.locator('.trow', { hasText: 'run' }).click();
  await inspect(page).getByRole('button', { name: 'Paste', exact: true }).click();
  assert.deepEqual(await texts(page), ['run main', 'log one off']);
  await page.evaluate(() => localStorage.setItem('nuthatch.clip', JSON.stringify('{"type":"nop"}')));
  await inspect(page).getByRole('button', { name: 'Paste', exact: true }).click();
  assert.deepEqual(await texts(page), ['run main', 'log one off', 'nothing']);
  await page.evaluate(() => localStorage.setItem('nuthatch.clip', JSON.stringify('{"nuthatch":"triggers","items":[{"type":"boot"}]}')));
  await inspect(page).getByRole('button', { name: 'Paste', exact: true }).click();
  await page.getByText('The clipboard has triggers; here steps fit. Nothing was changed.').waitFor();
});

test('the system clipboard has JSON, through the keys', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0/scenarios/0/steps/1');
  await tree(page).locator('[aria-selected=true]').focus();
  await page.evaluate(() => document.addEventListener('copy', (e) => { window.copied = e.clipboardData.getData('text/plain'); }));
  await page.keyboard.press('Shift+ArrowUp');
  assert.equal(await tree(page).locator('.on').count(), 2);
  await page.keyboard.press('Control+c');
  assert.deepEqual(JSON.parse(await page.evaluate(() => window.copied)), { nuthatch: 'steps', items: ROOM.devices[0].scenarios[0].steps.slice(0, 2) });
  await page.keyboard.press('Control+v');
  assert.deepEqual((await texts(page)).slice(0, 4), ['delay 100 ms', 'delay 100 ms', 'log one', 'log one']);
});

test('a finding stands at its field and stops applying; a warning does not', { skip }, async () => {
  await put({ schema: 2, devices: [{ id: 'door', scenarios: [{ id: 'main', steps: [{ type: 'mqtt_publish', topic: 'a/b' }] }] }] });
  const page = await open('#/devices?at=/devices/0/scenarios/0/steps/0');
  await field(page, 'Topic').fill('a/+/b');
  await page.locator('.inspect .find', { hasText: "may have no '+'" }).waitFor();
  assert.equal(await field(page, 'Topic').getAttribute('aria-invalid'), 'true');
  assert.ok(await page.getByRole('button', { name: 'Apply 1 change' }).isDisabled());
  await page.getByRole('tab', { name: 'Device' }).click();
  await button(page, '1 error').click(); // leads back to the field
  await field(page, 'Topic').waitFor();
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-invalid') === 'true');
  await field(page, 'Topic').fill('a/c');
  await page.locator('.inspect .find').waitFor({ state: 'detached' });
  await add(page, 'trigger', 'Triggers', 'flag');
  await field(page, 'Flag').fill('nobody_sets');
  await page.locator('.finds .find.warn', { hasText: 'nobody_sets' }).waitFor();
  await applyAll(page);
});

test('renaming goes along; a scenario is made from the field that names it', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0/scenarios/0');
  await page.getByText('Settings of the scenario').click();
  await page.getByLabel('Id', { exact: true }).fill('start');
  await page.getByLabel('Id', { exact: true }).press('Enter');
  await page.getByText('main is start now, in one reference too.').waitFor();
  await page.getByRole('combobox', { name: 'Scenario' }).selectOption('Other');
  assert.deepEqual(await texts(page), ['run start']);
  await page.locator('.trow', { hasText: 'run' }).click();
  await field(page, 'Scenario').fill('finale');
  await page.locator('.inspect .find', { hasText: 'finale' }).waitFor();
  await page.locator('.inspect').getByRole('button', { name: 'New scenario' }).click();
  await page.locator('.inspect').getByRole('button', { name: 'Open' }).click();
  await page.getByRole('link', { name: 'finale' }).waitFor();
  await applyAll(page);
  assert.deepEqual((await config_()).devices[0].scenarios.map((s) => s.id), ['start', 'other', 'finale']);
});

test('somebody else was first: whose change, and both merged', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0&tab=device');
  await page.getByLabel('Name', { exact: true }).fill('Gate');
  const theirs = structuredClone(ROOM);
  theirs.devices.push({ id: 'hall', scenarios: [] });
  await put(theirs);
  const conflict = page.getByRole('alert', { name: 'Conflict' });
  await conflict.waitFor();
  assert.match(await conflict.innerText(), /Generation 3 is in force, made by 127\.0\.0\.1/);
  await conflict.getByText('hall').waitFor();
  await conflict.getByRole('button', { name: 'Merge' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take 1 change' }).click();
  await conflict.waitFor({ state: 'detached' });
  await applyAll(page);
  assert.deepEqual((await config_()).devices.map((d) => d.display_name || d.id), ['Gate', 'hall']);
});

test('somebody else was first: overwritten, or taken', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0&tab=device');
  const conflict = page.getByRole('alert', { name: 'Conflict' });
  await page.getByLabel('Name', { exact: true }).fill('Gate');
  await put({ schema: 2, devices: [{ id: 'hall', scenarios: [] }] });
  await conflict.getByRole('button', { name: 'Overwrite with mine' }).click();
  await conflict.waitFor({ state: 'detached' });
  assert.deepEqual((await config_()).devices.map((d) => d.display_name), ['Gate']);
  await page.getByLabel('Name', { exact: true }).fill('Portal');
  await put({ schema: 2, devices: [{ id: 'hall', scenarios: [] }] });
  await conflict.getByRole('button', { name: 'Take theirs' }).click();
  await page.getByText('no changes').waitFor();
  await page.getByRole('heading', { name: 'hall' }).waitFor();
});

test('nothing to lose: a change elsewhere is simply loaded', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0');
  await tree(page).waitFor();
  await put({ schema: 2, devices: [{ id: 'hall', scenarios: [] }] });
  await page.getByText(/Generation 3 by 127\.0\.0\.1 is loaded\./).waitFor();
  await page.getByRole('heading', { name: 'hall' }).waitFor();
});

test('backups: the difference is read, and rolled back to', { skip }, async () => {
  await put(ROOM);
  await put({ schema: 2, devices: [] });
  const page = await open();
  await button(page, 'Backups').click();
  const dialog = page.getByRole('dialog', { name: 'Backups' });
  await dialog.getByRole('button', { name: /^generation 2/ }).click();
  await dialog.locator('.changes li', { hasText: 'added' }).filter({ hasText: 'Door' }).waitFor();
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await page.getByText('Generation 2 is in force again, as 4.').waitFor();
  await page.getByRole('heading', { name: 'Door' }).waitFor();
  assert.equal((await config_()).devices[0].id, 'door');
});

test('on trial: kept, undone, and not kept in time', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0&tab=device');
  const tryIt = async (name, seconds) => {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByRole('button', { name: 'Apply 1 change' }).click();
    await page.getByRole('switch', { name: 'On trial' }).click();
    await page.getByLabel(/Seconds to keep it/).fill(seconds);
    await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).click();
    await page.getByText(/is on trial/).waitFor();
  };
  await tryIt('Kept', '60');
  await button(page, 'Keep').click();
  await page.getByText(/is on trial/).waitFor({ state: 'detached' });
  assert.equal((await config_()).devices[0].display_name, 'Kept');
  await tryIt('Undone', '60');
  await button(page, 'Undo now').click();
  await page.getByText(/is on trial/).waitFor({ state: 'detached' });
  assert.equal((await config_()).devices[0].display_name, 'Kept');
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Undone', 'what was tried is a draft');
  await tryIt('Late', '5');
  await page.getByText('It was not kept').waitFor();
  assert.equal((await config_()).devices[0].display_name, 'Kept');
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Late');
});

test('profiles: cloned, edited apart, activated, renamed, deleted', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0&tab=device');
  const bar = page.getByRole('group', { name: 'Profiles' });
  await bar.getByRole('button', { name: 'Clone' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Evening show');
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await bar.getByRole('button', { name: 'Activate' }).waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Evening door');
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).click();
  await page.getByText(/of profile evening_show is saved\./).waitFor();
  assert.equal((await config_()).devices[0].display_name, 'Door', 'what is in force is as it was');
  await bar.getByRole('button', { name: 'Activate' }).click();
  await bar.getByText('in force', { exact: true }).waitFor();
  assert.equal((await config_()).devices[0].display_name, 'Evening door');
  await bar.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Night show');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await bar.locator('option', { hasText: 'Night show' }).waitFor({ state: 'attached' });
  await bar.getByLabel('Profile').selectOption('default');
  await bar.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.waitForFunction(() => document.querySelectorAll('#profile option').length === 1);
  assert.equal((await info()).profile, 'evening_show');
});

test('edits are not left behind by accident', { skip }, async () => {
  await put(ROOM);
  await fetch(hub.url + '/api/devices/profile/create', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"id":"two"}' });
  const page = await open('#/devices?at=/devices/0&tab=device');
  await page.getByLabel('Name', { exact: true }).fill('Gate');
  await page.getByLabel('Profile', { exact: true }).selectOption('two');
  await page.getByRole('dialog').getByText('Leave 1 change?').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.evaluate(() => { location.hash = '#/home'; });
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
  await page.getByRole('link', { name: /^Devices.*1 edit/ }).first().click();
  await page.getByRole('button', { name: 'Apply 1 change' }).waitFor();
  let asked = 0;
  page.on('dialog', (d) => { asked++; d.accept(); });
  await page.reload();
  assert.equal(asked, 1, 'the browser asks before a reload');
  await page.getByRole('button', { name: 'Apply 1 change' }).waitFor();
});

test('raw: JSON into the draft, YAML through the hub, an old file imported', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?tab=raw');
  const json = page.getByLabel('JSON', { exact: true }).last();
  await json.waitFor();
  await page.locator('textarea.raw').fill('{"schema": 2, "devices": [');
  await page.locator('.rawbox .find', { hasText: 'The draft is as it was.' }).waitFor();
  await page.locator('textarea.raw').fill('{"schema": 2, "devices": [{"id": "hall"}]}');
  await page.getByRole('link', { name: 'hall' }).waitFor();
  await page.getByRole('button', { name: /^Undo/ }).click();
  await page.getByRole('radio', { name: 'YAML' }).click();
  const yaml = page.locator('textarea.raw');
  assert.match(await yaml.inputValue(), /devices:\n {2}- id: door\n/);
  await yaml.fill('schema: 2\ndevices:\n  - id: door\n    nonsense: 1\n');
  await button(page, 'Check YAML').click();
  await page.locator('.rawbox .find', { hasText: 'Line 4' }).waitFor();
  await button(page, 'Apply YAML').click(); // what is wrong stands there before it is tried
  await page.getByRole('dialog').getByText('a device has no field "nonsense"').waitFor();
  assert.ok(await page.getByRole('dialog').getByRole('button', { name: 'Apply YAML' }).isDisabled());
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await yaml.fill(fixture);
  await button(page, 'Apply YAML').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Apply YAML' }).click();
  await page.getByRole('link', { name: 'The door' }).waitFor();
  assert.equal((await config_()).devices.length, 7);
  const old = { schema: 1, generation: 3, tab_limit: 4, devices: [{ id: 'old', name: 'Old door', tabs: [{ type: 'custom', label: 'x', extra_payload: 'y' }], topics: [], scenarios: [{ id: 's', name: 'S', steps: [{ type: 'laser_trigger' }] }] }] };
  await page.locator('input[type=file]').setInputFiles({ name: 'old.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(old)) });
  await page.getByRole('link', { name: 'Old door' }).waitFor();
  await applyAll(page);
  const { devices } = await config_();
  assert.deepEqual([devices[0].display_name, devices[0].tabs[0].extra], ['Old door', 'y']);
});

test('every field of the format survives the editor', { skip }, async () => {
  await put(fixture);
  const page = await open('#/devices?at=/devices/0');
  const before = await config_();
  await tree(page).waitFor();
  await page.getByLabel('Find device or scenario').fill('lose');
  assert.deepEqual(await page.getByRole('navigation', { name: 'Devices' }).getByRole('link').allInnerTexts().then((t) => t.map((x) => x.split('\n')[0])), ['The room', 'The door', 'Lose']);
  await page.getByLabel('Find device or scenario').fill('');
  // Each row is opened once, and each tab: nothing may fall over, and nothing may change.
  for (const [path] of (await page.locator('.trow').evaluateAll((rows) => rows.map((r) => [r.dataset.path])))) {
    await page.locator(`[data-path="${path}"]`).click({ position: { x: 150, y: 8 } });
    await page.locator('.inspect').waitFor();
  }
  for (let i = 0; i < before.devices.length; i++) {
    for (const tab of ['template', 'device', 'raw']) {
      await page.evaluate((hash) => { location.hash = hash; }, `#/devices?at=/devices/${i}&tab=${tab}`);
      await page.getByRole('tab', { selected: true, name: new RegExp(tab, 'i') }).waitFor();
    }
  }
  await page.getByText('no changes').waitFor();
  await page.evaluate(() => { location.hash = '#/devices?at=/devices/0&tab=device'; });
  await page.getByLabel('Name', { exact: true }).first().fill('The gate');
  await applyAll(page);
  const after = await config_();
  before.devices[0].display_name = 'The gate';
  assert.deepEqual({ ...after, generation: 0 }, { ...before, generation: 0 });
});

test('the card goes and comes back: said, and nothing lost', { skip }, async () => {
  await put(ROOM);
  const page = await open('#/devices?at=/devices/0&tab=device');
  await page.getByLabel('Name', { exact: true }).waitFor();
  const folder = join(hub.data, 'devices');
  renameSync(folder, folder + '.away');
  writeFileSync(folder, ''); // no folder can be made here
  await page.getByText('The card is missing').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Gate');
  await applyAll(page);
  rmSync(folder);
  // Somebody edits the card's file elsewhere: the hub asks which one stays.
  const file = join(folder + '.away', 'default.json');
  const card = JSON.parse(readFileSync(file, 'utf8'));
  card.devices[0].display_name = 'Edited away';
  writeFileSync(file, JSON.stringify(card));
  renameSync(folder + '.away', folder);
  await button(page, "Keep the hub's").click();
  await page.getByText(/^Done: /).waitFor();
  await page.getByText('The card came back').waitFor({ state: 'detached' });
  assert.equal((await config_()).devices[0].display_name, 'Gate');
});

test('a track is chosen from the card', { skip }, async () => {
  mkdirSync(join(hub.data, 'sdcard/hints'), { recursive: true });
  writeFileSync(join(hub.data, 'sdcard/hints/ceiling.wav'), '');
  await put({ schema: 2, devices: [{ id: 'door', scenarios: [{ id: 'main', steps: [{ type: 'audio_play', track: 'x.wav' }] }] }] });
  const page = await open('#/devices?at=/devices/0/scenarios/0/steps/0');
  await button(page, 'Choose').click();
  await page.getByRole('button', { name: /^hints\// }).click();
  await page.getByRole('button', { name: /^ceiling\.wav/ }).click();
  assert.equal(await field(page, 'Track').inputValue(), '/sdcard/hints/ceiling.wav');
});

test('on a phone: the list, a device, a step in its place', { skip }, async () => {
  await put(fixture);
  await everyPage(browser, hub.url, 'dark', [['devices', 'Devices'], ['devices?at=/devices/0/scenarios/0/steps/15/then/0', 'Devices'], ['devices?at=/devices/0&tab=device', 'Devices'], ['devices?tab=room', 'Devices']]);
  const page = await open('#/devices', { width: 390, height: 844 });
  await page.getByRole('link', { name: /^The door/ }).click();
  await tree(page).locator('.trow', { hasText: 'publish' }).click();
  await page.locator('.under .inspect').waitFor();
  await page.locator('.under').getByLabel('Topic', { exact: true }).fill('phone/topic');
  await tree(page).getByText('phone/topic').waitFor();
  await page.getByRole('link', { name: 'All devices' }).click();
  await page.getByRole('link', { name: /^Lock/ }).waitFor();
});

test('run and dry run, of what is in force', { skip }, async () => {
  await put({ schema: 2, devices: [{ id: 'door', scenarios: [{ id: 'main', steps: [{ type: 'delay', delay_ms: 2000 }, { type: 'set_flag', flag: 'ran', value: true }] }] }] });
  const page = await open('#/devices?at=/devices/0/scenarios/0');
  await button(page, 'Dry run').click();
  const dialog = page.getByRole('dialog', { name: 'Dry run' });
  const line = dialog.locator('li', { hasText: 'set flag' });
  await line.getByText('2.0').waitFor();
  await line.getByRole('button').click();
  await inspect(page).getByText('/steps/1').waitFor();
  await button(page, 'Run').click();
  await page.getByText('main is started.').waitFor();
  await field(page, 'Flag').fill('other');
  assert.ok(await button(page, 'Run').isDisabled(), 'the draft is not what would run');
});
