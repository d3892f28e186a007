import test from 'node:test';
import assert from 'node:assert/strict';
import { decode, emojiId, encode, firstCharacter, fnv, userId } from '../src/pages/macropad/icon_file.js';
import { cellsOf, contentOf, fit, neighbour } from '../src/pages/macropad/layout.js';
import { readTiles, touchMessage } from '../src/pages/macropad/mirror.js';
import { TEMPLATES, blank, findings, fromClip, isUsed, readDocument, sentenceOf, setButton, setScreen, substitute, swap, toClip, usedIcons } from '../src/pages/macropad/model.js';

const LIMITS = { label_bytes: 15, payload_bytes: 255, topic_bytes: 127 };
const pad = () => readDocument({ screens: Array.from({ length: 8 }, () => ({ buttons: Array.from({ length: 16 }, () => ({})) })) });
const at = (screen, slot) => ({ screen, slot });

test('a document is read whole, with defaults for what it lacks, or refused in words', () => {
  const doc = pad();
  assert.equal(doc.screens[7].template, 'round_ring_9');
  assert.deepEqual(doc.defaults, { screen_bg: 0, button_bg: 0x1e1e1e, icon_color: 0xffffff, label_color: 0xffffff });
  assert.match(readDocument({}), /"screens" is missing/);
  assert.match(readDocument({ screens: [] }), /0 entries; there are 8/);
  assert.match(readDocument({ screens: [...doc.screens.slice(1), { buttons: [] }] }), /Screen 8/);
  const odd = pad();
  odd.screens[0].buttons[0] = { label: 7, action: 'SEND_KEYS', payload: 'a', icon: { type: 'star', id: 'x' }, button_bg: 0xff112233 };
  odd.screens[0].template = 'of_another_pad';
  const b = readDocument(odd).screens[0].buttons[0];
  assert.deepEqual([b.label, b.action, b.icon.type, b.button_bg], ['', 'send_keys', 'none', 0x112233]);
});

test('buttons are edited, moved and copied without touching the document before', () => {
  const doc = setButton(pad(), at(0, 1), { label: 'Light', action: 'mqtt_send', button_bg: 5 });
  const other = swap(doc, at(0, 1), at(3, 2));
  assert.equal(doc.screens[0].buttons[1].label, 'Light');
  assert.equal(other.screens[3].buttons[2].label, 'Light');
  assert.ok(!isUsed(other.screens[0].buttons[1]));
  assert.deepEqual(swap(other, at(0, 1), at(3, 2)), doc);
  assert.ok(!('button_bg' in setButton(doc, at(0, 1), { button_bg: undefined }).screens[0].buttons[1]), 'the default has no member');
  assert.deepEqual(fromClip(toClip('button', doc.screens[0].buttons[1])).button, doc.screens[0].buttons[1]);
  assert.equal(fromClip(toClip('screen', doc.screens[0])).screen.buttons[1].label, 'Light');
  assert.match(fromClip('x').finding, /Nothing was changed/);
  assert.equal(sentenceOf({ ...blank(), action: 'nav_to', payload: 'info' }, at(0, 2)), 'Slot 3, slot 3: go to a screen info');
  assert.equal(substitute({ ...blank(), action: 'mqtt_send' }, at(1, 2)), 'S2-B3 [MQTT]');
});

test('what is wrong with a button is told by field and limit', () => {
  const rows = [
    [{ label: 'ääääääää' }, 'label', /16 bytes, limit 15/],
    [{ action: 'mqtt_send' }, 'mqtt_topic', /needs a topic/],
    [{ action: 'mqtt_send', mqtt_topic: 'a/+/b' }, 'mqtt_topic', /"\+" at position 3/],
    [{ action: 'nav_to', payload: 'nowhere' }, 'payload', /no screen nowhere/],
    [{ action: 'send_keys', payload: ' ' }, 'payload', /empty/],
    [{ action: 'run_scenario' }, 'payload', /Which scenario/],
    [{ action: 'go_back', icon: { type: 'asset', id: 'user_gone', display: '' } }, 'icon', /user_gone is not installed/],
    [{ icon: { type: 'builtin', id: 'play', display: '' } }, 'icon', /without an action/],
  ];
  for (const [change, field, text] of rows) {
    const [f, more] = findings(setButton(pad(), at(2, 3), change), { limits: LIMITS, screens: ['macro1'], icons: new Set() });
    assert.deepEqual([f.at, f.field, more], [at(2, 3), field, undefined]);
    assert.match(f.text, text);
  }
  const hidden = setScreen(setButton(pad(), at(0, 8), { label: 'x' }), 0, { template: 'round_wide_sides_3' });
  assert.match(findings(hidden, {})[0].text, /not shown: this template has 3 slots/);
  assert.deepEqual(findings(pad(), { limits: LIMITS }), []);
});

