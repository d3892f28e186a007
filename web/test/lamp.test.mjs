import test from 'node:test';
import assert from 'node:assert/strict';
import { angleAfterKey, angleOf, changedText, codeText, failureText, leftOf, listening, lossOf, shownEffects, shownPalette, sizeText, usesOf, wrapAngle } from '../src/pages/lamp/model.js';
import { addStop, colorAt, colourStop, copyName, expand, gradient, moveStop, nameFinding, parseHex, removeStop, widestGap } from '../src/pages/lamp/palette.js';
import { createAssembler, fitTo, lightTable, readMessage, toRgba } from '../src/pages/lamp/preview.js';
import { createSender } from '../src/pages/lamp/send.js';
import { ms, withPatch } from '../src/pages/lamp/words.js';

// ---- preview

// A message behind its channel byte: rows `row` to `row + rows` of a frame of `w` x `h`, all of value `v`.
function message({ w = 3, h = 2, row = 0, rows = h, flags = 128 | 1, number = 7, v = 9, brightness = 102 }) {
  const bytes = new Uint8Array(15 + rows * w * 3).fill(v, 15);
  const view = new DataView(bytes.buffer);
  bytes.set([1, flags, brightness]);
  [w, h].forEach((n, i) => view.setUint16(3 + 2 * i, n, true));
  view.setUint32(7, number, true);
  view.setUint16(11, row, true);
  view.setUint16(13, rows, true);
  return bytes;
}

test('a message of the preview is read, and refused when anything about its size is wrong', () => {
  const m = readMessage(message({ number: 0x12345678 }));
  assert.deepEqual([m.width, m.height, m.number, m.brightness, m.flags, m.isLast, m.row, m.rows, m.rgb.length], [3, 2, 0x12345678, 102, 1, true, 0, 2, 18]);
  for (const [name, bytes] of [
    ['cut', message({}).subarray(0, -1)], ['too long', new Uint8Array([...message({}), 0])], ['no head', new Uint8Array(14)], ['empty', new Uint8Array(0)],
    ['another version', message({}).with(0, 2)], ['no width', message({ w: 0 })], ['too wide', message({ w: 129, h: 1 })], ['rows past the top', message({ row: 1, rows: 2 })],
  ]) assert.equal(readMessage(bytes), null, name);
});

test('a frame in pieces is given whole, once, and never from two frames', () => {
  const take = createAssembler();
  assert.equal(take(message({ h: 4, row: 0, rows: 2, flags: 1, v: 1 })), null);
  const frame = take(message({ h: 4, row: 2, rows: 2, v: 2 }));
  assert.deepEqual([frame.number, frame.flags, frame.rgb[0], frame.rgb[17], frame.rgb[18], frame.rgb[35]], [7, 1, 1, 1, 2, 2]);
  // The end of another frame, a row left out, a last piece that is not the end: nothing.
  assert.equal(take(message({ h: 4, row: 0, rows: 2, flags: 1, number: 8 })), null);
  assert.equal(take(message({ h: 4, row: 2, rows: 2, number: 9 })), null);
  assert.equal(take(message({ h: 4, row: 0, rows: 1, flags: 1, number: 10 })), null);
  assert.equal(take(message({ h: 4, row: 2, rows: 2, number: 10 })), null);
  assert.equal(take(message({ h: 4, row: 0, rows: 2, number: 11 })), null);
  // And the next whole one is shown; another size is one of its own.
  assert.equal(take(message({ h: 4, number: 12, v: 5 })).rgb.every((v) => v === 5), true);
  assert.equal(take(message({ w: 5, h: 1, number: 13 })).rgb.length, 15);
  assert.equal(take(new Uint8Array(3)), null);
});

test('colours of the picture: rows turned over, darker with less brightness, black at none', () => {
  const light = lightTable(255);
  assert.deepEqual([light[0], light[255]], [0, 255]);
  assert.ok(lightTable(64)[255] > 100 && lightTable(64)[255] < 160);
  assert.ok(lightTable(0).every((v) => v === 0));
  for (let v = 1; v < 256; v++) assert.ok(light[v] >= light[v - 1]);
  const rgba = toRgba(Uint8Array.of(255, 0, 0, 0, 0, 255), 1, 2, light);
  assert.deepEqual([...rgba], [0, 0, 255, 255, 255, 0, 0, 255]);
  assert.deepEqual(fitTo(48, 16, 960, 400), [960, 320]);
  assert.deepEqual(fitTo(16, 48, 960, 480), [160, 480]);
});

