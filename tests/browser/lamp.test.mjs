// The lamp page against the mock hub: every control, and what is seen when something is wrong.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { launch, openPage } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { startMock } from './mock_hub.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

// A page at the lamp of a mock of its own.
async function onLamp(options, run, { at = 'lamp', ...view } = {}) {
  const mock = await startMock({ lamp: options });
  // The tests read the pictures; the page does not.
  const opened = await openPage(browser, `${mock.url}/#/${at}`, { ignore: ['willReadFrequently'], ...view });
  try {
    await run({ ...opened, mock, lamp: mock.lamp });
    if (!view.faulty) assert.deepEqual(opened.faults, []);
  } finally {
    await opened.close();
    await mock.stop();
  }
}

async function until(what, ask) {
  for (let i = 0; i < 100; i++) {
    const value = await ask();
    if (what(value)) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`It did not come to it: ${JSON.stringify(await ask())}`);
}
const is = (lamp, name, value) => until((v) => JSON.stringify(v) === JSON.stringify(value), () => lamp.state[name]);
const picture = (page) => page.locator('.lampbox canvas');
// A few numbers that differ when the picture does.
const sample = (page, at = '.lampbox canvas') => page.locator(at).first().evaluate((c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 997 === 0).join());
// Lets some frames' times go by.
const frames = (lamp, n) => {
  const end = lamp.ticks + n;
  return until((t) => t >= end, () => lamp.ticks);
};
const tile = (page, name) => page.locator('.tile', { has: page.getByRole('heading', { name, exact: true }) });

test('the picture is drawn from the feed, moves, darkens and stands when paused', () => onLamp({}, async ({ page, lamp }) => {
  await page.getByRole('img', { name: 'Live picture of the lamp: FIRE.' }).waitFor();
  const first = await until((s) => /[1-9]\d/.test(s), () => sample(page));
  await until((s) => s !== first, () => sample(page));
  const light = () => picture(page).evaluate((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, v, i) => a + (i % 4 < 3 ? v : 0), 0));
  await page.getByRole('button', { name: 'Pause' }).click();
  await is(lamp, 'paused', true);
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  const bright = await light();
  await page.getByRole('slider', { name: 'Brightness' }).fill('20');
  await is(lamp, 'brightness', 20);
  await until((v) => v < bright * 0.7, light); // though no new frame has come
  const still = await sample(page);
  await frames(lamp, 4);
  assert.equal(await sample(page), still);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Record' }).click()]);
  assert.match(file.suggestedFilename(), /^lamp-fire-\d+\.png$/);
  assert.deepEqual([...readFileSync(await file.path()).subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
}));

test('the picture out of view takes a frame a second, and its rate again when it is seen', () => onLamp({}, async ({ page, mock }) => {
  await page.getByRole('img', { name: /^Live picture/ }).waitFor();
  const watched = () => mock.watchers('lamp_preview');
  await until((n) => n === 1, watched);
  await page.setViewportSize({ width: 1440, height: 300 });
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await until((n) => n === 0, watched);
  const frame = () => picture(page).getAttribute('data-frame');
  const before = await frame();
  await until((n) => n !== before, frame);
  await page.evaluate(() => scrollTo(0, 0));
  await until((n) => n === 1, watched);
  const hide = (is) => page.evaluate((v) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => v });
    document.dispatchEvent(new Event('visibilitychange'));
  }, is);
  await hide(true);
  await until((n) => n === 0, () => mock.watchers('mem'));
  const hidden = await frame();
  await until((n) => n !== hidden, frame);
  await until((n) => n === 0, watched); // between two frames
  await hide(false);
  await until((n) => n === 1, () => mock.watchers('mem'));
  await until((n) => n === 1, watched);
}));

