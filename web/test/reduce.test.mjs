import test from 'node:test';
import assert from 'node:assert/strict';
import { addCurrent, addOwners, hasUnknown, reduceBattery, reduceLamp, reduceLog, reduceMemory, reduceMessages, reduceMqtt, reduceTyped } from '../src/lib/reduce.js';

const tier = (current) => ({ current_bytes: current, peak_bytes: current, budget_bytes: 100, current_blocks: 1, failed_count: 0, charged_bytes: 7 });
const memory = () => ({
  unix_ms: 1, failed_count: 0, tripwire: { bytes: 5, fired: false, tag: null },
  tiers: [{ name: 'internal', size_bytes: 1000, free_bytes: 500 }, { name: 'psram', size_bytes: 0, free_bytes: 0 }],
  owners: [{ name: 'core', tiers: [tier(10), tier(0)] }, { name: 'mqtt', tiers: [tier(20), tier(30)] }],
  tasks: [{ name: 'loop', stack_bytes: 64, margin_bytes: 40 }],
});

test('mem: what changed is taken, what did not keeps its identity', () => {
  const before = memory();
  const after = reduceMemory(before, { unix_ms: 9, tiers: [{ free_bytes: 400 }, {}], owners: [['mqtt', 25, 26, 1, 31, 32, 2, 3, 4]], tasks: [['loop', 12]], failed_count: 3, tripped: true });
  assert.equal(after.unix_ms, 9);
  assert.deepEqual(after.tiers[0], { name: 'internal', size_bytes: 1000, free_bytes: 400 });
  assert.equal(after.owners[0], before.owners[0]);
  assert.deepEqual(after.owners[1].tiers[0], { current_bytes: 25, peak_bytes: 26, budget_bytes: 100, current_blocks: 3, failed_count: 1, charged_bytes: 7 });
  assert.deepEqual(after.owners[1].tiers[1], { current_bytes: 31, peak_bytes: 32, budget_bytes: 100, current_blocks: 4, failed_count: 2, charged_bytes: 7 });
  assert.equal(after.tasks[0].margin_bytes, 12);
  assert.equal(after.failed_count, 3);
  assert.equal(after.tripwire.fired, true);
  assert.deepEqual(before, memory(), 'the state before is untouched');
});

test('mem: an owner that is new comes last; unknown names ask for the whole', () => {
  const after = reduceMemory(memory(), { owners: [['ota', 1, 2, 0, 0, 0, 0, 1, 0]] });
  assert.equal(after.owners[2].name, 'ota');
  assert.equal(after.owners[2].tiers[0].budget_bytes, 0);
  assert.equal(hasUnknown(memory(), { owners: [['ota']] }), true);
  assert.equal(hasUnknown(memory(), { tasks: [['render', 1]] }), true);
  assert.equal(hasUnknown(memory(), { owners: [['core']], tasks: [['loop', 1]] }), false);
  assert.equal(reduceMemory(null, {}), null);
});

const counters = (n) => ({ messages_in: n, messages_out: 2 * n, bytes_in: 10 * n, bytes_out: 20 * n, clients: 3 });
const empty = { counters: null, rates: null, at: 0, log: [] };

test('mqtt: rates come from two counters', () => {
  const a = reduceMqtt(empty, { counters: counters(100) }, 1000);
  assert.equal(a.rates, null);
  const b = reduceMqtt(a, { counters: counters(150) }, 2000);
  assert.deepEqual(b.rates, { in: 50, out: 100, bytesIn: 500, bytesOut: 1000 });
  assert.deepEqual(b.log, [[2000, 50, 100]]);
});

test('mqtt: messages close together count as one step, none is lost', () => {
  const a = reduceMqtt(empty, { counters: counters(0) }, 1000);
  const b = reduceMqtt(a, { counters: counters(90) }, 1100);
  assert.equal(b.rates, null);
  const c = reduceMqtt(b, { counters: counters(100) }, 2000);
  assert.equal(c.rates.in, 100);
});

test('mqtt: a restarted broker gives no rate, then the next does', () => {
  const a = reduceMqtt(reduceMqtt(empty, { counters: counters(100) }, 1000), { counters: counters(3) }, 2000);
  assert.equal(a.rates, null);
  assert.equal(reduceMqtt(a, { counters: counters(13) }, 3000).rates.in, 10);
});

test('mqtt: no message is a rate of 0, and what follows counts from then', () => {
  let m = reduceMqtt(empty, { counters: counters(100) }, 1000);
  m = reduceMqtt(reduceMqtt(m, { counters: counters(150) }, 2000), {}, 4000);
  assert.deepEqual(m.rates, { in: 0, out: 0, bytesIn: 0, bytesOut: 0 });
  assert.deepEqual(m.log[1], [4000, 0, 0]);
  assert.equal(reduceMqtt(m, { counters: counters(160) }, 5000).rates.in, 10);
});

