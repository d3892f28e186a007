// lamp_fx.test.mjs - the effects in WebAssembly draw, to the last bit, what the hub draws.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { crc32 } from './crc32.mjs';
import { LAMP_FX_URL, TEXT_MAX_BYTES, USES, lampFxOf, loadLampFx } from '../src/lib/lamp_fx.js';

const root = new URL('../../', import.meta.url);
const builds = ['bench', 'release', 'asan', 'debug'].map((b) => new URL(`build/${b}/web/lamp_fx.wasm`, root));
const file = process.env.NH_LAMP_WASM ?? builds.find((f) => existsSync(f));
assert.ok(file, 'lamp_fx.wasm is not built: cmake --build --preset release');
const fx = await lampFxOf(await WebAssembly.compile(readFileSync(file)));

// As tests/unit/test_lamp_fx_more.c has them.
const ROW = /\{"([^"]+)", 0x(\w+), 0x(\w+)\}/g;
const rows = [...readFileSync(new URL('tests/unit/lamp_fx_frames.inc', root), 'utf8').matchAll(ROW)].map(([, name, wide, tall]) => ({ name, wide: parseInt(wide, 16), tall: parseInt(tall, 16) }));

async function stage(name, width, height) {
  const lamp = await fx.open(width, height);
  assert.ok(lamp.effect(fx.effects.find((e) => e.name === name).id, 7));
  lamp.colors([0xff8020, 0x000000, 0x2040ff]);
  lamp.audio(150, Array.from({ length: 16 }, (_, i) => 250 - 14 * i));
  lamp.clock(52327);
  lamp.text('nuthatch é');
  return lamp;
}

// CRC-32 of R, G, B by rows from the bottom, as the hub counts it.
function frameCrc(lamp, timeMs) {
  const rgba = lamp.draw(timeMs);
  const rgb = new Uint8Array(lamp.width * lamp.height * 3);
  let at = 0;
  for (let y = lamp.height - 1; y >= 0; y--) for (let x = 0; x < lamp.width; x++) for (let k = 0; k < 3; k++) rgb[at++] = rgba[(y * lamp.width + x) * 4 + k];
  return crc32(rgb);
}

test('the list has every row, with names, kinds and palettes', () => {
  assert.ok(rows.length >= 28);
  assert.equal(fx.effects.length, rows.length);
  for (const { name } of rows) assert.ok(fx.effects.some((e) => e.name === name), name);
  for (const e of fx.effects) {
    assert.ok(e.kind && e.id > 0 && e.name.length <= 15, e.name);
    assert.ok(e.palette < fx.palettes.length);
  }
  assert.equal(new Set(fx.effects.map((e) => e.id)).size, fx.effects.length);
  assert.ok(fx.effects.find((e) => e.name === 'TEXT').uses & USES.TEXT);
  assert.equal(fx.palettes[0], 'RAINBOW');
  assert.deepEqual([...fx.swatch(0).slice(0, 4)], [255, 0, 0, 255]);
});

for (const { name, wide, tall } of rows)
  test(`${name}: the frames of the hub`, async () => {
    assert.equal(frameCrc(await stage(name, 48, 16), 1500), wide);
    assert.equal(frameCrc(await stage(name, 16, 48), 3200), tall);
  });

test('a size that is none, an effect that is none', async () => {
  for (const size of [[0, 4], [4, 0], [129, 1], [1, 129]]) await assert.rejects(fx.open(...size), RangeError);
  const lamp = await fx.open(128, 128);
  assert.equal(lamp.effect(0x1234), false);
  assert.equal(lamp.palette(fx.palettes.length), false);
  assert.equal(lamp.draw(0).length, 128 * 128 * 4);
});

test('lamps do not know of each other', async () => {
  const [a, b] = [await stage('NOISE', 16, 16), await stage('NOISE', 16, 16)];
  const before = frameCrc(a, 500);
  b.effect(fx.effects.find((e) => e.name === 'PLASMA').id);
  b.draw(900);
  assert.equal(frameCrc(a, 500), before);
});

test('palettes: by number, of one\'s own', async () => {
  const lamp = await stage('NOISE', 8, 8);
  const own = frameCrc(lamp, 300);
  lamp.palette(new Array(256).fill(0x123456));
  assert.deepEqual([...lamp.draw(300).slice(0, 4)], [0x12, 0x34, 0x56, 255]);
  lamp.palette(fx.effects.find((e) => e.name === 'NOISE').palette);
  assert.equal(frameCrc(lamp, 300), own);
});

test('a text that is too long ends between two characters', async () => {
  const lamp = await stage('TEXT', 128, 16);
  lamp.text('ü'.repeat(TEXT_MAX_BYTES));
  const long = frameCrc(lamp, 4000);
  lamp.text('ü'.repeat(Math.floor(TEXT_MAX_BYTES / 2)));
  assert.equal(frameCrc(lamp, 4000), long);
});

test('without an address there are no effects', async () => {
  assert.equal(LAMP_FX_URL, null);
  assert.equal(await loadLampFx(), null);
});
