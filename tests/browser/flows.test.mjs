// What a person does, against the mock hub, whose state each test can change.

import test, { after, afterEach, before, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { launch, openPage } from './browser.mjs';
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
  try {
    if (opened) {
      await opened.close();
      assert.deepEqual(opened.faults, []);
    }
  } finally {
    await mock.stop(); // else it keeps the process
  }
});

async function open(hash = '', options) {
  opened = await openPage(browser, mock.url + '/' + hash, options);
  return opened.page;
}
const h1 = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const focused = (page) => page.evaluate(() => document.activeElement.tagName + ' ' + (document.activeElement.textContent || '').slice(0, 20));

// ---- figures ---------------------------------------------------------------------------------------

test('the band shows both tiers by owner, with reserve and low water', async () => {
  const page = await open();
  const stripe = page.locator('.stripe').first();
  await stripe.locator('.seg i').first().waitFor();
  assert.match(await stripe.getAttribute('aria-label'), /^internal tier: [\d.]+ KiB free of 320 KiB, low water [\d.]+ KiB$/);
  assert.match(await page.locator('.stripe.ps').getAttribute('aria-label'), /^PSRAM tier: [\d.]+ MiB free of 8 MiB/);
  assert.equal(await stripe.locator('.resv').count(), 1);
  assert.equal(await stripe.locator('.mark').count(), 1);
  const shares = await stripe.locator('.seg').evaluate((seg) => [...seg.querySelectorAll('i[title]:not(.mark):not(.resv)')].map((i) => i.getBoundingClientRect().width).reduce((a, b) => a + b) / seg.getBoundingClientRect().width);
  const tier = mock.hub.tiers()[0];
  assert.ok(Math.abs(shares - (1 - tier.free_bytes / tier.size_bytes)) < 0.05, `segments cover ${shares}`);
});

test('figures follow the feed', async () => {
  const page = await open('#/memory');
  await page.locator('.stat.big').nth(1).waitFor();
  mock.hub.owners[0].tiers[0].current_bytes += 50 * 1024;
  mock.push('mem', mock.hub.mem(true));
  const want = (mock.hub.tiers()[0].free_bytes / 1024).toFixed(0);
  await page.waitForFunction((w) => Math.abs(parseFloat(document.querySelectorAll('.stat.big dd')[1].textContent) - w) < 12, +want);
});

test('a snapshot is taken, listed and marked', async () => {
  const page = await open('#/memory');
  await page.getByLabel('Tag of the snapshot').fill('before_test');
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  await page.locator('.snap code', { hasText: 'before_test' }).waitFor();
  await page.getByLabel('Tag of the snapshot').fill('two words');
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  await page.locator('.snap code', { hasText: 'two_words' }).waitFor();
  await page.getByLabel('Tag of the snapshot').fill('a tag of more than thirty-one bytes');
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  await page.getByRole('alert').filter({ hasText: 'Tag has 35 bytes, limit 31. No snapshot was taken.' }).waitFor();
});

test('the plot: tooltip under the mouse and by keys, zoom by drag, double click restores, table', async () => {
  const page = await open('#/memory');
  const plot = page.locator('.plot').first();
  await plot.locator('canvas').waitFor();
  const over = plot.locator('.u-over');
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 60);
  const tip = plot.locator('.tip');
  await tip.waitFor({ state: 'visible' });
  assert.match(await tip.textContent(), /\d\d:\d\d:\d\d.*free[\d.]+ KiB.*low water[\d.]+ KiB/);
  assert.equal(await page.locator('.plot .u-cursor-x:not(.u-off)').count(), 3, 'plots of one page share the cursor');
  await page.mouse.move(5, 5);
  await tip.waitFor({ state: 'hidden' });

  await plot.focus();
  await page.keyboard.press('End');
  await tip.waitFor({ state: 'visible' });
  const last = await tip.textContent();
  await page.keyboard.press('ArrowLeft');
  assert.notEqual(await tip.textContent(), last);
  await page.keyboard.press('Escape');
  await tip.waitFor({ state: 'hidden' });

  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'Whole span' }).waitFor();
  await over.dblclick();
  await page.getByRole('button', { name: 'Whole span' }).waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Table' }).click();
  await page.getByRole('table', { name: 'Tiers over time' }).waitFor();
  assert.ok(await page.locator('.plot-table tbody tr').count() > 20);
});

