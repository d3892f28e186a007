import test from 'node:test';
import assert from 'node:assert/strict';
import { compare, findingsOf, groupFiles, readRun, rowOf } from '../src/pages/memory/run_file.js';
import { SCENARIOS, addResult, configBody, verdictOf } from '../src/pages/memory/scenarios.js';

const limits = { internal_min_bytes: 102400, frag_max_pct: 40 };
const line = (tag, s, more = {}) => JSON.stringify({ ts: `2026-11-30T10:00:${String(s).padStart(2, '0')}.000000+00:00`, tag, hf: 200000, hm: 150000, hl: 120000, hi: 200000, hin: 150000, frag: 30, pf: 8000000, pm: 7000000, pl: 6000000, ...more });

test('a run is read from its files: rows, figures, stacks', () => {
  const run = readRun('20261130_s4', {
    'mem.jsonl': [line('boot', 0), line('hb', 5, { frag: 25 }), line('http_macros_post_parsed', 7, { hin: 90000, frag: 45 }), '{"ts":"2026'].join('\n'),
    'summary.json': JSON.stringify({ scenario_title: 'S4 Macros', firmware_version: '1.5.0', start_ts: '2026-11-30T09:59:58+00:00', end_ts: '2026-11-30T10:00:10+00:00', derived: { tripwire: { fired: true, tag: 'x' } } }),
    'tasks.jsonl': '{"name":"loop","stack_rem":900}\n{"name":"loop","stack_rem":700}\n{"name":"ui","stack_rem":1200}\n{"type":"stack_watermark"}',
  });
  assert.equal(run.rows.length, 3);
  assert.deepEqual(run.rows[0], [Date.parse('2026-11-30T10:00:00Z'), 200000, 150000, 120000, 30, 8000000, 7000000, 6000000, 25, 'boot']);
  assert.deepEqual([run.title, run.ms, run.hinMin, run.fragMax, run.fragRest], ['S4 Macros', 12000, 90000, 45, 25]);
  assert.deepEqual(run.stacks, [{ task: 'loop', bytes: 700 }, { task: 'ui', bytes: 1200 }]);
  assert.deepEqual(findingsOf(run, limits), ['low water 87.9 KiB, limit 100', 'the tripwire fired at x']);
});

test('a run without a summary is read from its snapshots; without snapshots it is none', () => {
  const run = readRun('cut', { 'mem.jsonl': line('boot', 1) + '\n' + line('hb', 9) });
  assert.deepEqual([run.title, run.ms, run.fragRest], ['cut', 8000, 30]);
  assert.deepEqual(findingsOf(run, limits), []);
  assert.match(readRun('x', { 'summary.json': '{}' }).finding, /^x has no mem.jsonl/);
  assert.match(readRun('x', { 'mem.jsonl': '{"tag":"hb"}\n' }).finding, /no mem.jsonl/);
  assert.equal(rowOf({ ts: 'then', tag: 'hb' }), null);
});

test('two runs are compared by the last snapshot of each tag', () => {
  const a = readRun('a', { 'mem.jsonl': [line('hb', 1), line('hb', 2, { hin: 140000 }), line('only_a', 3)].join('\n') });
  const b = readRun('b', { 'mem.jsonl': line('hb', 1, { hin: 120000, frag: 33, pf: 7999000 }) });
  assert.deepEqual(compare(a, b), [{ tag: 'hb', hin: -20000, hm: 0, frag: 3, pf: -1000 }, { tag: 'only_a', hin: null, hm: null, frag: null, pf: null }]);
});

test('files are grouped by their folder', () => {
  const file = (path) => ({ name: path.split('/').pop(), webkitRelativePath: path });
  const groups = groupFiles([file('runs/one/mem.jsonl'), file('runs/one/serial.log'), file('runs/two/mem.jsonl'), file('runs/one/summary.json')]);
  assert.deepEqual(groups.map((g) => [g.name, Object.keys(g.files)]), [['one', ['mem.jsonl', 'summary.json']], ['two', ['mem.jsonl']]]);
  assert.deepEqual(groupFiles([{ name: 'mem.jsonl' }]).map((g) => g.name), ['files']);
});

test('the verdict names what broke which limit', () => {
  const good = { seen: [150000, 140000], window: 130000, rest: 30, failed: [], noMemory: 0, tripped: false, stopped: false, limits };
  assert.deepEqual(verdictOf(good), { low: 130000, frag: 30, findings: [], verdict: 'pass' });
  const rows = [
    [{ window: 102399 }, /low water is under 100 KiB/], [{ rest: 40 }, /fragmentation at rest is not under 40 %/], [{ noMemory: 2 }, /2 allocations failed/],
    [{ tripped: true }, /tripwire/], [{ failed: ['GET /api/x 500', 'b'] }, /2 of the requests failed, first GET \/api\/x 500/],
  ];
  for (const [change, text] of rows) {
    const v = verdictOf({ ...good, ...change });
    assert.equal(v.verdict, 'failed');
    assert.match(v.findings[0], text);
  }
  assert.equal(verdictOf({ ...good, window: null, seen: [] }).low, null);
  assert.equal(verdictOf({ ...good, stopped: true }).verdict, 'stopped');
});

// What a scenario asks, in its order, of a hub that has everything.
async function asked(id, replies = {}) {
  const log = [];
  const io = {
    has: () => true, wait: async () => {}, heartbeat: async () => log.push('hb'), tagged: async (t) => log.push('tag ' + t), say() {}, jpeg: async () => new Blob(['x']),
    ask: async (method, path, { body } = {}) => {
      log.push(`${method} ${path}`);
      if (method === 'POST' && body) log.push(body);
      return replies[path] ?? {};
    },
  };
  await SCENARIOS.find((s) => s.id === id).steps(io);
  return log;
}

test('scenarios ask what the harness asks, save what they read, and end with a heartbeat', async () => {
  for (const { id } of SCENARIOS) assert.equal((await asked(id, { '/api/display': { width: 8, height: 8 } })).at(-1), 'hb', id);
  assert.deepEqual(await asked('s2'), ['GET /', 'GET /network.html', 'GET /firmware.html', 'hb']);
  const macros = { success: true, defaults: { a: 1 }, screens: [1], templates: [] };
  const s4 = await asked('s4', { '/api/macros': macros, '/api/display': { screen: 'macro3' } });
  assert.deepEqual(s4.slice(0, 3), ['GET /api/macros', 'POST /api/macros', { defaults: { a: 1 }, screens: [1] }]);
  assert.ok(!(await asked('s4')).includes('POST /api/macros'), 'what is no document is not posted');
  assert.ok((await asked('s5', { '/api/config': { mqtt_host: 'x' } })).includes('tag mqtt_'));
  const s6 = await asked('s6', { '/api/macros': macros, '/api/config': { wifi_ssid: 'host', mqtt_password: '', device_name: 'a', other: 1 } });
  assert.deepEqual(s6[s6.indexOf('POST /api/config?no_reboot=1') + 1], { wifi_ssid: 'host', mqtt_password: '', device_name: 'a' });
  assert.deepEqual(configBody({ wifi_password: 'seen', mqtt_port: 1883 }), { wifi_password: '', mqtt_port: 1883 });
});

test('of each scenario two results are kept', () => {
  const r = addResult(addResult(addResult({}, 's1', 1), 's1', 2), 's1', 3);
  assert.deepEqual(r, { s1: [3, 2] });
});
