// mock_lamp.mjs - an invented lamp for the mock hub: the routes and parts of docs/lamp.md, its picture drawn by
// a few lines of its own. Faults are set by tests: `failPower`, `silent`, `refuse`.

import { EFFECTS, PALETTES as BUILT_IN } from './mock_lamp_lists.mjs';

const FRAME_MS = 45;
const OWN_MAX = 8;

const hash = (x, y) => {
  let h = Math.imul(x | 0, 374761393) + Math.imul(y | 0, 668265263);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
};
const smooth = (t) => t * t * (3 - 2 * t);
function noise(x, y) {
  const [a, b] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [smooth(x - a), smooth(y - b)];
  return (hash(a, b) * (1 - u) + hash(a + 1, b) * u) * (1 - v) + (hash(a, b + 1) * (1 - u) + hash(a + 1, b + 1) * u) * v;
}
const clouds = (x, y) => 0.6 * noise(x, y) + 0.28 * noise(2 * x + 9, 2 * y) + 0.12 * noise(4 * x, 4 * y + 7);

// A place of 0 to 1 in the palette, and how bright; x and y from the bottom left.
const DRAWN = {
  FIRE: (x, y, t) => [1.25 * clouds(x * 0.17, (15 - y) * 0.22 + t * 2.1 + 30) + 0.55 * noise(x * 0.09 + 5, t * 0.8) - y * 0.062 - 0.12, 1],
  'SNOW FALL': (x, y, t) => [1, hash(x, Math.floor(y + t * 6)) > 0.955 ? 0.9 : 0.02],
};
const byKind = {
  noise: (x, y, t) => [1.3 * clouds(x * 0.11 + t * 0.35, y * 0.2 + t * 0.15) - 0.1, 1],
  particles: (x, y, t) => [hash(x, 7), hash(x, Math.floor(y + t * 6)) > 0.94 ? 1 : 0.03],
  geometry: (x, y, t) => [(((x * 0.027 + y * 0.035 + t * 0.2) % 1) + 1) % 1, 0.85],
  sound: (x, y, t) => [y / 15, y < 3 + 11 * noise(Math.floor(x / 3) * 1.7, t * 2.4) && x % 3 < 2 ? 1 : 0.02],
  text: (x, y, t) => [0.5 + 0.5 * Math.sin(x * 0.12 + t), 0.25],
};

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
function colourAt({ stops }, k) {
  const at = Math.max(0, Math.min(1, k)) * 255;
  const i = stops.findIndex((s) => s.at >= at);
  if (i <= 0) return rgb(stops[i < 0 ? stops.length - 1 : 0].color);
  const [a, b] = [stops[i - 1], stops[i]];
  const to = rgb(b.color);
  return rgb(a.color).map((v, c) => v + ((to[c] - v) * (at - a.at)) / (b.at - a.at || 1));
}

export class MockLamp {
  // `push(part, data)` and `pushBytes(part, bytes)` go to who watches.
  constructor(push, pushBytes, Refusal, { width = 48, height = 16, ...state } = {}) {
    Object.assign(this, { push, pushBytes, Refusal, width, height, own: [], posts: [], presses: [], failPower: false, silent: false, refuse: null, time: 4200, frames: 8211940, palettesWritten: 0, ticks: 0 });
    this.live = null;
    this.takesLive = true;
    const peer = (name, address, rssi, ack, lost, key = 'paired', ago = 800) => ({ name, address, node: 2, key, rssi_dbm: rssi, heard_ago_ms: ago, commands: 40, repeats: 2, rejected: 0, lost, ack_p50_us: ack / 2, ack_p99_us: ack });
    this.radio = {
      address: '02:00:00:00:00:01', node: 1, channel: 6, allow_v1: true, peer_max: 8, effects: EFFECTS.length, effects_crc: '9a20b1c4', pairing: null,
      peers: [peer('desk', '02:00:00:00:00:11', -52, 7100, 0), peer('hall', '02:00:00:00:00:12', -71, 12400, 3), peer('old remote', '02:00:00:00:00:13', -80, 31000, 12, 'none', 90000)],
      counters: { received: 93, sent: 95, commands: 84, applied: 80, repeats: 4, forged: 0, replayed: 0, version_1_refused: 0 },
    };
    this.state = {
      power: true, power_state: 'on', power_fault: null, effect_id: 0xca01, brightness: 102, speed_pct: 130, intensity: 168, paused: false, palette_index: 255,
      colors: ['#ff8800', '#000000', '#0000ff'], text: 'nuthatch', overlay: { enabled: true, mode: 'listen', blend: 'alpha', angle_deg: 32 }, seq: 1204, version: 17,
      changed: { by: 'radio', who: 'desk' }, changedAt: Date.now() - 42000, ...state,
    };
    this.timer = setInterval(() => this.tick(), FRAME_MS);
    this.figures = setInterval(() => this.push('lamp', this.whole()), 1000);
  }

