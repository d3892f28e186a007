// A person in a room: the pages Actions and Traces against the real hub, with the room of room.yaml.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { BINARY, hasRealHub, startRealHub } from './hub.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'the room needs a hub of its own' : false;
const PASSWORD = 'correct horse';
let browser;
let hub;
before(async () => {
  if (skip) return;
  browser = await launch();
  hub = await startRoom();
});
after(async () => {
  if (skip) return;
  await browser.close();
  await hub.stop();
});

// `more`: lines of hub.yaml.
async function startRoom(more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'nuthatch-room-'));
  const config = join(folder, 'hub.yaml');
  writeFileSync(config, `devices:\n  start_file: ${join(here, 'room.yaml')}\nautomation:\n  flood_max_count: 20\n${more}`);
  const started = await startRealHub(['--config', config]);
  return { ...started, stop: () => started.stop().then(() => rmSync(folder, { recursive: true, force: true })) };
}

const ask = (path, body) => fetch(hub.url + path, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((r) => r.json());
const publish = (topic, payload) => ask('/api/mqtt/publish', { topic, payload });
const flag = (name) => ask('/api/automation/flags').then((all) => (all.find((f) => f.name === name) || {}).value);

// Waits until `what` is true; the test's own time limit ends it otherwise.
async function until(what) {
  while (!(await what())) await new Promise((done) => setTimeout(done, 50));
}

// Nothing runs, no game, no pause: each test begins with that.
async function quiet() {
  await ask('/api/game/resume', {});
  await ask('/api/game/reset', {});
  await ask('/api/automation/cancel', { all: true });
  await until(async () => (await ask('/api/automation')).counters.instance_count === 0);
}

// `fn(page)` on the page, which must have nothing to complain of.
async function on(hash, fn, options) {
  await quiet();
  const { page, faults, close } = await openPage(browser, `${hub.url}/#/${hash}`, options);
  try {
    await page.locator('main .tile').first().waitFor();
    await fn(page);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
}

const act = (page, name) => page.getByRole('button', { name: new RegExp(`^${name}`) }).and(page.locator('.press'));
const prompt = (page) => page.locator('.asking');
const hold = (page, name) => page.getByRole('button', { name: `${name}: hold for a second` });

async function holdDown(page, name, done) {
  await hold(page, name).hover();
  await page.mouse.down();
  await done();
  await page.mouse.up();
}

test('every page renders with a room', { skip }, async () => {
  await quiet();
  await ask('/api/game/start', { team: 'The Owls of the seventh floor' });
  await ask('/api/devices/run', { device: 'vault', scenario: 'ask' });
  await ask('/api/devices/run', { device: 'vault', scenario: 'tune' });
  await everyPage(browser, hub.url, 'light', [['actions', 'Actions'], ['traces?device=vault&scenario=ask', 'Traces'], ['traces?device=vault&scenario=ask&run=1', 'Traces']]);
});

test('a pressed button says that it has started, and its trace appears', { skip }, () => on('actions', async (page) => {
  await act(page, 'Open the door').click();
  await act(page, 'Open the door').getByText(/^(done|started) \d\d:\d\d:\d\d$/).waitFor();
  await act(page, 'Open the door').getByText(/^done/).waitFor();
  assert.equal(await flag('gallery_done'), true);
  await page.getByRole('link', { name: 'Traces' }).first().click();
  await page.getByRole('link', { name: /^Door opens/ }).click();
  const steps = page.getByRole('list', { name: 'Steps of the run' });
  await steps.getByText('gallery/door = on').waitFor();
  const texts = (await steps.locator('li').allTextContents()).join('|');
  assert.match(texts, /begins.*1 publishUnlock.*2 set.*score = 1.*3 if.*then.*2 parallel.*branch 1.*1 delay.*branch 2.*ends.*done/s);
  const href = await steps.getByRole('link', { name: '2 set' }).getAttribute('href');
  assert.equal(new URLSearchParams(href.split('?')[1]).get('at'), '/devices/0/scenarios/0/steps/1');
}));

test('a second press is refused, with the reason on the button', { skip }, () => on('actions', async (page) => {
  await act(page, 'Long wait').click();
  await act(page, 'Long wait').getByText(/left$/).waitFor();
  await act(page, 'Long wait').click();
  await act(page, 'Long wait').getByText('Runs already').waitFor();
}, { ignore: ['409 (Conflict)'] }));

test('the clock: start with a team, pause freezes everything, resume, add, stop by holding', { skip }, () => on('actions', async (page) => {
  const digits = () => page.locator('.digits').textContent();
  await page.getByLabel('Team').fill('The Owls');
  await page.getByRole('button', { name: 'Start game' }).click();
  await page.locator('.face.ok .team', { hasText: 'The Owls' }).waitFor();
  await page.waitForFunction(() => /^59:5/.test(document.querySelector('.digits').textContent));
  await act(page, 'Long wait').click();
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.locator('.face.paused .word', { hasText: 'Paused' }).waitFor();
  await page.locator('.now').getByText('held by the pause').waitFor();
  const before = { digits: await digits(), game: await ask('/api/game'), list: (await ask('/api/automation')).list };
  const since = (await ask('/api/info')).uptime_ms;
  await until(async () => (await ask('/api/info')).uptime_ms > since + 1500);
  const now = { digits: await digits(), game: await ask('/api/game'), list: (await ask('/api/automation')).list };
  assert.equal(now.digits, before.digits);
  assert.equal(now.game.left_ms, before.game.left_ms);
  assert.equal(now.list[0].left_ms, before.list[0].left_ms);
  await page.locator('.keys-row').getByRole('button', { name: 'Resume' }).click();
  await page.waitForFunction((then) => document.querySelector('.digits').textContent !== then, before.digits);
  await page.getByRole('button', { name: 'Five minutes more' }).click();
  await page.waitForFunction(() => /^1:04:/.test(document.querySelector('.digits').textContent));
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.waitForFunction(() => /^59:/.test(document.querySelector('.digits').textContent));
  await holdDown(page, 'Stop game', () => page.locator('.word', { hasText: 'Ended' }).waitFor());
  assert.equal((await ask('/api/automation')).counters.instance_count, 0, 'what ran has stopped');
}));

test('a question to the operator is above all else: go on or skip', { skip }, () => on('actions', async (page) => {
  await act(page, 'Ask the operator').click();
  await prompt(page).getByText(/^Is everybody out of the vault\? Score \d+$/).waitFor();
  await prompt(page).getByRole('button', { name: /^Skip/ }).click();
  await prompt(page).waitFor({ state: 'detached' });
  await until(() => flag('vault_skipped'));
  await act(page, 'Ask the operator').click();
  await prompt(page).getByRole('button', { name: /^Go on/ }).click();
  await until(() => flag('vault_checked'));
}));

test('a wait is skipped, a run is stopped', { skip }, () => on('actions', async (page) => {
  await act(page, 'Long wait').click();
  await page.getByRole('button', { name: 'Skip the wait of Long wait' }).click();
  await until(() => flag('tune_done'));
  await page.getByText('Nothing runs.').waitFor();
  await act(page, 'Long wait').click();
  await page.getByRole('button', { name: 'Stop Long wait' }).first().click();
  await act(page, 'Long wait').getByText(/^stopped/).waitFor();
}));

test('stop everything: not by a tap, but by holding, with the mouse or the keyboard', { skip }, () => on('actions', async (page) => {
  const runs = async () => (await ask('/api/automation')).counters.instance_count;
  await act(page, 'Long wait').click();
  await page.locator('.now .what').waitFor();
  await hold(page, 'Stop everything').click();
  assert.equal(await runs(), 1);
  await holdDown(page, 'Stop everything', () => page.getByText('Nothing runs.').waitFor());
  await act(page, 'Long wait').click();
  await page.locator('.now .what').waitFor();
  await hold(page, 'Stop everything').focus();
  await page.keyboard.down('Enter');
  await page.getByText('Nothing runs.').waitFor();
  await page.keyboard.up('Enter');
  // A screen reader only clicks: it is asked.
  await act(page, 'Long wait').click();
  await page.locator('.now .what').waitFor();
  await hold(page, 'Stop everything').evaluate((b) => b.click());
  await page.getByRole('dialog').getByRole('button', { name: 'Stop everything' }).click();
  await page.getByText('Nothing runs.').waitFor();
}));

test('a scenario that fails says so on its button, and its trace is kept and marked', { skip }, () => on('actions', async (page) => {
  await act(page, 'Fails on purpose').click();
  await act(page, 'Fails on purpose').getByText(/^failed/).waitFor();
  await page.goto(`${hub.url}/#/traces?device=vault&scenario=fails`);
  await page.locator('.runlist li', { hasText: 'last failure, kept' }).getByText('the bolt is stuck').waitFor();
  await page.locator('.one .kv', { hasText: 'the bolt is stuck' }).waitFor();
  await page.getByRole('radio', { name: 'Failed' }).first().click();
  await page.getByRole('list').filter({ has: page.getByRole('link', { name: /^Fails on purpose/ }) }).waitFor();
}));

test('cards, sequence and what is held are seen as they come, and reset', { skip }, () => on('actions', async (page) => {
  const gallery = page.locator('.mons').getByRole('region', { name: 'Gallery' });
  await publish('gallery/status', 'online');
  await gallery.getByText('online').waitFor();
  await publish('gallery/left', '04A1');
  await gallery.locator('li', { hasText: 'Left' }).getByText('right').waitFor();
  await publish('gallery/right', 'FFFF');
  await gallery.locator('li', { hasText: 'Right' }).getByText('FFFF').waitFor();
  const vault = page.locator('.mons').getByRole('region', { name: 'The vault' });
  await publish('vault/key', 'red');
  await vault.getByRole('img', { name: '1 of 3 steps done' }).waitFor();
  await vault.getByText('vault/key green').waitFor();
  await page.getByRole('button', { name: 'Reset The vault' }).click();
  await vault.getByRole('img', { name: '0 of 3 steps done' }).waitFor();
  const beam = page.locator('.mons').getByRole('region', { name: 'Hold beam' });
  const held = async () => Number(await beam.getByRole('meter').getAttribute('aria-valuenow'));
  await until(async () => {
    await publish('beam/held', '1');
    return (await held()) > 300;
  });
  await beam.getByText('let go').waitFor();
  await page.getByRole('button', { name: 'Reset Hold beam' }).click();
  await until(async () => (await held()) === 0);
}));

test('hints are sent and counted; the log is shown and taken away as CSV and JSON', { skip }, () => on('actions', async (page) => {
  await page.getByRole('button', { name: 'Start game' }).click();
  await page.getByRole('button', { name: 'Send: Look under the carpet' }).click();
  await page.locator('.hints li', { hasText: 'carpet' }).getByText('sent').waitFor();
  await page.getByLabel('Hint of your own').fill('Try the "blue", key');
  await page.getByLabel('Hint of your own').press('Enter');
  await page.locator('.hints .end', { hasText: '2 hints sent' }).waitFor();
  await page.locator('.oplog li', { hasText: 'Try the "blue", key' }).waitFor();
  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
  assert.equal(csv.suggestedFilename(), 'game.csv');
  const text = await (await fetch(csv.url())).text();
  assert.match(text, /^time,origin,action,text,user\r\n/);
  assert.match(text, /,http,hint,"Try the ""blue"", key",""\r\n/);
  const [json] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'JSON' }).click()]);
  assert.ok((await (await fetch(json.url())).json()).some((e) => e.action === 'hint' && e.text === 'Look under the carpet'));
}));

