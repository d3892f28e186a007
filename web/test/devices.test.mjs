import test from 'node:test';
import assert from 'node:assert/strict';
import { dropPlaces, intoPrevious, mended, outOf, retarget, rowsOf, runOf, timesOf } from '../src/pages/devices/blocks.js';
import { fromClip, toClip } from '../src/pages/devices/clip.js';
import { diff } from '../src/pages/devices/diff.js';
import { applyOps, clashes, opsOf } from '../src/pages/devices/merge.js';
import { equal, getAt, insertAt, isUnder, moveItems, parsePointer, pathAfterRemoval, pointer, removeAt, setAt } from '../src/pages/devices/path.js';
import { freeId, idFrom, namesIn, renameRefs, suggestions, usedByTemplate } from '../src/pages/devices/refs.js';
import { adopted, blank, retyped, rowOf, standardOf } from '../src/pages/devices/schema.js';
import { UNDO_MAX, begin, push, redo, restate, undo } from '../src/lib/undo.js';
import { changeText, lineOf, placeOf, readNumber, timeText } from '../src/pages/devices/words.js';
import { toYaml } from '../src/pages/devices/yaml.js';
import { R, schema } from './devices_schema.mjs';

const step = (type, more) => ({ type, ...more });
const P = (n, more) => step('mqtt_publish', { topic: 't' + n, ...more });
const SC = ['devices', 0, 'scenarios', 0];
const STEPS = [...SC, 'steps'];
const room = (steps, more) => ({ schema: 2, devices: [{ id: 'door', scenarios: [{ id: 'main', steps }, { id: 'lose' }], ...more }] });

// ---- path --------------------------------------------------------------------------------------------------

test('path: pointers there and back', () => {
  for (const path of [[], ['a', 0, 'b'], ['a/b', 'c~d']]) assert.deepEqual(parsePointer(pointer(path)), path);
  assert.deepEqual(parsePointer(undefined), []);
});

test('path: a change shares what it does not touch', () => {
  const doc = room([P(1), P(2)]);
  const next = setAt(doc, [...STEPS, 0, 'topic'], 'x');
  assert.equal(getAt(next, [...STEPS, 0, 'topic']), 'x');
  assert.equal(getAt(next, [...STEPS, 1]), getAt(doc, [...STEPS, 1]));
  assert.equal(getAt(doc, [...STEPS, 0, 'topic']), 't1');
  assert.equal(setAt(doc, [...STEPS, 0, 'topic'], 't1'), doc, 'the same value is no change');
});

test('path: undefined takes away; objects on the way are made', () => {
  assert.deepEqual(setAt({ a: 1, b: 2 }, ['a'], undefined), { b: 2 });
  assert.deepEqual(setAt({}, ['a', 'b'], 1), { a: { b: 1 } });
  assert.deepEqual(insertAt({}, ['list'], 0, [1, 2]), { list: [1, 2] });
  assert.deepEqual(removeAt({ list: [1, 2, 3] }, ['list'], 0, 2), { list: [3] });
});

const moves = [
  ['down in its list', ['l'], 0, 1, ['l'], 2, { l: ['b', 'a', 'c'], m: ['x'] }, ['l', 1]],
  ['up in its list', ['l'], 2, 1, ['l'], 0, { l: ['c', 'a', 'b'], m: ['x'] }, ['l', 0]],
  ['two at once to the end', ['l'], 0, 2, ['l'], 3, { l: ['c', 'a', 'b'], m: ['x'] }, ['l', 1]],
  ['to where it is', ['l'], 1, 1, ['l'], 2, { l: ['a', 'b', 'c'], m: ['x'] }, ['l', 1]],
  ['to another list', ['l'], 1, 1, ['m'], 0, { l: ['a', 'c'], m: ['b', 'x'] }, ['m', 0]],
];
for (const [name, list, index, count, to, at, value, path] of moves) {
  test(`path: moves ${name}`, () => assert.deepEqual(moveItems({ l: ['a', 'b', 'c'], m: ['x'] }, list, index, count, to, at), { value, path }));
}

