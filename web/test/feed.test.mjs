import test from 'node:test';
import assert from 'node:assert/strict';
import { backoffMs, createFeed } from '../src/lib/feed.js';

// A feed over made-up sockets and a clock that stands until it is moved.
function bench() {
  const b = { now: 1000, timers: [], sockets: [], parts: [], links: [], bytes: [] };
  b.feed = createFeed({
    url: 'ws://x/ws',
    open: () => {
      const s = { sent: [], send: (t) => s.sent.push(t instanceof Uint8Array ? [...t] : JSON.parse(t)), close: () => s.onclose && s.onclose() };
      b.sockets.push(s);
      return s;
    },
    onPart: (name, data) => b.parts.push([name, data]),
    onBytes: (channel, bytes) => b.bytes.push([channel, ...bytes]),
    onLink: (link) => b.links.push(link),
    now: () => b.now,
    after: (fn, ms) => {
      const timer = { fn, at: b.now + ms };
      b.timers.push(timer);
      return timer;
    },
    cancel: (timer) => { b.timers = b.timers.filter((t) => t !== timer); },
  });
  b.pass = (ms) => {
    const end = b.now + ms;
    for (;;) {
      const next = b.timers.filter((t) => t.at <= end).sort((x, y) => x.at - y.at)[0];
      if (!next) break;
      b.timers = b.timers.filter((t) => t !== next);
      b.now = next.at;
      next.fn();
    }
    b.now = end;
  };
  b.last = () => b.sockets[b.sockets.length - 1];
  b.up = () => b.last().onopen();
  b.say = (m) => b.last().onmessage({ data: JSON.stringify(m) });
  return b;
}

test('back-off doubles from 1 s to 30 s', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 20].map(backoffMs), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test('parts are subscribed when open, once however many want them', () => {
  const b = bench();
  b.feed.start();
  b.feed.want('mem');
  const release = b.feed.want('mem');
  b.feed.want('log');
  assert.deepEqual(b.last().sent, []);
  b.up();
  assert.deepEqual(b.last().sent, [{ subscribe: ['mem', 'log'] }]);
  release();
  release();
  assert.equal(b.last().sent.length, 1, 'one still wants it; a second release is nothing');
  b.feed.want('snap');
  assert.deepEqual(b.last().sent[1], { subscribe: ['snap'] });
});

test('the last release unsubscribes', () => {
  const b = bench();
  b.feed.start();
  b.up();
  b.feed.want('mem')();
  assert.deepEqual(b.last().sent, [{ subscribe: ['mem'] }, { unsubscribe: ['mem'] }]);
});

test('what is wanted always stays subscribed while the page is hidden', () => {
  const b = bench();
  b.feed.start();
  b.feed.want('mem');
  b.up();
  b.feed.setHidden(true);
  const release = b.feed.want('lamp_preview', true);
  release();
  release();
  b.feed.setHidden(false);
  assert.deepEqual(b.last().sent.slice(1), [{ unsubscribe: ['mem'] }, { subscribe: ['lamp_preview'] }, { unsubscribe: ['lamp_preview'] }, { subscribe: ['mem'] }]);
  const both = [b.feed.want('lamp_preview'), b.feed.want('lamp_preview', true)];
  both[0]();
  assert.deepEqual(b.last().sent.slice(5), [{ subscribe: ['lamp_preview'] }], 'one of both still holds it');
});

test('a hidden page subscribes to nothing and comes back with all', () => {
  const b = bench();
  b.feed.start();
  b.up();
  b.feed.want('mem');
  b.feed.setHidden(true);
  b.feed.want('log');
  b.feed.setHidden(false);
  assert.deepEqual(b.last().sent, [{ subscribe: ['mem'] }, { unsubscribe: ['mem'] }, { subscribe: ['mem', 'log'] }]);
});

test('messages reach their part; what is not JSON is passed over', () => {
  const b = bench();
  b.feed.start();
  b.up();
  b.say({ part: 'mem', version: 1, data: { a: 1 } });
  b.last().onmessage({ data: '{' });
  assert.deepEqual(b.parts, [['mem', { a: 1 }]]);
});

test('after a break: offline since the last frame, growing pauses, subscribed anew', () => {
  const b = bench();
  b.feed.start();
  b.feed.want('mem');
  b.up();
  b.pass(5000);
  b.say({ part: 'mem', data: {} });
  b.pass(2000);
  b.last().onclose();
  assert.deepEqual(b.feed.link(), { state: 'offline', since: 6000, lastAt: 6000, retryAt: 9000 });
  b.pass(1000);
  assert.equal(b.sockets.length, 2);
  b.last().onclose();
  assert.equal(b.feed.link().since, 6000, 'the break began then');
  b.pass(1999);
  assert.equal(b.sockets.length, 2);
  b.pass(1);
  assert.equal(b.sockets.length, 3);
  b.up();
  assert.deepEqual(b.last().sent, [{ subscribe: ['mem'] }]);
  b.last().onclose();
  assert.equal(b.feed.link().retryAt - b.now, 1000, 'success resets the pause');
});

test('retry tries now and only once', () => {
  const b = bench();
  b.feed.start();
  b.last().onclose();
  b.feed.retry();
  assert.equal(b.sockets.length, 2);
  b.feed.retry();
  b.pass(1000);
  assert.equal(b.sockets.length, 2);
});

test('a hub that answered pings and then goes silent counts as gone', () => {
  const b = bench();
  b.feed.start();
  b.up();
  b.pass(15000);
  assert.deepEqual(b.last().sent, [{ ping: 1 }]);
  b.pass(10000);
  assert.equal(b.feed.link().state, 'live', 'a hub that never answers pings is not judged by them');
  b.pass(15000);
  b.say({ pong: 1 });
  b.pass(10000);
  b.pass(15000 + 10000);
  assert.equal(b.feed.link().state, 'offline');
});

test('stop closes and stays closed; start opens again', () => {
  const b = bench();
  b.feed.start();
  b.up();
  b.feed.stop();
  b.pass(60000);
  assert.equal(b.sockets.length, 1);
  b.feed.start();
  assert.equal(b.sockets.length, 2);
});

test('binary messages come by channel and go out as they are', () => {
  const b = bench();
  b.feed.sendBytes(new Uint8Array([1, 2]));
  b.feed.start();
  b.up();
  assert.equal(b.last().binaryType, 'arraybuffer');
  b.last().onmessage({ data: Uint8Array.from([1, 5, 6]).buffer });
  b.last().onmessage({ data: new ArrayBuffer(0) });
  assert.deepEqual(b.bytes, [[1, 5, 6]]);
  b.feed.sendBytes(new Uint8Array([1, 2]));
  assert.deepEqual(b.last().sent, [[1, 2]]);
});