test('the span is part of the address and survives reload', async () => {
  const page = await open('#/memory');
  await page.getByRole('radio', { name: '6 h' }).click();
  assert.match(page.url(), /#\/memory\?span=6h$/);
  await page.reload();
  assert.equal(await page.getByRole('radio', { name: '6 h' }).getAttribute('aria-checked'), 'true');
});

test('the heap is walked on request only', async () => {
  const page = await open('#/memory');
  let walks = 0;
  page.on('request', (r) => { walks += r.url().includes('/memory/map') ? 1 : 0; });
  await page.getByRole('button', { name: 'Walk the heap' }).click();
  await page.getByRole('img', { name: /Map of the internal heap: 320 squares of 1 KiB/ }).waitFor();
  await page.getByRole('radio', { name: 'PSRAM' }).click();
  await page.getByRole('img', { name: /Map of the psram heap: 8,192 squares/ }).waitFor();
  assert.equal(walks, 2);
});

test('tables sort by their headers', async () => {
  const page = await open('#/api');
  const first = () => page.locator('tbody tr td:nth-child(2)').first().textContent();
  await page.getByRole('button', { name: 'Calls' }).click();
  assert.equal(await first(), '/api/health');
  assert.equal(await page.locator('th', { hasText: 'Calls' }).getAttribute('aria-sort'), 'descending');
  await page.getByRole('button', { name: 'Calls' }).click();
  assert.equal(await first(), '/api/reboot');
  await page.getByRole('button', { name: 'Calls' }).click();
  assert.equal(await first(), '/');
});

// ---- keys ---------------------------------------------------------------------------------------------

test('keys: g and a letter, ?, Esc, / with a choice, and none while typing', async () => {
  const page = await open();
  await h1(page, 'Home');
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await h1(page, 'Memory');
  await page.waitForFunction(() => document.activeElement.tagName === 'H1');
  assert.equal(await focused(page), 'H1 Memory', 'the h1 takes focus on page change');

  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'H1 Memory', 'focus returns to the opener');

  await page.keyboard.press('/');
  await page.keyboard.type('sett');
  await page.getByRole('option', { name: /Settings/ }).waitFor();
  await page.keyboard.press('Enter');
  await h1(page, 'Settings');

  await page.getByLabel('Find setting').focus();
  await page.keyboard.type('gm?/');
  assert.equal(await page.getByLabel('Find setting').inputValue(), 'gm?/');
  assert.equal(await page.getByRole('dialog').count(), 0);
});

test('go to finds owners and topics', async () => {
  const page = await open();
  await page.locator('.stripe .seg i').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('portal');
  await page.getByRole('option', { name: /portal.*owner/ }).click();
  await h1(page, 'Memory');
  assert.equal(await page.locator('tr.on td.name').textContent(), 'portal');
  await page.keyboard.press('/');
  await page.keyboard.type('garden/ga');
  await page.getByRole('option', { name: /garden\/gate\/state/ }).click();
  await page.locator('.topics li.on code', { hasText: 'garden/gate/state' }).waitFor();
});

test('single-letter keys can be turned off', async () => {
  const page = await open();
  await h1(page, 'Home');
  await page.keyboard.press('?');
  await page.getByRole('switch', { name: 'Single-letter keys' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('/');
  await page.reload();
  await h1(page, 'Home');
  await page.keyboard.press('/');
  assert.equal(await page.getByRole('dialog').count(), 0);
});

test('skip link, and segments by arrow keys with one tab stop', async () => {
  const page = await open();
  await h1(page, 'Home');
  await page.getByRole('radio', { name: '30 min' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'A Go to content');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'H1 Home');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'BUTTON 30 min');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(page), 'BUTTON 6 h');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'A Memory');
});

test('theme: system, light, dark, kept in the browser', async () => {
  const page = await open('', { theme: 'dark' });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), 'dark');
  await page.getByRole('button', { name: 'Theme: system' }).click();
  assert.equal(await theme(), 'light');
  await page.reload();
  assert.equal(await theme(), 'light');
  await page.getByRole('button', { name: 'Theme: light' }).click();
  assert.equal(await theme(), 'dark');
});

// ---- states -----------------------------------------------------------------------------------------

test('offline: one note, values stay, controls off, typed text stays; back by itself', async () => {
  const page = await open('#/mqtt');
  await page.getByLabel('Topic', { exact: true }).fill('a/b');
  await page.locator('td', { hasText: 'gate-1' }).waitFor();
  const { port } = mock;
  await mock.stop();
  await page.getByRole('alert').filter({ hasText: /No connection to the hub for \d+ s\. Values are from \d\d:\d\d:\d\d\./ }).waitFor();
  assert.equal(await page.locator('.band .live').textContent(), 'offline');
  assert.equal(await page.locator('td', { hasText: 'gate-1' }).count(), 1);
  assert.equal(await page.getByRole('button', { name: 'Publish' }).isDisabled(), true);
  await page.getByText('No connection to the hub.', { exact: true }).waitFor();
  assert.equal(await page.getByLabel('Topic', { exact: true }).inputValue(), 'a/b');
  mock = await startMock({ port });
  await page.getByRole('button', { name: 'Try now' }).click();
  await page.locator('.live.live').waitFor();
  await page.waitForFunction(() => !document.querySelector('.gone'));
  assert.equal(await page.getByRole('button', { name: 'Publish' }).isDisabled(), false);
  opened.faults.length = 0; // refused connections are what this test is about
});

