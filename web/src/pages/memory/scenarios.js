// scenarios.js - what the harness asks of a device, asked by this browser of its own hub. Pure but for what `io` does.
//
// A scenario is {id, name, text, writes, needs, steps(io)}; `needs` are paths that the hub must have. `io` has
// ask(method, path, {body, type, ok, leave}), wait(ms), heartbeat(), tagged(begin, ms), has(path), say(text), jpeg(w, h).

const PAGES = ['/', '/network.html', '/firmware.html'];
const SECRETS = ['wifi_password', 'mqtt_password', 'basic_auth_password'];
const FIELDS = ['wifi_ssid', 'wifi_password', 'device_name', 'fixed_ip', 'subnet_mask', 'gateway', 'dns1', 'dns2', 'dummy_setting', 'mqtt_host', 'mqtt_port', 'mqtt_username',
  'mqtt_password', 'mqtt_interval_seconds', 'backlight_brightness', 'screen_saver_enabled', 'screen_saver_timeout_seconds', 'screen_saver_fade_out_ms', 'screen_saver_fade_in_ms', 'screen_saver_wake_on_touch'];

// What of a configuration is posted back: secrets blank, which leaves them as they are.
export function configBody(config) {
  return Object.fromEntries(FIELDS.filter((f) => f in config).map((f) => [f, SECRETS.includes(f) ? '' : config[f]]));
}

async function macrosBack(io) {
  const doc = await io.ask('GET', '/api/macros');
  if (!doc || !Array.isArray(doc.screens)) return;
  await io.ask('POST', '/api/macros', { body: { defaults: doc.defaults, screens: doc.screens } });
}

// Two screens of the panel, then the one before.
async function screens(io) {
  if (!io.has('/api/display/screen')) return;
  const panel = await io.ask('GET', '/api/display');
  for (const screen of ['test', 'info', panel && /^macro/.test(panel.screen) ? panel.screen : 'macro1']) {
    await io.ask('PUT', '/api/display/screen', { body: { screen } });
    await io.wait(500);
  }
}

async function load(io, page) {
  for (const path of [page, '/portal.css', '/portal.js']) {
    await io.ask('GET', path);
    await io.wait(100);
  }
}

// All at once: a browser keeps to six connections.
const burst = (io, paths) => Promise.all([...paths, '/api/health', '/api/health'].filter((p) => io.has(p)).map((p) => io.ask('GET', p)));

export const SCENARIOS = [
  {
    id: 's1', name: 'At rest', text: 'nothing but a heartbeat', needs: [],
    async steps(io) {
      await io.heartbeat();
    },
  },
  {
    id: 's2', name: 'Pages', text: 'three pages, left before they are read', needs: [],
    async steps(io) {
      for (const path of PAGES) {
        await io.ask('GET', path, { leave: true });
        await io.wait(1000);
      }
      await io.heartbeat();
    },
  },
  {
    id: 's3', name: 'Images', text: 'a JPEG of the panel\u2019s size, whole and in strips, dismissed', needs: ['/api/display/image'],
    async steps(io) {
      const { width, height } = await io.ask('GET', '/api/display');
      const whole = await io.jpeg(width, height);
      for (let i = 0; i < 2; i++) {
        const form = new FormData();
        form.append('file', whole, 'noise.jpg');
        await io.ask('POST', '/api/display/image?timeout=5', { body: form });
        await io.wait(1500);
        await io.ask('DELETE', '/api/display/image');
        await io.wait(500);
      }
      const count = 4;
      for (let i = 0; i < count; i++) {
        const strip = await io.jpeg(width, Math.floor(height / count) + (i === count - 1 ? height % count : 0));
        await io.ask('POST', `/api/display/image/strips?strip_index=${i}&strip_count=${count}&width=${width}&height=${height}&timeout=5`, { body: strip, type: 'image/jpeg', again: true });
      }
      await io.wait(1000);
      await io.ask('DELETE', '/api/display/image');
      await io.heartbeat();
    },
  },
  {
    id: 's4', name: 'Macros', text: 'all macros read and saved as they are; screens', writes: true, needs: ['/api/macros'],
    async steps(io) {
      await macrosBack(io);
      await screens(io);
      await io.heartbeat();
    },
  },
  {
    id: 's5', name: 'MQTT', text: 'the settings read, screens, an mqtt_ snapshot if a broker is set', needs: ['/api/config'],
    async steps(io) {
      const config = await io.ask('GET', '/api/config');
      await screens(io);
      if (config && config.mqtt_host) await io.tagged('mqtt_', 30000);
      await io.heartbeat();
    },
  },
  {
    id: 's6', name: 'A browser', text: 'pages, six requests at a time, macros and settings saved as they are', writes: true, needs: ['/api/macros', '/api/config'],
    async steps(io) {
      await load(io, '/');
      await burst(io, ['/api/mode', '/api/config', '/api/info', '/api/macros', '/api/icons']);
      await io.wait(500);
      await macrosBack(io);
      if (io.has('/api/icons/gc')) await io.ask('POST', '/api/icons/gc');
      const config = await io.ask('GET', '/api/config');
      if (config) await io.ask('POST', '/api/config?no_reboot=1', { body: configBody(config) });
      await io.wait(500);
      await load(io, '/network.html');
      await burst(io, ['/api/mode', '/api/config', '/api/info']);
      await io.wait(2000);
      await io.heartbeat();
    },
  },
];

// What a run comes to. `seen`: bytes of free internal memory at each look, `window`: the least that the hub's own
// window told; `rest`: fragmentation in the last heartbeat. The finding that weighs most comes first.
export function verdictOf({ seen, window, rest, failed, noMemory, tripped, stopped, limits }) {
  const known = [...seen, window].filter((v) => v != null);
  const low = known.length ? Math.min(...known) : null;
  const findings = [];
  if (low != null && limits.internal_min_bytes && low < limits.internal_min_bytes) findings.push(`low water is under ${Math.round(limits.internal_min_bytes / 1024)} KiB`);
  if (rest != null && limits.frag_max_pct && rest >= limits.frag_max_pct) findings.push(`fragmentation at rest is not under ${limits.frag_max_pct} %`);
  if (noMemory) findings.push(`${noMemory} allocations failed`);
  if (tripped) findings.push('the tripwire fired');
  if (failed.length) findings.push(`${failed.length} of the requests failed, first ${failed[0]}`);
  return { low, frag: rest ?? null, findings, verdict: stopped ? 'stopped' : findings.length ? 'failed' : 'pass' };
}

// The two last results of each scenario, newest first.
export const addResult = (results, id, result) => ({ ...results, [id]: [result, ...(results[id] || [])].slice(0, 2) });
