import test from 'node:test';
import assert from 'node:assert/strict';
import { changedText, columnsOf, comparedText, groupsOf, joined, lastedText, limitsOf, named, outcomeOf, plain, ratePct, readEdit, sampleOf, severityOf, shown, stillEdited } from '../src/pages/battery/model.js';
import { ageOf, balancingText, cellsText, energy, flowOf, freshText, isLow, isOld, leftOf, reachOf, statusOf, watt } from '../src/pages/battery/words.js';
import page from '../src/pages/battery/index.js';
import { parse } from '../src/lib/route.js';

const pack = { soc_pct: 73.25, voltage_v: 42.9, current_a: -12.5, power_w: -536.2, status: 'discharging' };
const NOW = Date.now();
const battery = (fields = {}, more = {}) => ({ at: NOW, pack, fields, alarms: { active: 0, unacknowledged: 0 }, ...more });

test('status: kind and word, of every way the board says it', () => {
  const rows = [['charging', 'run', 'charging'], ['fully charged', 'ok', 'full'], ['fully_charged', 'ok', 'full'], ['full', 'ok', 'full'], ['fault', 'bad', 'fault'], ['idle', '', 'idle'], [null, '', 'unknown'], ['0x42', '', '0x42']];
  for (const [status, kind, word] of rows) assert.deepEqual(statusOf({ status }), [kind, word], String(status));
});

test('flow: by the current\u2019s sign, none in the noise or when not known', () => {
  const rows = [[8.2, 'in'], [-12, 'out'], [0.04, ''], [-0.04, ''], [null, ''], [undefined, '']];
  for (const [current_a, want] of rows) assert.equal(flowOf({ current_a }), want, String(current_a));
});

test('freshness: source and age, stale or stored said so, nothing of what was never heard', () => {
  const b = battery({ soc: { source: 'local', age_ms: 120, stale: false }, voltage: { source: 'remote', age_ms: 13000, stale: true }, cells: { source: 'store', age_ms: 60000, stale: false }, soh: { source: 'nobody', age_ms: null, stale: false } });
  assert.equal(freshText(b, 'soc', NOW), 'local, now');
  assert.equal(freshText(b, 'soc', NOW + 4900), 'local, now', 'at rest the hub says so every 5 s');
  assert.equal(freshText(battery({ counters: { source: 'local', age_ms: 8000, stale: false } }), 'counters', NOW + 4000), 'local, 12 s', 'read seldom');
  assert.equal(freshText(b, 'voltage', NOW + 1000), 'stale 14 s');
  assert.equal(freshText(b, 'cells', NOW), 'stored 1 min');
  assert.equal(freshText(b, 'soh', NOW), '');
  assert.equal(freshText(b, 'gone', NOW), '');
  assert.deepEqual(['soc', 'voltage', 'cells', 'gone'].map((f) => isOld(b, f, NOW)), [false, true, true, false]);
  assert.equal(freshText(b, 'soc', NOW + 20000), 'stale 20 s', 'a hub that says nothing for long');
  assert.equal(ageOf(b, 'soc', NOW - 500), 120, 'a browser clock set back makes nothing younger');
});

test('figures: power in W or kW with its sign, time left in the direction of now', () => {
  assert.deepEqual(watt(-536.2), ['\u2212536', 'W']);
  assert.deepEqual(watt(12040), ['+12.0', 'kW']);
  assert.deepEqual(watt(null), ['', 'W']);
  assert.deepEqual(leftOf({ time_to_full_s: 6720, current_a: 8 }), ['Full in', '1 h 52 min']);
  assert.deepEqual(leftOf({ time_to_empty_s: 21000, current_a: -8 }), ['Empty in', '5 h 50 min']);
  assert.deepEqual(leftOf({ current_a: 8 }), ['Full in', 'not known']);
  assert.deepEqual(leftOf({ current_a: 0 }), ['Time left', 'at rest']);
  assert.deepEqual(leftOf({ time_to_full_s: 185, current_a: 0 }), ['Time left', 'at rest'], 'of the minutes before');
  assert.deepEqual(leftOf({ time_to_full_s: 185, current_a: -8 }), ['Empty in', 'not known'], 'the direction is that of now');
  assert.deepEqual(leftOf({ current_a: null }), ['Time left', '']);
  assert.deepEqual(energy(0.2674), ['267', 'Wh']);
  assert.deepEqual(energy(12.3), ['12.30', 'kWh']);
  assert.deepEqual(energy(null), ['', 'kWh']);
});

