import test from 'node:test';
import assert from 'node:assert/strict';
import { decimate } from '../src/lib/decimate.js';

const range = (n, fn) => Array.from({ length: n }, (_, i) => fn(i));

test('short data comes back as it is', () => {
  const cols = [[1, 2, 3], [4, 5, 6]];
  assert.equal(decimate(cols, 2), cols);
  assert.equal(decimate(cols, 0), cols);
});

test('a cliff of one sample survives', () => {
  const cols = [range(10000, (i) => i), range(10000, (i) => (i === 7777 ? 3 : 170))];
  const out = decimate(cols, 100);
  assert.ok(out[0].length <= 202);
  assert.equal(Math.min(...out[1]), 3);
  assert.equal(Math.max(...out[1]), 170);
});

test('the least and greatest of every column survive in order of time', () => {
  let seed = 5;
  const rnd = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let round = 0; round < 50; round++) {
    const n = 500 + Math.floor(rnd() * 2000);
    const cols = [range(n, (i) => i * 10), range(n, () => rnd() * 100), range(n, () => rnd() * 9)];
    const out = decimate(cols, 40);
    assert.ok(out[0].length <= 2 * 41);
    for (let i = 1; i < out[0].length; i++) assert.ok(out[0][i] >= out[0][i - 1], 'x goes forward');
    for (const c of [1, 2]) {
      assert.equal(out[c].length, out[0].length);
      assert.equal(Math.min(...out[c]), Math.min(...cols[c]));
      assert.equal(Math.max(...out[c]), Math.max(...cols[c]));
    }
  }
});

test('a gap still cuts the line', () => {
  const y = range(4000, (i) => (i >= 2000 && i < 2400 ? null : 5));
  const out = decimate([range(4000, (i) => i), y], 50);
  const before = out[0].filter((x, i) => x < 2000 && out[1][i] != null);
  assert.ok(before.length > 10);
  const nulls = out[0].filter((x, i) => out[1][i] == null);
  assert.ok(nulls.length > 0 && nulls.every((x) => x >= 1990 && x <= 2410), `gap lies at ${nulls}`);
});

test('a single null row at the end of a bucket cuts the line and loses no extreme', () => {
  const n = 1000;
  const y = range(n, (i) => (i === 499 ? null : i === 480 ? -7 : 1));
  const out = decimate([range(n, (i) => i), y], 10);
  assert.ok(out[1].includes(null));
  assert.ok(out[1].includes(-7));
});

test('a column of nothing but gaps stays one', () => {
  const out = decimate([range(900, (i) => i), range(900, () => null)], 10);
  assert.ok(out[1].every((v) => v === null));
});
