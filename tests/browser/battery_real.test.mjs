// The battery's page against the real hub and a simulated board on a real pseudo terminal.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBoard } from './battery_board.mjs';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { BINARY, hasRealHub, startRealHub } from './hub.mjs';

const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
const folder = mkdtempSync(join(tmpdir(), 'nuthatch-battery-'));
const link = join(folder, 'board.tty');
const config = join(folder, 'hub.yaml');
let browser;
let board;
let hub;

before(async () => {
  if (skip) return;
  writeFileSync(config, `battery: {enabled: true, path: ${link}, poll_ms: 200}
battery_remote: {serve: true}
battery_publish: {enabled: true, mqtt: true, period_ms: 1000}
battery_bridge: {mqtt: true}
`);
  board = await startBoard(link, ['--soc', '60']);
  browser = await launch();
  hub = await startRealHub(['--config', config]);
  board.say('load 20');
  await until((b) => b.pack.voltage_v > 30 && b.cells.mv.length === 13 && b.pack.current_a < -10, battery);
});
after(async () => {
  if (!skip) {
    await browser.close();
    await hub.stop();
    await board.stop();
  }
  rmSync(folder, { recursive: true, force: true });
});

const api = (path = '') => fetch(hub.url + '/api/battery' + path).then((r) => r.json());
const battery = () => api();
const setting = (key) => api('/settings').then((l) => l.settings.find((s) => s.key === key));
async function until(what, ask) {
  for (let i = 0; i < 200; i++) {
    const value = await ask();
    if (what(value)) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`It did not come to it: ${JSON.stringify(await ask()).slice(0, 1500)}`);
}
const open = (at = 'battery', view = {}) => openPage(browser, `${hub.url}/#/${at}`, view);
const tile = (page, name) => page.locator('.tile', { has: page.getByRole('heading', { level: 2, name, exact: true }) });
const value = (page, label) => page.locator('.stat', { has: page.locator('dt', { hasText: new RegExp(`^${label}`) }) }).first();

test('the pack as the board has it, each value with its source and age', { skip }, async () => {
  const { page, faults, close } = await open();
  await page.getByRole('img', { name: /^13 cells, [\d,.]+ mV \(cell \d+\) to/ }).waitFor();
  const b = await battery();
  await value(page, 'Charge').getByText(b.pack.soc_pct.toFixed(1)).waitFor();
  await value(page, 'Voltage').getByText(/local, (now|[12] s)/).waitFor();
  await tile(page, 'Board').getByText('Cell cutoff above').waitFor();
  await page.getByRole('img', { name: /The pack gives the load \d+ W/ }).waitFor();
  await page.locator('nav.side').getByRole('link', { name: /Battery/ }).waitFor();
  assert.equal(await page.locator('.bat-p .stat.stale').count(), 0);
  assert.deepEqual(faults, []);
  await close();
});