test('cells: how far the bars reach, and in words', () => {
  assert.equal(reachOf([3301, 3310], 3301), 10);
  assert.equal(reachOf([3301, 3301.3], 3301), 2);
  assert.equal(reachOf([3300, 3321], 3300), 50);
  const cells = { mv: [3300, 3310], balancing: [false, true], min_mv: 3300, max_mv: 3310, min_at: 1, max_at: 2, delta_mv: 10 };
  assert.equal(cellsText(cells), '2 cells, 3,300.0 mV (cell 1) to 3,310.0 mV (cell 2), spread 10.0 mV, balancing 2');
  assert.equal(cellsText({ mv: [] }), 'No cell is known.');
  assert.equal(balancingText({ balancing: [true, false, true] }), '1, 3');
  assert.equal(balancingText({ balancing: [false, false] }), 'none');
  assert.equal(balancingText({}), '', 'not known is not none');
  assert.equal(balancingText({ balancing: [] }), '');
  assert.deepEqual([null, 0, 19.9, 20].map((soc_pct) => isLow({ soc_pct })), [false, true, true, false]);
});

test('navigation: charge; an alarm, a stale or an unknown value stands out', () => {
  const soc = (stale) => ({ soc: { source: 'local', age_ms: 1, stale } });
  assert.deepEqual(page.navFigure({ battery: battery(soc(false)) }), { text: '73 %', tone: '' });
  assert.deepEqual(page.navFigure({ battery: battery(soc(true)) }), { text: '73 %', tone: 'warn' });
  assert.deepEqual(page.navFigure({ battery: battery({}, { alarms: { unacknowledged: 1 } }) }), { text: 'alarm', tone: 'warn' });
  assert.deepEqual(page.navFigure({ battery: battery({}, { pack: {} }) }), { text: 'no value', tone: 'warn' });
  assert.equal(page.navFigure({ battery: null }), '');
  assert.equal(page.available({ battery: false }), false);
});

test('address: a view of a page stands behind a slash, or as a parameter', () => {
  assert.deepEqual(parse('#/battery/wall'), { page: 'battery', params: { view: 'wall' } });
  assert.deepEqual(parse('#/battery/wall?range=7d'), { page: 'battery', params: { view: 'wall', range: '7d' } });
  assert.deepEqual(parse('#/battery'), { page: 'battery', params: {} });
});

const S = (t, more) => ({ timestamp_ms: t, voltage: 43, current: -1, soc: 70, temperature: 25, cell_min_mv: 3300, cell_max_mv: 3310, ...more });

