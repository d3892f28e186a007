// thumbs.js - the small pictures of effects: drawn while they are in view, by the effects' own code; still where
// motion is not wanted, and in the colours of the palette where there is no code.

import { loadEngine } from './fx.js';
import { expand } from './palette.js';
import { lightTable, toRgba } from './preview.js';

export const WIDTH = 48;
export const HEIGHT = 16;
const CELL = 4;
const FRAME_MS = 66;
const STILL_MS = 4200; // into the animation, where there is something to see
const LIGHT = lightTable(255);

const isStill = matchMedia('(prefers-reduced-motion: reduce)');
const thumbs = new Map(); // canvas -> {effect, palette, pen, isSeen, beganAt}
let engine = null;
let asked = 0;
let lastAt = 0;
let grid = null;
let small = null;

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

// Black between the lights.
function makeGrid() {
  const c = sheet(WIDTH * CELL, HEIGHT * CELL);
  const pen = c.getContext('2d');
  pen.fillStyle = '#07090c';
  for (let x = 0; x < WIDTH; x++) pen.fillRect(x * CELL + CELL - 1, 0, 1, c.height);
  for (let y = 0; y < HEIGHT; y++) pen.fillRect(0, y * CELL + CELL - 1, c.width, 1);
  return c;
}

// A frame without the code: the palette from left to right.
function plain(palette) {
  const rgb = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let i = 0, o = 0; i < WIDTH * HEIGHT; i++) {
    const c = palette[Math.round(((i % WIDTH) * 255) / (WIDTH - 1))];
    rgb[o++] = c >> 16;
    rgb[o++] = (c >> 8) & 255;
    rgb[o++] = c & 255;
  }
  return rgb;
}

function paint(t, now) {
  grid ||= makeGrid();
  small ||= { sheet: sheet(WIDTH, HEIGHT), image: new ImageData(WIDTH, HEIGHT) };
  const time = isStill.matches ? STILL_MS : STILL_MS + now - t.beganAt;
  const rgb = (engine && engine.draw(t.effect.id, time, t.palette, t)) || plain(t.palette);
  toRgba(rgb, WIDTH, HEIGHT, LIGHT, small.image.data);
  small.sheet.getContext('2d').putImageData(small.image, 0, 0);
  t.pen.imageSmoothingEnabled = false;
  t.pen.drawImage(small.sheet, 0, 0, WIDTH * CELL, HEIGHT * CELL);
  t.pen.drawImage(grid, 0, 0);
  t.isDrawn = true;
}

const moves = (t) => t.isSeen && engine && !isStill.matches;

function frame(now) {
  asked = 0;
  if (now - lastAt >= FRAME_MS) {
    lastAt = now;
    for (const t of thumbs.values()) if (moves(t) || (t.isSeen && !t.isDrawn)) paint(t, now);
  }
  again();
}

function again() {
  const wanted = [...thumbs.values()].some((t) => moves(t) || (t.isSeen && !t.isDrawn));
  if (wanted && !asked) asked = requestAnimationFrame(frame);
}

loadEngine().then((e) => {
  engine = e;
  for (const t of thumbs.values()) t.isDrawn = false;
  again();
});

// Shows `effect` on `canvas`, in `palette` as it is edited, until the returned function is called.
export function showThumb(canvas, effect, palette) {
  Object.assign(canvas, { width: WIDTH * CELL, height: HEIGHT * CELL });
  const t = { effect, palette: expand(palette), pen: canvas.getContext('2d', { alpha: false }), isSeen: false, isDrawn: false, beganAt: performance.now() };
  thumbs.set(canvas, t);
  view.observe(canvas);
  return () => {
    if (engine && engine.forget) engine.forget(t);
    thumbs.delete(canvas);
    view.unobserve(canvas);
  };
}
