// hub.mjs - the hub that the tests look at: the mock, or the real one.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const BINARY = process.env.NH_HUB_BIN || join(root, 'build/release/nuthatch');
const READY_MS = 10000;

export const hasRealHub = () => !!process.env.NH_HUB_URL || existsSync(BINARY);

// The real hub: the one at NH_HUB_URL, or one started for the test on free ports with data of its own.
export async function startRealHub(extra = []) {
  if (process.env.NH_HUB_URL) return { url: process.env.NH_HUB_URL, mqtt: process.env.NH_HUB_MQTT, stop: async () => {} };
  const data = mkdtempSync(join(tmpdir(), 'nuthatch-browser-'));
  const args = ['run', '--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0', '--data', data, '--ready-json', ...extra];
  const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => { said = (said + chunk).slice(-4000); });
  const ready = await readyLine(child, () => said);
  return {
    url: 'http://' + ready.http,
    mqtt: ready.mqtt,
    data,
    stop: () => new Promise((done) => {
      child.on('exit', () => {
        rmSync(data, { recursive: true, force: true });
        done();
      });
      child.kill('SIGTERM');
    }),
  };
}

// A real hub of its own, with a password.
export async function startRealHubWithPassword(password) {
  const folder = mkdtempSync(join(tmpdir(), 'nuthatch-browser-'));
  const config = join(folder, 'hub.yaml');
  writeFileSync(config, execFileSync(BINARY, ['passwd'], { input: password + '\n' }));
  const hub = await startRealHub(['--config', config]);
  return { ...hub, stop: () => hub.stop().then(() => rmSync(folder, { recursive: true, force: true })) };
}

function readyLine(child, said) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`No ready line in ${READY_MS} ms. ${said()}`));
    }, READY_MS);
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const line = text.split('\n').find((l) => l.startsWith('{') && l.endsWith('}'));
      if (!line) return;
      clearTimeout(timer);
      resolve(JSON.parse(line));
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`The hub ended with ${code}. ${said()}`));
    });
  });
}