test('path: moves into a list behind it; never into itself', () => {
  const doc = { l: ['a', { in: ['x'] }] };
  assert.deepEqual(moveItems(doc, ['l'], 0, 1, ['l', 1, 'in'], 1), { value: { l: [{ in: ['x', 'a'] }] }, path: ['l', 0, 'in', 1] });
  assert.equal(moveItems(doc, ['l'], 1, 1, ['l', 1, 'in'], 0), null);
});

test('path: where a place is after a removal', () => {
  assert.deepEqual(pathAfterRemoval(['l', 3, 'x'], ['l'], 0, 2), ['l', 1, 'x']);
  assert.equal(pathAfterRemoval(['l', 1, 'x'], ['l'], 0, 2), null);
  assert.deepEqual(pathAfterRemoval(['m', 1], ['l'], 0, 2), ['m', 1]);
  assert.ok(isUnder(['a', 1], ['a']));
});

test('path: equal whatever the order of fields', () => {
  assert.ok(equal({ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 }));
  assert.ok(!equal({ a: 1 }, { a: 1, b: undefined }));
  assert.ok(!equal([1], { 0: 1 }));
});

// ---- undo ---------------------------------------------------------------------------------------------------

test('undo: there and back, and a new edit ends what was undone', () => {
  let h = push(push(begin('a'), 'b', { text: 'b' }), 'c', { text: 'c' });
  h = undo(undo(h));
  assert.equal(h.now.doc, 'a');
  assert.equal(undo(h), h);
  assert.equal(redo(redo(h)).now.doc, 'c');
  h = push(redo(h), 'd', { text: 'd' });
  assert.equal(redo(h), h);
  assert.deepEqual(h.past.map((e) => e.doc), ['a', 'b']);
});

test('undo: typing in one field is one step, while it goes on', () => {
  let h = begin('');
  h = push(h, 'x', { text: 't', join: '/f', ms: 0 });
  h = push(h, 'xy', { text: 't', join: '/f', ms: 900 });
  assert.equal(h.past.length, 1);
  h = push(h, 'xyz', { text: 't', join: '/f', ms: 9000 });
  h = push(h, 'xyz1', { text: 't', join: '/g', ms: 9001 });
  assert.equal(h.past.length, 3);
  assert.equal(push(h, h.now.doc, { text: 'none' }), h);
});

test('undo: bounded', () => {
  let h = begin(0);
  for (let i = 1; i <= UNDO_MAX + 20; i++) h = push(h, i, { text: '' });
  assert.equal(h.past.length, UNDO_MAX);
  assert.equal(h.past[0].doc, 20);
  assert.equal(restate(h, 'same').past.length, UNDO_MAX);
});

// ---- schema --------------------------------------------------------------------------------------------------

test('schema: standards are read from the texts', () => {
  assert.equal(standardOf(rowOf(schema, R.STEP, 'enabled')), true);
  assert.equal(standardOf(rowOf(schema, R.STEP, 'await')), undefined);
  assert.equal(standardOf(rowOf(schema, R.STEP, 'qos')), 0);
  assert.equal(standardOf({ kind: 'bool', text: 'Again and again' }), false);
  assert.equal(standardOf({ kind: 'enum', words: ['all', 'any'], text: 'all or any; standard all' }), 'all');
});

test('schema: a blank has what it must have', () => {
  assert.deepEqual(blank(schema, R.STEP, 'if'), { type: 'if', conditions: [] });
  assert.deepEqual(blank(schema, R.STEP, 'parallel'), { type: 'parallel', branches: [{ steps: [] }] });
  assert.deepEqual(blank(schema, R.STEP, 'repeat'), { type: 'repeat', count: 2, steps: [] });
  assert.deepEqual(blank(schema, R.STEP, 'loop'), { type: 'loop', loop: {} });
  assert.deepEqual(blank(schema, R.STEP, 'delay'), { type: 'delay', delay_ms: 1000 });
});