test('history: columns of a window, a gap stays a gap, spread from both edges', () => {
  const samples = [S(0), S(5000), S(10000), S(60000), S(65000, { cell_min_mv: null })];
  const cols = columnsOf(samples, 0, 70000);
  assert.deepEqual(cols[0], [0, 5000, 10000, 10001, 60000, 65000]);
  assert.deepEqual(cols[1], [43, 43, 43, null, 43, 43]);
  assert.deepEqual(cols[7], [10, 10, 10, null, 10, null]);
  assert.deepEqual(columnsOf(samples, 4000, 9000)[0], [5000]);
  assert.deepEqual(columnsOf([], 0, 1).map((c) => c.length), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('history: what was heard since is joined once', () => {
  assert.deepEqual(joined([S(1), S(5)], [S(4), S(5), S(6)]).map((s) => s.timestamp_ms), [1, 5, 6]);
  assert.deepEqual(joined([], [S(4)]).map((s) => s.timestamp_ms), [4]);
  assert.equal(sampleOf({ pack: {}, cells: {} }, 1), null);
  assert.equal(sampleOf({ pack, cells: {}, fields: { voltage: { stale: true } } }, 1), null, 'a stale value is no sample');
  assert.equal(sampleOf({ pack, cells: { min_mv: 3300 } }, 7).cell_min_mv, 3300);
});

test('alarms: how bad, and how long', () => {
  assert.deepEqual(severityOf({ severity: 'critical' }), ['bad', 'critical']);
  assert.equal(lastedText({ raised_ms: 1000, cleared_ms: null }, 61000), 'for 1 min');
  assert.equal(lastedText({ raised_ms: 1000, cleared_ms: 13000 }), '12 s');
});

const mv = { key: 'overvoltage_cutoff_mv', address: 315, group: 'safety', label: 'Over-voltage cutoff', unit: 'mV', value: 3800, min: 1200, max: 4500, default: 3800, decimals: 0, choices: null };
const ah = { key: 'battery_capacity_ah', group: 'battery', unit: 'Ah', value: 100, min: 0.1, max: 655, decimals: 2 };
const mode = { key: 'operation_mode', group: 'system', unit: '', value: 0, min: 0, max: 1, decimals: 0, choices: [{ value: 0, text: 'dual port' }, { value: 1, text: 'single port' }] };
const cold = { key: 'cold', group: 'odd', unit: '°C', value: 0, min: -40, max: 10, decimals: 0 };

test('files: a comparison in a line; what has nothing of the board is not the same', () => {
  const rows = [
    [{ list: [], same: 40 }, '40 settings of f are as on the board.'],
    [{ list: [], same: 1 }, '1 setting of f is as on the board.'],
    [{ list: [], same: 0 }, 'f has no setting of this board.'],
    [{ list: [], same: 0, unknown: ['volts'] }, 'f has no setting of this board.'],
    [{ list: [], same: 0, wrong: [{ key: 'cell_count', value: 'many', limit: 'a number' }] }, 'f has nothing to compare, 1 entry of it is wrong.'],
    [{ list: [], same: 3, unknown: ['volts'], wrong: [{}] }, '3 settings of f are as on the board, 2 entries of it cannot be compared.'],
    [{ list: [{}], same: 3 }, '1 difference to f'],
    [{ list: [{}, {}], unknown: ['volts'] }, '2 differences to f, 1 entry of it cannot be compared'],
  ];
  for (const [found, want] of rows) assert.equal(comparedText({ name: 'f', ...found }), want);
});

test('backups: what differs from the one before', () => {
  assert.equal(changedText({ changed: [], changed_count: 0 }, []), 'as the one before');
  assert.equal(changedText({ changed: ['overvoltage_cutoff_mv'], changed_count: 1 }, [mv]), 'other than before: Over-voltage cutoff');
  assert.equal(changedText({ changed: ['a', 'b', 'c', 'd'], changed_count: 4 }, []), '4 settings differ from the one before');
});

test('registers: a text of the hub has labels for keys', () => {
  assert.equal(named('overvoltage_cutoff_mv is 9, a_b is 1', [mv]), 'Over-voltage cutoff is 9, a_b is 1');
  assert.equal(named(null, []), '');
});

test('registers: what was typed is a value, or a finding with value and limits', () => {
  const rows = [
    [mv, '3,650', { value: 3650 }], [mv, ' 3650 ', { value: 3650 }],
    [mv, '36500', { finding: 'Value is 36,500 mV, limits 1,200 to 4,500 mV.' }],
    [mv, '3650.5', { finding: '"3650.5" is not a whole number.' }], [mv, '', { finding: '"" is not a number.' }], [mv, '3 V', { finding: '"3 V" is not a number.' }],
    [ah, '99.95', { value: 99.95 }], [ah, '0.001', { finding: 'Value is 0.001, at most 2 decimals.' }],
    [cold, '\u22125', { value: -5 }], [cold, '-41', { finding: 'Value is \u221241 °C, limits \u221240 to 10 °C.' }],
    [mode, '1', { value: 1 }], [mode, '7', { finding: '7 is no choice of this register.' }],
  ];
  for (const [s, raw, want] of rows) assert.deepEqual(readEdit(s, raw), want, `${s.key} ${raw}`);
});

test('registers: shown with unit, choices by word, groups in order', () => {
  assert.equal(shown(mv, 3650), '3,650 mV');
  assert.equal(shown(mode, 1), 'single port');
  assert.equal(shown(mode, 9), '9, unknown');
  assert.equal(shown(mv, null), 'not known');
  assert.equal(plain(ah, 100), '100.00');
  assert.equal(limitsOf(mode), '');
  assert.deepEqual(groupsOf([mode, mv, ah, cold]).map((g) => g[1]), ['Battery', 'Safety', 'System', 'Odd']);
});

test('registers: an edit back to the value is none, a finding stays', () => {
  assert.deepEqual(stillEdited([mv, ah], { overvoltage_cutoff_mv: '3,800', battery_capacity_ah: 'x', gone: 1 }), { battery_capacity_ah: 'x' });
});

test('registers: what the board made of a write', () => {
  assert.deepEqual(outcomeOf({ outcome: 'done', value: 3650 }, mv), ['ok', 'written', 'The board reads 3,650 mV.']);
  assert.deepEqual(outcomeOf({ outcome: 'refused', code: 0 }, mv), ['bad', 'refused', 'The board refuses it, code 0. Nothing was changed.']);
  assert.equal(outcomeOf({ outcome: 'not_taken', value: 3800 }, mv)[2], 'The board acknowledged, yet it reads 3,800 mV.');
  assert.equal(outcomeOf({ outcome: 'lost' }, mv)[1], 'no answer');
});

test('line: shares of failures', () => {
  assert.equal(ratePct(0, 0), 'none yet');
  assert.equal(ratePct(0, 10), '0.0 %');
  assert.equal(ratePct(3, 41237), '0.007 %');
});
