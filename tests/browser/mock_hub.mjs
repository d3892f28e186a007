// mock_hub.mjs - a hub of invented data behind the portal's real surface: static files, the JSON routes
// and /ws, under the same Content-Security-Policy. Run it alone: node mock_hub.mjs [PORT].

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockRoom, OPERATOR_ROUTES, ROOM_PARTS } from './mock_automation.mjs';
import { MockHub } from './mock_data.mjs';
import { MockLamp } from './mock_lamp.mjs';
import { accept } from './ws_server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
// The tests are told where the build put the UI; by hand it is where `npm run build` puts it.
const dist = process.env.NH_BUILD_DIR ? join(process.env.NH_BUILD_DIR, 'web/dist') : join(here, '../../web/dist');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const BODY_MAX_BYTES = 16384;
const BODILESS = ['POST /api/auth/logout', 'POST /api/reboot']; // take no body: one is a 413
// What an operator may ask for, and what its sockets may hear.
const OPERATORS = ['GET /api/info', 'GET /api/session/info', 'POST /api/auth/password', 'GET /api/memory', 'GET /api/memory/history', 'GET /api/health', ...OPERATOR_ROUTES];
const OPERATOR_PARTS = ['mem', 'snap', 'lamp', 'lamp_preview', 'lamp_radio', 'lamp_live', 'battery', ...ROOM_PARTS];

class Refusal extends Error {
  constructor(status, code, message, details = []) {
    super(message);
    Object.assign(this, { status, code, details });
  }
}