test('an admin sets a flag and a variable, and takes it back', { skip }, () => on('actions', async (page) => {
  await ask('/api/automation/flag', { flag: 'shown', value: false });
  await page.getByRole('switch', { name: 'shown' }).click();
  await until(() => flag('shown'));
  await page.getByRole('button', { name: 'Undo' }).click();
  await until(async () => (await flag('shown')) === false);
  await page.getByRole('button', { name: 'Set greeting' }).click();
  await page.getByLabel('Value of greeting').fill('good evening');
  await page.keyboard.press('Enter');
  await until(async () => (await ask('/api/automation/variables')).find((v) => v.name === 'greeting').value === 'good evening');
}));

test('a trace grows while its scenario runs', { skip }, () => on('actions', async (page) => {
  const { instance } = await ask('/api/devices/run', { device: 'vault', scenario: 'tune' });
  await page.goto(`${hub.url}/#/traces?device=vault&scenario=tune&run=${instance}`);
  await page.getByText('waits now').waitFor();
  await page.locator('.one .thead').getByText('running').waitFor();
  await ask('/api/automation/skip', { instance });
  await page.locator('.tl').getByText('tune_done = true').waitFor();
  await page.locator('.one .thead').getByText('done').waitFor();
}));

test('a dry run shows each step and does nothing', { skip }, () => on('traces', async (page) => {
  await ask('/api/automation/flag', { flag: 'vault_checked', value: false });
  await page.goto(`${hub.url}/#/traces?device=vault&scenario=ask`);
  await page.getByRole('button', { name: 'Dry run' }).click();
  const steps = page.getByRole('list', { name: 'What would happen' });
  await steps.getByText('vault_checked = true').waitFor();
  await page.getByText('nothing was done').waitFor();
  assert.equal(await flag('vault_checked'), false);
}));

