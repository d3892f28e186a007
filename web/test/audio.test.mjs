import test from 'node:test';
import assert from 'node:assert/strict';
import { STEPS, nameOf, positionOf, stillHeld, toMs, toStep, trackTime, waysTo } from '../src/pages/audio/position.js';

const channel = { state: 'playing', instance: 1, pos_ms: 1000, dur_ms: 10000 };

test('position: goes on between two states, never past the end', () => {
  assert.equal(positionOf(channel, 100, 600), 1500);
  assert.equal(positionOf(channel, 0, 60000), 10000);
  assert.equal(positionOf({ ...channel, state: 'paused' }, 0, 5000), 1000);
  assert.equal(positionOf(channel, 900, 600), 1000, 'a clock that went back');
});

test('position: a dragged slider is left alone, and what was sent until it shows', () => {
  assert.ok(stillHeld({ ms: 8000, instance: 1, isDragged: true }, channel, 1000, 0));
  const sent = { ms: 8000, instance: 1, sentAt: 0 };
  assert.ok(stillHeld(sent, channel, 1200, 200), 'not yet there');
  assert.ok(!stillHeld(sent, channel, 8300, 300), 'there');
  assert.ok(!stillHeld(sent, channel, 4000, 3000), 'refused: the hub is believed again');
  assert.ok(!stillHeld(sent, { ...channel, instance: 2 }, 1200, 200), 'another track');
  assert.ok(!stillHeld(null, channel, 0, 0));
});

test('position: steps of the slider', () => {
  assert.equal(toStep(2500, 10000), STEPS / 4);
  assert.equal(toStep(5, 0), 0);
  assert.equal(toMs(STEPS, 10000), 9999, 'not past the end');
  assert.equal(toMs(STEPS / 2, 10000), 5000);
});

test('position: texts', () => {
  assert.deepEqual([0, 61000, 3723000].map(trackTime), ['0:00', '1:01', '1:02:03']);
  assert.equal(nameOf('/sdcard/a/b.wav'), 'b.wav');
  assert.deepEqual(waysTo('/sdcard/music'), [['/sdcard', 'card'], ['/sdcard/music', 'music']]);
});
