// mock_data.mjs - an invented hub that lives: memory breathes, clients come and go, messages pass.
// Deterministic for a seed; `advance(ms)` moves it on.

const KIB = 1024;

export function random(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// name, internal KiB, budget, PSRAM KiB, budget, blocks
const OWNERS = [['core', 12.3, 20, 40, 128, 340], ['radio', 64, 0, 0, 0, 2], ['tasks', 30, 56, 0, 0, 10], ['portal', 10.8, 32, 48, 256, 61],
  ['mqtt', 12.6, 40, 612, 1536, 1284], ['store', 4.2, 12, 36, 128, 40], ['bus', 3.1, 8, 0, 0, 22], ['health', 1.9, 4, 0, 0, 6]];
const TASKS = [['loop', 5, 0, 64, 8, 5.1], ['store', 3, 1, 64, 6, 3.4], ['health', 2, -1, 64, 3, 1.4], ['watchdog', 6, -1, 64, 2, 0.9]];
const TAGS = [[22.2, 'boot'], [21.9, 'setup'], [19, 'http_root'], [13.8, 'mqtt_connected'], [6.7, 'mqtt_burst'], [2.4, 'http_files_list']];
const TOPICS = ['greenhouse/air/temperature', 'greenhouse/air/humidity', 'greenhouse/bed/1/moisture', 'greenhouse/bed/2/moisture', 'lamp/frame/crc', 'battery/pack/live',
  'battery/cell/7/voltage', 'garden/gate/state', 'desk/pad/button', 'house/door/front'];

const ROUTES = [['GET', '/', 'portal', 'The portal.', 208, 1.9], ['GET', '/api/info', 'portal', 'Name, version, board and listeners.', 61, 0.9],
  ['GET', '/api/memory', 'health', 'Tiers, owners and tasks.', 118, 1.6], ['GET', '/api/memory/map', 'health', 'Every block of a tier, streamed.', 9, 2.4],
  ['GET', '/api/memory/history', 'health', 'The tiers over time, streamed.', 14, 2.2], ['POST', '/api/memory/snapshot', 'health', 'Takes a tagged snapshot.', 4, 1.1],
  ['GET', '/api/health', 'health', 'Flat figures for the harness.', 4116, 1.2], ['GET', '/metrics', 'health', 'Prometheus text.', 512, 1.3],
  ['GET', '/api/mqtt', 'mqtt', 'Counters and limits of the broker.', 77, 1.0], ['GET', '/api/mqtt/clients', 'mqtt', 'Clients, a page at a time.', 96, 1.8],
  ['GET', '/api/mqtt/retained', 'mqtt', 'Retained messages, a page at a time.', 31, 2.0], ['POST', '/api/mqtt/publish', 'mqtt', 'Publishes a message.', 14, 3.7],
  ['GET', '/api/log', 'portal', 'The newest lines of the log.', 33, 1.4], ['GET', '/api/settings', 'portal', 'Every setting with its limits.', 19, 2.6],
  ['PUT', '/api/settings', 'portal', 'Applies changes of the settings.', 9, 3.8], ['GET', '/api/store/files', 'portal', 'A folder, streamed.', 52, 3.1],
  ['POST', '/api/auth/login', 'portal', 'Signs in.', 2, 0.8], ['POST', '/api/auth/logout', 'portal', 'Signs out.', 1, 0.6], ['POST', '/api/reboot', 'portal', 'Restarts the hub.', 0, 0]];

const LISTENERS = [{ listen: '127.0.0.1:1883', protocol: 'mqtt', tls: false }, { listen: '[::]:8883', protocol: 'mqtt', tls: true },
  { listen: '127.0.0.1:9001', protocol: 'websocket', tls: false }, { listen: 'unix:/run/nuthatch/mqtt.sock', protocol: 'mqtt', tls: false }];
const bridge = (name, address, more) => ({ name, address, state: 'online', reason: 'connected', code: 0, since_ms: 812000, connects: 1, failures: 0, messages_in: 0, messages_out: 4210, bytes_in: 900, bytes_out: 180400,
  dropped_unmapped: 0, dropped_loops: 2, dropped_unfit: 0, refused_there: 0, refused_here: 0, refused_subscriptions: 0, subscribed: true, ...more });
const bridges = () => [bridge('up', 'broker.example:8883', {}), bridge('cellar', '10.0.0.7:1883', { state: 'waiting', reason: 'Connection refused', next_in_ms: 31200, connects: 0, failures: 9, subscribed: false, refused_there: 1 })];

const field = (pointer, type, value, extra) => ({ pointer, type, value, default: value, min: null, max: null, choices: [], unit: '', text: '', restart: false, source: 'default', writable: true, ...extra, running: value });
const settings = () => [
  field('/hub/name', 'string', 'attic', { default: 'nuthatch', max: 31, text: 'Name of this hub in the network.', source: 'file', unit: 'bytes' }),
  field('/hub/board', 'enum', 'esp32-s3', { choices: ['esp32', 'esp32-s3', 'esp32-p4', 'linux'], text: 'Board profile: sizes of the memory tiers.', restart: true, source: 'file' }),
  field('/memory/internal_reserve_bytes', 'int', 16384, { min: 0, max: 65536, unit: 'bytes', text: 'Internal memory kept for what must not fail.', restart: true }),
  field('/memory/tripwire_bytes', 'int', 30720, { min: 0, max: 327680, unit: 'bytes', text: 'Low water at which the tripwire fires; 0 is off.' }),
  field('/health/heartbeat_ms', 'int', 10000, { default: 60000, min: 1000, max: 3600000, unit: 'ms', text: 'Time between heartbeats.', source: 'settings' }),
  field('/mqtt/listen', 'string', '127.0.0.1:1883', { max: 63, text: 'Address of the MQTT listener.', restart: true, writable: false, source: 'file' }),
  field('/mqtt/packet_max_bytes', 'int', 65536, { min: 256, max: 1048576, unit: 'bytes', text: 'A larger packet closes its connection.' }),
  field('/mqtt/client_max_count', 'int', 1000, { min: 1, max: 10000, text: 'One client more is refused.' }),
  field('/mqtt/retain', 'bool', true, { text: 'Retained messages are kept.' }),
  field('/mqtt/queue_max_bytes', 'int', 131072, { min: 1024, max: 4194304, unit: 'bytes', text: 'Output of a slow client; then its oldest QoS 0 messages are dropped.' }),
  field('/portal/body_max_bytes', 'int', 16384, { min: 1024, max: 65536, unit: 'bytes', text: 'A larger request body is refused.' }),
  field('/portal/socket_max_count', 'int', 16, { min: 2, max: 64, text: 'Connections at the same time.' }),
  field('/log/level', 'enum', 'info', { choices: ['error', 'warning', 'info', 'debug'], text: 'The least level that is kept.' }),
];

export class MockHub {
  constructor({ seed = 7, now = Date.now(), clients = 24, retained = 312, quiet = false } = {}) {
    this.rnd = random(seed);
    this.quiet = quiet; // no message passes
    this.now = now;
    this.startedAt = now - 22.3 * 60000;
    this.generation = 41;
    this.fields = settings();
    this.log = [];
    this.seq = 0;
    this.msgSeq = 0;
    this.level = 0; // bytes above the usual
    this.makeOwners();
    this.makeHistory();
    this.makeClients(clients);
    this.makeRetained(retained);
    this.counters = { clients, sessions: clients + 7, subscriptions: 218, retained, retained_bytes: 48 * KIB, retained_changes: retained, inflight: 6, queued_messages: 3, queued_bytes: 912,
      messages_in: 81220, messages_out: 371204, bytes_in: 9120444, bytes_out: 40211920, messages_in_qos: [57666, 21117, 2437], messages_out_qos: [263554, 96513, 11137],
      dropped_queue_full: 0, dropped_no_memory: 0, refused_connects: 1, protocol_errors: 2, keepalive_timeouts: 3, takeovers: 4, retained_refused: 0, connects_total: 61, refused_connect_rate: 0, publish_refused: 0, publish_denied: 0, subscribe_denied: 0, publish_slowed: 0, pushbacks: 5, sessions_evicted: 0, sessions_expired: 1, messages_expired: 2, dropped_too_large: 0,
      clients_5: clients >> 1, shared_groups: 1, wills_waiting: 0, store_commits: 9120, store_commit_max_ms: 14, store_records: 40211, store_bytes: 9 * KIB * KIB, store_errors: 0, store_error: null, store_full: false, store_holds: 0, store_damaged: 0, paged_messages: 5, paged_bytes: 640 };
    this.bridges = bridges();
    this.durability = { mode: 'durable', used_bytes: 1800000, file_bytes: 2400000, max_bytes: 67108864 };

    for (const [level, module, text] of [['I', 'hub', 'started on board esp32-s3, data in /var/lib/nuthatch'], ['I', 'portal', 'listening on 127.0.0.1:8080'], ['I', 'mqtt', 'listening on 127.0.0.1:1883'],
      ['W', 'mqtt', 'conn 7: packet 70112 bytes over 65536, closed'], ['I', 'store', 'settings generation 41 written, 412 bytes'], ['I', 'mqtt', 'greenhouse-3 is back, session resumed, 12 sent'],
      ['E', 'store', 'messages.db: no space left for 4096 bytes, kept in memory'], ['D', 'bus', 'queue of portal: depth 3 of 32']]) this.line(level, module, text);
    this.log.forEach((l, i) => { l.unix_ms = now - (this.log.length - i) * 41000; });
  }

  makeOwners() {
    this.owners = OWNERS.map(([name, i, ib, p, pb, blocks]) => ({ name, tiers: [
      { current_bytes: i * KIB, peak_bytes: i * KIB * (ib ? 1.12 : 1), budget_bytes: ib * KIB, current_blocks: blocks, failed_count: 0, charged_bytes: name === 'radio' ? i * KIB : 0 },
      { current_bytes: p * KIB, peak_bytes: p * KIB * 1.2, budget_bytes: pb * KIB, current_blocks: p ? 20 : 0, failed_count: 0, charged_bytes: 0 }] }));
    this.tasks = TASKS.map(([name, priority, core, stack, chip, used]) => ({ name, priority, core, stack_bytes: stack * KIB, chip_stack_bytes: chip * KIB, margin_bytes: (stack - used) * KIB }));
    this.low = [146.4 * KIB, 7300 * KIB];
  }

  tiers() {
    const sizes = [320 * KIB, 8192 * KIB];
    return sizes.map((size, i) => {
      const used = this.owners.reduce((sum, o) => sum + o.tiers[i].current_bytes, 0) + (i ? 0 : 2400);
      const free = size - Math.round(used);
      this.low[i] = Math.min(this.low[i], free);
      const frag = i ? 4 : Math.round(18 + this.level / 4000);
      return { name: i ? 'psram' : 'internal', size_bytes: size, free_bytes: free, min_free_bytes: Math.round(this.low[i]),
        largest_free_bytes: Math.round(free * (1 - frag / 100)), used_blocks: 1765, frag_pct: frag };
    });
  }

  row(t, tag) {
    const tiers = this.tiers();
    return [t, ...tiers.flatMap((x) => [x.free_bytes, x.min_free_bytes, x.largest_free_bytes, x.frag_pct]), tag];
  }

  makeHistory() {
    this.rows = [];
    const tags = TAGS.map(([min, tag]) => [this.now - min * 60000, tag]);
    const low = this.low;
    this.low = [181 * KIB, 7460 * KIB];
    for (let t = this.startedAt; t < this.now - 5000; t += 10000) {
      this.breathe(10000);
      while (tags.length && tags[0][0] <= t) {
        const [at, tag] = tags.shift();
        this.level += tag === 'boot' ? 0 : tag === 'mqtt_burst' ? 30 * KIB : 9 * KIB;
        this.spread();
        this.rows.push(this.row(Math.round(at), tag));
      }
      this.rows.push(this.row(Math.round(t), 'hb'));
    }
    void low;
  }

  makeClients(n) {
    const kinds = ['greenhouse', 'gate', 'reader', 'relay', 'robot', 'desk', 'pump', 'lamp'];
    this.clients = Array.from({ length: n }, (_, i) => {
      const away = i % 11 === 10;
      return { id: `${kinds[i % 8]}-${1 + (i >> 3)}`, user: i % 4 ? null : 'ann', peer: away ? null : `192.168.1.${20 + (i % 200)}:${50000 + i * 7}`, connected: !away, clean: !away && i % 3 === 0, version: away ? null : i % 2 ? '5.0' : '3.1.1',
        listener: away ? null : i % 4, protocol: away ? null : i % 4 === 2 ? 'websocket' : 'mqtt', tls: !away && i % 4 === 1, keepalive_s: away ? 0 : 60, session_expiry_s: away ? 3600 : i % 3 ? 7200 : 0,
        connected_unix_ms: away ? null : this.now - 1000 * (30 + i * 411), ...(away && { away_s: 60 * i }), subscriptions: 1 + (i * 7) % 13, inflight: i % 9 === 4 ? 2 : 0, queued_messages: away ? 12 : 0,
        queued_bytes: away ? 1840 : 0, paged_messages: away ? 5 : 0, messages_in: 4000 - i * 17, messages_out: 9000 + i * 331, bytes_in: 90000 - i * 400, bytes_out: 400000 + i * 9000, dropped: 0 };
    });
  }

  makeRetained(n) {
    this.retained = Array.from({ length: n }, (_, i) => {
      const topic = i < TOPICS.length ? TOPICS[i] : `home/room/${String(i).padStart(4, '0')}/state`;
      const payload = i % 17 === 5 ? null : i % 5 === 0 ? `{"value":${(20 + i / 7).toFixed(1)},"unit":"°C","age_s":${i}}` : (20 + i / 9).toFixed(2);
      return { topic, qos: i % 3, bytes: payload == null ? 312 : Buffer.byteLength(payload), payload, ...(payload == null && { hex: '89504e470d0a1a0a0000000d49484452' }) };
    }).sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  line(level, module, text) {
    const l = { seq: ++this.seq, unix_ms: this.now, level, module, text };
    this.log.push(l);
    if (this.log.length > 1000) this.log.shift();
    return l;
  }

  breathe(ms) {
    this.level *= Math.exp(-ms / 8000);
    this.level = Math.max(0, this.level + (this.rnd() - 0.45) * 900);
    this.spread();
  }

  spread() {
    const set = (name, i, bytes) => {
      const o = this.owners.find((x) => x.name === name).tiers[i];
      o.current_bytes = Math.max(1024, Math.round(bytes));
      o.peak_bytes = Math.max(o.peak_bytes, o.current_bytes);
    };
    set('portal', 0, 10.8 * KIB + this.level * 0.55);
    set('mqtt', 0, 12.6 * KIB + this.level * 0.45 + this.rnd() * 300);
    set('mqtt', 1, 612 * KIB + this.level * 6 + this.rnd() * 4000);
  }

  // Moves on; gives what happened: {rows, lines, messages, clients, counters, tiers, owners}.
  advance(ms) {
    const before = Math.floor(this.now / 10000);
    this.now += ms;
    const out = { rows: [], lines: [], messages: [], clients: false };
    if (this.rnd() < 0.04) this.level += 6 * KIB + this.rnd() * 10 * KIB;
    this.breathe(ms);
    if (Math.floor(this.now / 10000) !== before) out.rows.push(this.record('hb'));
    if (this.quiet) return out;
    const n = Math.round((412 + this.rnd() * 90 - 45) * ms / 1000);
    const c = this.counters;
    c.messages_in += n;
    c.messages_out += Math.round(n * 4.52);
    c.bytes_in += n * 112;
    c.bytes_out += n * 507;
    c.messages_in_qos[0] += Math.round(n * 0.71);
    c.messages_in_qos[1] += Math.round(n * 0.26);
    c.messages_in_qos[2] += n - Math.round(n * 0.71) - Math.round(n * 0.26);
    if (this.rnd() < 0.03) {
      const who = this.clients[Math.floor(this.rnd() * this.clients.length)].id;
      out.lines.push(this.line(this.rnd() < 0.2 ? 'W' : 'I', 'mqtt', `${who} ${this.rnd() < 0.5 ? 'connected, clean session' : 'is back, session resumed, 3 sent'}`));
      out.clients = true;
    }
    for (let i = 0; i < 3; i++) {
      const topic = TOPICS[Math.floor(this.rnd() * TOPICS.length)];
      const payload = (20 + this.rnd() * 5).toFixed(2);
      out.messages.push({ seq: ++this.msgSeq, unix_ms: this.now, topic, payload, bytes: payload.length, qos: i % 3, retain: i === 2 });
    }
    return out;
  }

  record(tag) {
    const row = this.row(this.now, tag);
    this.rows.push(row);
    return row;
  }

  info(auth) {
    return { name: this.fields[0].value, hostname: 'attic', version: '0.1.0', board: { name: 'esp32-s3', text: 'ESP32-S3 with 8 MiB PSRAM', internal_bytes: 320 * KIB, psram_bytes: 8192 * KIB },
      uptime_ms: this.now - this.startedAt, unix_ms: this.now, config: { file: 'hub.yaml', generation: this.generation },
      listeners: { http: '127.0.0.1:8080', https: null, mqtt: '127.0.0.1:1883' },
      mqtt_listeners: LISTENERS, auth };
  }

  memory() {
    return { unix_ms: this.now, board: 'esp32-s3', limits: { internal_min_bytes: 102400, frag_max_pct: 40 }, reserve_bytes: 16384,
      tripwire: { bytes: 30720, fired: false, tag: null }, failed_count: 0, tiers: this.tiers(), owners: this.owners, tasks: this.tasks,
      host: { rss_bytes: 11.4 * KIB * KIB, private_bytes: 9.1 * KIB * KIB, host_libc_bytes: 812 * KIB, host_tls_bytes: 96 * KIB, cpu_usage_pct: 7, cpu_temperature_c: 47 } };
  }

  mem(whole) {
    const rows = this.owners.map((o) => [o.name, o.tiers[0].current_bytes, o.tiers[0].peak_bytes, o.tiers[0].failed_count, o.tiers[1].current_bytes, o.tiers[1].peak_bytes, o.tiers[1].failed_count, o.tiers[0].current_blocks, o.tiers[1].current_blocks]);
    return { unix_ms: this.now, failed_count: 0, tripped: false, tasks: [],
      tiers: this.tiers().map(({ free_bytes, min_free_bytes, largest_free_bytes, frag_pct, used_blocks }) => ({ free_bytes, min_free_bytes, largest_free_bytes, frag_pct, used_blocks })),
      owners: whole ? rows : rows.filter((r) => ['mqtt', 'portal'].includes(r[0])) };
  }

  map(tier) {
    const at = tier === 'psram' ? 1 : 0;
    const size = at ? 8192 * KIB : 320 * KIB;
    const rnd = random(3 + at);
    const blocks = [];
    let offset = 0;
    const put = (bytes, owner) => {
      const n = Math.min(Math.round(bytes / 8) * 8, size - offset);
      if (n > 0) blocks.push([offset, n, owner]);
      offset += Math.max(0, n);
    };
    this.owners.forEach((o, i) => {
      let left = o.tiers[at].current_bytes;
      while (left > 64) {
        const n = o.tiers[at].charged_bytes ? left : Math.min(left, 400 + rnd() * 9000 * (at ? 6 : 1));
        put(n, i);
        left -= n;
        if (rnd() < 0.25 && !o.tiers[at].charged_bytes) put(300 + rnd() * 3000, -1);
      }
    });
    put(size - offset - 12 * KIB, -1);
    for (let i = 0; offset < size; i++) put(1500, i % 3 ? (at ? 4 : 3 + (i % 2)) : -1);
    return { tier, size_bytes: size, unix_ms: this.now, owners: this.owners.map((o) => o.name), blocks };
  }

  routes() {
    return { limit_bytes: 4096, routes: ROUTES.map(([method, path, owner, text, calls, peak]) => ({ method, path, owner, text, calls, errors: path === '/api/mqtt/publish' ? 1 : 0, peak_internal_bytes: Math.round(peak * KIB), peak_psram_bytes: 0 })) };
  }
}
