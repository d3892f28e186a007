import test from 'node:test';
import assert from 'node:assert/strict';
import { cellsPath, runOutline, squareBytes, squares } from '../src/pages/memory/heapmap.js';
import { comesTo, limits, readEdit, shown, stillEdited } from '../src/pages/settings/values.js';
import { justBefore } from '../src/lib/topic.js';

test('map: squares go to who holds most of them, free stays free', () => {
  const map = { size_bytes: 4096, owners: ['core', 'mqtt'], blocks: [[0, 600, 0], [600, 424, 1], [1024, 100, 1], [1124, 2972, -1]] };
  const { square, cells, largest } = squares(map);
  assert.equal(square, 1024);
  assert.deepEqual(cells, ['core', 'mqtt', null, null]);
  assert.deepEqual(largest, { first: 2, end: 4, bytes: 2972 });
});

test('map: small blocks of one owner add up in a square', () => {
  const blocks = [[0, 400, 0], [400, 300, 1], [700, 300, 1]];
  assert.deepEqual(squares({ size_bytes: 1024, owners: ['a', 'b'], blocks }).cells, ['b']);
});

test('map: the square grows with the tier', () => {
  assert.equal(squareBytes(320 * 1024), 1024);
  assert.equal(squareBytes(8 << 20), 1024);
  assert.equal(squareBytes(32 << 20), 4096);
});

test('map: a hole smaller than a square frames nothing', () => {
  const { largest } = squares({ size_bytes: 2048, owners: ['a'], blocks: [[0, 100, 0], [100, 500, -1], [600, 1448, 0]] });
  assert.equal(largest.first, largest.end);
  assert.equal(squares({ size_bytes: 1024, owners: ['a'], blocks: [[0, 1024, 0]] }).largest, null);
});

test('map: paths', () => {
  assert.equal(cellsPath(3, 2, (i) => i === 2, 0), 'M0 1h1v1h-1z');
  assert.equal(runOutline(1, 3, 4), 'M1 0H3V1H1z');
  assert.equal(runOutline(0, 8, 4), 'M0 0H4V2H0z');
  assert.equal(runOutline(2, 6, 4), 'M2 0H4V1H2V2H0V1H2z');
});

const int = { pointer: '/a', type: 'int', min: 256, max: 1048576, value: 65536, unit: 'bytes' };
const text = { pointer: '/b', type: 'string', max: 4, value: 'x' };

test('settings: what was typed becomes a value or a finding with field, value, limit', () => {
  assert.deepEqual(readEdit(int, '1,024'), { value: 1024 });
  assert.deepEqual(readEdit(int, '12'), { finding: 'Value is 12, limits 256 to 1,048,576.' });
  assert.deepEqual(readEdit(int, '1.5'), { finding: '"1.5" is not a whole number.' });
  assert.deepEqual(readEdit(int, ''), { finding: '"" is not a whole number.' });
  assert.deepEqual(readEdit(text, '°°°'), { finding: 'Text has 6 bytes, limit 4.' });
  assert.deepEqual(readEdit({ type: 'bool' }, false), { value: false });
});

test('settings: an edit back to the value is none', () => {
  assert.deepEqual(stillEdited([int, text], { '/a': '65,536', '/b': 'y', '/gone': 1 }), { '/b': 'y' });
  assert.deepEqual(stillEdited([int], { '/a': 'wrong' }), { '/a': 'wrong' }, 'a finding stays in the form');
});

test('settings: words', () => {
  assert.equal(limits(int), '256 to 1,048,576');
  assert.equal(limits({ type: 'int', min: 1 }), 'from 1');
  assert.equal(limits(text), '4 bytes');
  assert.equal(shown({ type: 'bool' }, true), 'on');
  assert.equal(shown(text, ''), 'empty');
  assert.equal(comesTo(int, 65536), '64.0 KiB');
  assert.equal(comesTo({ type: 'int', unit: 'ms' }, 60000), '60 s');
});

test('topics: justBefore sorts before what was typed and after all smaller first letters', () => {
  for (const t of ['home', 'a', 'greenhouse/air']) {
    const before = justBefore(t);
    assert.ok(before < t);
    assert.ok(before >= t.slice(0, -1));
  }
});
