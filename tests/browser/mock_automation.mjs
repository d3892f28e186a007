// mock_automation.mjs - an invented room for the mock hub: scenarios that wait, a game clock, monitors, traces.
// Nothing runs by itself; a test changes `room.*` and calls room.changed(part).

const DEVICES = [
  { id: 'gallery', name: 'Gallery', status: 'online', template: 'uid_validator', state: 'active', active: true, time_left_ms: 14000, slots: [
    { index: 0, source: 'gallery/reader/left', label: 'Left', last_value: '04A1B2C3', seen: true, ok: true },
    { index: 1, source: 'gallery/reader/right', label: 'Right', last_value: '04FFFFFF', seen: true, ok: false }, { index: 2, source: 'gallery/reader/top', label: '', last_value: '', seen: false, ok: false }] },
  { id: 'beam', name: 'Hold beam', status: 'online', template: 'signal_hold', state: 'paused', active: false, completed: false, signal_on: false, progress_ms: 8200, required_hold_ms: 20000, heartbeat_timeout_ms: 1000, time_left_ms: 11800 },
  { id: 'vault', name: 'The vault with the long name', status: 'offline', template: 'sequence_lock', state: 'active', active: true, current_step_index: 2, completed_steps: 2, total_steps: 5, timeout_ms: 30000, time_left_ms: 21000, reset_on_error: true, expected_topic: 'vault/key', expected_payload: 'blue', payload_required: true },
  { id: 'robot', name: 'Talking robot', status: 'unknown', template: null },
];
// device, scenario, name, button, step that it waits in
const SCENARIOS = [
  ['gallery', 'opened', 'Door opens', 'Open the door'], ['gallery', 'wrong', 'Wrong card'], ['gallery', 'reset', 'Gallery to its start', 'Reset the gallery'],
  ['vault', 'ask', 'Ask the operator', 'Ask the operator', { wait: 'operator', text: 'Is everybody out of the vault?' }], ['vault', 'long', 'Evening light', 'Evening light until dawn', { wait: 'delay', left_ms: 240000 }],
  ['robot', 'hello', 'Say hello', 'Say hello', { wait: 'command', left_ms: 5000 }], ['robot', 'noisy', 'Talks to itself'], ['robot', 'off', 'Good night', 'Good night'],
];
const names = { device: (id) => DEVICES.find((d) => d.id === id).name };

export class MockRoom {
  constructor(push, Refusal) {
    Object.assign(this, { push, Refusal, enabled: true, plan: 1, instances: [], suspended: [], cut: [], log: [], counters: { started: 0, done: 0, failed: 0, cancelled: 0, ignored: 0, traces_missing: 0 }, next: 112, versions: { flags: 1, variables: 1 } });
    this.monitors = structuredClone(DEVICES);
    this.flags = [{ name: 'gallery_done', value: true }, { name: 'vault_checked', value: false }];
    this.variables = [{ name: 'score', value: 3, persist: true }, { name: 'team_language', value: 'en', persist: false }];
    this.hints = [{ text: 'Two pictures want a card each', has_track: false }, { text: 'Hold the light on the glass eye until it answers', has_track: true }];
    this.game = { state: 'idle', paused: false, elapsed_ms: 0, left_ms: 3600000, duration_ms: 3600000, added_ms: 0, hint_count: 2, hints_sent: 0, team: null };
    this.scenarios = SCENARIOS.map(([device, scenario, name, button, wait]) => ({ device, device_name: names.device(device), scenario, name, enabled: scenario !== 'off', button, wait, done: 0, failed: 0, cancelled: 0, records: [], failed_run: 0 }));
    this.past('gallery', 'opened', 'done');
    this.past('vault', 'ask', 'failed', 'waited in vain for operator');
    this.past('gallery', 'opened', 'failed', 'gallery/door: the broker is full');
    this.past('gallery', 'opened', 'done');
  }