// ---- palettes

const P = { name: 'EMBER', stepped: false, stops: [{ at: 0, color: '#000000' }, { at: 100, color: '#ff0000' }, { at: 255, color: '#ffffff' }] };

test('a palette is mixed between its stops, or stepped', () => {
  assert.equal(colorAt(P, 0), '#000000');
  assert.equal(colorAt(P, 50), '#800000');
  assert.equal(colorAt(P, 255), '#ffffff');
  assert.equal(colorAt({ ...P, stepped: true }, 99), '#000000');
  assert.equal(colorAt({ ...P, stepped: true }, 100), '#ff0000');
  assert.equal(colorAt({ stops: [{ at: 40, color: '#123456' }] }, 200), '#123456');
  const all = expand(P);
  assert.deepEqual([all.length, all[0], all[100], all[255]], [256, 0, 0xff0000, 0xffffff]);
  assert.equal(gradient(P), 'linear-gradient(90deg, #000000 0%, #ff0000 39.2%, #ffffff 100%)');
  assert.equal(gradient({ ...P, stepped: true }), 'linear-gradient(90deg, #000000 0% 39.2%, #ff0000 39.2% 100%, #ffffff 100% 100%)');
  assert.match(gradient({ stops: [{ at: 0, color: '#123456' }] }), /#123456 0%, #123456 0%/);
});

test('stops are moved, added, coloured and removed without touching the palette before', () => {
  const [moved, at] = moveStop(P, 0, 200);
  assert.deepEqual([moved.stops.map((s) => s.at), at], [[100, 200, 255], 1]);
  assert.deepEqual(moveStop(P, 2, 999)[0].stops[2].at, 255);
  assert.deepEqual(moveStop(P, 0, -5)[0].stops[0].at, 0);
  const [more, i] = addStop(P, 50);
  assert.deepEqual([more.stops[i], more.stops.length], [{ at: 50, color: '#800000' }, 4]);
  const full = { ...P, stops: Array.from({ length: 16 }, (_, k) => ({ at: k * 17, color: '#000000' })) };
  assert.deepEqual(addStop(full, 5), [full, -1]);
  assert.equal(colourStop(P, 1, '#00ff00').stops[1].color, '#00ff00');
  assert.deepEqual(removeStop(P, 2)[1], 1);
  const one = { ...P, stops: P.stops.slice(0, 1) };
  assert.deepEqual(removeStop(one, 0), [one, 0], 'the last one stays');
  assert.equal(widestGap(P), 178);
  assert.deepEqual(P.stops.map((s) => [s.at, s.color]), [[0, '#000000'], [100, '#ff0000'], [255, '#ffffff']]);
});

test('any edits leave stops in order, of one to sixteen', () => {
  let seed = 12345;
  const random = (n) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
  let p = P;
  for (let k = 0; k < 2000; k++) {
    const i = random(p.stops.length);
    [p] = [() => moveStop(p, i, random(300) - 20), () => addStop(p, random(256)), () => removeStop(p, i)][random(3)]();
    assert.ok(p.stops.length >= 1 && p.stops.length <= 16);
    for (let s = 1; s < p.stops.length; s++) assert.ok(p.stops[s].at >= p.stops[s - 1].at);
    assert.ok(p.stops.every((s) => s.at >= 0 && s.at <= 255 && /^#[0-9a-f]{6}$/.test(s.color)));
  }
});

test('colours as people type them', () => {
  for (const [text, hex] of [['#FF6A00', '#ff6a00'], ['f60', '#ff6600'], [' 00ff00 ', '#00ff00'], ['#12345', null], ['red', null], ['', null], ['#1234567', null]]) assert.equal(parseHex(text), hex, text);
});

test('names of palettes: what is wrong with one, and what a copy is called', () => {
  assert.equal(nameFinding('Sunset'), '');
  assert.match(nameFinding('A name too long!'), /16 characters, limit 15/);
  assert.match(nameFinding(' '), /empty/);
  assert.match(nameFinding('\u00fcber'), /ASCII/);
  assert.match(nameFinding('A', ['A']), /Another palette/);
  assert.equal(copyName('EMBER', ['EMBER']), 'EMBER 2');
  assert.equal(copyName('EMBER 2', ['EMBER', 'EMBER 2']), 'EMBER 3');
  assert.equal(copyName('ABCDEFGHIJKLMNO', []).length, 15);
});

// ---- what is set, on its way

// Time and answers made by hand.
function rig() {
  let now = 0;
  let timers = [];
  const posts = [];
  const seen = { states: [], refused: [], pending: {} };
  const sender = createSender({
    post: (patch) => new Promise((resolve, reject) => posts.push({ patch, at: now, resolve, reject })),
    onState: (s) => seen.states.push(s),
    onRefused: (e, patch) => seen.refused.push([e.message, patch]),
    onPending: (p) => { seen.pending = p; },
    now: () => now,
    after: (fn, ms_) => { const t = { fn, at: now + ms_ }; timers.push(t); return t; },
    cancel: (t) => { timers = timers.filter((x) => x !== t); },
  });
  const pass = async (to) => {
    while (now < to) {
      now++;
      for (const t of timers.filter((x) => x.at <= now)) {
        timers = timers.filter((x) => x !== t);
        t.fn();
      }
      await null;
    }
  };
  const answer = async (i, state) => {
    posts[i].resolve(state);
    await null;
    await null;
  };
  return { sender, posts, seen, pass, answer, refuse: async (i, text) => { posts[i].reject(new Error(text)); await null; await null; } };
}

test('a slider that is dragged sends ten a second at most, and the last value always', async () => {
  const r = rig();
  for (let v = 0; v <= 100; v++) {
    r.sender.put({ brightness: v }, true);
    await r.pass(v * 10);
    for (let i = 0; i < r.posts.length; i++) await r.answer(i, i);
  }
  r.sender.put({ brightness: 100 });
  await r.pass(2000);
  assert.ok(r.posts.length >= 8 && r.posts.length <= 12, `${r.posts.length} in a second`);
  assert.deepEqual(r.posts.at(-1).patch, { brightness: 100 });
  for (let i = 1; i < r.posts.length - 1; i++) assert.ok(r.posts[i].at - r.posts[i - 1].at >= 100);
});

test('a choice goes at once; what is set meanwhile waits for the answer, joined', async () => {
  const r = rig();
  r.sender.put({ effect: 1 });
  assert.equal(r.posts.length, 1);
  r.sender.put({ overlay: { enabled: true } });
  r.sender.put({ overlay: { mode: 'speak' }, paused: true });
  assert.equal(r.posts.length, 1);
  assert.deepEqual(r.seen.pending, { effect: 1, overlay: { enabled: true, mode: 'speak' }, paused: true });
  await r.answer(0, 'first');
  await r.pass(200);
  assert.deepEqual(r.posts[1].patch, { overlay: { enabled: true, mode: 'speak' }, paused: true });
  await r.answer(1, 'second');
  assert.deepEqual([r.seen.states, r.seen.pending], [['first', 'second'], {}]);
});

test('a refusal and a silence of three seconds are told, and nothing stays pending', async () => {
  const r = rig();
  r.sender.put({ brightness: 1 });
  await r.refuse(0, 'The queue is full.');
  assert.deepEqual([r.seen.refused, r.seen.pending], [[['The queue is full.', { brightness: 1 }]], {}]);
  r.sender.put({ brightness: 2 });
  await r.pass(3500);
  assert.match(r.seen.refused[1][0], /No answer from the hub for 3 s/);
  assert.deepEqual(r.seen.pending, {});
  await r.answer(1, 'late');
  assert.deepEqual(r.seen.states, ['late'], 'a late answer is still the state');
  r.sender.put({ brightness: 3 });
  assert.equal(r.posts.length, 3);
});

// ---- words

const LAMP = { power: true, effect: 'FIRE', effect_id: 7, palette: 'auto', palette_index: 255, colors: ['#1', '#2', '#3'], overlay: { enabled: true, mode: 'idle' }, at: 1000, changed: { by: 'radio', who: 'desk', ago_ms: 41000 } };
const EFFECTS = [{ id: 7, name: 'FIRE', kind: 'noise', palette: 'EMBER', uses: ['palette'] }, { id: 8, name: 'SNOW FALL', kind: 'particles', palette: 'ICE', uses: [] }];

test('the lamp with what has no answer yet', () => {
  const next = withPatch(LAMP, { effect: 8, overlay: { mode: 'speak' }, colors: ['#9'], palette: 3 });
  assert.deepEqual([next.effect_id, next.overlay, next.colors, next.palette_index], [8, { enabled: true, mode: 'speak' }, ['#9', '#2', '#3'], 3]);
  assert.equal(withPatch({ ...LAMP, palette_index: 3 }, { palette: 'auto' }).palette_index, 255);
  assert.deepEqual(withPatch(LAMP, {}), LAMP);
});

test('words and figures', () => {
  assert.equal(changedText(LAMP, 2000), 'changed by radio remote \u201cdesk\u201d, 42 s ago');
  assert.equal(changedText({ changed: { by: 'boot', who: '', ago_ms: null } }, 0), 'not changed yet');
  assert.equal(failureText({ power_fault: 'the panels\' switch does not go on' }), 'Power failed: the panels\' switch does not go on. The lamp stays dark.');
  assert.match(failureText({ power_fault: 'the render task does not stop' }), /The panels keep their supply\.$/);
  assert.equal(sizeText({ width: 16, height: 48, panels: 3, pixels: 768 }), '16 \u00d7 48, 3 panels, 768 pixels');
  assert.deepEqual([ms(80), ms(2100), ms(23040), ms(null)], ['0.08 ms', '2.1 ms', '23 ms', '']);
  assert.deepEqual(shownEffects(EFFECTS, 'all', 'fall SNOW').map((e) => e.id), [8]);
  assert.deepEqual(shownEffects(EFFECTS, 'noise', 'snow'), []);
  assert.equal(shownPalette(LAMP, EFFECTS, [{ index: 0, name: 'ICE' }, { index: 1, name: 'EMBER' }]).index, 1);
  assert.equal(shownPalette({ ...LAMP, palette_index: 0 }, EFFECTS, [{ index: 0, name: 'ICE' }]).name, 'ICE');
  assert.deepEqual(usesOf({ effect_id: 99 }, EFFECTS), []);
});

test('pairing: what is left of the window, and the code', () => {
  assert.deepEqual([leftOf(null, 0), leftOf({ left_s: 60 }, 0), leftOf({ left_s: 60 }, 1500), leftOf({ left_s: 60 }, 61000)], [0, 60, 59, 0]);
  assert.equal(codeText('047113'), '047 113');
});

test('live data: which protocols may come, and what was lost', () => {
  const ports = [{ name: 'DDP' }, { name: 'E1.31', error: 'address in use' }, { name: 'Art-Net', error: null }, { name: 'WLED UDP' }, { name: 'TPM2.NET' }];
  assert.deepEqual(listening({ enabled: true, ports }), ['DDP', 'Art-Net', 'WLED UDP']);
  assert.deepEqual(listening({ enabled: false, ports }), []);
  assert.equal(lossOf({ incomplete: 2, late: 1, refused: 9 }), 3);
});

test('directions: clockwise from straight away, around the end', () => {
  assert.deepEqual([angleOf(0, -1), angleOf(1, 0), angleOf(0, 1), angleOf(-1, 0)], [0, 90, 180, 270]);
  assert.deepEqual([wrapAngle(-1), wrapAngle(360), wrapAngle(725)], [359, 0, 5]);
  assert.deepEqual([angleAfterKey('ArrowLeft', 0, false), angleAfterKey('ArrowRight', 350, true), angleAfterKey('Home', 90), angleAfterKey('x', 90), angleAfterKey('ArrowUp', null, false)], [359, 5, 0, null, 1]);
});