// Starts a mock hub: {url, hub, control, stop(), dropSockets(), fail(pathPrefix or null)}. `password`: that of
// "admin", whose account stands in a file; `users`: more of [{username, role, password, must_change}]. There is one browser:
// who is signed in is a variable, control.who. `lamp`: false: this hub has none; else what differs from the usual one.
export async function startMock({ port = 0, password = null, users = [], tickMs = 250, lamp: lampOptions, ...options } = {}) {
  const hub = new MockHub(options);
  const sockets = new Set();
  const account = (u) => ({ enabled: true, must_change: false, in_file: false, ...u });
  const control = { failing: null, who: null, users: users.map(account) };
  if (password) control.users.unshift(account({ username: 'admin', role: 'admin', password, in_file: true }));
  const required = () => control.users.length > 0;

  const server = createServer((req, res) => {
    handle(req, res).catch((e) => {
      const status = e.status || 500;
      send(res, status, { error: { code: e.code || 'internal', message: e.message, details: e.details || [] } });
    });
  });

  function send(res, status, value, headers = {}) {
    res.writeHead(status, { 'content-type': 'application/json', ...headers });
    res.end(JSON.stringify(value));
  }

  async function body(req) {
    let text = '';
    for await (const chunk of req) {
      text += chunk;
      if (text.length > BODY_MAX_BYTES) throw new Refusal(413, 'too_large', `Body has over ${BODY_MAX_BYTES} bytes. Nothing was changed.`);
    }
    return text ? JSON.parse(text) : {};
  }

  async function handle(req, res) {
    const url = new URL(req.url, 'http://mock');
    if (!url.pathname.startsWith('/api/')) return asset(url.pathname, res);
    if (control.failing && url.pathname.startsWith(control.failing)) throw new Refusal(503, 'busy', 'The hub is busy. Nothing was changed.');
    if (BODILESS.includes(`${req.method} ${url.pathname}`) && +req.headers['content-length'] > 0) {
      throw new Refusal(413, 'too_large', `Body has ${req.headers['content-length']} bytes, limit 0. Nothing was changed.`);
    }
    const name = `${req.method} ${url.pathname}`;
    if (name === 'POST /api/auth/login') return signIn(await body(req), res);
    if (name === 'POST /api/auth/logout') {
      control.who = null;
      return send(res, 200, { status: 'ok' });
    }
    const { who } = control;
    if (required() && !who) throw new Refusal(401, 'sign_in_needed', 'Sign in first, or send Basic credentials.');
    if (who && who.must_change && !/^(GET .api.session.info|POST .api.auth.password)$/.test(name)) throw new Refusal(403, 'password_change_required', 'Change the password first: POST /api/auth/password.');
    if (who && who.role !== 'admin' && !OPERATORS.includes(name) && !url.pathname.startsWith('/api/lamp')) throw new Refusal(403, 'forbidden', `${name} is for admins.`);
    const route = routes[name];
    if (!route) throw new Refusal(404, 'not_found', `There is no route ${url.pathname}.`);
    return send(res, 200, await route(url.searchParams, req));
  }

  function asset(path, res) {
    const file = normalize(path === '/' ? '/index.html' : path);
    let bytes;
    try {
      bytes = readFileSync(join(dist, file));
    } catch {
      throw new Refusal(404, 'not_found', `There is no file ${file}.`);
    }
    res.writeHead(200, { 'content-type': TYPES[extname(file)] || 'application/octet-stream', 'content-security-policy': CSP, 'cache-control': 'no-cache' });
    res.end(bytes);
  }

  const session = (u) => ({ role: u.role === 'operator' ? 'user' : u.role, role_name: u.role, username: u.username, must_change: u.must_change });

  function signIn(b, res) {
    const u = control.users.find((x) => x.username === b.username && x.enabled && x.password === b.password);
    if (!u) throw new Refusal(401, 'wrong_password', 'The user or the password is wrong.');
    control.who = u;
    send(res, 200, { status: 'ok', ...session(u) }, { 'set-cookie': 'nh_session=mock; HttpOnly; SameSite=Strict; Path=/' });
  }

  // ---- accounts ------------------------------------------------------------------------------------

  function named(username) {
    const u = control.users.find((x) => x.username === username);
    if (!u) throw new Refusal(404, 'not_found', 'There is no such account. Nothing was changed.');
    if (u.in_file) throw new Refusal(409, 'in_file', 'This account stands in hub.yaml; nuthatch passwd makes its line. Nothing was changed.');
    return u;
  }

  function checkPassword(field, text) {
    if (text.length < 8) throw new Refusal(400, 'bad_value', `${field}: is too short; limit 8 to 256 bytes. Nothing was changed.`, [{ field: '/' + field, value: `${text.length} bytes`, limit: '8 to 256 bytes', text: 'is too short' }]);
  }

  function addUser(b) {
    checkPassword('password', b.password);
    if (control.users.some((u) => u.username === b.username)) throw new Refusal(409, 'exists', 'There is such an account already. Nothing was changed.');
    control.users.push(account(b));
    return { status: 'ok' };
  }

  function setPassword({ username, current_password: current, new_password: next, must_change: must = true }) {
    const u = named(username || control.who.username);
    checkPassword('new_password', next);
    const own = u === control.who;
    if (own && u.password !== current) throw new Refusal(403, 'wrong_password', 'The present password is wrong. Nothing was changed.');
    if (own && next === current) throw new Refusal(400, 'bad_value', 'new_password: is the present password. Nothing was changed.', [{ field: '/new_password', text: 'is the present password' }]);
    Object.assign(u, { password: next, must_change: !own && must });
    return { status: 'ok' };
  }

  function endSockets() {
    for (const c of sockets) if (required() && (!control.who || !control.who.enabled)) c.ws.close();
    return { status: 'ok' };
  }

  const room = new MockRoom((part, data) => push(part, data), Refusal);
  const lamp = lampOptions === false ? null : new MockLamp((part, data) => push(part, data), pushBytes, Refusal, lampOptions);
  const routes = {
    ...room.routes(body, () => control.who),
    ...(lamp && lamp.routes(body)),
    'GET /api/session/info': () => ({ ...session(control.who || { role: 'admin', username: null, must_change: false }), required: required(), in_file: !!control.who && control.who.in_file }),
    'POST /api/auth/setup': async (q, req) => {
      const b = await body(req);
      addUser({ ...b, role: 'admin' });
      control.who = control.users[0];
      for (const c of sockets) c.ws.close();
      return { status: 'ok' };
    },
    'POST /api/auth/password': async (q, req) => setPassword(await body(req)),
    'GET /api/users': () => ({ limit: 16, sessions: 1, counters: { sign_ins: 1, wrong: 2, slowed: 0, waiting_max: 1, queue_full: 0, sessions_full: 0, delays_full: 0 },
      users: control.users.map(({ password: hidden, ...u }) => ({ ...u, sessions: +(u === control.who) })) }),
    'POST /api/users': async (q, req) => addUser(await body(req)),
    'PUT /api/users': async (q, req) => {
      const b = await body(req);
      Object.assign(named(b.username), b);
      return endSockets();
    },
    'DELETE /api/users': (q) => {
      const u = named(q.get('username'));
      control.users = control.users.filter((x) => x !== u);
      return endSockets();
    },
    'GET /api/info': () => hub.info({ required: required(), user: control.who && control.who.username }),
    'GET /api/memory': () => hub.memory(),
    'GET /api/devices': () => ({ profile: 'default', generation: 1, devices: 0, scenarios: 0, source: 'card', degraded: null, card: true, saved: true, conflict: false, confirm_ms: 0, bytes: 94 }),
    'GET /api/macropad': () => ({ generation: 0, keyboard: { output: 'feed', layout: 'us', waiting: 0 }, actions: [], layouts: [], limits: {} }),
    'GET /api/display': () => ({ screen: 'macro1', selectable: true, saver: 'awake', width: 360, height: 360, round: true, screens: [] }),
    'GET /api/audio': () => ({ volume: 70, output: { device: 'null', state: 'closed', message: '', retry_in_ms: 0, rate_hz: 44100 }, underruns: 0, interruptions: 0, output_failures: 0, channels: [] }),
    'GET /api/memory/map': (q) => hub.map(q.get('tier')),
    'GET /api/memory/history': () => ({ columns: ['unix_ms', 'internal_free', 'internal_min', 'internal_largest', 'internal_frag_pct', 'psram_free', 'psram_min', 'psram_largest', 'psram_frag_pct', 'tag'], rows: hub.rows }),
    'POST /api/memory/snapshot': async (q, req) => {
      const tag = (await body(req)).tag.replace(/[\0- \x7f]/g, '_');
      const row = hub.record(tag);
      push('snap', { rows: [row] });
      return { tag, unix_ms: row[0], tiers: hub.tiers() };
    },
    'GET /api/routes': () => hub.routes(),
    'GET /api/mqtt': () => ({ listener: '127.0.0.1:1883', uptime_ms: hub.now - hub.startedAt, limits: { clients: 1000, packet_bytes: 65536, queue_bytes: 131072, retained_bytes: 1048576, inflight: 20, publish_form_bytes: 2048 }, counters: hub.counters,
      connections: { open: hub.counters.clients, accepted: 61, refused: 1, handshakes: 0, handshake_failures: 2, handshake_timeouts: 0 }, durability: hub.durability }),
    'GET /api/mqtt/bridges': () => ({ bridges: hub.bridges }),
    'GET /api/mqtt/clients': (q) => {
      const first = +q.get('first') || 0;
      const list = clients(q);
      return { total: list.length, first, clients: list.slice(first, first + (+q.get('count') || 50)) };
    },
    'GET /api/mqtt/retained': (q) => {
      const after = q.get('after') || '';
      const list = hub.retained.filter((m) => m.topic > after);
      const n = +q.get('count') || 50;
      return { total: hub.retained.length, messages: list.slice(0, n), next: list.length > n ? list[n - 1].topic : null };
    },
    'GET /api/mqtt/topics': (q) => levels(q.get('parent'), +q.get('count') || 100),
    'GET /api/mqtt/subscriptions': (q) => {
      const c = hub.clients.find((x) => x.id === q.get('client'));
      if (!c) throw new Refusal(404, 'not_found', 'No client and no kept session has this id.');
      return { subscriptions: Array.from({ length: c.subscriptions }, (_, i) => ({ filter: `${i === 1 ? '$share/workers/' : ''}garden/bed-${i}/+`, qos: i % 3, no_local: i === 2, retain_as_published: i === 2, retain_handling: i % 3, ...(i === 2 && { identifier: 7 }) })), next: null };
    },
    'POST /api/mqtt/disconnect': async (q, req) => {
      const x = one(await body(req));
      Object.assign(x, { connected: false, connected_unix_ms: null, away_s: 0, peer: null, protocol: null, listener: null, version: null });
      push('clients', { changed: true });
      return { ok: true };
    },
    'POST /api/mqtt/forget': async (q, req) => {
      const x = one(await body(req));
      hub.clients = hub.clients.filter((c) => c !== x);
      push('clients', { changed: true });
      return { ok: true };
    },
    'POST /api/mqtt/publish': async (q, req) => publish(await body(req)),
    'GET /api/log': (q) => ({ lines: hub.log.filter((l) => l.seq > (+q.get('after') || 0)), dropped: 0 }),
    'GET /api/settings': () => ({ generation: hub.generation, file: 'hub.yaml', fields: hub.fields.map(({ running, ...f }) => ({ ...f, waits: f.restart && f.value !== running })) }),
    'PUT /api/settings': async (q, req) => apply(await body(req)),
    'POST /api/reboot': () => {
      setTimeout(restart, 100);
      return { success: true, message: 'Rebooting device...' };
    },
  };

  // Searched and ordered as the hub does it.
  function clients(q) {
    const keys = { since: (x) => x.connected_unix_ms ?? hub.now - x.away_s * 1000, keepalive: (x) => x.keepalive_s, queued: (x) => x.queued_messages, bytes: (x) => x.bytes_in + x.bytes_out };
    const key = q.get('sort') || 'id';
    const of = keys[key] || ((x) => x[key] ?? '');
    const down = q.get('order') === 'down' ? -1 : 1;
    const find = (q.get('find') || '').toLowerCase();
    const text = (a, b) => (a < b ? -1 : +(a > b));
    return hub.clients.filter((x) => (q.get('client') ? x.id === q.get('client') : (x.id + ' ' + (x.user || '')).toLowerCase().includes(find)) && ((q.get('state') || 'any') === 'any' || x.connected === (q.get('state') === 'connected')))
      .sort((a, b) => down * text(of(a), of(b)) || text(a.id, b.id));
  }

  function one({ client }) {
    const x = hub.clients.find((c) => c.id === client);
    if (!x) throw new Refusal(404, 'not_found', 'No such client. Nothing was changed.');
    return x;
  }

  function levels(parent, count) {
    const rows = new Map();
    const prefix = parent == null ? '' : parent + '/';
    for (const m of hub.retained.filter((x) => x.topic.startsWith(prefix))) {
      const [level, ...rest] = m.topic.slice(prefix.length).split('/');
      const row = rows.get(level) || { level, has_children: false };
      if (rest.length) row.has_children = true;
      else Object.assign(row, { qos: m.qos, bytes: m.bytes, payload: m.payload, has_properties: m.has_properties });
      rows.set(level, row);
    }
    const list = [...rows.values()];
    return { topics: list.slice(0, count), next: list.length > count ? prefix + list[count].level : null };
  }

  // Settings are kept; what was in RAM is not.
  function restart() {
    hub.retained = [];
    hub.clients = [];
    hub.startedAt = hub.now;
    for (const f of hub.fields) f.running = f.value;
    for (const c of sockets) c.ws.close();
  }

  function publish({ topic, payload = '', qos = 0, retain = false, ...properties }) {
    if (/[+#]/.test(properties.response_topic)) throw new Refusal(400, 'bad_value', 'A property has a control character, or response_topic has + or #. Nothing was published.');
    if (/[+#]/.test(topic)) {
      const at = topic.search(/[+#]/) + 1;
      throw new Refusal(400, 'bad_request', `A publish topic takes no wildcard: "${topic[at - 1]}" at position ${at}. Nothing was published.`, [{ field: '/topic', value: topic, text: `A publish topic takes no wildcard: "${topic[at - 1]}" at position ${at}.` }]);
    }
    const message = { topic, qos, bytes: Buffer.byteLength(payload), payload, ...(Object.keys(properties).length && { has_properties: true }) };
    hub.published = { topic, payload, ...properties };
    if (retain) {
      hub.retained = hub.retained.filter((m) => m.topic !== topic);
      if (payload) hub.retained = [...hub.retained, message].sort((a, b) => (a.topic < b.topic ? -1 : 1));
      hub.counters.retained = hub.retained.length;
      hub.counters.retained_changes++;
    }
    push('messages', { messages: [{ ...message, seq: ++hub.msgSeq, unix_ms: Date.now(), retain }], missed: 0 });
    return { ok: true };
  }

  function apply({ base_generation: base, values }) {
    if (base !== hub.generation) throw new Refusal(409, 'conflict', `Settings are at generation ${hub.generation}, yours at ${base}. Nothing was changed.`);
    const details = [];
    for (const [pointer, value] of Object.entries(values)) {
      const f = hub.fields.find((x) => x.pointer === pointer);
      if (!f || !f.writable) details.push({ field: pointer, value, text: 'Not a setting that can be changed here.' });
      else if (f.type === 'int' && (value < f.min || value > f.max)) details.push({ field: pointer, value, limit: value < f.min ? f.min : f.max, text: `Value is ${value}, limits ${f.min} to ${f.max}.` });
      else if (f.type === 'string' && /\s/.test(value)) details.push({ field: pointer, value, text: 'Value has a blank.' });
    }
    if (details.length) throw new Refusal(400, 'invalid', `${details.length} of ${Object.keys(values).length} values refused. Nothing was changed.`, details);
    const restart = [];
    for (const [pointer, value] of Object.entries(values)) {
      const f = hub.fields.find((x) => x.pointer === pointer);
      f.value = value;
      f.source = 'settings';
      if (f.restart) restart.push(pointer);
    }
    hub.generation++;
    return { generation: hub.generation, restart_needed: restart };
  }

  // ---- feed ----------------------------------------------------------------------------------------

  server.on('upgrade', (req, socket) => {
    if (required() && (!control.who || control.who.must_change)) return socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n');
    if (control.noFeed) return socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
    const client = { parts: new Set() };
    client.ws = accept(req, socket, (text) => command(client, JSON.parse(text)), () => sockets.delete(client));
    sockets.add(client);
    return undefined;
  });

  let version = 0;
  function push(part, data) {
    version++;
    for (const c of sockets) if (c.parts.has(part)) c.ws.send(JSON.stringify({ part, version, data }));
  }

  // `make()` gives the bytes, once somebody watches.
  function pushBytes(part, make) {
    const to = [...sockets].filter((c) => c.parts.has(part));
    const bytes = to.length ? make() : null;
    for (const c of to) c.ws.sendBytes(bytes);
  }

  function command(client, m) {
    for (const p of m.subscribe || []) {
      if (control.who && control.who.role !== 'admin' && !OPERATOR_PARTS.includes(p)) {
        hub.refusedParts = [...(hub.refusedParts || []), p];
        continue;
      }
      client.parts.add(p);
      const whole = { mem: () => hub.mem(true), mqtt: () => ({ counters: hub.counters }), snap: () => ({ rows: hub.rows.slice(-1) }) }[p] || room.part(p) || (lamp && lamp.part(p));
      if (whole) client.ws.send(JSON.stringify({ part: p, version, data: whole() }));
      if (p === 'lamp_preview' && lamp) client.ws.sendBytes(lamp.frame());
    }
    for (const p of m.unsubscribe || []) client.parts.delete(p);
    if (m.ping) client.ws.send(JSON.stringify({ pong: m.ping }));
  }

  let ticks = 0;
  const timer = setInterval(() => {
    const out = hub.advance(tickMs);
    hub.now = Math.max(hub.now, Date.now());
    if (ticks % 2 === 0) push('mem', hub.mem(false));
    if (ticks % 4 === 0 && !hub.quiet) push('mqtt', { counters: hub.counters });
    if (out.rows.length) push('snap', { rows: out.rows });
    if (out.lines.length) push('log', { lines: out.lines, missed: 0 });
    if (out.clients) push('clients', { changed: true });
    push('messages', { messages: out.messages, missed: 0 });
    ticks++;
  }, tickMs);

  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    hub,
    room,
    lamp,
    control,
    push,
    watchers: (part) => [...sockets].filter((c) => c.parts.has(part)).length,
    dropSockets: () => sockets.forEach((c) => c.ws.close()),
    fail: (prefix) => { control.failing = prefix; },
    stop: () => new Promise((done) => {
      clearInterval(timer);
      if (lamp) lamp.stop();
      sockets.forEach((c) => c.ws.close());
      server.closeAllConnections?.();
      server.close(done);
    }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: +process.argv[2] || 0, password: process.env.PASSWORD || null });
  console.log(mock.url);
}