  of(device, scenario) {
    return this.scenarios.find((s) => s.device === device && s.scenario === scenario);
  }

  record(s, run, kind, result, more = {}) {
    s.records.push({ run, unix_ms: Date.now() - (more.ago || 0), kind, ...more, ago: undefined, result });
  }

  past(device, scenario, result, why) {
    const s = this.of(device, scenario);
    const run = this.next++;
    const ago = (130 - run) * 60000;
    this.record(s, run, 'begin', 'mqtt', { ago: ago + 8400, text: 'pressed' });
    this.record(s, run, 'step', 'ok', { ago: ago + 8400, step: 'audio_play', path: '/steps/0', text: 'audio/open.wav' });
    this.record(s, run, 'wait', 'delay', { ago: ago + 8400, step: 'mqtt_publish', path: '/steps/1' });
    this.record(s, run, 'step', 'ok', { ago: ago + 7900, step: 'mqtt_publish', path: '/steps/1', text: 'relay/gallery/door = on' });
    this.record(s, run, 'step', 'ok', { ago: ago + 7900, step: 'if', path: '/steps/2', text: 'then' });
    this.record(s, run, 'wait', 'flags', { ago: ago + 7900, step: 'wait_flags', path: '/steps/2/then/0/branches/0/steps/0' });
    this.record(s, run, 'step', 'ok', { ago: ago + 7900, step: 'audio_play', path: '/steps/2/then/0/branches/1/steps/0', text: 'audio/well_done.flac' });
    this.record(s, run, 'step', 'ok', { ago: ago + 3100, step: 'wait_flags', path: '/steps/2/then/0/branches/0/steps/0', text: 'it came' });
    this.record(s, run, 'step', 'ok', { ago: ago + 3100, step: 'parallel', path: '/steps/2/then/0', text: 'it came' });
    this.record(s, run, 'step', result === 'failed' ? 'full' : 'ok', { ago, step: 'mqtt_publish', path: '/steps/3', text: why || 'relay/gallery/door = off' });
    this.end(s, run, result, why, ago);
  }

  end(s, run, result, why, ago = 0) {
    this.record(s, run, 'end', result, { text: why, ago });
    s[result]++;
    this.counters[result]++;
    if (result === 'failed') s.failed_run = run;
  }

  // ---- what the hub tells --------------------------------------------------------------------------

  automation() {
    return { enabled: this.enabled, plan: this.plan, instance_count: this.instances.length, waiting_count: this.instances.length, queued_count: 0, suspended_count: this.suspended.length, failed: this.counters.failed,
      flags_version: this.versions.flags, variables_version: this.versions.variables, instances: this.instances };
  }

  gameNow() {
    const since = this.game.state === 'running' && !this.game.paused ? Date.now() - this.at : 0;
    return { ...this.game, elapsed_ms: this.game.elapsed_ms + since, left_ms: Math.max(0, this.game.left_ms - since) };
  }

  part(name) {
    return { automation: () => this.automation(), game: () => this.gameNow(), monitors: () => ({ devices: this.monitors, is_cut: false }) }[name];
  }

  changed(part) {
    this.push(part, this.part(part)());
  }

  // ---- what is done --------------------------------------------------------------------------------

  refuse(status, code, message) {
    throw new this.Refusal(status, code, message);
  }

  told(action, text = '') {
    this.log.push({ unix_ms: Date.now(), origin: 'http', user: 'ann', action, text });
    this.changed('game');
  }

