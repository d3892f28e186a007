import test from 'node:test';
import assert from 'node:assert/strict';
import { editorParams, places, rowsOf, runHas, runsOf, scenariosOf, settle, stepAt } from '../src/pages/traces/runs.js';

const rec = (run, unix_ms, kind, extra = {}) => ({ run, unix_ms, kind, result: 'ok', ...extra });
const step = (t, path, extra) => rec(1, t, 'step', { step: 'log', path, ...extra });
const wait = (t, path, extra) => rec(1, t, 'wait', { step: 'delay', path, result: 'delay', ...extra });

const records = [
  rec(1, 100, 'begin', { result: 'mqtt', text: 'door' }), rec(2, 150, 'begin', { result: 'http' }), rec(1, 180, 'step', { step: 'log', path: '/steps/0', text: 'hello' }),
  rec(1, 200, 'end', { result: 'done' }), rec(0, 210, 'ignored', { result: 'busy' }), rec(2, 300, 'end', { result: 'failed', text: 'no answer' }), rec(3, 400, 'begin', { result: 'sched' }),
];

test('runs: newest first, with what began and ended them', () => {
  const runs = runsOf(records);
  assert.deepEqual(runs.map((r) => [r.run, r.result, r.from, r.to]), [[3, 'running', 400, null], [0, 'ignored', 210, 210], [2, 'failed', 150, 300], [1, 'done', 100, 200]]);
  assert.deepEqual([runs[3].origin, runs[3].trigger, runs[2].why, runs[1].why], ['mqtt', 'door', 'no answer', 'busy']);
});

test('runs: the last that failed stays when the trace has lost it, and is marked', () => {
  const kept = [rec(7, 10, 'begin', { result: 'http' }), rec(7, 20, 'end', { result: 'failed' })];
  const runs = runsOf(records, kept, 7);
  assert.deepEqual(runs.map((r) => [r.run, r.isKept]), [[3, false], [0, false], [2, false], [1, false], [7, true]]);
  assert.deepEqual(runsOf(records, [rec(2, 150, 'begin')], 2).filter((r) => r.run === 2).map((r) => [r.records.length, r.isKept]), [[2, true]], 'not twice');
});

test('runs: one whose beginning was pushed out says so, and gives way to the copy that is whole', () => {
  const cut = [rec(7, 15, 'step', { step: 'log', path: '/steps/1' }), rec(7, 20, 'end', { result: 'failed' })];
  assert.equal(runsOf(cut)[0].isCut, true);
  const [whole, ...rest] = runsOf(cut, [rec(7, 10, 'begin', { result: 'http' }), ...cut], 7);
  assert.deepEqual([whole.isCut, whole.records.length, rest.length], [false, 3, 0]);
});

test('runs: without an end and unknown to the hub, it was cut short', () => {
  const [running] = runsOf([rec(3, 400, 'begin'), rec(3, 450, 'step', { step: 'log', path: '/steps/0' })]);
  assert.equal(settle(running, () => true).result, 'running');
  assert.deepEqual([settle(running, () => false).result, settle(running, () => false).to], ['cut', 450]);
});

test('a path is a list of places', () => {
  assert.deepEqual(places('/steps/3'), [{ list: '', index: 3 }]);
  assert.deepEqual(places('/steps/0/branches/1/steps/2/then/0'), [{ list: '', index: 0 }, { list: 'branch 2', index: 2 }, { list: 'then', index: 0 }]);
  assert.deepEqual(places('/steps/0/steps/1').map((p) => p.list), ['', 'repeated']);
  assert.deepEqual(places('/on_stop/1'), [{ list: 'on stop', index: 1 }]);
});

test('rows: a wait and the step it belongs to are one row', () => {
  const rows = rowsOf([rec(1, 0, 'begin'), wait(0, '/steps/0'), wait(500, '/steps/0', { result: 'command' }), step(800, '/steps/0', { text: 'it came' }), rec(1, 900, 'end', { result: 'done' })]);
  assert.deepEqual(rows.map((r) => [r.kind, r.at, r.to]), [['mark', 0, 0], ['step', 0, 800], ['mark', 900, 900]]);
  assert.deepEqual(rows[1].waits, [{ wait: 'delay', from: 0, to: 500 }, { wait: 'command', from: 500, to: 800 }]);
  assert.equal(rows[1].text, 'it came');
});

test('rows: what still waits has no end; what its scenario ended was cut', () => {
  const [row] = rowsOf([wait(10, '/steps/0')]);
  assert.deepEqual([row.to, row.result, row.waits[0].to], [null, 'waiting', null]);
  const [cut] = rowsOf([wait(10, '/steps/0'), rec(1, 60, 'end', { result: 'cancelled' })]);
  assert.deepEqual([cut.to, cut.result, cut.waits[0].to], [60, 'cut', 60]);
});