  stop() {
    clearInterval(this.timer);
    clearInterval(this.figures);
  }

  refused(status, code, message, details) {
    throw new this.Refusal(status, code, message, details);
  }

  palettes() {
    return [...BUILT_IN, ...this.own].map((p, index) => ({ index, ...p }));
  }

  effect() {
    return EFFECTS.find((e) => e.id === this.state.effect_id);
  }

  paletteNow() {
    const { palette_index: i } = this.state;
    return i === 255 ? BUILT_IN.find((p) => p.name === this.effect().palette) : this.palettes()[i];
  }

  whole() {
    const { changedAt, ...s } = this.state;
    const e = this.effect();
    const isOn = s.power_state === 'on';
    const ma = isOn ? Math.round(350 + 3700 * (s.brightness / 255) + 130 * Math.sin(Date.now() / 9000) + 30 * Math.sin(Date.now() / 1700)) : 0;
    return {
      ...s, effect: e.name, effect_index: e.index, palette: s.palette_index === 255 ? 'auto' : this.paletteNow().name, changed: { ...s.changed, ago_ms: Date.now() - changedAt },
      info: {
        width: this.width, height: this.height, pixels: this.width * this.height, panels: 3, output: 'none', fps: isOn ? 22 : 0, fps_wanted: 22, jitter_us: 300, jitter_max_us: 1412, late: 2, dropped: 0, frames: this.frames,
        render_us: 2100, overlay_us: 200, show_us: 23000, frame_crc: '9c41e07b', estimate_ma: Math.min(ma, 4000), peak_ma: 2610, limit_ma: 4000, limiting: ma > 4000,
        show_failures: 0, queue_depth: 0, queue_depth_max: 2, queue_max: 16, queue_full: 0, live: this.live,
      },
    };
  }

  changed(by = 'http', who = '') {
    Object.assign(this.state, { changed: { by, who }, changedAt: Date.now(), seq: this.state.seq + 1, version: this.state.version + 1 });
    this.push('lamp', this.whole());
  }

  // Somebody else, a radio remote say, sets fields.
  set(patch, by = 'radio', who = 'desk') {
    const { overlay, ...rest } = patch;
    Object.assign(this.state, rest);
    if (overlay) this.state.overlay = { ...this.state.overlay, ...overlay };
    this.changed(by, who);
  }

  switch_(on) {
    this.state.power = on;
    this.state.power_state = on ? 'switching_on' : 'switching_off';
    setTimeout(() => {
      this.state.power_state = this.failPower ? 'failed' : on ? 'on' : 'off';
      this.state.power_fault = this.failPower ? `the panels' switch does not go ${on ? 'on' : 'off'}` : null;
      this.state.version++;
      this.push('lamp', this.whole());
    }, 60);
  }

  command(b) {
    this.posts.push(b);
    if (this.refuse) this.refused(...this.refuse);
    const s = this.state;
    const step = { next: 1, previous: -1 }[b.command];
    if (step) s.effect_id = EFFECTS[(this.effect().index + step + EFFECTS.length) % EFFECTS.length].id;
    else if (b.command === 'toggle') this.switch_(!s.power);
    else if (b.command === 'toggle_pause') s.paused = !s.paused;
    if (b.effect != null) {
      const e = EFFECTS.find((x) => x.id === b.effect || x.name === b.effect);
      if (!e) this.refused(404, 'not_found', `Effect ${b.effect}: there is none. Nothing was changed.`);
      s.effect_id = e.id;
    }
    if (b.text != null && Buffer.byteLength(b.text) > 63) this.refused(400, 'bad_value', `text: has ${Buffer.byteLength(b.text)} bytes, limit 63. Nothing was changed.`);
    for (const f of ['brightness', 'speed_pct', 'intensity', 'paused', 'text']) if (b[f] != null) s[f] = b[f];
    if (b.palette != null) s.palette_index = b.palette === 'auto' ? 255 : b.palette;
    if (b.colors) s.colors = s.colors.map((c, i) => b.colors[i] || c);
    if (b.overlay) s.overlay = { ...s.overlay, ...b.overlay };
    if (b.power != null && (b.power !== s.power || s.power_state === 'failed')) this.switch_(b.power);
    this.changed();
    return this.whole();
  }

