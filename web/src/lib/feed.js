// feed.js - the one WebSocket: which parts are wanted, what is subscribed, and coming back after a
// break with growing pauses. The socket, the clock and the timers are given, so that a test can make
// them up.

const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 30000;
const PING_MS = 15000;
const SILENCE_MS = 10000;

export const backoffMs = (tries) => Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** tries);

// `open(url)` makes a socket; `onPart(name, data)`, `onBytes(channel, bytes)` and `onLink(link)` are called with
// what came: link is {state: 'connecting' | 'live' | 'offline', since, lastAt, retryAt}.
// Gives {want, sendBytes, setHidden, start, stop, retry, link}.
export function createFeed({ url, open, onPart, onBytes, onLink, now, after, cancel }) {
  const wanted = new Map(); // part -> how many want it
  const always = new Map(); // likewise, those who want it of a hidden page too
  let subscribed = [];
  let hidden = false;
  let stopped = false;
  let tries = 0;
  let answersPing = false;
  let socket = null;
  let retryTimer;
  let pingTimer;
  let link = { state: 'connecting', since: now(), lastAt: 0, retryAt: 0 };

  function setLink(next) {
    link = next;
    onLink(link);
  }

  function send(message) {
    try {
      socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
    } catch {
      // The socket is closing: closed() follows and the next one subscribes anew.
    }
  }

  function sync() {
    if (link.state !== 'live' || !socket) return;
    const want = [...new Set([...(hidden ? [] : wanted.keys()), ...always.keys()])];
    const add = want.filter((p) => !subscribed.includes(p));
    const drop = subscribed.filter((p) => !want.includes(p));
    if (add.length) send({ subscribe: add });
    if (drop.length) send({ unsubscribe: drop });
    subscribed = want;
  }

  function connect() {
    if (socket || stopped) return;
    const s = open(url);
    s.binaryType = 'arraybuffer';
    socket = s;
    s.onopen = () => s === socket && opened();
    s.onmessage = (e) => s === socket && received(e.data);
    s.onclose = () => s === socket && closed();
  }

  function opened() {
    tries = 0;
    subscribed = [];
    setLink({ state: 'live', since: now(), lastAt: now(), retryAt: 0 });
    sync();
    schedulePing();
  }

  function received(text) {
    link.lastAt = now();
    if (text instanceof ArrayBuffer) {
      const bytes = new Uint8Array(text);
      return bytes.length > 1 && onBytes(bytes[0], bytes.subarray(1));
    }
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (message.pong != null) answersPing = true;
    return message.part && onPart(message.part, message.data || {});
  }

  function closed() {
    socket = null;
    cancel(pingTimer);
    if (stopped) return;
    const wait = backoffMs(tries++);
    const { state, since, lastAt } = link;
    setLink({
      state: 'offline',
      since: state === 'offline' ? since : lastAt || now(),
      lastAt,
      retryAt: now() + wait,
    });
    retryTimer = after(connect, wait);
  }

  // A hub that has answered a ping once and then says nothing has gone without a word.
  function schedulePing() {
    cancel(pingTimer);
    pingTimer = after(() => {
      if (!socket) return;
      const s = socket;
      const sentAt = now();
      send({ ping: 1 });
      pingTimer = after(() => {
        if (!answersPing || link.lastAt >= sentAt) return schedulePing();
        closed();
        return s.close();
      }, SILENCE_MS);
    }, PING_MS);
  }

  // Tries now instead of at the end of the pause.
  function retry() {
    cancel(retryTimer);
    connect();
  }

  return {
    // Holds a part until the returned function is called; `isAlways`: while the page is hidden too.
    want(part, isAlways = false) {
      const holders = isAlways ? always : wanted;
      holders.set(part, (holders.get(part) || 0) + 1);
      sync();
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const n = holders.get(part) - 1;
        if (n) holders.set(part, n);
        else holders.delete(part);
        sync();
      };
    },
    // A binary message, which begins with its channel; lost while there is no connection.
    sendBytes(bytes) {
      if (link.state === 'live' && socket) send(bytes);
    },
    // A hidden page subscribes to nothing but what is wanted always.
    setHidden(is) {
      hidden = is;
      if (!hidden && link.state === 'offline') retry();
      else sync();
    },
    start() {
      stopped = false;
      connect();
    },
    stop() {
      stopped = true;
      cancel(retryTimer);
      cancel(pingTimer);
      const s = socket;
      socket = null;
      if (s) s.close();
    },
    retry,
    link: () => link,
  };
}