test('effects: searched, by kind, chosen by click and by keys; others\u2019 choices are seen', () => onLamp({}, async ({ page, lamp, mock }) => {
  const cards = page.getByRole('radiogroup', { name: 'Effect', exact: true });
  await cards.getByRole('radio', { name: 'FIRE', checked: true }).waitFor();
  await cards.getByRole('radio', { name: 'PLASMA', exact: true }).click();
  await is(lamp, 'effect_id', 0xca07);
  await page.locator('nav.side').getByRole('link', { name: /Lamp\s*PLASMA/ }).waitFor();
  await cards.getByRole('radio', { name: 'PLASMA', checked: true }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await is(lamp, 'effect_id', 0xea08);
  await page.getByRole('radio', { name: 'Sound', exact: true }).click();
  assert.deepEqual(await cards.getByRole('radio').allTextContents(), ['EQUALIZER', 'VU METER', 'SPECTRUM']);
  await page.getByText('3 of 56 shown').waitFor();
  await page.getByLabel('Find an effect').fill('nothing');
  await page.getByText('No effect of this kind has').waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByLabel('Find an effect').fill('rain');
  assert.deepEqual(await cards.getByRole('radio').allTextContents(), ['DIAG RAINBOW', 'GLITTER RAINBOW', 'MATRIX RAIN', 'RAIN']);
  await page.getByLabel('Find an effect').fill('');
  const other = await openPage(browser, `${mock.url}/#/lamp`);
  lamp.set({ effect_id: 0xea01 });
  for (const p of [page, other.page]) await p.getByRole('radio', { name: 'SNOW FALL', checked: true }).waitFor();
  await page.getByText(/changed by radio remote \u201cdesk\u201d/).waitFor();
  await other.close();
}));

test('cards move by the effects\u2019 own code, only those in view; still where motion is not wanted', async () => {
  const look = (page, name) => page.getByRole('radiogroup', { name: 'Effect', exact: true }).getByRole('radio', { name, exact: true }).locator('canvas').evaluate((c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 41 === 0).join());
  const hasCode = (page) => page.evaluate(() => performance.getEntriesByType('resource').some((r) => r.name.endsWith('.wasm')));
  await onLamp({}, async ({ page, lamp }) => {
    const lit = await until((s) => /[1-9]\d\d/.test(s), () => look(page, 'PLASMA'));
    if (await hasCode(page)) await until((s) => s !== lit, () => look(page, 'PLASMA'));
    // The last ones are below the window.
    const dark = await look(page, 'TEXT WAVE');
    await frames(lamp, 6);
    assert.equal(await look(page, 'TEXT WAVE'), dark);
    await page.getByRole('radio', { name: 'TEXT WAVE' }).scrollIntoViewIfNeeded();
    await until((s) => s !== dark, () => look(page, 'TEXT WAVE'));
  }, { reducedMotion: 'no-preference' });
  await onLamp({}, async ({ page, lamp }) => {
    await until((s) => /[1-9]\d\d/.test(s), () => look(page, 'PLASMA'));
    await page.waitForFunction(() => performance.getEntriesByType('resource').every((r) => r.responseEnd > 0));
    await frames(lamp, 10);
    const still = await look(page, 'PLASMA');
    await frames(lamp, 10);
    assert.equal(await look(page, 'PLASMA'), still);
  });
});

test('sliders are sent while dragged, ten times a second at most, and end where the hand left them', () => onLamp({}, async ({ page, lamp }) => {
  const speed = page.getByRole('slider', { name: 'Speed' });
  await speed.waitFor();
  const box = await speed.boundingBox();
  await page.mouse.move(box.x + 30, box.y + box.height / 2);
  await page.mouse.down();
  const from = Date.now();
  for (let i = 1; i <= 60; i++) await page.mouse.move(box.x + 30 + i * 2, box.y + box.height / 2);
  const took = Date.now() - from;
  await page.mouse.up();
  const shown = +(await speed.inputValue());
  await is(lamp, 'speed_pct', shown);
  const sent = lamp.posts.filter((b) => b.speed_pct != null);
  assert.ok(sent.length >= 1 && sent.length <= 3 + took / 100, `${sent.length} requests in ${took} ms`);
  assert.equal(sent.at(-1).speed_pct, shown);
  await page.getByRole('slider', { name: 'Intensity' }).focus();
  await page.keyboard.press('End');
  await is(lamp, 'intensity', 255);
  await page.getByRole('slider', { name: 'Brightness' }).fill('0');
  await is(lamp, 'brightness', 0);
}));

test('palette, colours, text and how long they take', () => onLamp({}, async ({ page, lamp }) => {
  const palettes = page.getByRole('radiogroup', { name: 'Palette' });
  await palettes.getByRole('radio', { name: 'auto: FIRE', checked: true }).waitFor();
  await page.getByLabel('Transition').selectOption('1500');
  await palettes.getByRole('radio', { name: 'OCEAN' }).click();
  await is(lamp, 'palette_index', 2);
  assert.equal(lamp.posts.at(-1).transition_ms, 1500);
  await tile(page, 'Palette OCEAN').waitFor();
  await palettes.getByRole('radio', { name: 'OCEAN' }).press('ArrowUp');
  await page.keyboard.press('Enter');
  await is(lamp, 'palette_index', 0);
  assert.equal(await page.getByLabel('Primary colour').count(), 0, 'FIRE takes no colours');
  lamp.set({ effect_id: 0xea1f });
  await page.getByLabel('Primary colour').fill('#00ff88');
  await is(lamp, 'colors', ['#00ff88', '#000000', '#0000ff']);
  const text = page.getByLabel('Text', { exact: false }).and(page.locator('#lamp-text'));
  await text.fill('Hello');
  await is(lamp, 'text', 'Hello');
  await text.fill('\u{1F426}'.repeat(16));
  await page.getByText('Text has 64 bytes, limit 63. The lamp shows what it had.').waitFor();
  assert.equal(await text.getAttribute('aria-invalid'), 'true');
  assert.equal(lamp.state.text, 'Hello');
}));

test('overlay: on and off, what the face does, how it is laid over, where it looks', () => onLamp({}, async ({ page, lamp }) => {
  const overlay = tile(page, 'Overlay');
  await overlay.getByRole('radio', { name: 'Speak' }).click();
  await overlay.getByRole('radio', { name: 'Add' }).click();
  await until((o) => o.mode === 'speak' && o.blend === 'add', () => lamp.state.overlay);
  const dial = overlay.getByRole('slider', { name: 'Direction' });
  const box = await dial.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 10, box.y + box.height / 2, { steps: 6 });
  await page.mouse.up();
  await until((o) => o.angle_deg === 90, () => lamp.state.overlay);
  assert.equal(await dial.getAttribute('aria-valuetext'), '90 degrees');
  await dial.focus();
  await page.keyboard.press('Shift+ArrowRight');
  await until((o) => o.angle_deg === 105, () => lamp.state.overlay);
  await overlay.getByRole('switch', { name: 'Overlay' }).click();
  await until((o) => o.enabled === false, () => lamp.state.overlay);
}));