  setPalette(index, p) {
    if (!/^[\x20-\x7e]{1,15}$/.test(p.name)) this.refused(400, 'bad_value', `name: has ${p.name.length} characters, limit 1 to 15 of ASCII. Nothing was changed.`);
    if (index === BUILT_IN.length + this.own.length && this.own.length >= OWN_MAX) this.refused(409, 'full', `There are ${OWN_MAX} of your own, the limit. Nothing was changed.`);
    this.own[index - BUILT_IN.length] = { ...p, own: true };
    this.palettesWritten++;
    return { index, ...p, own: true };
  }

  removePalette(index) {
    this.own.splice(index - BUILT_IN.length, 1);
    if (this.state.palette_index === index) this.set({ palette_index: 255 }, 'http', '');
    return { ok: true };
  }

  // The touch button: what a level makes of it, without its times.
  button() {
    const source = { down: !!this.isDown, gestures: this.presses.length, bounces: 0, too_soon: 0 };
    return { actions: { short: 'power', double: 'next', triple: 'pause', long: 'none' }, has_line: true, line: { ...source, down: false }, portal: source, playing: false, ignored: 0,
      last: this.clicked ? { ...this.clicked, ago_ms: Date.now() - this.clicked.at } : null };
  }

  pair(seconds) {
    this.radio = { ...this.radio, pairing: seconds ? { left_s: seconds, confirm: true, code: null } : null };
    this.push('lamp_radio', this.radio);
    return this.radio;
  }

  // A remote begins to pair, and shows `code`.
  asks(name, code) {
    this.radio.pairing = { left_s: 41, confirm: true, name, address: '02:00:00:00:00:14', code };
    this.push('lamp_radio', this.radio);
  }

  accept({ code }) {
    const { pairing, peers } = this.radio;
    if (!pairing || pairing.code !== code) this.refused(409, 'other_code', 'The remote shows other digits, so somebody may sit in between. It was refused.');
    this.radio = { ...this.radio, pairing: null, peers: [...peers, { ...peers[0], name: pairing.name, address: pairing.address, ack_p99_us: 0, lost: 0 }] };
    this.push('lamp_radio', this.radio);
    return this.radio;
  }

  forget(address) {
    this.radio = { ...this.radio, peers: this.radio.peers.filter((p) => p.address !== address) };
    this.push('lamp_radio', this.radio);
    return this.radio;
  }

  press({ level }) {
    this.presses.push(level);
    this.isDown = level;
    if (!level) this.clicked = { click: 'short', from: 'portal', done: true, at: Date.now() };
    return this.button();
  }

  // Somebody sends; null: nobody any more.
  sends(protocol, from) {
    this.live = protocol ? { protocol, from } : null;
    this.state.version++;
    this.push('lamp', this.whole());
  }

  liveNow() {
    const counts = { packets: 2210, frames: 1105, incomplete: 2, late: 1, out_of_order: 0, refused: 0, preview: 0, outside: 0, unsupported: 0, malformed: 0 };
    const port = (name, number) => ({ name, address: '0.0.0.0', port: number, error: null, received: 12, sent: 0, dropped: 0 });
    return {
      enabled: this.takesLive, live: this.live && { ...this.live, priority: 100 }, timeout_ms: 2500, lost: 0, ended: 0, taken_over: 0, source_max: 8, source_full: 0,
      sources: this.live ? [{ ...this.live, name: null, priority: 100, live: true, released: false, idle_ms: 12, interval_us: 25000, jitter_us: 210, jitter_max_us: 1900, jitter_p99_us: 800, ...counts }] : [],
      protocols: [], ports: [port('DDP', 4048), port('E1.31', 5568), port('Art-Net', 6454), { ...port('WLED UDP', 21324), error: 'address in use' }], groups: 0, groups_wanted: 0, send_failures: 0,
      sync: { received: 0, taken: 0, passed_over: 0, sent: 0 }, nodes: [{ name: 'kitchen', ip: '10.0.0.9', on: true, idle_ms: 4000 }],
      send: { frames: 90, skipped: 0, targets: [{ protocol: 'DDP', address: '10.0.0.20', port: 4048, start: 0, count: 768, universe: 0, sending: true, frames: 4410, packets: 8820, bytes: 1, capped: 0, failed: 0, error: null }] },
    };
  }