test('flood: a scenario that is triggered too often is shown as suspended, with the time left', { skip }, () => on('traces', async (page) => {
  for (let i = 0; i < 25; i++) await publish('vault/noise', 'x');
  await page.locator('.notes').getByText(/Sets itself off is suspended: over 20 triggerings in 10 s\. It may start again in \d/).waitFor();
  await page.getByRole('radio', { name: 'Suspended' }).click();
  await page.getByRole('link', { name: /^Sets itself off/ }).waitFor();
}));

test('automation that is disabled is shown on both pages and enabled again', { skip }, () => on('traces', async (page) => {
  await ask('/api/automation/enable', { enabled: false });
  await page.locator('.notes').getByText(/^Automation is disabled/).waitFor();
  await page.goto(`${hub.url}/#/actions`);
  await page.getByText(/^Automation is disabled/).waitFor();
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByText(/^Automation is disabled/).waitFor({ state: 'detached' });
  assert.equal((await ask('/api/automation')).enabled, true);
}));

test('by touch on a phone: start, answer, pause', { skip }, () => on('actions', async (page) => {
  await act(page, 'Ask the operator').tap();
  await prompt(page).getByRole('button', { name: /^Go on/ }).tap();
  await prompt(page).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Pause room' }).tap();
  await page.locator('.froze').getByRole('button', { name: 'Resume' }).tap();
  await page.locator('.froze').waitFor({ state: 'detached' });
}, { width: 390, height: 844 }));