test('rows: a step again is a row again', () => {
  const rows = rowsOf([step(1, '/steps/0'), step(2, '/steps/1'), step(3, '/steps/0')]);
  assert.deepEqual(rows.map((r) => r.number), [1, 2, 1]);
});

test('rows: what holds others stands before them, and each list of branches is named', () => {
  const rows = rowsOf([
    wait(0, '/steps/1/branches/0/steps/0'), step(0, '/steps/1/branches/1/steps/0', { step: 'mqtt_publish' }), step(50, '/steps/1/branches/0/steps/0', { step: 'delay' }),
    step(50, '/steps/1/branches/0/steps/1'), step(60, '/steps/1', { step: 'parallel', text: 'it came' }), step(60, '/steps/2'),
  ]);
  assert.deepEqual(rows.map((r) => [r.step, r.depth, r.list, r.at, r.to]), [
    ['parallel', 0, '', 0, 60], ['delay', 1, 'branch 1', 0, 50], ['mqtt_publish', 1, 'branch 2', 0, 0], ['log', 1, 'branch 1', 50, 50], ['log', 0, '', 60, 60],
  ]);
  assert.equal(rows[0].text, '');
});

test('rows: each round of a repetition stands in the one row of it; a second time it has another', () => {
  const round = (t) => step(t, '/steps/0/steps/0');
  const rows = rowsOf([round(0), round(1), step(2, '/steps/0', { step: 'repeat', text: '2 times' }), round(3), step(4, '/steps/0', { step: 'repeat' })]);
  assert.deepEqual(rows.map((r) => r.step), ['repeat', 'log', 'log', 'repeat', 'log']);
  assert.deepEqual(rows.map((r) => r.list), ['', 'repeated', '', '', 'repeated']);
});

test('rows: an if stands once, told before its steps', () => {
  const rows = rowsOf([step(0, '/steps/0', { step: 'if', text: 'then' }), step(0, '/steps/0/then/0')]);
  assert.deepEqual(rows.map((r) => [r.step, r.depth, r.list]), [['if', 0, ''], ['log', 1, 'then']]);
});

test('rows of a dry run: by their own time, scenarios apart', () => {
  const line = (at_ms, scenario, kind, extra) => ({ at_ms, device: 'd', scenario, kind, result: 'ok', ...extra });
  const rows = rowsOf([line(0, 'a', 'wait', { step: 'run', path: '/steps/0', result: 'run' }), line(0, 'b', 'step', { step: 'log', path: '/steps/0' }), line(30, 'b', 'end', { result: 'done' }), line(30, 'a', 'step', { step: 'run', path: '/steps/0' })], (r) => r.at_ms);
  assert.deepEqual(rows.map((r) => [r.scenario, r.kind, r.at, r.to]), [['a', 'step', 0, 30], ['b', 'step', 0, 0], ['b', 'mark', 30, 30]]);
});

test('finding: in what started a run, in its steps, in its end', () => {
  const [, , failed, done] = runsOf(records);
  assert.ok(runHas(done, 'HELLO') && runHas(done, 'door') && runHas(failed, 'answer'));
  assert.ok(!runHas(failed, 'hello'));
});

test('scenarios are found by name, device and how they went', () => {
  const list = [{ device: 'd', scenario: 'a', done: 1, failed: 0 }, { device: 'd', scenario: 'b', done: 0, failed: 2 }, { device: 'e', scenario: 'c', done: 1, failed: 0 }];
  const names = new Map([['d/a', { name: 'Open it', device_name: 'Door' }]]);
  const ids = (q) => scenariosOf(list, names, [{ device: 'e', scenario: 'c' }], [{ device: 'd', scenario: 'a' }], q).map((s) => s.scenario).join();
  assert.deepEqual([ids({}), ids({ find: 'open' }), ids({ device: 'd' }), ids({ result: 'failed' }), ids({ result: 'running' }), ids({ result: 'suspended' }), ids({ find: 'd/b' })],
    ['a,b,c', 'a', 'a,b', 'b', 'c', 'a', 'b']);
});

test('a step leads to its place in the editor', () => {
  const config = { devices: [{ id: 'x' }, { id: 'd', scenarios: [{ id: 'z', steps: [{ type: 'if', then: [{ type: 'log', name: 'Say' }] }] }] }] };
  assert.deepEqual(editorParams(config, 'd', 'z', '/steps/0/then/0'), { at: '/devices/1/scenarios/0/steps/0/then/0' });
  assert.deepEqual(editorParams(null, 'd', 'z', '/steps/0'), { device: 'd', scenario: 'z' });
  assert.equal(stepAt(config, 'd', 'z', '/steps/0/then/0').name, 'Say');
  assert.equal(stepAt(config, 'd', 'z', '/steps/4/then/0'), null);
  assert.equal(stepAt(null, 'd', 'z', '/steps/0'), null);
});
