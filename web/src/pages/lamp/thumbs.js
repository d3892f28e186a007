// thumbs.js - the small pictures of effects: drawn while they are in view, by the effects' own code; still where
// motion is not wanted, and in the colours of the palette where there is no code.

import { USES, loadLampFx } from '../../lib/lamp_fx.js';
import { expand } from './palette.js';
import { lightTable } from './preview.js';

const WIDTH = 48;
const HEIGHT = 16;
const CELL = 4;
const FRAME_MS = 66;
const STEP_MAX_MS = 200; // what was out of view has stood still
const STILL_MS = 4200; // into the animation, where there is something to see
const SEED = 7;
const LIGHT = lightTable(255);

const isStill = matchMedia('(prefers-reduced-motion: reduce)');
const thumbs = new Map(); // canvas -> {effect, palette, pen, lamp, isSeen, isDrawn, time}
let fx = null; // the effects' code, once it has come
let asked = 0;
let lastAt = 0;
let shared = null; // what all of them draw through

const view = new IntersectionObserver((entries) => {
  for (const e of entries) {
    const t = thumbs.get(e.target);
    if (t) t.isSeen = e.isIntersecting;
  }
  again();
}, { rootMargin: '40px' });

function sheet(width, height) {
  const c = document.createElement('canvas');
  Object.assign(c, { width, height });
  return c;
}

// A small sheet of a pixel a light, and what is black between the lights.
function makeShared() {
  const grid = sheet(WIDTH * CELL, HEIGHT * CELL);
  const pen = grid.getContext('2d');
  pen.fillStyle = '#07090c';
  for (let x = 0; x < WIDTH; x++) pen.fillRect(x * CELL + CELL - 1, 0, 1, grid.height);
  for (let y = 0; y < HEIGHT; y++) pen.fillRect(0, y * CELL + CELL - 1, grid.width, 1);
  const small = sheet(WIDTH, HEIGHT);
  return { grid, small, pen: small.getContext('2d'), image: new ImageData(WIDTH, HEIGHT) };
}

// The palette from left to right, as RGBA.
function plain(colours) {
  const out = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const c = colours[Math.round(((i % WIDTH) * 255) / (WIDTH - 1))];
    out.set([c >> 16, (c >> 8) & 255, c & 255], i * 4);
  }
  return out;
}

// For effects of sound: bands that rise and fall, made of the time alone.
function hear(lamp, time) {
  const bands = Array.from({ length: 16 }, (_, i) => 128 + 90 * Math.sin(time / (310 + 37 * i) + i * 1.7) - 5 * i);
  lamp.audio(130 + 90 * Math.sin(time / 270), bands);
}

function pixels({ lamp, palette, time }) {
  if (!lamp) return plain(palette);
  if (lamp.uses & USES.AUDIO) hear(lamp, time);
  if (lamp.uses & USES.CLOCK) lamp.clock(Math.floor(Date.now() / 1000 - new Date().getTimezoneOffset() * 60) % 86400);
  return lamp.draw(Math.round(time));
}

function paint(t) {
  shared ||= makeShared();
  const { image, small, pen, grid } = shared;
  const from = pixels(t);
  for (let i = 0; i < from.length; i += 4) {
    for (let c = 0; c < 3; c++) image.data[i + c] = LIGHT[from[i + c]];
    image.data[i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  t.pen.imageSmoothingEnabled = false;
  t.pen.drawImage(small, 0, 0, WIDTH * CELL, HEIGHT * CELL);
  t.pen.drawImage(grid, 0, 0);
  t.isDrawn = true;
}

// A lamp of its own for each picture, made when it is first seen.
function open(t) {
  const known = fx.effects.find((e) => e.id === t.effect.id);
  t.isOpened = true;
  if (!known) return;
  fx.open(WIDTH, HEIGHT).then((lamp) => {
    lamp.effect(known.id, SEED);
    t.lamp = Object.assign(lamp, { uses: known.uses });
    t.isDrawn = false;
    again();
  }, () => {});
}

const moves = (t) => t.isSeen && t.lamp && !isStill.matches;
const isDue = (t) => moves(t) || (t.isSeen && !t.isDrawn);

function frame(now) {
  asked = 0;
  const ms = now - lastAt;
  if (ms >= FRAME_MS) {
    lastAt = now;
    for (const t of thumbs.values()) {
      if (t.isSeen && fx && !t.isOpened) open(t);
      if (moves(t)) t.time += Math.min(ms, STEP_MAX_MS);
      if (isDue(t)) paint(t);
    }
  }
  again();
}

function again() {
  if (!asked && [...thumbs.values()].some((t) => isDue(t) || (t.isSeen && fx && !t.isOpened))) asked = requestAnimationFrame(frame);
}

let loading = null;
function load() {
  loading ||= loadLampFx().then((it) => {
    fx = it;
    again();
  });
}

// Shows `effect` on `canvas`, in `palette` while its code has not come, until the returned function is called.
export function showThumb(canvas, effect, palette) {
  Object.assign(canvas, { width: WIDTH * CELL, height: HEIGHT * CELL });
  thumbs.set(canvas, { effect, palette: expand(palette), pen: canvas.getContext('2d', { alpha: false }), lamp: null, isSeen: false, isDrawn: false, isOpened: false, time: STILL_MS });
  view.observe(canvas);
  load();
  return () => {
    thumbs.delete(canvas);
    view.unobserve(canvas);
  };
}
