// send.js - what a person sets, on its way to the hub: at once, or while a slider is dragged at most ten times
// a second with the last value always; one request at a time, so that none overtakes another. The request, the
// clock and the timers are given, so that a test can make them up.

const EVERY_MS = 100;
const SILENCE_MS = 3000;

const isGroup = (v) => v && typeof v === 'object' && !Array.isArray(v);

// Both, of a group (the overlay) its fields.
function joined(a, b) {
  const out = { ...a, ...b };
  for (const k of Object.keys(out)) if (isGroup(a && a[k]) && isGroup(b && b[k])) out[k] = { ...a[k], ...b[k] };
  return out;
}

// `post(patch)` gives a promise of the state after it. `onState(after)`, `onRefused(error, patch)` and `onPending(patch)`
// are called with what came of it; the last with all that has no answer yet.
// Gives {put(patch, isDragged), pending()}.
export function createSender({ post, onState, onRefused, onPending = () => {}, now, after, cancel }) {
  let waiting = null;
  let flying = null;
  let lastAt = -Infinity;
  let timer = null;
  const pending = () => joined(flying, waiting);

  function flush() {
    cancel(timer);
    timer = null;
    if (!waiting || flying) return;
    const patch = waiting;
    waiting = null;
    flying = patch;
    lastAt = now();
    let isOver = false;
    const over = (what) => {
      if (isOver) return;
      isOver = true;
      cancel(silence);
      flying = null;
      what();
      onPending(pending());
      if (waiting) later();
    };
    const silence = after(() => over(() => onRefused(new Error('No answer from the hub for 3 s. It may not have changed.'), patch)), SILENCE_MS);
    post(patch).then((state) => (isOver ? onState(state) : over(() => onState(state))), (error) => over(() => onRefused(error, patch)));
  }

  // The next request, when its time has come.
  function later() {
    if (timer != null || flying) return;
    const wait = lastAt + EVERY_MS - now();
    if (wait <= 0) flush();
    else timer = after(flush, wait);
  }

  return {
    put(patch, isDragged) {
      waiting = joined(waiting, patch);
      onPending(pending());
      if (isDragged) later();
      else flush();
    },
    pending,
  };
}
