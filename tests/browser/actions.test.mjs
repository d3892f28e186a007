// Actions and Traces where a real hub cannot easily be brought: no feed, long lists, the end of a game.

import test, { after, afterEach, before, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { startMock } from './mock_hub.mjs';

let browser;
let mock;
let opened;
before(async () => { browser = await launch(); });
after(() => browser.close());
beforeEach(async () => {
  mock = await startMock();
  opened = null;
});
afterEach(async () => {
  if (opened) await opened.close();
  await mock.stop();
  if (opened) assert.deepEqual(opened.faults, []);
});

async function open(hash, options) {
  opened = await openPage(browser, `${mock.url}/#/${hash}`, options);
  await opened.page.locator('main .tile').first().waitFor();
  return opened.page;
}
const act = (page, name) => page.locator('.press', { hasText: name });

test('a game that runs, a question and a failure fit on every screen', async () => {
  mock.room.run({ device: 'vault', scenario: 'ask' });
  mock.room.run({ device: 'vault', scenario: 'long' });
  mock.room.clock('start', { team: 'Long names are what teams like, and without-any-blank-in-between-too' });
  mock.room.clock('pause');
  mock.room.suspended = [{ device: 'robot', scenario: 'noisy', state: 'suspended', left_ms: 8000, max_count: 60, window_ms: 10000 }];
  mock.room.enabled = false;
  const pages = [['actions', 'Actions'], ['actions?view=clock', 'Actions'], ['traces?device=gallery&scenario=opened', 'Traces'], ['traces?device=gallery&scenario=opened&run=114', 'Traces'], ['traces?device=gallery&scenario=opened&dry=1', 'Traces']];
  await everyPage(browser, mock.url, 'light', pages);
  await everyPage(browser, mock.url, 'dark', pages);
});

test('without the feed the page asks, and its buttons work', async () => {
  mock.control.noFeed = true;
  const page = await open('actions', { ignore: ['WebSocket', 'ws://'] });
  await page.getByText('polled').waitFor();
  mock.room.run({ device: 'robot', scenario: 'hello' });
  await act(page, 'Say hello').getByText(/^waits for an answer/).waitFor();
  await act(page, 'Evening light').click();
  await act(page, 'Evening light').getByText(/left$/).waitFor();
  mock.room.clock('pause');
  await page.locator('.froze').waitFor();
});

test('while the hub is gone nothing can be pressed; then it goes on', async () => {
  const page = await open('actions', { ignore: ['WebSocket', 'ws://', '503'] });
  await act(page, 'Say hello').waitFor();
  mock.control.noFeed = true;
  mock.fail('/api/');
  mock.dropSockets();
  await page.waitForFunction(() => [...document.querySelectorAll('.press')].every((b) => b.disabled));
  assert.equal(await page.getByRole('button', { name: /^Stop everything/ }).isDisabled(), true);
  mock.fail(null);
  await page.waitForFunction(() => [...document.querySelectorAll('.press')].some((b) => !b.disabled));
});

test('a list that the feed cuts is asked for whole', async () => {
  const page = await open('actions');
  mock.room.run({ device: 'vault', scenario: 'long' });
  mock.room.run({ device: 'vault', scenario: 'ask' });
  mock.room.run({ device: 'robot', scenario: 'hello' });
  mock.push('automation', { ...mock.room.automation(), instances: mock.room.instances.slice(0, 1) });
  await page.waitForFunction(() => document.querySelectorAll('.now li').length === 3);
});

test('the navigation says what matters most: paused, a question, what runs', async () => {
  const page = await open('memory');
  const entry = page.locator('nav.side a', { hasText: 'Actions' });
  mock.room.run({ device: 'vault', scenario: 'long' });
  await entry.getByText('1 running').waitFor();
  mock.room.run({ device: 'vault', scenario: 'ask' });
  await entry.getByText('asks you').waitFor();
  mock.room.clock('pause');
  await entry.getByText('paused').waitFor();
  mock.room.suspended = [{ device: 'robot', scenario: 'noisy', state: 'suspended', left_ms: 8000 }];
  mock.room.changed('automation');
  await page.locator('nav.side a', { hasText: 'Traces' }).getByText('1 suspended').waitFor();
});

test('the clock has a word for each colour, to the end', async () => {
  const page = await open('actions');
  const face = async (tone, word) => {
    await page.locator(`.face.${tone} .word`, { hasText: word }).waitFor();
  };
  await face('idle', 'Not started');
  mock.room.clock('start');
  await face('ok', 'Running');
  mock.room.clock('add', { ms: -2800000 });
  assert.equal(await page.locator('.face.ok').count(), 1, 'a shorter game has just begun too');
  Object.assign(mock.room.game, { added_ms: 0, left_ms: 800000 });
  mock.room.changed('game');
  await face('warn', 'Last quarter');
  Object.assign(mock.room.game, { left_ms: 61000 });
  mock.room.changed('game');
  await face('last', 'Last tenth');
  Object.assign(mock.room.game, { state: 'ended', left_ms: 0 });
  mock.room.changed('game');
  await face('last', 'Time is up');
  assert.equal(await page.locator('.digits').textContent(), '0:00');
});

test('the clock alone: its address, and the way back by keyboard', async () => {
  const page = await open('actions');
  await page.getByRole('button', { name: 'The clock alone' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.whole .digits').waitFor();
  assert.match(page.url(), /#\/actions\?view=clock$/);
  await page.getByRole('link', { name: 'Back' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.whole').waitFor({ state: 'detached' });
});

test('the failure that newer runs pushed out of the trace is still there', async () => {
  const s = mock.room.of('gallery', 'opened');
  const all = s.records;
  s.failed_run = 114;
  const kept = all.filter((r) => r.run === 114);
  s.records = all.filter((r) => r.run > 114);
  const traces = mock.room.traces.bind(mock.room);
  mock.room.traces = (q) => (q.get('failed') ? kept : traces(q));
  const page = await open('traces?device=gallery&scenario=opened');
  await page.locator('.runlist li', { hasText: 'last failure, kept' }).getByRole('link', { name: 'run 114' }).click();
  await page.locator('.tl').getByText('gallery/door: the broker is full').first().waitFor();
  assert.equal(await page.locator('.runlist li').count(), 2);
  assert.match(page.url(), /run=114/);
});

test('traces are filtered by device, result and text', async () => {
  const page = await open('traces');
  const names = () => page.locator('.scens li b').allTextContents();
  await page.locator('.scens li').nth(1).waitFor();
  assert.deepEqual(await names(), ['Door opens', 'Ask the operator']);
  await page.getByLabel('Device').selectOption({ label: 'Gallery' });
  assert.deepEqual(await names(), ['Door opens']);
  await page.getByLabel('Device').selectOption('');
  await page.getByLabel('Scenario contains').fill('operator');
  assert.deepEqual(await names(), ['Ask the operator']);
  await page.getByRole('link', { name: /^Ask the operator/ }).click();
  await page.locator('.runlist li').waitFor();
  await page.getByLabel('Run contains').fill('no such thing');
  await page.getByText('No run is like that.').waitFor();
  await page.getByLabel('Run contains').fill('in vain');
  await page.locator('.runlist li', { hasText: 'waited in vain' }).waitFor();
  await page.getByRole('radiogroup', { name: 'Result' }).getByRole('radio', { name: 'Done' }).click();
  await page.getByText('No run is like that.').waitFor();
});