test('the line moves where the energy goes: from the charger, to the load', { skip }, async () => {
  const { page, faults, close } = await open();
  board.say('load 0', 'charger on 15');
  await page.getByRole('img', { name: /The charger gives the pack \d+ W/ }).waitFor();
  await page.locator('.phead .b', { hasText: 'charging' }).waitFor();
  await value(page, 'Full in').waitFor();
  board.say('charger off', 'load 20');
  await page.getByRole('img', { name: /The pack gives the load \d+ W/ }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('the cable pulled: grey with its age; back by itself', { skip }, async () => {
  const { page, faults, close } = await open();
  await value(page, 'Voltage').getByText(/local, now/).waitFor();
  board.say('unplug');
  await value(page, 'Voltage').getByText(/stale \d+ s/).waitFor();
  await page.getByRole('status').getByText(/does not answer|nor a gateway answers/).waitFor();
  assert.match(await value(page, 'Voltage').getAttribute('class'), /stale/);
  await page.locator('.cells.stale').waitFor();
  await page.locator('.phead .b.stale', { hasText: 'stale' }).waitFor();
  board.say('plug');
  await value(page, 'Voltage').getByText(/local, now/).waitFor();
  await page.locator('.note.stale').waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await close();
});

test('an alarm comes, is acknowledged, goes, and is remembered', { skip }, async () => {
  const { page, faults, close } = await open();
  board.say('ext1 60', 'ext2 60');
  const active = tile(page, 'Alarms').getByRole('list', { name: 'Active alarms' });
  await active.getByRole('listitem').first().waitFor();
  const { active: [alarm] } = await until((a) => a.active.some((x) => x.state === 'active'), () => api('/alarms'));
  await active.getByRole('button', { name: `Acknowledge: ${alarm.message}` }).click();
  await until((a) => a.active.find((x) => x.id === alarm.id).state === 'acknowledged', () => api('/alarms'));
  await active.getByText('acknowledged').first().waitFor();
  board.say('ext1 0', 'ext2 0');
  await until((a) => !a.active.length, () => api('/alarms'));
  await tile(page, 'Alarms').getByText('none active').waitFor();
  await tile(page, 'Alarms').getByRole('list', { name: 'Alarms of the past' }).getByText(alarm.message).first().waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('history: plots, zoom by keys, table, and a file', { skip }, async () => {
  const { page, faults, close } = await open();
  const history = tile(page, 'History');
  const plot = history.getByRole('group', { name: /^Voltage/ });
  await plot.locator('canvas').waitFor();
  await plot.focus();
  await page.keyboard.press('End');
  await plot.getByText(/^pack/).waitFor();
  await page.keyboard.press('+');
  await history.getByRole('button', { name: 'Whole span' }).click();
  await history.getByRole('radio', { name: '24 h' }).click();
  await page.waitForURL(/range=24h/);
  await history.getByRole('radio', { name: 'Table' }).click();
  const table = history.getByRole('table', { name: 'History' });
  await table.getByRole('row').nth(1).waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), history.getByRole('link', { name: 'CSV' }).click()]);
  assert.equal(file.suggestedFilename(), 'battery-24h.csv');
  assert.match(readFileSync(await file.path(), 'utf8'), /^timestamp_ms,voltage,current,temperature,soc/);
  await history.getByRole('radio', { name: 'Hours' }).click();
  await history.getByRole('table', { name: 'The last 24 hours' }).getByRole('row').nth(1).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('cells as a table say the same', { skip }, async () => {
  const { page, faults, close } = await open();
  await tile(page, 'Cells').getByRole('button', { name: 'Table' }).click();
  const rows = tile(page, 'Cells').getByRole('table', { name: 'Cells' }).getByRole('row');
  await rows.nth(13).waitFor();
  assert.equal(await rows.count(), 14);
  assert.deepEqual(faults, []);
  await close();
});

test('a register is reviewed, written and read back', { skip }, async () => {
  const { page, faults, close } = await open('battery/board');
  const before = await setting('charger_startup_delay_s');
  await page.getByRole('radio', { name: 'Charger' }).click();
  const field = page.getByLabel(before.label, { exact: false }).first();
  await field.fill('61');
  await page.getByText('Value is 61 s, limits 5 to 60 s.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Review 1 change' }).isDisabled(), true);
  await field.fill('25');
  await page.getByText(`was ${before.value} s`).waitFor();
  await page.keyboard.press('Control+s');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('cell', { name: '25 s' }).waitFor();
  assert.equal((await setting('charger_startup_delay_s')).value, before.value, 'nothing is written by the review');
  await dialog.getByRole('button', { name: 'Write 1 register' }).click();
  await dialog.getByText('The board reads 25 s.').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await until((s) => s.value === 25, () => setting('charger_startup_delay_s'));
  await page.getByText('No changes.').waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('what protects the cells needs a typed address; without it nothing is written', { skip }, async () => {
  const { page, faults, close } = await open('battery/board', { ignore: ['409'] });
  const before = await setting('overvoltage_cutoff_mv');
  await page.getByRole('radio', { name: 'Safety' }).click();
  await page.getByLabel(before.label, { exact: false }).first().fill(String(before.value - 50));
  await page.getByRole('button', { name: 'Review 1 change' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Go on to confirm' }).click();
  const word = dialog.getByLabel(/Type 315 to confirm/);
  await word.waitFor();
  await page.clock.setFixedTime(Date.now() + 61000); // the token is good for a minute
  await dialog.getByText('time is over').waitFor();
  assert.equal(await word.isDisabled(), true);
  await dialog.getByRole('button', { name: 'Ask again' }).click();
  await dialog.getByText('60 s left').waitFor();
  await word.fill('316');
  assert.equal(await dialog.getByRole('button', { name: 'Write 1 register' }).isDisabled(), true);
  assert.equal((await setting('overvoltage_cutoff_mv')).value, before.value);
  await word.fill('315');
  await page.keyboard.press('Enter');
  await dialog.getByText('written').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await until((s) => s.value === before.value - 50, () => setting('overvoltage_cutoff_mv'));
  assert.deepEqual(faults, []);
  await close();
});

test('what is not written stays an edit, with the reason', { skip }, async () => {
  const { page, faults, close } = await open('battery/board', { ignore: ['502'] });
  const { label, value: was } = await setting('charger_disable_delay_s');
  board.say('nack 311');
  await page.getByRole('radio', { name: 'Charger' }).click();
  await page.getByLabel(label, { exact: false }).first().fill(String(was + 1));
  await page.keyboard.press('Control+s');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Write 1 register' }).click();
  await dialog.getByText(/The board refused it/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Review 1 change' }).waitFor();
  board.say('nack none');
  await page.getByRole('button', { name: 'Discard' }).click();
  assert.deepEqual(faults, []);
  await close();
});

test('the registers as a file: taken out, compared, taken over', { skip }, async () => {
  const { page, faults, close } = await open('battery/board');
  const files = tile(page, 'File and backups');
  const [file] = await Promise.all([page.waitForEvent('download'), files.getByRole('link', { name: 'Export' }).click()]);
  const text = readFileSync(await file.path(), 'utf8');
  const doc = JSON.parse(text);
  const same = join(folder, 'same.json');
  writeFileSync(same, text);
  await files.getByLabel('Compare with a file').setInputFiles(same);
  await files.getByText(/^\d\d settings of same\.json are as on the board\.$/).waitFor();
  const strange = join(folder, 'strange.json');
  writeFileSync(strange, text.replace(/("settings":\s*)\{[^}]*\}/, '$1{"volts": 3, "amps": 4, "cell_count": "many"}'));
  await files.getByLabel('Compare with a file').setInputFiles(strange);
  await files.getByText('strange.json has nothing to compare, 1 entry of it is wrong.').waitFor();
  await files.getByText(/ is many, it takes a number\.$/).waitFor();
  await files.getByText('No settings of this board: volts, amps.').waitFor();
  const other = join(folder, 'other.json');
  writeFileSync(other, JSON.stringify(doc).replace(/("charger_startup_delay_s":\s*)\d+/, '$133'));
  await files.getByLabel('Compare with a file').setInputFiles(other);
  await files.getByRole('table', { name: 'Differences' }).getByRole('row').nth(1).waitFor();
  await files.getByRole('button', { name: 'Take over as edits' }).click();
  await page.getByRole('button', { name: 'Review 1 change' }).waitFor();
  await page.getByRole('button', { name: 'Discard' }).click();
  const backups = files.getByRole('list', { name: 'Backups' });
  await backups.getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/).first().waitFor();
  await backups.getByText(`other than before: ${(await setting('charger_startup_delay_s')).label}`).first().waitFor();
  if (process.env.NH_SHOTS) await page.screenshot({ path: join(process.env.NH_SHOTS, 'backups.png') });
  assert.deepEqual(faults, []);
  await close();
});

test('on a phone the groups of registers are whole', { skip }, async () => {
  const { page, faults, close } = await open('battery/board', { width: 390, height: 844 });
  const groups = page.getByRole('radiogroup', { name: 'Group of registers' });
  await groups.waitFor();
  const [inner, view] = await groups.evaluate((g) => [g.scrollWidth, g.parentElement.clientWidth]);
  assert.ok(inner <= view, `${inner} fits ${view}`);
  assert.deepEqual(faults, []);
  await close();
});

test('the board\u2019s log is read, and cleared after a typed word', { skip }, async () => {
  const { page, faults, close } = await open('battery/board', { ignore: ['409'] });
  const log = tile(page, 'The board\u2019s log');
  await log.getByRole('listitem').first().waitFor();
  await log.getByRole('button', { name: /^Clear the board/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Type clear to confirm').fill('clear');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page.locator('.toast', { hasText: 'done by the board' }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('links: line, gateway, publisher and bridges in figures', { skip }, async () => {
  const { page, faults, close } = await open('battery/links');
  const line = tile(page, 'Line');
  await line.getByText('answers', { exact: true }).waitFor();
  await line.getByRole('meter', { name: 'Queue of requests' }).waitFor();
  const figure = (name, label) => tile(page, name).locator('dl', { has: page.getByText(label, { exact: true }) }).locator(`dt:text-is("${label}") + dd`).first();
  await figure('Gateway', 'Frames out').waitFor();
  await tile(page, 'Publisher').getByText('online').waitFor();
  await until((n) => n > 0, async () => +(await figure('Publisher', 'Delivered').innerText()).replace(/,/g, ''));
  await tile(page, 'Bridges').getByText('Charge control').waitFor();
  await until((n) => n > 0, async () => +(await figure('Bridges', 'Messages').innerText()).replace(/,/g, ''));
  assert.deepEqual(faults, []);
  await close();
});

test('the source is chosen, and what it says is shown', { skip }, async () => {
  const { page, faults, close } = await open();
  await page.getByRole('radio', { name: 'Remote' }).click();
  await until((b) => b.mode === 'remote', battery);
  await page.getByText('The gateway is not connected.').waitFor();
  await page.getByRole('radio', { name: 'Auto' }).click();
  await until((b) => b.mode === 'auto', battery);
  await value(page, 'Voltage').getByText(/local, now/).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('the wall: large, dark, without navigation, the screen kept awake; Esc leads back', { skip }, async () => {
  for (const [width, height] of [[1280, 720], [1920, 1080], [1024, 768], [768, 1024]]) {
    const { page, faults, close } = await openPage(browser, `${hub.url}/#/battery/wall`, { width, height });
    await page.locator('.w-soc b').waitFor();
    const least = await page.locator('.wall').evaluate((wall) => {
      const texts = [...wall.querySelectorAll('dt, dd, dd small, .w-st, .w-foot span, .w-foot time, .w-soc b')];
      return Math.min(...texts.map((e) => parseFloat(getComputedStyle(e).fontSize)));
    });
    assert.ok(least >= Math.min(width, height) * 0.03, `the least letters have ${least} px of ${width} x ${height}`);
    const [inner, view] = await page.evaluate(() => [[document.documentElement.scrollWidth, document.documentElement.scrollHeight], [innerWidth, innerHeight]]);
    assert.ok(inner[0] <= view[0] && inner[1] <= view[1], `${inner} fits ${view}`);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    for (const part of ['.band', 'nav.side', 'nav.bar']) assert.equal(await page.locator(part).isVisible(), false, part);
    assert.deepEqual(faults, []);
    await close();
  }
  const { page, close } = await open('battery/wall');
  await page.locator('.w-soc b').waitFor();
  await page.getByText('The screen is kept awake.').waitFor({ state: 'attached' });
  await page.keyboard.press('Escape');
  await tile(page, 'Cells').waitFor();
  assert.equal(await page.locator('nav.side').isVisible(), true);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  await close();
});

test('the wall: what alone is stale is grey with its age, the cells too; large figures keep to one row', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, `${hub.url}/#/battery/wall`, { width: 1280, height: 900 });
  const big = (label) => page.locator('.w-v', { has: page.locator('dt', { hasText: label }) });
  await big('Lowest cell').waitFor();
  await page.locator('.wall .stale').first().waitFor({ state: 'detached' });
  board.say('wire 5 open');
  try {
    await big('Lowest cell').getByText(/^\d+ s old$/).waitFor();
    await big('Spread').getByText(/^\d+ s old$/).waitFor();
    await page.locator('.w-cells .cells.stale').waitFor();
    assert.match(await big('Spread').getAttribute('class'), /stale/);
    assert.equal(await big('Voltage').getByText('old').count(), 0, 'the pack is fresh');
    assert.equal(await page.locator('.wall.stale').count(), 0);
    await page.screenshot({ path: process.env.NH_SHOTS ? join(process.env.NH_SHOTS, 'wall-cells.png') : undefined });
    const tops = await page.locator('.w-row').evaluate((row) => {
      const large = ['58.8', '\u2212250.5', '3.306', '1,250', '\u221212'];
      return [...row.querySelectorAll('.w-v')].map((v, i) => {
        v.querySelector('dd').firstChild.data = large[i];
        return v;
      }).map((v) => [v.offsetTop, v.getBoundingClientRect().right <= row.getBoundingClientRect().right + 1]);
    });
    assert.ok(tops.every(([top, fits]) => top === tops[0][0] && fits), JSON.stringify(tops));
    assert.ok(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth));
  } finally {
    board.say('wire 5 ok');
  }
  await page.locator('.wall .stale').first().waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await close();
});

test('Home has the pack, and it leads to the page', { skip }, async () => {
  const { page, faults, close } = await open('home');
  const home = page.locator('.home-bat');
  await home.getByRole('img', { name: /^13 cells/ }).waitFor();
  await home.getByRole('meter', { name: 'Charge' }).waitFor();
  await home.getByRole('link', { name: 'Battery' }).click();
  await page.getByRole('heading', { level: 1, name: 'Battery' }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('a hub without a battery says which lines make one, and they do', { skip }, async () => {
  const bare = await startRealHub();
  const { page, close } = await openPage(browser, bare.url + '/#/battery', { ignore: ['404'] });
  const lines = await page.locator('pre.yaml').first().innerText();
  const command = await page.locator('pre.yaml').nth(1).innerText();
  assert.equal(lines.split('\n').length, 3);
  assert.match(command, /^nuthatch sim battery --link \S+$/);
  assert.equal(await page.locator('nav.side').getByRole('link', { name: 'Battery' }).count(), 0);
  await close();
  await bare.stop();
  const file = join(folder, 'lines.yaml');
  writeFileSync(file, lines.replace(/path: .*/, `path: ${join(folder, 'second.tty')}`) + '\n');
  execFileSync(BINARY, ['check', file], { stdio: 'ignore' });
  const second = await startBoard(join(folder, 'second.tty'));
  const hub2 = await startRealHub(['--config', file]);
  await until((b) => b.pack.voltage_v > 30, () => fetch(hub2.url + '/api/battery').then((r) => r.json()));
  await hub2.stop();
  await second.stop();
});

test('an operator sees all and changes nothing; a hub without a line says so', { skip }, async () => {
  const file = join(folder, 'guarded.yaml');
  writeFileSync(file, execFileSync(BINARY, ['passwd'], { input: 'correct horse\n' }).toString() + 'battery: {enabled: true, mode: remote}\n');
  const guarded = await startRealHub(['--config', file]);
  const basic = 'Basic ' + Buffer.from('admin:correct horse').toString('base64');
  await fetch(guarded.url + '/api/users', { method: 'POST', headers: { authorization: basic, 'content-type': 'application/json' }, body: JSON.stringify({ username: 'ann', password: 'sunflower', role: 'operator', enabled: true, must_change: false }) });
  const { page, close } = await openPage(browser, guarded.url + '/#/battery');
  const refused = [];
  page.on('response', (r) => r.status() === 403 && refused.push(r.url()));
  try {
    await page.getByLabel('User').fill('ann');
    await page.getByLabel('Password').fill('sunflower');
    await page.keyboard.press('Enter');
    await page.getByText('The gateway is not connected.').waitFor();
    await value(page, 'Voltage').getByText('not known').waitFor();
    for (const label of ['Balancing', 'Sensor 1', 'Sensor 2']) await value(page, label).getByText('not known').waitFor();
    assert.equal(await page.locator('.can i, .can.low').count(), 0, 'nothing is low that is not known');
    if (process.env.NH_SHOTS) await page.screenshot({ path: join(process.env.NH_SHOTS, 'unknown.png') });
    assert.equal(await page.getByRole('radio', { name: 'Auto' }).isDisabled(), true);
    await page.getByRole('radio', { name: 'Board', exact: true }).click();
    await tile(page, 'Settings').getByText(/no line of its own .* changed at the gateway\.$/).waitFor();
    assert.equal(await page.getByText('is empty').count(), 0, 'a log that is not known');
    assert.equal(await page.getByRole('link', { name: 'Export' }).count(), 0);
    for (const name of [/^Review/, /^Restart/, /^Clear/, /^Compare/, /^Read/]) assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
    await page.getByRole('radio', { name: 'Links', exact: true }).click();
    await page.getByText('This hub has no line to a board').waitFor();
    await page.evaluate(() => { location.hash = '#/battery/wall'; });
    await page.locator('.w-al', { hasText: 'No value was heard' }).waitFor();
    assert.deepEqual(refused, [], 'it asks for nothing that it may not');
  } finally {
    await close();
    await guarded.stop();
  }
});

test('a hub that follows a gateway leads to it for settings and log', { skip }, async () => {
  const file = join(folder, 'follower.yaml');
  writeFileSync(file, `battery: {enabled: true, mode: remote}\nbattery_remote: {gateway: "${hub.url}"}\n`);
  const follower = await startRealHub(['--config', file]);
  try {
    await until((b) => b.pack.voltage_v > 30, () => fetch(follower.url + '/api/battery').then((r) => r.json()));
    const { page, faults, close } = await openPage(browser, `${follower.url}/#/battery/board`);
    assert.equal(await tile(page, 'Settings').getByRole('link', { name: hub.url }).getAttribute('href'), `${hub.url}/#/battery/board`);
    for (const name of [/^Clear/, /^Restart/, /^Read/, /^Compare/]) assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
    if (process.env.NH_SHOTS) await page.screenshot({ path: join(process.env.NH_SHOTS, 'follower.png') });
    assert.deepEqual(faults, []);
    await close();
  } finally {
    await follower.stop();
  }
});

test('every view holds at every size, in both themes', { skip }, async () => {
  const views = [['battery', 'Battery'], ['battery/board', 'Battery'], ['battery/links', 'Battery'], ['home', 'Home']];
  for (const theme of ['light', 'dark']) await everyPage(browser, hub.url, theme, views);
});
