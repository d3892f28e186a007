// feed.js - the one WebSocket: which parts are wanted, what is subscribed, and coming back after a
// break with growing pauses. The socket, the clock and the timers are given, so that a test can make
// them up.

const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 30000;
const PING_MS = 15000;
const SILENCE_MS = 10000;

export const backoffMs = (tries) => Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** tries);

// `open(url)` makes a socket; `onPart(name, data)` and `onLink(link)` are called with what came:
// link is {state: 'connecting' | 'live' | 'offline', since, lastAt, retryAt}.
export class Feed {
  constructor({ url, open, onPart, onLink, now = Date.now, after = setTimeout, cancel = clearTimeout }) {
    Object.assign(this, { url, open, onPart, onLink, now, after, cancel });
    this.wanted = new Map(); // part -> how many want it
    this.subscribed = new Set();
    this.hidden = false;
    this.tries = 0;
    this.answersPing = false;
    this.link = { state: 'connecting', since: now(), lastAt: 0, retryAt: 0 };
  }

  // Holds a part until the returned function is called.
  want(part) {
    this.wanted.set(part, (this.wanted.get(part) || 0) + 1);
    this.sync();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const n = this.wanted.get(part) - 1;
      if (n) this.wanted.set(part, n);
      else this.wanted.delete(part);
      this.sync();
    };
  }

  // A hidden page subscribes to nothing.
  setHidden(hidden) {
    this.hidden = hidden;
    if (hidden) return this.sync();
    if (this.link.state === 'offline') return this.retry();
    return this.sync();
  }

  start() {
    this.stopped = false;
    this.connect();
  }

  stop() {
    this.stopped = true;
    this.cancel(this.timer);
    this.cancel(this.pinger);
    const s = this.socket;
    this.socket = null;
    if (s) s.close();
  }

  // Tries now instead of at the end of the pause.
  retry() {
    this.cancel(this.timer);
    this.connect();
  }

  connect() {
    if (this.socket || this.stopped) return;
    const s = this.open(this.url);
    this.socket = s;
    s.onopen = () => this.opened(s);
    s.onmessage = (e) => this.received(s, e.data);
    s.onclose = () => this.closed(s);
    s.onerror = () => {};
  }

  opened(s) {
    if (s !== this.socket) return;
    this.tries = 0;
    this.subscribed.clear();
    this.setLink({ state: 'live', since: this.now(), lastAt: this.now(), retryAt: 0 });
    this.sync();
    this.schedulePing();
  }

  received(s, text) {
    if (s !== this.socket) return;
    this.link.lastAt = this.now();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.pong != null) this.answersPing = true;
    if (message.part) this.onPart(message.part, message.data || {});
  }

  closed(s) {
    if (s !== this.socket) return;
    this.socket = null;
    this.cancel(this.pinger);
    if (this.stopped) return;
    const wait = backoffMs(this.tries++);
    const was = this.link;
    this.setLink({
      state: 'offline',
      since: was.state === 'offline' ? was.since : was.lastAt || this.now(),
      lastAt: was.lastAt,
      retryAt: this.now() + wait,
    });
    this.timer = this.after(() => this.connect(), wait);
  }

  // A hub that has answered a ping once and then says nothing has gone without a word.
  schedulePing() {
    this.cancel(this.pinger);
    this.pinger = this.after(() => {
      const s = this.socket;
      if (!s) return;
      const sentAt = this.now();
      this.send({ ping: 1 });
      this.pinger = this.after(() => {
        if (this.answersPing && this.link.lastAt < sentAt && s === this.socket) {
          s.onclose = null;
          s.close();
          this.closed(s);
        } else {
          this.schedulePing();
        }
      }, SILENCE_MS);
    }, PING_MS);
  }

  sync() {
    if (this.link.state !== 'live' || !this.socket) return;
    const want = this.hidden ? [] : [...this.wanted.keys()];
    const add = want.filter((p) => !this.subscribed.has(p));
    const drop = [...this.subscribed].filter((p) => !want.includes(p));
    if (add.length) this.send({ subscribe: add });
    if (drop.length) this.send({ unsubscribe: drop });
    this.subscribed = new Set(want);
  }

  send(message) {
    try {
      this.socket.send(JSON.stringify(message));
    } catch {
      // The socket is closing: closed() follows and the next one subscribes anew.
    }
  }

  setLink(link) {
    this.link = link;
    this.onLink(link);
  }
}