  run({ device, scenario }, who) {
    const s = this.of(device, scenario);
    if (!s) this.refuse(404, 'not_found', 'Scenario: there is none. Nothing was changed.');
    if (who && who.role === 'operator' && !s.button) this.refuse(403, 'forbidden', 'The scenario has no button: it is for admins. Nothing was changed.');
    if (this.instances.some((r) => r.device === device && r.scenario === scenario)) this.refuse(409, 'busy', 'Scenario: it runs already and its mode is single. Nothing was changed.');
    const id = this.next++;
    this.counters.started++;
    this.record(s, id, 'begin', 'http');
    this.told('run', `${device}/${scenario}`);
    if (!s.wait) {
      this.end(s, id, 'done');
    } else {
      this.record(s, id, 'wait', s.wait.wait, { step: `wait_${s.wait.wait}`, path: '/steps/0' });
      this.instances.push({ id, device, scenario, state: 'waiting', origin: 'http', started_unix_ms: Date.now(), step: '/steps/0', step_name: '', waited_ms: 0, ...s.wait });
    }
    this.changed('automation');
    return { status: 'queued', instance: id };
  }

  finish(id, action, result) {
    const r = this.instances.find((x) => x.id === id);
    if (!r) this.refuse(404, 'not_found', 'Instance: there is none. Nothing was changed.');
    const s = this.of(r.device, r.scenario);
    if (result === 'done') this.record(s, id, 'step', 'ok', { step: `wait_${r.wait}`, path: '/steps/0', text: action === 'skip' ? 'skipped' : 'forced' });
    this.end(s, id, result, result === 'cancelled' ? 'by an operator' : undefined);
    this.instances = this.instances.filter((x) => x !== r);
    this.told(action, `${id} ${r.device}/${r.scenario}`);
    this.changed('automation');
  }

  cancel({ instance, all }) {
    if (instance != null) this.finish(instance, 'cancel', 'cancelled');
    const n = this.instances.length;
    if (all) for (const r of [...this.instances]) this.finish(r.id, 'cancel', 'cancelled');
    if (all) this.told('cancel', `all: ${n}`);
    return { status: 'ok', cancelled: all ? n : 1 };
  }

  clock(action, { ms = 0, team } = {}) {
    Object.assign(this.game, this.gameNow());
    this.at = Date.now();
    const g = this.game;
    if (action === 'start') Object.assign(g, { state: 'running', paused: false, elapsed_ms: 0, left_ms: g.duration_ms, added_ms: 0, hints_sent: 0, team: team || g.team });
    if (action === 'pause') g.paused = true;
    if (action === 'resume') g.paused = false;
    if (action === 'stop' && g.state !== 'running') this.refuse(409, 'conflict', 'No game runs. Nothing was changed.');
    if (action === 'stop') g.state = 'ended';
    if (action === 'reset') Object.assign(g, { state: 'idle', paused: false, elapsed_ms: 0, left_ms: g.duration_ms });
    if (action === 'add') Object.assign(g, { added_ms: g.added_ms + ms, left_ms: g.left_ms + ms });
    this.told(action, action === 'add' ? `${ms > 0 ? '+' : ''}${ms} ms` : g.team || '');
    return this.gameNow();
  }

  hint({ index, text }) {
    this.game.hints_sent++;
    this.told('hint', index == null ? text : this.hints[index].text);
    return { status: 'ok' };
  }

  set(what, { name, value }) {
    const x = this[what].find((v) => v.name === name);
    x.value = value;
    this.versions[what]++;
    this.told(what.slice(0, -1), `${name} = ${value}`);
    this.changed('automation');
    return { status: 'ok' };
  }

  reset({ device }) {
    const m = this.monitors.find((x) => x.id === device);
    Object.assign(m, { state: 'idle', active: false }, m.template === 'signal_hold' ? { progress_ms: 0 } : { completed_steps: 0, current_step_index: 0 });
    this.changed('monitors');
    return { status: 'reset' };
  }

  traces(q) {
    if (!q.get('device')) return this.scenarios.filter((s) => s.records.length).map(({ device, scenario, done, failed, cancelled, failed_run }) => ({ device, scenario, done, failed, cancelled, ignored: 0, failed_run }));
    const s = this.of(q.get('device'), q.get('scenario'));
    if (!s) this.refuse(404, 'not_found', 'Scenario: there is none. Nothing was changed.');
    return q.get('failed') ? s.records.filter((r) => r.run === s.failed_run) : s.records;
  }

