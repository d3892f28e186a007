// trial.js - runs a scenario: the requests, the marks in the plot, what memory did meanwhile.

import { post } from '../../lib/api.js';
import { I_FRAG, I_FREE, T, TAG } from '../../lib/columns.js';
import { mergeRows, rowFromTiers } from '../../lib/history.js';
import { hubNow, listen, set, state } from '../../lib/store.js';
import { verdictOf } from './scenarios.js';

const HEARTBEAT_MS = 90000;

async function mark(tag) {
  const row = await post('/api/memory/snapshot', { tag }).catch(() => null);
  if (row && row.tiers) set('rows', mergeRows(state.rows, [rowFromTiers(row.unix_ms, row.tiers, row.tag)]));
}

// A picture of noise: the worst that a JPEG of its size can be.
function jpeg(width, height) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d');
  const image = pen.createImageData(width, height);
  for (let i = 0; i < image.data.length; i += 4) {
    image.data.set([Math.random() * 256, Math.random() * 256, Math.random() * 256, 255], i);
  }
  pen.putImageData(image, 0, 0);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.8));
}

// Resolves with the row that `is` wanted since `from`, or null after `ms` or when stopped.
function rowSince(from, is, ms, signal) {
  return new Promise((done) => {
    const look = () => {
      const row = state.rows.find((r) => r[T] >= from && is(r));
      if (row || signal.aborted) end(row || null);
    };
    const end = (row) => {
      stop();
      clearTimeout(timer);
      signal.removeEventListener('abort', look);
      done(row);
    };
    const stop = listen('rows', look);
    const timer = setTimeout(() => end(null), ms);
    signal.addEventListener('abort', look);
    look();
  });
}

// Gives {at, ms, requests, low, frag, findings, verdict}. `onStep(text)` says what is under way; `has(path)` what
// the hub knows.
export async function run(scenario, { has, onStep, signal }) {
  const { memory } = state;
  const begin = hubNow();
  const failed = [];
  let requests = 0;
  let rest = null;
  let window = null;
  const look = async () => {
    const health = await fetch('/api/health', { signal }).then((r) => r.json(), () => null);
    const least = health && health.heap_internal_free_min_window;
    if (least != null) window = window == null ? least : Math.min(window, least);
  };
  const io = {
    has,
    jpeg,
    say: onStep,
    wait: (ms) => new Promise((done) => {
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', () => { clearTimeout(timer); done(); });
    }),
    // The reply as JSON, or null.
    async ask(method, path, { body, type, leave, again } = {}) {
      if (signal.aborted) return null;
      onStep(`${method} ${path}`);
      requests++;
      const raw = body instanceof Blob || body instanceof FormData;
      const headers = body && !(body instanceof FormData) ? { 'content-type': type || 'application/json' } : {};
      for (let turn = 0; ; turn++) {
        const reply = await fetch(path, { method, signal, headers, cache: 'no-store', body: body && !raw ? JSON.stringify(body) : body }).catch(() => null);
        if (signal.aborted) return null;
        if (reply && reply.status === 409 && again && turn < 20) {
          await io.wait(250);
          continue;
        }
        if (!reply || !reply.ok) failed.push(`${method} ${path.split('?')[0]} ${reply ? reply.status : 'without an answer'}`);
        if (leave && reply && reply.body) return void reply.body.cancel().catch(() => {});
        const text = reply ? await reply.text().catch(() => '') : '';
        try {
          return JSON.parse(text);
        } catch {
          return null;
        }
      }
    },
    async heartbeat() {
      onStep('waiting for a heartbeat');
      await look();
      const row = await rowSince(hubNow(), (r) => r[TAG] === 'hb', HEARTBEAT_MS, signal);
      if (row) rest = row[I_FRAG];
      else if (!signal.aborted) failed.push('the heartbeat, which did not come');
    },
    async tagged(beginning, ms) {
      onStep(`waiting for a snapshot ${beginning}…`);
      await rowSince(begin, (r) => r[TAG] && r[TAG].startsWith(beginning), ms, signal);
    },
  };
  await mark(scenario.id + '_begin');
  await scenario.steps(io).catch((e) => failed.push(e.message));
  if (!signal.aborted) await look();
  await mark(scenario.id + '_end');
  const seen = state.rows.filter((r) => r[T] >= begin && r[I_FREE] != null).map((r) => r[I_FREE]);
  const now = state.memory;
  return {
    at: begin,
    ms: hubNow() - begin,
    requests,
    ...verdictOf({
      seen, window, rest, failed,
      noMemory: Math.max(0, now.failed_count - memory.failed_count),
      tripped: !!(now.tripwire && now.tripwire.fired && !(memory.tripwire && memory.tripwire.fired)),
      stopped: signal.aborted,
      limits: now.limits,
    }),
  };
}