test('a socket that breaks comes back after a second without a person', async () => {
  const page = await open();
  await page.locator('.live.live').waitFor();
  mock.dropSockets();
  await page.locator('.live.offline').waitFor();
  await page.locator('.live.live').waitFor();
});

test('error: what, and try again', async () => {
  mock.fail('/api/routes');
  const page = await open('#/api');
  const note = page.getByRole('alert').filter({ hasText: 'The hub is busy. Nothing was changed.' });
  await note.waitFor();
  mock.fail(null);
  await note.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('table', { name: 'Routes' }).waitFor();
  opened.faults.length = 0; // the browser reports the 503
});

test('an address without a page says so', async () => {
  const page = await open('#/nowhere');
  await h1(page, 'No such page');
  await page.getByRole('link', { name: 'Go to Home' }).click();
  await h1(page, 'Home');
});

// ---- MQTT ---------------------------------------------------------------------------------------------

test('publish: findings at the field, then the message arrives in live and retained', async () => {
  const page = await open('#/mqtt');
  const button = page.getByRole('button', { name: 'Publish' });
  await page.getByText('A message needs a topic.').waitFor();
  await page.getByLabel('Topic', { exact: true }).fill('relay/+/door');
  await page.getByText('A publish topic takes no wildcard: "+" at position 7.').waitFor();
  assert.equal(await page.getByLabel('Topic', { exact: true }).getAttribute('aria-invalid'), 'true');
  assert.equal(await button.isDisabled(), true);

  await page.getByRole('switch', { name: 'Watch messages' }).click();
  await page.getByLabel('Topic', { exact: true }).fill('relay/gallery/door');
  await page.getByLabel(/^Payload/).fill('open it');
  await page.getByText('7 of 2,048 bytes').waitFor();
  await page.getByRole('radio', { name: '1', exact: true }).click();
  await page.getByRole('switch', { name: 'Retain' }).click();
  await button.click();
  await page.getByText(/^Published \d\d:\d\d:\d\d\.$/).waitFor();
  await page.getByLabel('Topic contains').fill('relay/gallery');
  await page.locator('.messages li', { hasText: 'open it' }).waitFor();
  await page.getByRole('radio', { name: 'List' }).click();
  await page.getByLabel('Topics from').fill('relay');
  await page.locator('.topics li', { hasText: 'relay/gallery/door' }).waitFor();
});

