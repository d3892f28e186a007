import test from 'node:test';
import assert from 'node:assert/strict';
import { I_FREE, I_MIN, P_FREE, T, TAG } from '../src/lib/columns.js';
import { mergeRows, rowFromTiers, thin } from '../src/lib/history.js';
import { axis, columns, heartbeatMs, layoutTags, lowerBound, mostChanged, nearestTag, tagsIn, timeTicks } from '../src/lib/timeline.js';

const row = (t, free, tag = null) => [t, free, free - 1, free - 2, 10, 8000, 7000, 7500, 5, tag];

test('rowFromTiers: one or two tiers, or none (a gap)', () => {
  const tier = { free_bytes: 9, min_free_bytes: 8, largest_free_bytes: 7, frag_pct: 6 };
  assert.deepEqual(rowFromTiers(5, [tier], 'x'), [5, 9, 8, 7, 6, null, null, null, null, 'x']);
  assert.deepEqual(rowFromTiers(5, []).slice(0, 3), [5, null, null]);
});

test('mergeRows: appends, sorts, takes each row once', () => {
  const a = [row(10, 1, 'hb'), row(20, 2)];
  assert.equal(mergeRows(a, []), a);
  assert.deepEqual(mergeRows(a, [row(30, 3)]).map((r) => r[T]), [10, 20, 30]);
  const b = mergeRows(a, [row(10, 1, 'hb'), row(15, 9, 'boot'), row(20, 2)]);
  assert.deepEqual(b.map((r) => r[T]), [10, 15, 20]);
  assert.equal(mergeRows(a, [row(20, 2, 'tag')]).length, 3, 'the same time with another tag is another row');
});

test('thin: tagged rows and extremes stay, the newer half is untouched', () => {
  const rows = Array.from({ length: 400 }, (_, i) => row(i, i === 37 ? 5 : 100 + (i % 3), i % 50 === 0 ? 'hb' : null));
  const out = thin(rows);
  assert.ok(out.length < 320);
  assert.ok(out.some((r) => r[I_FREE] === 5));
  assert.equal(out.filter((r) => r[TAG]).length, 8);
  assert.deepEqual(out.slice(-200), rows.slice(200));
});

test('mergeRows never holds more than its limit for long', () => {
  let rows = [];
  for (let i = 0; i < 9000; i++) rows = mergeRows(rows, [row(i * 500, 100 + (i % 7))]);
  assert.ok(rows.length <= 6000);
  assert.equal(rows[rows.length - 1][T], 8999 * 500);
});

test('columns: window with one row on the left', () => {
  const rows = [row(0, 1), row(10, 2), row(20, 3), row(30, 4)];
  assert.deepEqual(columns(rows, [I_FREE], 15, 25), [[10, 20], [2, 3]]);
  assert.deepEqual(columns([], [I_FREE, I_MIN], 0, 9), [[], [], []]);
});

test('columns: the line is cut after silence and at a boot', () => {
  const beats = Array.from({ length: 5 }, (_, i) => row(i * 10000, 50, 'hb'));
  const out = columns([...beats, row(90000, 60), row(91000, 70, 'boot')], [I_FREE], 0, 100000);
  assert.deepEqual(out[1], [50, 50, 50, 50, 50, null, 60, null, 70]);
  assert.deepEqual(out[0].slice(4, 7), [40000, 40001, 90000]);
});

test('columns: a break of the connection is a gap', () => {
  const out = columns([row(0, 5), rowFromTiers(500, []), row(1000, 6)], [I_FREE, P_FREE], 0, 1000);
  assert.deepEqual(out[1], [5, null, 6]);
});

test('heartbeatMs: the median step, a minute when unknown', () => {
  assert.equal(heartbeatMs([]), 60000);
  const beats = [0, 10, 20, 30, 90, 100].map((t) => row(t, 1, 'hb'));
  assert.equal(heartbeatMs(beats), 10);
});

test('lowerBound and tagsIn', () => {
  const rows = [row(10, 1, 'hb'), row(20, 1), row(30, 1, 'boot'), row(40, 1, 'hb')];
  assert.equal(lowerBound(rows, 20), 1);
  assert.equal(lowerBound(rows, 99), 4);
  assert.deepEqual(tagsIn(rows, 15, 40), [{ t: 30, tag: 'boot' }, { t: 40, tag: 'hb' }]);
});

test('layoutTags: a flag where its name has room, else a dot', () => {
  const tags = [{ t: 10, tag: 'aaaa' }, { t: 14, tag: 'bbbb' }, { t: 95, tag: 'cccc' }];
  const laid = layoutTags(tags, (t) => t * 4, () => 40, 0, 400);
  assert.deepEqual(laid.map((g) => g.side), [0, 1, -1], 'crowded: dot; free: right; at the edge: left');
  assert.deepEqual(laid.map((g) => g.tag), ['aaaa', 'bbbb', 'cccc']);
  let seed = 9;
  for (let round = 0; round < 200; round++) {
    const many = Array.from({ length: 12 }, () => (seed = (seed * 48271) % 2147483647) % 400).sort((a, b) => a - b).map((t) => ({ t, tag: 'x' }));
    const flags = layoutTags(many, (t) => t, () => 50, 0, 400).filter((g) => g.side)
      .map((g) => (g.side > 0 ? [g.px, g.px + 62] : [g.px - 62, g.px]));
    assert.ok(flags.length > 0 && flags.every(([a, b]) => a >= 0 && b <= 400), 'inside');
    for (let i = 1; i < flags.length; i++) assert.ok(flags[i][0] >= flags[i - 1][1], 'names do not touch');
  }
  for (let i = 1; i < laid.length; i++) assert.ok(laid[i].px >= laid[i - 1].px);
});

test('nearestTag', () => {
  const tags = [{ t: 100, tag: 'a' }, { t: 200, tag: 'b' }];
  assert.deepEqual(nearestTag(tags, 110, 50), { tag: 'a', ms: 10 });
  assert.deepEqual(nearestTag(tags, 190, 50), { tag: 'b', ms: -10 });
  assert.equal(nearestTag(tags, 400, 50), null);
});

test('axis: round steps that enclose the data', () => {
  for (const [lo, hi] of [[0, 178], [5.9, 6.4], [-1880, 416], [0, 0.04], [0, 0], [7, 7], [0, 1e9]]) {
    const a = axis(lo, hi);
    assert.ok(a.min <= lo && a.max >= hi, `${lo}..${hi} in ${a.min}..${a.max}`);
    assert.ok(a.ticks.length >= 2 && a.ticks.length <= 8, `${a.ticks}`);
  }
  assert.deepEqual(axis(0, 178).ticks, [0, 50, 100, 150, 200]);
});

test('timeTicks: round times inside the window', () => {
  const from = new Date(2026, 10, 21, 14, 2, 7).getTime();
  const { step, ticks } = timeTicks(from, from + 1800000, 6);
  assert.equal(step, 300000);
  assert.equal(new Date(ticks[0]).getMinutes(), 5);
  assert.ok(ticks.length >= 5 && ticks.every((t) => t >= from && t <= from + 1800000));
});

test('mostChanged: by size of the change, either way', () => {
  const log = [{ t: 0, bytes: { mqtt: 10, portal: 5 } }, { t: 10, bytes: { mqtt: 12, portal: 1 } }];
  assert.deepEqual(mostChanged(log, 0, 10), { name: 'portal', bytes: -4 });
  assert.equal(mostChanged(log, 0, 5), null, 'nothing was heard in between');
  assert.equal(mostChanged([], 0, 10), null);
});