  dry({ device, scenario }) {
    const line = (at_ms, kind, result, more) => ({ at_ms, device, scenario, kind, result, ...more });
    return { is_cut: false, lines: [line(0, 'begin', 'http'), line(0, 'wait', 'operator', { step: 'wait_operator', path: '/steps/0' }), line(0, 'step', 'ok', { step: 'wait_operator', path: '/steps/0', text: 'it came' }),
      line(0, 'wait', 'delay', { step: 'delay', path: '/steps/1' }), line(3000, 'step', 'ok', { step: 'delay', path: '/steps/1', text: 'time is up' }), line(3000, 'end', 'done')] };
  }

  // Routes of the mock hub: `body(req)` reads JSON, `who()` is signed in.
  routes(body, who) {
    const list = () => [...this.instances, ...this.suspended, ...this.cut];
    const post = (fn) => async (q, req) => fn(await body(req));
    return {
      'GET /api/automation': () => ({ enabled: this.enabled, counters: { ...this.counters, instance_count: this.instances.length, suspended_count: this.suspended.length }, list: list() }),
      'GET /api/automation/actions': () => this.scenarios.map(({ wait, records, failed_run, ...s }) => s),
      'GET /api/automation/flags': () => this.flags,
      'GET /api/automation/variables': () => this.variables,
      'GET /api/automation/monitors': () => this.monitors,
      'GET /api/automation/traces': (q) => this.traces(q),
      'POST /api/automation/dry_run': post((b) => this.dry(b)),
      'POST /api/automation/cancel': post((b) => this.cancel(b)),
      'POST /api/automation/skip': post((b) => this.finish(b.instance, 'skip', 'done') || { status: 'ok' }),
      'POST /api/automation/force': post((b) => this.finish(b.instance, 'force', 'done') || { status: 'ok' }),
      'POST /api/automation/flag': post((b) => this.set('flags', b)),
      'POST /api/automation/variable': post((b) => this.set('variables', b)),
      'POST /api/automation/enable': post((b) => {
        this.enabled = b.enabled;
        this.changed('automation');
        return { status: 'ok' };
      }),
      'GET /api/game': () => this.gameNow(),
      'GET /api/game/log': () => this.log,
      'GET /api/game/hints': () => this.hints,
      'POST /api/game/hint': post((b) => this.hint(b)),
      ...Object.fromEntries(['start', 'pause', 'resume', 'stop', 'reset', 'add'].map((a) => [`POST /api/game/${a}`, post((b) => this.clock(a, b))])),
      'POST /api/devices/run': post((b) => this.run(b, who())),
      'POST /api/devices/signal/reset': post((b) => this.reset(b)),
      'POST /api/devices/sequence/reset': post((b) => this.reset(b)),
      'GET /api/devices/config': () => ({ schema: 2, devices: DEVICES.map((d) => ({ id: d.id, scenarios: this.scenarios.filter((s) => s.device === d.id).map((s) => ({ id: s.scenario, steps: [{ type: 'nop', name: 'First' }] })) })) }),
    };
  }
}

export const OPERATOR_ROUTES = ['GET /api/automation', 'GET /api/automation/actions', 'GET /api/automation/flags', 'GET /api/automation/variables', 'GET /api/automation/monitors', 'POST /api/automation/cancel', 'POST /api/automation/skip', 'POST /api/automation/force',
  'GET /api/game', 'GET /api/game/log', 'GET /api/game/hints', 'POST /api/game/hint', 'POST /api/game/start', 'POST /api/game/pause', 'POST /api/game/resume', 'POST /api/game/stop', 'POST /api/game/reset', 'POST /api/game/add',
  'POST /api/devices/run', 'POST /api/devices/signal/reset', 'POST /api/devices/sequence/reset'];
export const ROOM_PARTS = ['automation', 'game', 'monitors'];
