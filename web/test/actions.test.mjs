import test from 'node:test';
import assert from 'node:assert/strict';
import { clockView, hintCounts, may } from '../src/pages/actions/clock.js';
import { buttonGroups, buttonState, callTree, endings, fromReply, heldMs, leftNow, logText, namesOf, nameOf, readValue, readiness, shareOf, showValue } from '../src/pages/actions/model.js';
import { shortTime, stepPlace, timeText, waitWord } from '../src/pages/actions/words.js';

const game = { state: 'running', paused: false, elapsed_ms: 60000, left_ms: 540000, duration_ms: 600000, added_ms: 0, at: 1000 };

test('clock: what is left runs on from when it was told, and stands still while paused', () => {
  assert.equal(clockView(game, 1000).leftMs, 540000);
  assert.equal(clockView(game, 31000).leftMs, 510000);
  assert.equal(clockView(game, 31000).elapsedMs, 90000);
  const paused = clockView({ ...game, paused: true }, 31000);
  assert.deepEqual([paused.leftMs, paused.elapsedMs, paused.tone, paused.word], [540000, 60000, 'paused', 'Paused']);
  assert.equal(clockView(game, 9e9).leftMs, 0, 'not below nothing');
  assert.equal(clockView(game, 0).leftMs, 540000, 'a browser clock that was set back adds nothing');
});

test('clock: tone and word go together', () => {
  const rows = [
    [{ left_ms: 151000 }, 'ok', 'Running'], [{ left_ms: 150000 }, 'warn', 'Last quarter'], [{ left_ms: 60000 }, 'last', 'Last tenth'],
    [{ state: 'idle', elapsed_ms: 0 }, 'idle', 'Not started'], [{ state: 'ended', left_ms: 0 }, 'last', 'Time is up'], [{ state: 'ended', left_ms: 5000 }, 'idle', 'Ended'],
    [{ state: 'idle', paused: true }, 'paused', 'Room paused'], [{ left_ms: null }, 'ok', 'Running'], [{ added_ms: 600000, left_ms: 250000 }, 'warn', 'Last quarter'],
  ];
  for (const [change, tone, word] of rows) {
    const v = clockView({ ...game, ...change }, 1000);
    assert.deepEqual([v.tone, v.word], [tone, word], JSON.stringify(change));
  }
});

test('clock: without a time limit it counts up; before the game it shows its length', () => {
  const v = clockView({ ...game, left_ms: null }, 3000);
  assert.deepEqual([v.isTimed, v.elapsedMs, v.share], [false, 62000, 0]);
  assert.equal(clockView({ ...game, state: 'idle', elapsed_ms: 0, left_ms: 0 }, 3000).leftMs, 600000);
  assert.ok(Math.abs(clockView(game, 1000).share - 0.1) < 1e-9);
});

test('clock: what it takes in which state', () => {
  const of = (g) => Object.keys(may).filter((k) => may[k](g)).join();
  assert.equal(of({ state: 'idle', paused: false, left_ms: 1 }), 'start,pause');
  assert.equal(of({ state: 'running', paused: false, left_ms: 1 }), 'pause,stop,add');
  assert.equal(of({ state: 'running', paused: true, left_ms: null }), 'resume,stop');
  assert.equal(of({ state: 'ended', paused: false, left_ms: 0 }), 'start,pause');
});

test('hints are counted from the last start on; a text that the log cut is found', () => {
  const hints = [{ text: 'Look up' }, { text: 'A very long hint that the log cuts' }];
  const log = [{ action: 'hint', text: 'Look up' }, { action: 'start', text: '' }, { action: 'hint', text: 'A very long hint' }, { action: 'hint', text: 'A very long hint' }, { action: 'hint', text: 'of my own' }, { action: 'run', text: 'Look up' }];
  assert.deepEqual(hintCounts(log, hints), { per: [0, 2], free: 1 });
  assert.deepEqual(hintCounts([], hints), { per: [0, 0], free: 0 });
});

const action = (scenario, extra) => ({ device: 'door', device_name: 'The door', scenario, name: scenario.toUpperCase(), enabled: true, done: 0, failed: 0, cancelled: 0, ...extra });
const run = (id, scenario, extra) => ({ id, device: 'door', scenario, state: 'running', ...extra });

test('one reply holds what runs, what is suspended and what was cut short', () => {
  const got = fromReply({ enabled: true, counters: { failed: 2 }, list: [run(1, 'a'), run(2, 'b', { state: 'queued' }), run(0, 'c', { state: 'suspended' }), run(9, 'd', { state: 'cut_short' })] });
  assert.deepEqual([got.instances.map((r) => r.id), got.suspended.length, got.cut.length, got.failed], [[1, 2], 1, 1, 2]);
});

test('buttons stand by device, with their runs; a scenario without one does not', () => {
  const groups = buttonGroups([action('open', { button: 'Open' }), action('shut'), { ...action('x', { button: 'X' }), device: 'lamp', device_name: 'Lamp' }],
    [{ id: 'door', status: 'offline' }], [run(1, 'open'), run(2, 'shut')], []);
  assert.deepEqual(groups.map((g) => [g.name, g.status, g.buttons.map((b) => b.button)]), [['The door', 'offline', ['Open']], ['Lamp', null, ['X']]]);
  assert.deepEqual(groups[0].buttons[0].runs.map((r) => r.id), [1]);
});