test('each template has its slots within the panel; arrows lead to the neighbour', () => {
  for (const [id, { slots }] of Object.entries(TEMPLATES)) {
    const cells = cellsOf(id, 360, 360);
    assert.equal(cells.length, slots, id);
    for (const c of cells) {
      const numbers = c.path.match(/-?\d+(\.\d+)?/g).map(Number);
      assert.ok(numbers.every((v) => Number.isFinite(v) && Math.abs(v) <= 360), id);
      assert.ok(c.content.x >= 0 && c.content.x + c.content.w <= 360 && c.content.y >= 0 && c.content.y + c.content.h <= 360, id);
    }
    for (let slot = 0; slot < slots; slot++) {
      const reached = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].map((k) => neighbour(cells, slot, k)).filter((to) => to >= 0));
      assert.ok(reached.size, `${id} ${slot} is no dead end`);
    }
  }
  const ring = cellsOf('round_ring_9', 360, 360);
  assert.equal(neighbour(ring, 0, 'ArrowDown'), 8);
  assert.equal(neighbour(ring, 8, 'ArrowRight'), 2);
  assert.equal(neighbour(ring, 0, 'ArrowUp'), -1);
});

test('icon and label share a cell; a label takes the largest size that fits', () => {
  const cell = { content: { x: 10, y: 20, w: 80, h: 60 } };
  assert.deepEqual(contentOf(cell, false, true), { icon: null, label: cell.content });
  assert.equal(contentOf(cell, true, false).icon.size, 57);
  const both = contentOf(cell, true, true);
  assert.ok(both.icon.y + both.icon.size < both.label.y);
  const width = (t, size) => t.length * size * 0.6;
  assert.deepEqual(fit('ab', { w: 80, h: 60 }, width), { size: 30, lines: ['ab'] });
  assert.deepEqual(fit('one two', { w: 50, h: 60 }, width).lines, ['one', 'two']);
});

test('icons go out and come back; masks are white with their coverage', () => {
  const rgba = new Uint8ClampedArray([255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 0, 255, 255, 255, 255]);
  const file = encode(2, 2, rgba);
  assert.equal(String.fromCharCode(...file.slice(0, 4)), 'ICN1');
  assert.deepEqual([...file.slice(4, 19)], [2, 0, 2, 0, 1, 0, 0, 0, 12, 0, 0, 0, 0x00, 0xf8, 255]);
  assert.deepEqual(decode(file).rgba, rgba);
  assert.equal(decode(file.slice(0, 20)), null);
  const mask = Uint8Array.from([0x49, 0x43, 0x4e, 0x31, 1, 0, 2, 0, 2, 0, 0, 0, 2, 0, 0, 0, 7, 255]);
  assert.deepEqual([...decode(mask).rgba], [255, 255, 255, 7, 255, 255, 255, 255]);
});

test('ids of icons are as other clients make them', () => {
  assert.equal(emojiId('😀'), 'emoji_u1f600');
  assert.equal(emojiId('✌️'), 'emoji_u270c', 'a variation selector does not count');
  assert.match(emojiId('👨‍👩‍👧'), /^emoji_[0-9a-f]{8}$/);
  assert.equal(fnv([0x61]), 'e40c292c');
  assert.match(userId('My Photo (2).PNG', [1]), /^user_my_photo_2_[0-9a-f]{8}$/);
  assert.ok(userId('x'.repeat(90), [1]).length <= 31);
  assert.equal(firstCharacter(' 👨‍👩‍👧 and more'), '👨‍👩‍👧');
});

test('tiles of the live picture are unpacked; what is cut is refused', () => {
  const message = (...tile) => Uint8Array.from([1, 104, 1, 104, 1, ...tile]);
  const tiles = [];
  const read = (m) => readTiles(m, (x, y, w, h, rgba) => tiles.push([x, y, w, h, ...rgba]), () => {});
  // 2 x 2: a run of three red ones, then one blue as it is
  assert.ok(read(message(32, 0, 64, 0, 2, 2, 6, 0, 129, 0x00, 0xf8, 0, 0x1f, 0x00)));
  assert.deepEqual(tiles[0], [32, 64, 2, 2, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 0, 0, 255, 255]);
  assert.ok(!read(message(32, 0, 64, 0, 2, 2, 6, 0, 129, 0x00, 0xf8)));
  assert.ok(!read(message(0, 0, 0, 0, 2, 2, 3, 0, 255, 0, 0)), 'more pixels than the tile has');
  assert.equal(tiles.length, 1);
  assert.deepEqual([...touchMessage(1, 'up', 300, 7)], [1, 2, 44, 1, 7, 0]);
});

test('an icon is sent along once, however many buttons show it', () => {
  const icon = { type: 'emoji', id: 'emoji_u1f600', display: '😀' };
  const doc = setButton(setButton(pad(), at(0, 0), { icon, action: 'go_back' }), at(5, 2), { icon, action: 'nav_next' });
  assert.deepEqual(usedIcons(doc, 'emoji'), [icon]);
  assert.deepEqual(usedIcons(doc, 'asset'), []);
});
