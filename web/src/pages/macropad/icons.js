// icons.js - pixels of icons in the browser: fetched from the hub, drawn from an emoji, read from a picture.

import { useEffect, useState } from 'preact/hooks';
import { get, request } from '../../lib/api.js';
import { set, state } from '../../lib/store.js';
import { decode, emojiId, encode, userId } from './icon_file.js';

const SIDE = 64; // of an emoji
const USER_SIDE = 128; // of a picture: shrunk freely, never enlarged by the panel
const AT_ONCE = 4; // a hub on a chip has few connections
const FONT = '"Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", sans-serif';

const made = new Map(); // id -> file that was made here and may not be installed yet
const known = new Map(); // id -> promise of {width, height, isMask, rgba} or null
const urls = new Map(); // id:colour -> data URL
const waiting = []; // the one that was wanted last goes first
let running = 0;

// Fetches the pixels of an icon, a few at a time.
function pixelsOf(id) {
  if (made.has(id)) return Promise.resolve(decode(made.get(id)));
  if (!state.macropad || !state.macropad.icons) return Promise.resolve(null);
  if (!known.has(id)) {
    known.set(id, new Promise((done) => {
      waiting.push(async () => {
        const reply = await fetch('/api/icons/data?id=' + encodeURIComponent(id)).catch(() => null);
        done(reply && reply.ok ? decode(new Uint8Array(await reply.arrayBuffer())) : null);
      });
      next();
    }));
  }
  return known.get(id);
}

function next() {
  if (running >= AT_ONCE || !waiting.length) return;
  running++;
  waiting.pop()().finally(() => {
    running--;
    next();
  });
}

function canvasOf(width, height) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return [canvas, canvas.getContext('2d', { willReadFrequently: true })];
}

// The picture as a data URL; a mask in `colour` (0xRRGGBB).
async function urlOf(id, colour) {
  const icon = await pixelsOf(id);
  if (!icon) return null;
  const key = id + ':' + (icon.isMask ? colour : '');
  if (!urls.has(key)) {
    const [canvas, pen] = canvasOf(icon.width, icon.height);
    pen.putImageData(new ImageData(icon.rgba, icon.width, icon.height), 0, 0);
    if (icon.isMask) {
      pen.globalCompositeOperation = 'source-in';
      pen.fillStyle = '#' + colour.toString(16).padStart(6, '0');
      pen.fillRect(0, 0, icon.width, icon.height);
    }
    urls.set(key, canvas.toDataURL());
  }
  return urls.get(key);
}

// undefined while it is on its way, null when there is no such icon.
export function useIcon(id, colour = 0xffffff) {
  const [found, setFound] = useState({});
  useEffect(() => {
    let gone = false;
    if (id) urlOf(id, colour).then((url) => gone || setFound({ id, url }));
    return () => { gone = true; };
  }, [id, colour]);
  return id && found.id === id ? found.url : undefined;
}

function fileOf(canvas, pen) {
  return encode(canvas.width, canvas.height, pen.getImageData(0, 0, canvas.width, canvas.height).data);
}

// An emoji as the browser's own font draws it, as large as 64 x 64 allow: {type, id, display}. null: it draws nothing.
// `id`: of one that another client named.
export function fromEmoji(text, id = emojiId(text)) {
  const [canvas, pen] = canvasOf(SIDE, SIDE);
  pen.font = `100px ${FONT}`;
  const m = pen.measureText(text);
  const [w, h] = [m.actualBoundingBoxLeft + m.actualBoundingBoxRight, m.actualBoundingBoxAscent + m.actualBoundingBoxDescent];
  if (!w || !h) return null;
  const size = (100 * (SIDE - 2)) / Math.max(w, h);
  pen.font = `${size}px ${FONT}`;
  pen.fillStyle = '#fff';
  const k = size / 100;
  pen.fillText(text, (SIDE - w * k) / 2 + m.actualBoundingBoxLeft * k, (SIDE - h * k) / 2 + m.actualBoundingBoxAscent * k);
  const file = fileOf(canvas, pen);
  if (!file.some((b, i) => i >= 16 && b)) return null;
  made.set(id, file);
  return { type: 'emoji', id, display: text };
}

// A picture file, shrunk to fit: {type, id, display}.
export async function fromPicture(file) {
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser reads (PNG, JPEG, WebP, GIF).`);
  });
  const k = Math.min(1, USER_SIDE / Math.max(picture.width, picture.height));
  const [canvas, pen] = canvasOf(Math.max(1, Math.round(picture.width * k)), Math.max(1, Math.round(picture.height * k)));
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const bytes = fileOf(canvas, pen);
  const id = userId(file.name, bytes);
  made.set(id, bytes);
  return { type: 'asset', id, display: file.name.slice(0, 40) };
}

// ---- what the hub has ---------------------------------------------------------------------------------------

// {builtin: [id], installed: [id]}: empty lists of a hub that has no such routes.
export async function loadIcons() {
  if (!state.macropad) set('macropad', await get('/api/macropad'));
  if (!state.macropad.icons) return { builtin: [], installed: [] };
  const list = (path) => get(path).then((r) => r.icons.map((i) => i.id));
  const [builtin, installed] = await Promise.all([list('/api/icons'), list('/api/icons/installed')]);
  return { builtin, installed };
}

// Installs those of `icons` that the hub lacks. An emoji can always be drawn again; a picture only where it was read.
export async function install(icons, installed) {
  for (const { type, id, display } of icons) {
    if (installed.includes(id)) continue;
    if (type === 'emoji' && !made.has(id) && display) fromEmoji(display, id);
    const file = made.get(id);
    if (file) await request('POST', '/api/icons/install?id=' + encodeURIComponent(id), file, 'application/octet-stream');
  }
}
export const isMade = (id) => made.has(id);

// For export: what was made or installed, as base64.
export async function filesOf(ids) {
  const out = {};
  for (const id of ids) {
    const icon = await pixelsOf(id);
    if (icon && !icon.isMask) out[id] = toBase64(made.get(id) || encode(icon.width, icon.height, icon.rgba));
  }
  return out;
}
export function takeFiles(files) {
  for (const [id, base64] of Object.entries(files || {})) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    if (/^[a-z0-9_]{1,31}$/.test(id) && decode(bytes)) made.set(id, bytes);
  }
}

function toBase64(bytes) {
  let text = '';
  for (const b of bytes) text += String.fromCharCode(b);
  return btoa(text);
}