test('mqtt: only changed counters may come', () => {
  const a = reduceMqtt(empty, { counters: counters(100) }, 1000);
  assert.equal(reduceMqtt(a, { counters: { clients: 4 } }, 2000).counters.messages_in, 100);
});

const line = (seq) => ({ seq, text: 'x' + seq });
const seqs = (log) => log.lines.map((l) => l.seq);

test('log: each line once, in order, whatever comes twice', () => {
  let log = reduceLog({ lines: [], missed: 0 }, { lines: [line(1), line(2)] });
  log = reduceLog(log, { lines: [line(2), line(3)], missed: 4 });
  assert.deepEqual(seqs(log), [1, 2, 3]);
  log = reduceLog(log, { lines: [line(5)] });
  log = reduceLog(log, { lines: [line(4), line(5), line(6)] });
  assert.deepEqual(seqs(log), [1, 2, 3, 4, 5, 6]);
  assert.equal(log.missed, 4);
});

test('log: bounded, and begins anew when the hub counts from the start', () => {
  const many = Array.from({ length: 5000 }, (_, i) => line(i + 1));
  const log = reduceLog({ lines: [], missed: 0 }, { lines: many });
  assert.equal(log.lines.length, 2000);
  assert.equal(log.lines[1999].seq, 5000);
  assert.deepEqual(seqs(reduceLog(log, { lines: [line(1), line(2)] })), [1, 2]);
});

test('messages: bounded', () => {
  let m = { messages: [], missed: 0 };
  for (let i = 1; i <= 700; i++) m = reduceMessages(m, { messages: [{ seq: i }], missed: 1 });
  assert.equal(m.messages.length, 500);
  assert.equal(m.missed, 700);
});

test('owners over time: one entry a second, ten minutes of them', () => {
  let log = [];
  for (let t = 0; t <= 900000; t += 500) log = addOwners(log, t, memory().owners);
  assert.ok(log.length <= 601, `${log.length}`);
  assert.deepEqual(log[0].bytes, { core: 10, mqtt: 20 });
  assert.equal(log[log.length - 1].t, 900000);
});

test('what was typed is kept once, and starts anew with the hub', () => {
  const e = (...numbers) => ({ entries: numbers.map((number) => ({ number, text: 't' + number })) });
  const numbers = (t) => t.map((x) => x.number);
  const first = reduceTyped([], e(3, 4), 1000);
  assert.deepEqual(first.map((x) => x.at), [undefined, undefined], 'when that was is not known');
  const second = reduceTyped(first, e(4, 5), 2000);
  assert.deepEqual(numbers(second), [3, 4, 5]);
  assert.equal(second[2].at, 2000);
  assert.deepEqual(numbers(reduceTyped(second, e(0, 1), 3000)), [0, 1]);
  assert.equal(reduceTyped(second, {}, 3000), second);
});

test('lamp: what is older than what is known gives its figures alone', () => {
  const had = reduceLamp(null, { version: 5, effect: 'FIRE', info: { fps: 1 } }, 100);
  assert.deepEqual(had, { version: 5, effect: 'FIRE', info: { fps: 1 }, at: 100 });
  assert.deepEqual(reduceLamp(had, { version: 4, effect: 'SNOW', info: { fps: 2 } }, 200), { version: 5, effect: 'FIRE', info: { fps: 2 }, at: 100 });
  assert.equal(reduceLamp(had, { version: 6, effect: 'SNOW' }, 300).effect, 'SNOW');
  assert.equal(reduceLamp({ ...had, version: 0 }, { version: 1, effect: 'SNOW' }, 300).effect, 'SNOW', 'after a restart');
});

test('lamp: its current, an entry a second, half an hour of them, a gap where none came', () => {
  let log = addCurrent([], 1000, 10);
  log = addCurrent(log, 1500, 11);
  log = addCurrent(log, 2000, 12);
  log = addCurrent(log, 9000, 13);
  assert.deepEqual(log, [[1000, 10], [2000, 12], [2001, null], [9000, 13]]);
  log = addCurrent(log, 1000 + 31 * 60000, 14);
  assert.equal(log.at(-1)[1], 14);
  assert.ok(log[0][0] >= 61000);
});

test('battery: two parts make one pack; only what has ages renews them', () => {
  assert.equal(reduceBattery(null, { limits: { full_mv: 3650 } }, 5), null, 'what seldom moves, alone, is no pack');
  const first = reduceBattery(null, { pack: { soc_pct: 73 }, fields: { soc: { age_ms: 1 } } }, 10);
  assert.deepEqual(first, { pack: { soc_pct: 73 }, fields: { soc: { age_ms: 1 } }, at: 10 });
  const both = reduceBattery(first, { limits: { full_mv: 3650 }, line: { retries: 1 } }, 20);
  assert.equal(both.at, 10);
  assert.equal(both.pack.soc_pct, 73);
  assert.equal(reduceBattery(both, { pack: { soc_pct: 74 }, fields: {} }, 30).at, 30);
  assert.equal(reduceBattery(false, { pack: {}, fields: {} }, 40).at, 40, 'a hub that has one after all');
});