test('power: off, on, switching, and a failure with its reason', () => onLamp({}, async ({ page, lamp }) => {
  const power = page.getByRole('switch', { name: 'Power' });
  await power.click();
  await page.getByText('The lamp is off.', { exact: true }).waitFor();
  await page.locator('nav.side').getByRole('link', { name: /Lamp\s*off/ }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Record' }).isDisabled());
  lamp.failPower = true;
  await power.click();
  await page.getByText('Power failed: the panels\' switch does not go on. The lamp stays dark.').waitFor();
  await page.locator('nav.side').getByRole('link', { name: /Lamp\s*failed/ }).waitFor();
  lamp.failPower = false;
  await page.getByRole('button', { name: 'Switch on again' }).click();
  await page.getByRole('img', { name: /^Live picture of the lamp/ }).waitFor();
  assert.equal(await page.locator('.note.bad').count(), 0);
}));

test('the touch button is held by hand and by key, and never stays down', () => onLamp({}, async ({ page, lamp }) => {
  const touch = tile(page, 'Touch button');
  const pad = touch.getByRole('button', { name: 'Press and hold' });
  await touch.getByText('Not pressed yet.').waitFor();
  const box = await pad.boundingBox();
  await pad.scrollIntoViewIfNeeded();
  await pad.hover();
  await page.mouse.down();
  await until((p) => p.join() === 'true', () => lamp.presses);
  await touch.getByRole('button', { pressed: true }).waitFor();
  await page.mouse.move(box.x + 300, 20);
  await page.mouse.up();
  await until((p) => p.join() === 'true,false', () => lamp.presses);
  await touch.getByText(/^One click from here, \d+ m?s ago\./).waitFor();
  await pad.focus();
  await page.keyboard.down('Space');
  await until((p) => p.length === 3, () => lamp.presses);
  await page.evaluate(() => dispatchEvent(new Event('blur')));
  await until((p) => p.join() === 'true,false,true,false', () => lamp.presses);
  await page.keyboard.up('Space');
}));

test('remotes by radio: heard, paired with a code, forgotten', () => onLamp({}, async ({ page, lamp }) => {
  const radio = tile(page, 'Radio peers');
  const row = (name) => radio.getByRole('table', { name: 'Radio peers' }).getByRole('row', { name });
  await row(/desk paired \u221252 dBm 7\.1 ms 0/).waitFor();
  await row(/old remote version 1 \u221280 dBm 31\.0 ms 12/).waitFor();
  await radio.getByRole('button', { name: 'Pair a remote' }).click();
  await radio.getByText('Waits for a remote: hold its pairing key now.').waitFor();
  await radio.getByText(/^(60|59|58) s left$/).waitFor();
  lamp.asks('porch', '047113');
  await radio.getByText('047 113').waitFor();
  await radio.getByRole('button', { name: 'The same' }).click();
  await row(/porch paired/).waitFor();
  await radio.getByRole('button', { name: 'Forget porch' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click();
  await row(/porch/).waitFor({ state: 'detached' });
  await radio.getByRole('button', { name: 'Pair a remote' }).click();
  await radio.getByRole('button', { name: 'Close' }).click();
  await radio.getByRole('button', { name: 'Pair a remote' }).waitFor();
  assert.equal(lamp.radio.pairing, null);
}));

test('live data: who has the canvas, how it arrives, taken back and refused', () => onLamp({}, async ({ page, lamp }) => {
  await page.getByRole('group', { name: 'The effects have the canvas' }).waitFor();
  const live = tile(page, 'Live inputs');
  await live.getByText('Nobody sends. After 2.5 s without a frame the effect comes back.').waitFor();
  await live.getByText('WLED UDP 21324: address in use').waitFor();
  await live.getByRole('table', { name: 'Controllers' }).getByText('DDP 10.0.0.20').waitFor();
  lamp.sends('DDP', '10.0.0.7');
  await page.getByRole('img', { name: 'Live picture of the lamp: DDP from 10.0.0.7.' }).waitFor();
  await page.locator('nav.side').getByRole('link', { name: /Lamp\s*DDP/ }).waitFor();
  await live.getByRole('table', { name: 'Senders' }).getByRole('row', { name: /DDP 10\.0\.0\.7 40\.0 0\.8 ms 3/ }).waitFor();
  await live.getByRole('button', { name: 'Release' }).click();
  await page.getByRole('group', { name: 'The effects have the canvas' }).waitFor();
  lamp.sends('Art-Net', '10.0.0.8');
  await page.getByRole('group', { name: 'Art-Net from 10.0.0.8 has the canvas' }).getByRole('button', { name: 'Effects' }).click();
  await until((v) => v === null, () => lamp.live);
  await live.getByRole('switch', { name: 'Take live data' }).click();
  await live.getByText('Nobody sends. Who sends is refused.').waitFor();
  assert.equal(lamp.takesLive, false);
}));

test('a refusal is told in the hub\u2019s words and the control goes back', () => onLamp({}, async ({ page, lamp }) => {
  lamp.refuse = [503, 'full', 'lamp.queue_max: 16 commands wait, limit 16. Nothing was changed.'];
  await page.getByRole('radio', { name: 'LAVA', exact: true }).first().click();
  await page.getByText('lamp.queue_max: 16 commands wait, limit 16. Nothing was changed.').waitFor();
  await page.getByRole('radio', { name: 'FIRE', exact: true, checked: true }).waitFor();
  lamp.refuse = null;
  lamp.silent = true;
  await page.getByRole('radio', { name: 'Speak' }).click();
  await page.locator('.ovl.waits').waitFor();
  await page.getByText('No answer from the hub for 3 s. It may not have changed.').waitFor();
  await page.getByRole('radio', { name: 'Listen', checked: true }).waitFor();
}, { faulty: true }));

test('a palette is copied, edited on the lamp, renamed, removed, and the removal undone', () => onLamp({}, async ({ page, lamp, mock }) => {
  const editor = page.locator('.pal-ed');
  lamp.set({ palette_index: 1 });
  await tile(page, 'Palette EMBER').waitFor();
  await editor.getByText('Built in: copy it to change it.').waitFor();
  assert.ok(await editor.getByLabel('Colour as hex').isDisabled());
  await editor.getByRole('button', { name: 'Copy as new' }).click();
  await is(lamp, 'palette_index', 32);
  await tile(page, 'Palette EMBER 2').waitFor();
  const stops = () => lamp.own[0].stops;
  const third = editor.getByRole('slider', { name: /^Stop 3/ });
  await third.click();
  await editor.getByLabel('Colour as hex').fill('#00ff00');
  await until((s) => s[2].color === '#00ff00', stops);
  const box = await third.boundingBox();
  const bar = await editor.locator('.stops').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(bar.x + bar.width * 0.6, box.y + 4, { steps: 5 });
  await page.mouse.up();
  await until((s) => Math.abs(s[2].at - 153) < 3, stops);
  await third.focus();
  await page.keyboard.press('ArrowRight');
  await until((s) => s[2].at > 154 && s[2].at < 159, stops);
  await page.mouse.click(bar.x + bar.width * 0.1, bar.y + 6);
  await until((s) => s.length === 6, stops);
  await editor.getByRole('slider', { name: /^Stop 2/ }).focus();
  await page.keyboard.press('Delete');
  await until((s) => s.length === 5, stops);
  await editor.getByRole('button', { name: 'Add stop' }).click();
  await until((s) => s.length === 6, stops);
  await editor.getByRole('button', { name: 'Remove stop' }).click();
  await until((s) => s.length === 5, stops);
  await editor.getByRole('radio', { name: 'Stepped' }).click();
  await until(Boolean, () => lamp.own[0].stepped);
  await editor.getByLabel(/^Name/).fill('');
  await editor.getByText('Name is empty. It is not saved yet.').waitFor();
  await editor.getByLabel(/^Name/).fill('Moss');
  await until((n) => n === 'Moss', () => lamp.own[0].name);
  // Refused: said, and what was made stays.
  mock.fail('/api/lamp/palettes/32');
  await editor.getByRole('radio', { name: 'Smooth' }).click();
  await editor.getByText('The hub is busy. Nothing was changed.').waitFor();
  mock.fail(null);
  await editor.getByRole('radio', { name: 'Stepped' }).click();
  await editor.getByText('The hub is busy. Nothing was changed.').waitFor({ state: 'detached' });
  // Not as it goes, but when it is saved.
  await editor.getByRole('switch', { name: 'Save as I go' }).click();
  const written = lamp.palettesWritten;
  await editor.getByLabel('Position of the stop in percent').fill('5');
  await page.keyboard.press('Tab');
  await frames(lamp, 9);
  assert.equal(lamp.palettesWritten, written);
  await editor.getByRole('button', { name: 'Save', exact: true }).click();
  await until((n) => n === written + 1, () => lamp.palettesWritten);
  await editor.getByRole('button', { name: 'Remove', exact: true }).click();
  await until((n) => n === 0, () => lamp.own.length);
  await is(lamp, 'palette_index', 255);
  await page.getByRole('button', { name: 'Undo' }).click();
  await until((n) => n === 1, () => lamp.own.length);
  await is(lamp, 'palette_index', 32);
}, { faulty: true }));

test('a palette that somebody else made is known once the lamp shows it', () => onLamp({}, async ({ page, lamp }) => {
  await page.getByRole('radio', { name: 'EMBER', exact: true }).waitFor();
  lamp.own.push({ name: 'THEIRS', own: true, stepped: false, stops: [{ at: 0, color: '#ff0000' }] });
  lamp.set({ palette_index: 32 });
  await page.getByRole('radio', { name: 'THEIRS', checked: true }).waitFor();
  await tile(page, 'Palette THEIRS').waitFor();
}));

test('current, statistics and the state of the queue are figures of the hub', () => onLamp({ brightness: 255 }, async ({ page }) => {
  await tile(page, 'Current').getByText('limiting', { exact: true }).waitFor();
  assert.match(await tile(page, 'Current').innerText(), /4\.00\s*A/);
  await tile(page, 'Current').getByRole('group', { name: /^Current, estimate\. current/ }).waitFor();
  assert.match(await tile(page, 'Statistics').innerText(), /22\.0 of 22 fps[\s\S]*1\.4 ms[\s\S]*most 2 of 16/);
}));

test('memory short: what could not be had says so, and comes with another try', () => onLamp({}, async ({ page, mock }) => {
  for (const [path, where] of [['/api/lamp/effects', 'Effects'], ['/api/lamp/palettes', 'Look']]) {
    mock.fail(path);
    await page.reload();
    await tile(page, where).getByText('The hub is busy. Nothing was changed.').waitFor();
    mock.fail(null);
    await tile(page, where).getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('radio', { name: 'FIRE', exact: true }).first().waitFor();
    await tile(page, where).getByRole('alert').waitFor({ state: 'detached' });
  }
}, { faulty: true }));

test('a break: values stay, controls rest, and all comes back by itself', () => onLamp({}, async ({ page, mock }) => {
  await page.getByRole('radio', { name: 'FIRE', exact: true, checked: true }).waitFor();
  mock.control.noFeed = true;
  mock.dropSockets();
  await page.locator('.live.offline').waitFor();
  await page.locator('.lampbox canvas.stale').waitFor();
  assert.ok(await page.getByRole('slider', { name: 'Brightness' }).isDisabled());
  mock.control.noFeed = false;
  await page.locator('.live.live').waitFor();
  await page.locator('.lampbox canvas:not(.stale)').waitFor();
  const first = await sample(page);
  await until((s) => s !== first, () => sample(page));
}, { faulty: true }));

test('a hub without a lamp: no entry, and the page says which lines make one', () => onLamp(false, async ({ page }) => {
  await page.getByText(/^lamp:\s+enabled: true/).waitFor();
  assert.equal(await page.locator('nav.side').getByRole('link', { name: /^Lamp/ }).count(), 0);
}, { faulty: true }));

test('Home: the lamp is seen and set; without one its place is not kept', () => onLamp({}, async ({ page, lamp }) => {
  const home = page.locator('.home-lamp');
  await home.getByRole('img', { name: /^Live picture/ }).waitFor();
  const first = await sample(page);
  await until((s) => s !== first, () => sample(page));
  await home.getByRole('button', { name: 'Next effect' }).click();
  await is(lamp, 'effect_id', 0xca02);
  await home.getByRole('button', { name: 'Previous effect' }).click();
  await is(lamp, 'effect_id', 0xca01);
  await home.getByRole('button', { name: 'AURORA' }).click();
  await is(lamp, 'effect_id', 0xca09);
  await home.getByRole('slider', { name: 'Brightness' }).fill('51');
  await is(lamp, 'brightness', 51);
  await home.getByRole('button', { name: 'Pause' }).click();
  await is(lamp, 'paused', true);
  await home.getByRole('switch', { name: 'Power of the lamp' }).click();
  await is(lamp, 'power_state', 'off');
  const bare = await startMock({ lamp: false });
  const { page: other, close, faults } = await openPage(browser, bare.url + '/#/home');
  await other.getByRole('heading', { name: 'Recent events' }).waitFor();
  assert.equal(await other.locator('.home-lamp').count(), 0);
  assert.deepEqual(faults, []);
  await close();
  await bare.stop();
}, { at: 'home' }));

test('an operator has the lamp too', async () => {
  const mock = await startMock({ password: 'correct horse', users: [{ username: 'olga', role: 'operator', password: 'nuthatches' }] });
  const { page, close } = await openPage(browser, mock.url + '/#/lamp', { ignore: ['401'] });
  await page.getByLabel('User').fill('olga');
  await page.getByLabel('Password').fill('nuthatches');
  await page.keyboard.press('Enter');
  await page.getByRole('radio', { name: 'PLASMA', exact: true }).first().click();
  await is(mock.lamp, 'effect_id', 0xca07);
  assert.deepEqual((mock.hub.refusedParts || []).filter((p) => p.startsWith('lamp')), []);
  await close();
  await mock.stop();
});

test('a lamp that stands upright, a large one, and the page at every size', async () => {
  for (const size of [{ width: 16, height: 48 }, { width: 128, height: 128 }]) {
    await onLamp(size, async ({ page }) => {
      await page.getByRole('img', { name: /^Live picture/ }).waitFor();
      const box = await picture(page).boundingBox();
      assert.ok(Math.abs(box.width / box.height - size.width / size.height) < 0.02, JSON.stringify(box));
      const first = await sample(page);
      await until((s) => s !== first, () => sample(page));
    });
  }
  const mock = await startMock();
  for (const theme of ['light', 'dark']) await everyPage(browser, mock.url, theme, [['lamp', 'Lamp']]);
  await mock.stop();
});
