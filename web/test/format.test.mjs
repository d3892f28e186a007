import test from 'node:test';
import assert from 'node:assert/strict';
import * as f from '../src/lib/format.js';

const rows = (name, fn, list) => test(name, () => {
  for (const [args, want] of list) assert.equal(fn(...[args].flat()), want, `${fn.name}(${args})`);
});

rows('fixed: thousands, true minus, no minus zero', f.fixed, [
  [[0], '0'], [[1284.6, 1], '1,284.6'], [[999], '999'], [[1000], '1,000'], [[1234567.891, 2], '1,234,567.89'],
  [[-8.25, 1], '\u22128.3'], [[-0.04, 1], '0.0'], [[null], ''], [[undefined], ''], [[NaN], ''], [[Infinity], ''],
]);
rows('signed', f.signed, [[[28.44, 1], '+28.4'], [[-3, 0], '\u22123'], [[0, 1], '0.0'], [[0.04, 1], '0.0']]);
rows('kib and mib have one decimal', f.kib, [[[175104], '171.0'], [[0], '0.0'], [[null], '']]);
rows('sizeText', f.sizeText, [[[0], '0 B'], [[1023], '1,023 B'], [[1024], '1.0 KiB'], [[1048575], '1,024.0 KiB'], [[1048576], '1.0 MiB'], [[null], ' ']]);
rows('wholeSize', f.wholeSize, [[[327680], '320 KiB'], [[8388608], '8 MiB'], [[3145728], '3 MiB'], [[1536], '1.5 KiB'], [[null], '']]);
rows('rate', f.rate, [[[0], '0.0'], [[99.94], '99.9'], [[99.96], '100'], [[1864.2], '1,864'], [[null], '']]);
rows('age has one unit', f.age, [[[0], '0 s'], [[-5], '0 s'], [[12999], '12 s'], [[60000], '1 min'], [[3599999], '59 min'], [[7200000], '2 h'], [[86400000 * 6], '6 d'], [[null], '']]);
rows('duration has two', f.duration, [[[41000], '41 s'], [[60000], '1 min'], [[723000], '12 min 3 s'], [[6720000], '1 h 52 min'], [[86400000 * 6 + 4 * 3600000], '6 d 4 h']]);
rows('plural', f.plural, [[[1, 'change'], '1 change'], [[0, 'change'], '0 changes'], [[1200, 'line'], '1,200 lines'], [[2, 'setting takes', 'settings take'], '2 settings take']]);
rows('utf8Bytes', f.utf8Bytes, [[['°C'], 3], [[''], 0], [['on'], 2]]);

test('clock, date and when', () => {
  const t = new Date(2026, 10, 21, 14, 32, 7).getTime();
  assert.equal(f.clock(t), '14:32:07');
  assert.equal(f.hourMinute(t), '14:32');
  assert.equal(f.when(t, t + 1000), '14:32:07');
  assert.equal(f.when(t - 86400000, t), '2026-11-20 14:32');
  assert.equal(f.clock(0), '');
});