test('schema: another type keeps the fields that both have', () => {
  assert.deepEqual(retyped(schema, R.STEP, { type: 'run', delay_ms: 5, device: 'd', scenario: 's' }, 'command'), { type: 'command', delay_ms: 5, device: 'd' });
});

test('schema: an older generation is taken over with its names', () => {
  const old = { schema: 1, generation: 9, active_profile: 'p', profiles: [], devices: [{ id: 'd', name: 'Door', tabs: [{ type: 'custom', extra_payload: 'x' }], odd: 1 }] };
  assert.deepEqual(adopted(schema, old), { schema: 2, devices: [{ id: 'd', display_name: 'Door', tabs: [{ type: 'custom', extra: 'x' }], odd: 1 }] });
  const both = { devices: [{ display_name: 'b', name: 'a' }] };
  assert.equal(adopted(schema, both).devices[0].display_name, 'b');
});

// ---- blocks ---------------------------------------------------------------------------------------------------

const nested = () => room([
  P(1),
  step('if', { conditions: [{ type: 'flag', flag: 'f' }], then: [P(2)], else: [] }),
  step('repeat', { count: 2, steps: [P(3), P(4)] }),
  step('parallel', { branches: [{ steps: [P(5)] }, { steps: [] }] }),
]);
const rowsAt = (doc, folded) => rowsOf(schema, R.STEP, getAt(doc, STEPS), STEPS, folded);
const short = (rows) => rows.map((r) => `${'.'.repeat(r.depth)}${r.kind === 'block' ? r.label : r.kind === 'branch' ? `#${r.index}` : r.value.topic || r.value.type}`);

test('blocks: rows in order, with blocks where one can add', () => {
  assert.deepEqual(short(rowsAt(nested())), ['t1', 'if', '.conditions', '..flag', '.then', '..t2', '.else', 'repeat', '.t3', '.t4', 'parallel', '.#0', '..t5', '.#1', '..steps']);
  assert.deepEqual(short(rowsAt(nested(), new Set([[...STEPS, 1].join('/')]))).slice(0, 3), ['t1', 'if', 'repeat']);
});

test('blocks: out of and into', () => {
  const doc = nested();
  assert.deepEqual(outOf(schema, R.SCENARIO, SC, doc, [...STEPS, 1, 'then', 0]), { list: STEPS, index: 2 });
  assert.deepEqual(outOf(schema, R.SCENARIO, SC, doc, [...STEPS, 3, 'branches', 0, 'steps', 0]), { list: STEPS, index: 4 });
  assert.equal(outOf(schema, R.SCENARIO, SC, doc, [...STEPS, 1]), null);
  assert.equal(outOf(schema, R.SCENARIO, SC, doc, [...STEPS, 1, 'conditions', 0]), null, 'a condition is no step');
  assert.deepEqual(intoPrevious(schema, R.STEP, doc, [...STEPS, 2]), { list: [...STEPS, 1, 'then'], index: 1 });
  assert.deepEqual(intoPrevious(schema, R.STEP, doc, [...STEPS, 3]), { list: [...STEPS, 2, 'steps'], index: 2 });
  assert.equal(intoPrevious(schema, R.STEP, doc, [...STEPS, 0]), null);
});

test('blocks: where a drop can go, the deepest first', () => {
  const rows = rowsAt(nested());
  const places = (gap, ref = R.STEP) => dropPlaces(rows, gap, ref, STEPS, R.STEP).map((p) => [pointer(p.list.slice(4)), p.index, p.depth]);
  assert.deepEqual(places(-1), [['/steps', 0, 0]]);
  assert.deepEqual(places(0), [['/steps', 1, 0]]);
  assert.deepEqual(places(6), [['/steps/1/else', 0, 2], ['/steps', 2, 0]], 'into the empty else, or behind the if');
  assert.deepEqual(places(7), [['/steps/2/steps', 0, 1]], 'behind an open repeat is inside of it');
  assert.deepEqual(places(9), [['/steps/2/steps', 2, 1], ['/steps', 3, 0]]);
  assert.deepEqual(places(3, R.CONDITION), [['/steps/1/conditions', 1, 2]]);
  assert.deepEqual(places(0, R.CONDITION), []);
});

test('blocks: a loop and a goto keep their target through a move', () => {
  const loop = step('loop', { loop: { target_step: 1 } });
  const goto = step('mqtt_publish', { target_step: 0 });
  const before = [P(1), P(2), loop, goto];
  assert.deepEqual(retarget(before, [before[1], before[0], loop, goto]).map((s) => s.loop?.target_step ?? s.target_step), [undefined, undefined, 0, 1]);
  assert.equal(retarget(before, [before[0], loop])[1], loop, 'a target that is gone stays as it was');
  assert.equal(retarget(before, [step('loop', { loop: { target_step: 0 } }), ...before])[0].loop.target_step, 0, 'what is new here means what it says');
  const doc = room(before);
  const moved = moveItems(doc, STEPS, 1, 1, STEPS, 0).value;
  assert.equal(getAt(mended(doc, moved, [[STEPS, STEPS]]), [...STEPS, 2, 'loop', 'target_step']), 0);
});

test('blocks: times add delays and say when something waits', () => {
  assert.deepEqual(timesOf([P(1), step('delay', { delay_ms: 500 }), P(2, { delay_ms: 100 }), step('if', {}), P(3)]),
    [{ ms: 0, atLeast: false }, { ms: 0, atLeast: false }, { ms: 600, atLeast: false }, { ms: 600, atLeast: false }, { ms: 600, atLeast: true }]);
  assert.deepEqual(timesOf([step('delay', { delay_ms: 9, enabled: false }), P(1)])[1], { ms: 0, atLeast: false });
});

test('blocks: a run is within one list', () => {
  assert.deepEqual(runOf([...STEPS, 3], [...STEPS, 1]), { list: STEPS, index: 1, count: 3 });
  assert.equal(runOf([...STEPS, 3], [...STEPS, 1, 'then', 0]), null);
});

// ---- clipboard --------------------------------------------------------------------------------------------------

test('clip: there and back, bare JSON, and what does not fit', () => {
  assert.deepEqual(fromClip(toClip('step', [P(1)]), 'step'), { items: [P(1)] });
  assert.deepEqual(fromClip(JSON.stringify(P(1)), 'step'), { items: [P(1)] });
  assert.deepEqual(fromClip(JSON.stringify([P(1), P(2)]), 'step').items.length, 2);
  for (const [text, kind] of [['', 'step'], ['{"a":', 'step'], ['[]', 'step'], ['5', 'step'], ['{"id":"x"}', 'step'], [toClip('trigger', [{ type: 'time' }]), 'step']]) {
    assert.match(fromClip(text, kind).finding, /Nothing was changed/, text);
  }
});

// ---- references ---------------------------------------------------------------------------------------------------

const linked = () => ({
  schema: 2,
  variables: [{ name: 'score', value: 0 }],
  devices: [
    { id: 'door', topics: [{ name: 'main', topic: 'a' }], commands: [{ id: 'open', topic: 'b' }], template: { type: 'on_flag', flag: { rules: [{ flag: 'ready', scenario: 'main' }] } },
      scenarios: [{ id: 'main', steps: [step('run', { scenario: 'main' }), step('run', { device: 'hall', scenario: 'main' }), step('command', { command: 'open' }), step('set', { variable: 'score', expression: 'score + score2 + "score"' }), P(1, { payload: 'score {{ score }}' })] }] },
    { id: 'hall', scenarios: [{ id: 'main', steps: [step('run', { device: 'door', scenario: 'main' }), step('if', { conditions: [{ type: 'running', device: 'door', scenario: 'main' }] })] }] },
  ],
});

test('refs: a scenario is renamed where it is meant, and nowhere else', () => {
  const { doc, count } = renameRefs(schema, linked(), 'scenario', 'main', 'begin', 0);
  assert.equal(count, 5);
  const [door, hall] = doc.devices;
  assert.equal(door.scenarios[0].steps[0].scenario, 'begin');
  assert.equal(door.scenarios[0].steps[1].scenario, 'main', "another device's scenario of the same name");
  assert.equal(door.template.flag.rules[0].scenario, 'begin');
  assert.equal(door.topics[0].name, 'begin');
  assert.equal(hall.scenarios[0].steps[0].scenario, 'begin');
  assert.equal(hall.scenarios[0].steps[1].conditions[0].scenario, 'begin');
  assert.equal(door.scenarios[0].id, 'main', 'the id itself is for who renames');
});

test('refs: a device, a command, a variable', () => {
  assert.equal(renameRefs(schema, linked(), 'device', 'door', 'gate', 0).count, 2);
  assert.equal(renameRefs(schema, linked(), 'command', 'open', 'unlock', 0).doc.devices[0].scenarios[0].steps[2].command, 'unlock');
  const { doc } = renameRefs(schema, linked(), 'variable', 'score', 'points');
  const steps = doc.devices[0].scenarios[0].steps;
  assert.equal(steps[3].variable, 'points');
  assert.equal(steps[3].expression, 'points + score2 + "score"');
  assert.equal(steps[4].payload, 'score {{ points }}');
});

test('refs: what is offered', () => {
  const doc = linked();
  const names = namesIn(schema, doc);
  assert.deepEqual([names.device, names.flag, names.variable], [['door', 'hall'], ['ready'], ['score']]);
  assert.deepEqual(suggestions(names, doc, 'scenario', { device: 'hall' }, 0), ['main']);
  assert.deepEqual(suggestions(names, doc, 'command', {}, 0), ['open']);
  assert.deepEqual([...usedByTemplate(schema, doc.devices[0])], ['main']);
});

test('refs: free ids', () => {
  assert.equal(freeId(['a', 'a_2'], 'a'), 'a_3');
  assert.equal(freeId(['a_2'], 'a_2'), 'a_3');
  assert.equal(freeId([], 'a'), 'a');
  assert.equal(idFrom('The big Tür!'), 'the_big_tu_r');
});

// ---- differences ----------------------------------------------------------------------------------------------------

const kinds = (a, b) => diff(a, b).map((c) => `${c.kind} ${pointer(c.path)}`);

test('diff: named things are found again wherever they are', () => {
  const a = { devices: [{ id: 'a', n: 1 }, { id: 'b' }, { id: 'c' }] };
  assert.deepEqual(kinds(a, { devices: [{ id: 'c' }, { id: 'a', n: 2 }, { id: 'd' }] }), ['remove /devices/1', 'move /devices/1', 'change /devices/1/n', 'add /devices/2']);
  assert.deepEqual(kinds(a, a), []);
});

test('diff: steps: what is alike stays, what is of one type is changed', () => {
  assert.deepEqual(kinds({ steps: [P(1), P(2), P(3)] }, { steps: [P(1), P(3)] }), ['remove /steps/1']);
  assert.deepEqual(kinds({ steps: [P(1), P(2)] }, { steps: [P(1), P(2, { qos: 1 })] }), ['add /steps/1/qos']);
  assert.deepEqual(kinds({ steps: [P(1)] }, { steps: [step('delay'), P(1)] }), ['add /steps/0']);
  assert.deepEqual(kinds({ steps: [] }, { steps: [P(1)] }), ['add /steps/0']);
  assert.deepEqual(kinds({}, { steps: [P(1)], list: [] }), ['add /steps/0']);
  assert.deepEqual(kinds({ days: ['mon'] }, { days: ['tue'] }), ['change /days']);
});

test('diff: in words', () => {
  const a = room([P(1), step('if', { conditions: [], then: [P(2)] })]);
  const b = setAt(a, [...STEPS, 1, 'then', 0, 'topic'], 'x');
  const [c] = diff(a, b);
  assert.deepEqual(changeText(a, b, c), { place: 'door › main › step 2 if › then step 1 publish › topic', sign: 'changed', was: 't2', is: 'x' });
  const [gone] = diff(a, removeAt(a, STEPS, 0));
  assert.deepEqual(changeText(a, removeAt(a, STEPS, 0), gone), { place: 'door › main › step 1 publish', sign: 'removed', was: 't1' });
});

test('merge: mine on theirs; the same thing twice is a clash', () => {
  const base = room([P(1)]);
  const mine = setAt(setAt(base, ['devices', 0, 'display_name'], 'Gate'), STEPS, [P(9)]);
  const theirs = setAt(insertAt(base, ['devices'], 0, [{ id: 'new' }]), ['devices', 1, 'scenarios', 0, 'steps'], [P(5)]);
  const ops = opsOf(base, mine);
  const other = opsOf(base, theirs);
  assert.deepEqual(ops.map((op) => other.some((o) => clashes(op, o) || clashes(o, op))), [false, true].sort((x, y) => ops[0].where.includes('display_name') ? x - y : y - x));
  const { doc, lost } = applyOps(theirs, ops.filter((op) => op.where.includes('display_name')));
  assert.deepEqual(lost, []);
  assert.equal(doc.devices[1].display_name, 'Gate');
  assert.deepEqual(doc.devices[1].scenarios[0].steps, [P(5)]);
});

test('merge: the same change by both is no clash', () => {
  const base = room([P(1)]);
  const op = (name) => opsOf(base, setAt(base, ['devices', 0, 'display_name'], name))[0];
  assert.ok(!clashes(op('Gate'), op('Gate')));
  assert.ok(clashes(op('Gate'), op('Portal')));
});

test('merge: additions, removals, and what has no place any more', () => {
  const base = room([P(1)]);
  const mine = { ...base, devices: [{ ...base.devices[0], scenarios: [{ id: 'main', steps: [] }] }, { id: 'hall' }] };
  const { doc } = applyOps(base, opsOf(base, mine));
  assert.ok(equal(doc, mine));
  const gone = { ...base, devices: [] };
  assert.equal(applyOps(gone, opsOf(base, setAt(base, STEPS, []))).lost.length, 1);
});

// ---- texts ------------------------------------------------------------------------------------------------------------

test('words: times and numbers', () => {
  assert.deepEqual([0, 999, 1500, 60000, 5400000, 61000].map(timeText), ['0 ms', '999 ms', '1.5 s', '1 min', '1.5 h', '61 s']);
  assert.deepEqual(['1500', '1,500', '1.5 s', '2 min', '1.5', 'x', ''].map((t) => readNumber(t, 'ms')), [1500, 1500, 1500, 120000, null, null, null]);
  assert.equal(readNumber('3 s', ''), null);
  assert.equal(readNumber('-4', ''), -4);
});

test('words: a step on one line, also an odd one', () => {
  const text = (v) => lineOf('step', v).map((p) => p.code ?? p).join(' ');
  assert.equal(text(P(1, { payload: 'on', qos: 1, retain: true })), 't1 on QoS 1 retained');
  assert.equal(text({ type: 'wait_flags' }), '');
  assert.equal(text({ type: 'something_new', device: 'd' }), 'd');
  assert.equal(text({ type: 'if', conditions: [{ type: 'flag', flag: 'f' }, { type: 'and', conditions: [] }] }), 'f is true and and (…)');
});

test('words: places', () => {
  assert.deepEqual(placeOf(nested(), [...STEPS, 3, 'branches', 1, 'steps']), ['door', 'main', 'step 4 parallel', 'branch 2', 'steps']);
});

test('yaml: what could be misread is quoted', () => {
  assert.equal(toYaml({ a: [], b: 'on', c: 'x: y', d: 'plain text', e: ['1', { k: null }], f: { g: {} } }), 'a: []\nb: "on"\nc: "x: y"\nd: plain text\ne:\n  - "1"\n  - k: null\nf:\n  g: {}\n');
});