  setLive({ enabled, release }) {
    if (enabled != null) this.takesLive = enabled;
    if (release || enabled === false) this.sends(null);
    return this.liveNow();
  }

  // A part's newest state, for who has just subscribed.
  part(p) {
    return { lamp: () => this.whole(), lamp_radio: () => this.radio }[p] || null;
  }

  routes(body) {
    const own = (i) => ({
      [`PUT /api/lamp/palettes/${i}`]: async (q, req) => this.setPalette(i, await body(req)),
      [`DELETE /api/lamp/palettes/${i}`]: () => this.removePalette(i),
    });
    return {
      'GET /api/lamp': () => this.whole(),
      'POST /api/lamp': async (q, req) => {
        const b = await body(req);
        if (this.silent) await new Promise(() => {});
        return this.command(b);
      },
      'GET /api/lamp/live': () => this.liveNow(),
      'POST /api/lamp/live': async (q, req) => this.setLive(await body(req)),
      'GET /api/lamp/radio': () => this.radio,
      'POST /api/lamp/radio/pair': async (q, req) => this.pair((await body(req)).seconds ?? 60),
      'POST /api/lamp/radio/accept': async (q, req) => this.accept(await body(req)),
      ...Object.fromEntries(['11', '12', '13', '14'].map((n) => [`DELETE /api/lamp/radio/peers/02:00:00:00:00:${n}`, () => this.forget(`02:00:00:00:00:${n}`)])),
      'GET /api/lamp/button': () => this.button(),
      'POST /api/lamp/button': async (q, req) => this.press(await body(req)),
      'GET /api/lamp/effects': () => ({ count: EFFECTS.length, effects: EFFECTS }),
      'GET /api/lamp/palettes': () => ({ built_in: BUILT_IN.length, own_max: OWN_MAX, palettes: this.palettes() }),
      'POST /api/lamp/palettes': async (q, req) => this.setPalette(BUILT_IN.length + this.own.length, await body(req)),
      ...Object.assign({}, ...Array.from({ length: OWN_MAX }, (_, k) => own(BUILT_IN.length + k))),
    };
  }

  tick() {
    this.ticks++;
    if (this.state.power_state !== 'on' || this.state.paused) return;
    this.time += (FRAME_MS * this.state.speed_pct) / 100;
    this.frames++;
    this.pushBytes('lamp_preview', () => this.frame());
  }

  frame() {
    const { width: w, height: h, state: s } = this;
    const isOn = s.power_state === 'on';
    const out = Buffer.alloc(16 + w * h * 3);
    out.set([2, 1, 128 | (isOn ? 1 : 0) | (s.paused ? 2 : 0) | (this.live ? 4 : 0) | (s.overlay.enabled ? 8 : 0), s.brightness]);
    [w, h].forEach((v, i) => out.writeUInt16LE(v, 4 + 2 * i));
    out.writeUInt32LE(this.frames >>> 0, 8);
    out.writeUInt16LE(h, 14);
    if (!isOn) return out;
    const draw = DRAWN[this.effect().name] || byKind[this.effect().kind];
    const colours = this.paletteNow();
    for (let y = 0, o = 16; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const [k, light] = draw(x, y, this.time / 1000);
        for (const c of this.withFace(colourAt(colours, k).map((v) => v * light), x, y)) out[o++] = c;
      }
    }
    return out;
  }

  withFace(c, x, y) {
    const { enabled, mode } = this.state.overlay;
    const [dx, dy] = [x - this.width / 2 - 4, y - this.height / 2];
    const d = Math.hypot(dx / 7.2, dy / 6.4);
    if (!enabled || d > 1.12) return c;
    const eye = { idle: [115, 150, 190], listen: [90, 240, 255], speak: [255, 190, 50] }[mode];
    const isFeature = (Math.abs(dx) === 3 && (dy === 1 || dy === 2)) || (dy === -3 && Math.abs(dx) < 3) || (dy === -2 && Math.abs(dx) === 3);
    if (isFeature) return eye;
    if (d > 0.98) return mode === 'listen' ? c.map((v, i) => v * 0.6 + eye[i] * 0.35) : c;
    return c.map((v) => v * (0.22 + 0.3 * d * d));
  }
}