test('an operator has Actions and nothing of the admins', { skip }, async () => {
  const guarded = await startRoom(execFileSync(BINARY, ['passwd'], { input: PASSWORD + '\n' }).toString());
  const basic = 'Basic ' + Buffer.from(`admin:${PASSWORD}`).toString('base64');
  await fetch(guarded.url + '/api/users', { method: 'POST', headers: { authorization: basic, 'content-type': 'application/json' }, body: JSON.stringify({ username: 'ann', password: 'sunflower', role: 'operator', enabled: true, must_change: false }) });
  const { page, close } = await openPage(browser, guarded.url + '/#/actions');
  const refused = [];
  try {
    await page.getByLabel('User').fill('ann');
    await page.getByLabel('Password').fill('sunflower');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Actions', exact: true }).waitFor();
    page.on('response', (r) => r.status() === 403 && refused.push(r.url()));
    await act(page, 'Open the door').click();
    await act(page, 'Open the door').getByText(/^done/).waitFor();
    await act(page, 'Ask the operator').click();
    await prompt(page).getByRole('button', { name: /^Go on/ }).click();
    await prompt(page).waitFor({ state: 'detached' });
    await page.locator('.knows', { hasText: 'gallery_done' }).waitFor();
    assert.equal(await page.getByRole('switch').count(), 0, 'flags are seen, not set');
    assert.equal(await page.getByRole('button', { name: /^Set / }).count(), 0);
    assert.deepEqual(await page.locator('nav.side a').evaluateAll((all) => all.map((a) => a.getAttribute('href'))), ['#/home', '#/actions']);
    assert.deepEqual(refused, [], 'it asks for nothing that it may not');
    await page.getByRole('list', { name: /^Operator log/ }).getByText('ann', { exact: true }).first().waitFor();
    const status = (path, body) => page.evaluate(([p, b]) => fetch(p, b && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(b) }).then((r) => r.status), [path, body]);
    assert.equal(await status('/api/devices/run', { device: 'vault', scenario: 'secret' }), 403, 'without a button');
    assert.equal(await status('/api/automation/flag', { flag: 'gallery_done', value: false }), 403);
    assert.equal(await status('/api/automation/dry_run', { device: 'vault', scenario: 'ask' }), 403);
    assert.equal(await status('/api/automation/traces'), 403);
    assert.equal(await status('/api/automation/enable', { enabled: false }), 403);
    await page.evaluate(() => { location.hash = '#/traces'; });
    await page.getByText('Traces is for admins.').waitFor();
  } finally {
    await close();
    await guarded.stop();
  }
});
