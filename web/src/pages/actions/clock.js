// clock.js - the game clock as people read it. Pure: what the hub said, when it came, and now.

const WARN_SHARE = 0.25;
const LAST_SHARE = 0.1;

// `game` as /api/game, with `at`: when it came, in ms of `now`. Gives what is left or has passed, the share that has
// passed, a tone and a word: the tone is never the only sign.
export function clockView(game, now) {
  const since = game.state === 'running' && !game.paused ? Math.max(0, now - game.at) : 0;
  const isTimed = game.left_ms != null;
  const total = isTimed ? Math.max(1, game.duration_ms + game.added_ms) : 0;
  const elapsedMs = game.elapsed_ms + since;
  const isIdle = game.state === 'idle';
  const leftMs = !isTimed ? null : isIdle ? game.duration_ms : Math.max(0, game.left_ms - since);
  return { ...tell(game, leftMs, total), elapsedMs, leftMs, total, isTimed, share: isTimed && !isIdle ? Math.min(1, 1 - leftMs / total) : 0 };
}

function tell(game, leftMs, total) {
  if (game.paused) return { tone: 'paused', word: game.state === 'running' ? 'Paused' : 'Room paused' };
  if (game.state === 'idle') return { tone: 'idle', word: 'Not started' };
  if (game.state === 'ended') return leftMs === 0 ? { tone: 'last', word: 'Time is up' } : { tone: 'idle', word: 'Ended' };
  if (leftMs == null) return { tone: 'ok', word: 'Running' };
  if (leftMs <= total * LAST_SHARE) return { tone: 'last', word: 'Last tenth' };
  return leftMs <= total * WARN_SHARE ? { tone: 'warn', word: 'Last quarter' } : { tone: 'ok', word: 'Running' };
}

// What the clock takes in which state.
export const may = {
  start: (g) => g.state !== 'running',
  pause: (g) => !g.paused,
  resume: (g) => g.paused,
  stop: (g) => g.state === 'running',
  add: (g) => g.state === 'running' && g.left_ms != null,
};

// How often each configured hint was sent since the game began, and how many were free, from the operator's log
// (oldest first). The log cuts long texts.
export function hintCounts(log, hints) {
  const begin = log.map((e) => e.action).lastIndexOf('start');
  const sent = log.slice(begin + 1).filter((e) => e.action === 'hint').map((e) => e.text);
  const per = hints.map((h) => sent.filter((text) => text && h.text.startsWith(text)).length);
  return { per, free: sent.length - per.reduce((a, b) => a + b, 0) };
}
