// battery_board.mjs - a simulated battery board for the tests: `nuthatch sim battery`, and lines on its input.

import { spawn } from 'node:child_process';
import { BINARY } from './hub.mjs';

const READY_MS = 10000;

// {say(line), stop()}, once it has told the path of its terminal.
export function startBoard(link, args = []) {
  const child = spawn(BINARY, ['sim', 'battery', '--link', link, '--with-parent', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => { said = (said + chunk).slice(-2000); });
  const stop = () => new Promise((done) => {
    if (child.exitCode != null) return done();
    child.on('exit', done);
    return child.kill('SIGTERM');
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No board in ${READY_MS} ms. ${said}`)), READY_MS);
    child.stdout.once('data', () => {
      clearTimeout(timer);
      resolve({ say: (...lines) => child.stdin.write(lines.join('\n') + '\n'), stop });
    });
    child.on('exit', (code) => reject(new Error(`The board ended with ${code}. ${said}`)));
  });
}