test('a button says what its scenario does', () => {
  const state = (b, left = null) => buttonState({ enabled: true, runs: [], suspended: null, ...b }, waitWord, () => left, shortTime);
  assert.equal(state({}), null);
  assert.equal(state({ enabled: false }).text, 'disabled');
  assert.equal(state({ suspended: {} }, 8000).text, 'suspended, 8.0 s left');
  assert.equal(state({ runs: [run(1, 'a'), run(2, 'a')] }).text, 'runs, 2 runs');
  assert.deepEqual(state({ runs: [run(1, 'a', { state: 'waiting', wait: 'delay', waited_ms: 1000, left_ms: 3000 })] }, 1000), { text: 'waits, 1.0 s left', tone: 'run', share: 0.75 });
  assert.equal(state({ runs: [run(1, 'a', { state: 'waiting', wait: 'operator', waited_ms: 1 })] }).tone, 'ask');
});

test('a wait goes on from when it was told; a pause holds it', () => {
  assert.equal(leftNow({ left_ms: 5000 }, 100, 2100, false), 3000);
  assert.equal(leftNow({ left_ms: 5000 }, 100, 2100, true), 5000);
  assert.equal(leftNow({ left_ms: 5000 }, 100, 99999, false), 0);
  assert.equal(leftNow({}, 100, 2100, false), null);
  assert.equal(shareOf({ waited_ms: 0, left_ms: 0 }, 0), 1);
});

test('a scenario that another runs stands below it', () => {
  const tree = callTree([run(1, 'a'), run(2, 'b', { caller: 1 }), run(3, 'c', { caller: 99 }), run(4, 'd', { caller: 2 })]);
  assert.deepEqual(tree.map(([r, depth]) => [r.id, depth]), [[1, 0], [2, 1], [4, 2], [3, 0]]);
});

test('how a run ended is told by the counters', () => {
  const before = new Map([['door/a', action('a')], ['door/b', action('b', { done: 1, failed: 1 })]]);
  assert.deepEqual(endings(before, [action('a', { done: 1 }), action('b', { done: 2, failed: 2 }), action('new', { done: 4 })]),
    [{ key: 'door/a', result: 'done' }, { key: 'door/b', result: 'failed' }]);
});

test('before a game: who is offline, what runs, what is not at its start', () => {
  const ready = readiness([{ name: 'A', status: 'online', template: 'uid_validator', state: 'idle' }, { name: 'B', status: null, template: 'on_flag', state: 'active' }], []);
  assert.deepEqual(ready.map((r) => r.ok), [true, true, true]);
  const not = readiness([{ name: 'A', status: 'offline', template: 'signal_hold', state: 'completed' }], [run(1, 'a')]);
  assert.deepEqual(not.map((r) => r.text), ['offline: A', '1 running', 'not at the start: A']);
  assert.equal(readiness([{ name: 'A', status: 'unknown' }], [])[0].text, 'not heard of yet: A');
});

test('what is held grows while it is held, up to what is needed', () => {
  const m = { state: 'active', progress_ms: 1000, required_hold_ms: 5000 };
  assert.equal(heldMs(m, 0, 2500, false), 3500);
  assert.equal(heldMs(m, 0, 2500, true), 1000);
  assert.equal(heldMs(m, 0, 25000, false), 5000);
  assert.equal(heldMs({ ...m, state: 'paused' }, 0, 2500, false), 1000);
});

test('values: typed and shown', () => {
  for (const [text, value] of [['true', true], [' 12.5 ', 12.5], ['"12"', '12'], ['hello there', 'hello there'], ['', ''], ['-1e3', -1000]]) assert.equal(readValue(text), value, text);
  assert.deepEqual([logText({ action: 'add', text: '+60000 ms' }), logText({ action: 'add', text: '-300000 ms' }), logText({ action: 'run', text: '-5 x' })], ['+1:00', '\u22125:00', '-5 x']);
  for (const value of [true, 3, 'x', '12', 'true', '']) assert.equal(readValue(showValue(value)), value, String(value));
});

test('names come from the list of actions, or are the ids', () => {
  const names = namesOf([action('open')]);
  assert.deepEqual(nameOf(names, run(1, 'open')), { name: 'OPEN', device: 'The door' });
  assert.deepEqual(nameOf(names, run(1, 'gone')), { name: 'gone', device: 'door' });
});

test('times and places as text', () => {
  assert.deepEqual([timeText(59999), timeText(59999, Math.ceil), timeText(3661000), timeText(-5)], ['0:59', '1:00', '1:01:01', '0:00']);
  assert.deepEqual([0, 9949, 9950, 59400, 60000, 185000, 3600000, 5460000].map(shortTime), ['0.0 s', '9.9 s', '10 s', '59 s', '1 min', '3 min 5 s', '1 h', '1 h 31 min']);
  assert.equal(stepPlace('/steps/3'), '4');
  assert.equal(stepPlace('/steps/3/then/0'), '4, then 1');
  assert.equal(stepPlace('/steps/0/branches/1/steps/2'), '1, branch 2.3');
  assert.equal(waitWord('something new'), 'waits for something new');
});