test('retained: a page at a time, clear with undo', async () => {
  const page = await open('#/mqtt?view=list');
  await page.locator('.topics li').first().waitFor();
  assert.equal(await page.locator('.topics li').count(), 50);
  const first = await page.locator('.topics code').first().textContent();
  await page.getByRole('button', { name: 'More topics' }).click();
  await page.waitForFunction((f) => document.querySelector('.topics code').textContent !== f, first);
  await page.getByRole('button', { name: 'Earlier topics' }).click();
  await page.getByRole('button', { name: /desk\/pad\/button/ }).click();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('Retained message of desk/pad/button cleared.').waitFor();
  await page.locator('.topics code', { hasText: 'desk/pad/button' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.topics code', { hasText: 'desk/pad/button' }).waitFor();
});

test('retained: what cannot be undone is asked first', async () => {
  const page = await open('#/mqtt?view=list');
  await page.getByRole('button', { name: /89 50 4e/ }).first().click();
  await page.getByRole('button', { name: 'Clear' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('this cannot be undone').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await page.getByRole('button', { name: /89 50 4e/ }).first().isVisible(), true);
});

test('retained: as a tree, a level when it is opened, live', async () => {
  const page = await open('#/mqtt');
  const top = page.getByRole('list', { name: 'Retained topics' });
  await top.getByRole('button', { name: 'home/' }).click();
  const home = page.getByRole('list', { name: 'Below home' });
  await home.getByRole('button', { name: 'room/' }).click();
  const room = page.getByRole('list', { name: 'Below home/room', exact: true });
  await room.locator('li').first().waitFor();
  assert.equal(await room.getByRole('button', { name: /\/$/ }).count(), 50);
  await room.getByRole('button', { name: 'More' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.below .below > li').length > 60);
  await top.getByRole('button', { name: 'desk/' }).click();
  await page.getByRole('button', { name: 'pad/' }).click();
  const value = page.getByRole('list', { name: 'Below desk/pad' }).getByRole('button', { name: /^button/ });
  await value.click();
  assert.match(page.url(), /topic=desk%2Fpad%2Fbutton/);
  mock.hub.retained.find((m) => m.topic === 'desk/pad/button').payload = 'pressed twice';
  mock.hub.counters.retained_changes++;
  mock.push('mqtt', { counters: mock.hub.counters });
  await page.locator('.open pre', { hasText: 'pressed twice' }).waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('Retained message of desk/pad/button cleared.').waitFor();
  await value.waitFor({ state: 'detached' });
});

test('publish: with properties; what the hub refuses stands where it belongs', async () => {
  const page = await open('#/mqtt');
  await page.getByLabel('Topic', { exact: true }).fill('a/b');
  await page.getByRole('switch', { name: 'Properties' }).click();
  await page.getByLabel('Content type').fill('text/plain');
  await page.getByLabel('Response topic').fill('r/#');
  await page.getByLabel(/^Expires after/).fill('1.5');
  await page.getByText('A whole number of seconds.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Publish' }).isDisabled(), true);
  await page.getByLabel(/^Expires after/).fill('90');
  await page.getByLabel(/^User properties/).fill('room: attic\nnote:  a: b\n\nbare');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByRole('alert').filter({ hasText: 'response_topic has + or #. Nothing was published.' }).waitFor();
  await page.getByLabel('Response topic').fill('r/1');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText(/^Published /).waitFor();
  assert.deepEqual(mock.hub.published, { topic: 'a/b', payload: '', content_type: 'text/plain', response_topic: 'r/1', expiry_s: 90,
    user_properties: [{ name: 'room', value: 'attic' }, { name: 'note', value: 'a: b' }, { name: 'bare', value: '' }] });
  opened.faults.length = 0; // the browser reports the 400
});

test('retained: what has properties is not undone into less', async () => {
  mock.hub.retained.find((m) => m.topic === 'desk/pad/button').has_properties = true;
  const page = await open('#/mqtt?view=list');
  await page.getByRole('button', { name: /desk\/pad\/button/ }).click();
  await page.getByText('has properties').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Edit and publish' }).isDisabled(), true);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('Its properties are not all known here, so this cannot be undone.').waitFor();
});

test('clients: found, filtered and in an order, by the hub', async () => {
  const page = await open('#/mqtt');
  const table = page.getByRole('table', { name: 'Clients' });
  const first = (id) => page.waitForFunction((want) => document.querySelector('[aria-label=Clients] td code')?.textContent === want, id);
  await first('desk-1');
  await table.getByRole('button', { name: 'Subs' }).click(); // the greatest first
  await page.waitForFunction(() => document.querySelector('[aria-label=Clients] th[aria-sort=descending]')?.textContent === 'Subs');
  const most = Math.max(...mock.hub.clients.map((x) => x.subscriptions));
  await first(mock.hub.clients.filter((x) => x.subscriptions === most).map((x) => x.id).sort()[0]);
  await table.getByRole('button', { name: 'For' }).click(); // the longest first
  await first(mock.hub.clients.reduce((a, b) => ((a.connected_unix_ms ?? Infinity) < (b.connected_unix_ms ?? Infinity) ? a : b)).id);
  await page.getByRole('radio', { name: 'Away' }).click();
  await page.getByText(/^1 to \d of 2$/).waitFor();
  assert.equal(await table.locator('.b.ok').count(), 0);
  await page.getByRole('radio', { name: 'All' }).click();
  await page.getByLabel('Client or user contains').fill('ANN');
  await page.getByText('1 to 6 of 6').waitFor();
  await page.getByLabel('Client or user contains').fill('nobody');
  await page.getByText('No client is like that.').waitFor();
});

test('clients: one whole, with its subscriptions and their options', async () => {
  const page = await open('#/mqtt');
  await page.getByRole('table', { name: 'Clients' }).getByRole('button', { name: 'pump-1' }).click();
  assert.match(page.url(), /client=pump-1/);
  const tile = page.locator('#client');
  const fact = (label) => tile.locator(`dt:text-is("${label}") + dd`).textContent();
  const subs = page.getByRole('table', { name: 'Subscriptions' });
  await subs.waitFor();
  assert.deepEqual(await Promise.all(['Came in by', 'Listener', 'MQTT', 'User', 'Session'].map(fact)), ['websocket', '127.0.0.1:9001', '3.1.1', 'anonymous', 'ends with its connection']);
  const row = (i) => subs.locator('tbody tr').nth(i).locator('td').allTextContents();
  assert.deepEqual(await row(1), ['garden/bed-1/+', '1', 'shared by workers, retained when new']);
  assert.deepEqual(await row(2), ['garden/bed-2/+', '2', 'no local, retain as published, no retained, identifier 7']);
  await page.getByRole('button', { name: 'Close' }).click();
  await subs.waitFor({ state: 'detached' });
});

test('clients: one is disconnected, then forgotten, which is asked first', async () => {
  const page = await open('#/mqtt?client=pump-1');
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByText('pump-1 disconnected.').waitFor();
  await page.locator('#client dt', { hasText: 'Away' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Disconnect' }).isDisabled(), true);
  await page.getByRole('button', { name: 'Forget session' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('This cannot be undone.').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.ok(mock.hub.clients.some((x) => x.id === 'pump-1'));
  await page.getByRole('button', { name: 'Forget session' }).click();
  await dialog.getByRole('button', { name: 'Forget session' }).click();
  await page.getByText('It is gone, and nothing is kept of it.').waitFor();
  assert.ok(!mock.hub.clients.some((x) => x.id === 'pump-1'));
});

test('bridges, listeners and durability; a store that fails is told on top', async () => {
  const page = await open('#/mqtt');
  const bridges = page.getByRole('table', { name: 'Bridges' });
  await bridges.getByText('Connection refused, next attempt in 31 s').waitFor();
  assert.equal(await bridges.locator('.b.ok').textContent(), 'online');
  await page.getByRole('table', { name: 'Listeners' }).getByText('unix:/run/nuthatch/mqtt.sock').waitFor();
  await page.getByText('1.7 MiB of 64.0 MiB').waitFor();
  assert.equal(await page.locator('main .note.bad').count(), 0);
  Object.assign(mock.hub.counters, { store_error: 'no space left on the device', store_errors: 4 });
  await page.getByRole('alert').filter({ hasText: 'The store cannot be written: no space left on the device. Acknowledgements wait until it can.' }).waitFor();
  Object.assign(mock.hub.counters, { store_error: null, store_full: true });
  await page.getByRole('alert').filter({ hasText: 'The store is over its limit. Publishers wait for room.' }).waitFor();
  mock.hub.counters.store_full = false;
  await page.waitForFunction(() => !document.querySelector('main .note.bad'));
});

test('a hub without bridges or a store', async () => {
  mock.hub.bridges = [];
  mock.hub.durability = { mode: 'memory' };
  const page = await open('#/mqtt');
  await page.getByText('in memory only').waitFor();
  assert.equal(await page.getByRole('table', { name: 'Bridges' }).count(), 0);
  assert.equal(await page.getByRole('meter').count(), 0);
});

test('clients: paged by the hub, counted on change', async () => {
  await mock.stop();
  mock = await startMock({ clients: 120 });
  const page = await open('#/mqtt');
  await page.getByText('1 to 50 of 120').waitFor();
  await page.getByRole('button', { name: 'More clients' }).click();
  await page.getByText('51 to 100 of 120').waitFor();
  mock.hub.clients.pop();
  mock.push('clients', { changed: true });
  await page.getByText('51 to 100 of 119').waitFor();
});

test('an idle broker: rates are 0.0 and drawn, and the words fit what was', async () => {
  await mock.stop();
  mock = await startMock({ clients: 0, quiet: true });
  const page = await open('#/mqtt');
  await page.getByText('No client is connected.').waitFor();
  for (const id of ['mqtt', 'home']) {
    await page.evaluate((h) => { location.hash = h; }, '#/' + id);
    const stat = (label) => page.locator('.stat.big', { hasText: label }).locator('dd');
    await stat(/^In/).filter({ hasText: /^0\.0\/s$/ }).waitFor();
    await stat(/^Out/).filter({ hasText: /^0\.0\/s$/ }).waitFor();
  }
});

test('no client ever: says so', async () => {
  mock.hub.counters.connects_total = 0;
  mock.hub.clients = [];
  const page = await open('#/mqtt');
  await page.getByText('No client has connected yet.').waitFor();
});

test('MQTT page: tiles side by side end alike, payloads stand below each other', async () => {
  for (const clients of [0, 24]) {
    await mock.stop();
    mock = await startMock({ clients });
    if (opened) await opened.close();
    const page = await open('#/mqtt');
    await page.getByRole('table', { name: 'Clients' }).waitFor();
    await page.getByText('Acknowledged is').waitFor();
    const ends = await page.locator('.tile.c8, .tile.c4, .fill > :last-child').evaluateAll((all) => all.map((e) => Math.round(e.getBoundingClientRect().bottom)));
    assert.deepEqual([ends.length, ends[0], ends[2]], [4, ends[1], ends[3]], `${clients} clients`);
  }
  const { page } = opened;
  await page.getByRole('switch', { name: 'Watch messages' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.messages li').length > 9);
  const lefts = await page.locator('.messages li code.sub').evaluateAll((all) => all.map((e) => e.getBoundingClientRect().left));
  assert.equal(new Set(lefts).size, 1);
});

test('live messages: not asked for until watched; new rows wait while scrolled away', async () => {
  const page = await open('#/mqtt');
  await page.getByText('Not watched.').waitFor();
  await page.getByRole('switch', { name: 'Watch messages' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.messages li').length > 25);
  await page.locator('.messages .live-list').evaluate((e) => { e.scrollTop = 120; });
  await page.getByRole('button', { name: /^\d+ new$/ }).click();
  assert.equal(await page.locator('.messages .live-list').evaluate((e) => e.scrollTop), 0);
});

// ---- log ------------------------------------------------------------------------------------------------

test('log: level, text, and lines as they come', async () => {
  const page = await open('#/log');
  await page.locator('.log li', { hasText: 'started on board' }).waitFor();
  await page.getByRole('radio', { name: 'Errors' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.log li').length === 1);
  assert.match(page.url(), /level=E/);
  push('E', 'late error');
  await page.locator('.log li', { hasText: 'late error' }).waitFor();
  push('I', 'quiet line');
  await page.getByRole('radio', { name: 'All' }).click();
  await page.getByLabel('Text in the line or module').fill('QUIET');
  await page.locator('.log li', { hasText: 'quiet line' }).waitFor();
  assert.equal(await page.locator('.log li').count(), 1);
  function push(level, text) {
    mock.push('log', { lines: [mock.hub.line(level, 'test', text)], missed: 0 });
  }
});

// ---- settings -------------------------------------------------------------------------------------------

const packet = (page) => page.getByLabel('A larger packet closes its connection.');

test('settings: finding, apply by Ctrl+S, undo', async () => {
  const page = await open('#/settings');
  await packet(page).fill('12');
  await page.getByText('Value is 12, limits 256 to 1,048,576.').waitFor();
  const apply = page.getByRole('button', { name: 'Apply 1 change' });
  assert.equal(await apply.isDisabled(), true);
  await page.getByText('1 finding', { exact: true }).waitFor();
  await packet(page).fill('131072');
  await page.getByText('was 65,536').waitFor();
  assert.match(await page.locator('.side a[href="#/settings"]').textContent(), /1 edit/);
  await page.keyboard.press('Control+s');
  await page.getByText('1 change applied, generation 42.').waitFor();
  assert.equal(mock.hub.fields.find((f) => f.pointer === '/mqtt/packet_max_bytes').value, 131072);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('1 change undone, generation 43.').waitFor();
  assert.equal(await packet(page).inputValue(), '65536');
});

test('settings: the hub refuses with findings at the fields', async () => {
  const page = await open('#/settings');
  await page.getByLabel('Name of this hub in the network.').fill('two words');
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByText('Value has a blank.').waitFor();
  await page.waitForFunction(() => document.activeElement.value === 'two words');
  await page.getByText('1 of 1 values refused. Nothing was changed.').waitFor();
  opened.faults.length = 0; // the browser reports the 400
});

test('settings: a conflict keeps the edits over the new values', async () => {
  const page = await open('#/settings');
  await packet(page).fill('1024');
  mock.hub.generation = 50;
  mock.hub.fields.find((f) => f.pointer === '/mqtt/client_max_count').value = 77;
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByText('Settings are at generation 50, yours at 41. Nothing was changed.').waitFor();
  await page.getByRole('button', { name: 'Take over the new values, keep edits' }).click();
  await page.getByText('generation 50', { exact: true }).waitFor();
  assert.equal(await page.getByLabel('One client more is refused.').inputValue(), '77');
  assert.equal(await packet(page).inputValue(), '1024');
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByText('1 change applied, generation 51.').waitFor();
  opened.faults.length = 0; // the browser reports the 409
});

test('settings: edits survive going away and coming back; read-only fields are off', async () => {
  const page = await open('#/settings');
  await packet(page).fill('1024');
  await page.getByRole('link', { name: /^Home/ }).first().click();
  await h1(page, 'Home');
  await page.goBack();
  assert.equal(await packet(page).inputValue(), '1024');
  assert.equal(await page.getByLabel('Address of the MQTT listener.').isDisabled(), true);
  await page.getByRole('button', { name: 'Revert' }).click();
  assert.equal(await packet(page).inputValue(), '65536');
  await page.getByRole('button', { name: 'Apply 0 changes' }).waitFor();
});

test('settings: what needs a restart says so, and the restart is asked', async () => {
  const page = await open('#/settings');
  await page.getByLabel('Board profile: sizes of the memory tiers.').selectOption('esp32');
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByText('1 setting takes effect after a restart:').waitFor();
  await page.getByRole('button', { name: 'Restart hub' }).click();
  const row = page.locator('.set', { hasText: '/hub/board' });
  assert.equal(await row.locator('.b.warn', { hasText: 'after restart' }).count(), 1);
  const dialog = page.getByRole('dialog');
  await dialog.getByText('sessions and retained messages are in RAM and end').waitFor();
  await dialog.getByRole('button', { name: 'Restart' }).click();
  await page.locator('.live.offline').waitFor();
  await page.locator('.live.live').waitFor();
  await page.getByText('after a restart:').waitFor({ state: 'detached' });
  assert.equal(await row.locator('.b.warn').count(), 0);
});

test('settings: only what was changed is marked as waiting; undone, it waits no more', async () => {
  const page = await open('#/settings');
  await packet(page).waitFor();
  assert.equal(await page.locator('.set .b.warn').count(), 0);
  assert.equal(await page.locator('.set .about', { hasText: 'after restart' }).count(), 2);
  const listen = page.locator('.set', { hasText: '/mqtt/listen' });
  assert.equal(await listen.locator('.about .b').textContent(), 'only in the file');
  await page.getByLabel('Board profile: sizes of the memory tiers.').selectOption('esp32');
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.locator('.set .b.warn').waitFor();
  await page.getByRole('link', { name: /^Home/ }).first().click();
  await h1(page, 'Home');
  await page.goBack();
  assert.equal(await page.locator('.set .b.warn').count(), 1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.set .b.warn').waitFor({ state: 'detached' });
  await page.getByText('after a restart:').waitFor({ state: 'detached' });
});

test('settings: a new name is in the band at once', async () => {
  const page = await open('#/settings');
  await page.getByLabel('Name of this hub in the network.').fill('cellar');
  await page.getByRole('button', { name: 'Apply 1 change' }).click();
  await page.locator('.brand small', { hasText: 'cellar' }).waitFor();
});

// ---- sign-in ----------------------------------------------------------------------------------------------

async function signIn(page, user, password) {
  await h1(page, 'Sign in to nuthatch');
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}

async function restart(options) {
  await mock.stop();
  mock = await startMock(options);
}

test('sign-in: asked when there is a password, refused, entered, left', async () => {
  await restart({ password: 'seeds' });
  const page = await open('#/memory');
  await signIn(page, 'admin', 'wrong');
  assert.equal(await page.locator('.band').count(), 0);
  await page.getByText('The user or the password is wrong.').waitFor();
  await page.getByLabel('Password').fill('seeds');
  await page.keyboard.press('Enter');
  await h1(page, 'Memory');
  await page.locator('.live.live').waitFor();
  await page.getByRole('button', { name: 'admin' }).click();
  assert.equal(await page.getByRole('button', { name: 'Change password' }).count(), 0, 'that of a file is changed there');
  mock.fail('/api/auth/logout');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('The hub is busy. Nothing was changed.').waitFor();
  await h1(page, 'Memory');
  mock.fail(null);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await h1(page, 'Sign in to nuthatch');
  assert.equal(mock.control.who, null);
  assert.equal(await page.evaluate(() => fetch('/api/memory').then((r) => r.status)), 401);
  await page.reload();
  await h1(page, 'Sign in to nuthatch');
  assert.equal(await page.getByLabel('User').inputValue(), 'admin', 'the name is kept');
  assert.equal(await focused(page), 'INPUT ');
  opened.faults.length = 0; // the browser reports each 401
});

test('an operator sees what is for operators, and asks for nothing else', async () => {
  await restart({ password: 'seeds', users: [{ username: 'ann', role: 'operator', password: 'sunflower' }] });
  const page = await open('#/settings');
  const asked = new Set();
  await signIn(page, 'ann', 'sunflower');
  page.on('response', (r) => r.status() >= 400 && asked.add(`${r.status()} ${new URL(r.url()).pathname}`));
  await h1(page, 'Settings');
  await page.getByText('Settings is for admins.').waitFor();
  await page.getByRole('link', { name: 'Go to Home' }).click();
  await h1(page, 'Home');
  await page.locator('.live.live').waitFor();
  await page.getByRole('img', { name: /^internal tier/ }).waitFor();
  await page.getByRole('img', { name: /^Live picture of the lamp/ }).waitFor();
  assert.deepEqual(await page.locator('nav.side a').allTextContents(), ['Home', 'Actions', 'LampFIRE']);
  assert.deepEqual(await page.locator('main h2').allTextContents(), ['Memory', 'Owners', 'Lamp']);
  assert.deepEqual(await page.locator('main h2 a').allTextContents(), ['Lamp'], 'no link to a page of the admins');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await h1(page, 'Home');
  await page.keyboard.press('/');
  await page.getByPlaceholder('Page, topic, owner or setting').fill('e');
  assert.deepEqual(await page.locator('#found [role=option] small').allTextContents(), ['page']);
  await page.keyboard.press('Escape');
  assert.deepEqual([...asked], []);
  assert.equal(mock.hub.refusedParts, undefined);
  // Another role in the same tab sees its own.
  await page.getByRole('button', { name: 'ann' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, 'admin', 'seeds');
  await page.locator('nav.side').getByRole('link', { name: 'Settings', exact: true }).waitFor();
  opened.faults.length = 0;
});

test('an operator who signs in comes to Actions, an admin to Home', async () => {
  await restart({ password: 'seeds', users: [{ username: 'ann', role: 'operator', password: 'sunflower' }] });
  const page = await open('');
  await signIn(page, 'ann', 'sunflower');
  await h1(page, 'Actions');
  await page.getByRole('link', { name: 'Home' }).first().click(); // it is a start, not a wall
  await h1(page, 'Home');
  await page.getByRole('button', { name: 'ann' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, 'admin', 'seeds');
  await h1(page, 'Home');
  await page.getByRole('button', { name: 'admin' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, 'ann', 'sunflower');
  await h1(page, 'Actions');
  opened.faults.length = 0;
});

test('a password that an admin chose is changed before anything else', async () => {
  await restart({ password: 'seeds', users: [{ username: 'ann', role: 'operator', password: 'sunflower', must_change: true }] });
  const page = await open();
  await signIn(page, 'ann', 'sunflower');
  await h1(page, 'Choose a password');
  assert.equal(await page.locator('.band').count(), 0);
  const fill = async (current, next, again) => {
    await page.getByLabel('Present password').fill(current);
    await page.getByLabel('New password').fill(next);
    await page.getByLabel('Again').fill(again);
    await page.getByRole('button', { name: 'Change password' }).click();
  };
  await fill('sunflower', 'pumpkin-seed', 'pumpkin-seeds');
  await page.getByText('The two are not the same.').waitFor();
  await fill('sunflower', 'short', 'short');
  await page.getByText('is too short').waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'form-password');
  await fill('moonflower', 'pumpkin-seed', 'pumpkin-seed');
  await page.getByText('The present password is wrong.').waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'form-current');
  await fill('sunflower', 'sunflower', 'sunflower');
  await page.getByText('is the present password').waitFor();
  await page.reload();
  await h1(page, 'Choose a password');
  await fill('sunflower', 'pumpkin-seed', 'pumpkin-seed');
  await h1(page, 'Actions');
  await page.locator('.live.live').waitFor();
  // From the menu later, too.
  await page.getByRole('button', { name: 'ann' }).click();
  await page.getByRole('button', { name: 'Change password' }).click();
  await fill('pumpkin-seed', 'melon-seed-1', 'melon-seed-1');
  await page.getByText('Password changed. Your other sessions have ended.').waitFor();
  assert.equal(mock.control.users[1].password, 'melon-seed-1');
  opened.faults.length = 0;
});

test('accounts: the first password, then add, disable with undo, set a password, remove', async () => {
  const page = await open('#/settings');
  await page.getByText('No password is set').waitFor();
  await page.getByRole('button', { name: 'Set a password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('User').fill('boss');
  await dialog.getByLabel('New password').fill('nuthatches');
  await dialog.getByLabel('Again').fill('nuthatches');
  await dialog.getByRole('button', { name: 'Set password' }).click();
  const table = page.getByRole('table', { name: 'Accounts' });
  await table.getByRole('row', { name: /boss/ }).waitFor();
  await page.locator('.live.live').waitFor();

  await page.getByRole('button', { name: 'Add account' }).click();
  await dialog.getByLabel('User').fill('boss');
  await dialog.getByLabel('New password').fill('sunflower');
  await dialog.getByLabel('Again').fill('sunflower');
  await dialog.getByRole('button', { name: 'Add account' }).click();
  await dialog.getByText('There is such an account already.').waitFor();
  await dialog.getByLabel('User').fill('ann');
  await dialog.getByRole('button', { name: 'Add account' }).click();
  const ann = table.getByRole('row', { name: /ann/ });
  await ann.getByText('has to change the password').waitFor();
  await ann.getByText('operator').waitFor();

  await page.getByRole('button', { name: 'Disable ann' }).click();
  await ann.getByText('disabled').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await ann.getByText('may sign in').waitFor();

  await page.getByRole('button', { name: 'Set password of ann' }).click();
  await dialog.getByLabel('New password').fill('pumpkins');
  await dialog.getByLabel('Again').fill('pumpkins');
  await dialog.getByRole('switch', { name: 'Change it at the first sign-in' }).click();
  await dialog.getByRole('button', { name: 'Set password' }).click();
  await page.getByText('ann has another password.').waitFor();
  assert.equal(mock.control.users[1].must_change, false);

  await page.getByRole('button', { name: 'Set password of boss' }).click(); // the own one
  await dialog.getByLabel('Present password').waitFor();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Remove ann' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await ann.waitFor({ state: 'detached' });
  opened.faults.length = 0; // the refusal above
});

// ---- phone ------------------------------------------------------------------------------------------------

test('phone: bottom bar, all pages behind More, places can be chosen', async () => {
  const page = await open('', { width: 390, height: 844 });
  await h1(page, 'Home');
  const bar = page.locator('nav.bar');
  await bar.getByRole('link', { name: 'Memory' }).click();
  await h1(page, 'Memory');
  await bar.getByRole('button', { name: 'More' }).click();
  await page.getByRole('dialog').getByLabel('Place 3 of the bar').selectOption('settings');
  await page.getByRole('dialog').getByRole('link', { name: 'API' }).click();
  await h1(page, 'API');
  assert.deepEqual(await bar.locator('a').allTextContents(), ['Home', 'Memory', 'Settings', 'Lamp']);
});

test('twice the text: nothing reaches over the edge at 200 % zoom', async () => {
  const page = await open('', { width: 720, height: 500, scale: 2 });
  for (const id of ['home', 'memory', 'mqtt', 'settings']) {
    await page.evaluate((h) => { location.hash = h; }, '#/' + id);
    await page.locator('h1').waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), id);
  }
});
