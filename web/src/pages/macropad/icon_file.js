// icon_file.js - the form of an icon's file ("ICN1"), and the ids of icons made here. Pure.

const HEAD = 16;
export const COLOUR = 1; // RGB565 low byte first, then alpha: three bytes a pixel
const MASK = 2; // a byte a pixel: how the hub gives out the built-in ones

// The file of `rgba` pixels.
export function encode(width, height, rgba) {
  const out = new Uint8Array(HEAD + width * height * 3);
  const view = new DataView(out.buffer);
  out.set([0x49, 0x43, 0x4e, 0x31]);
  view.setUint16(4, width, true);
  view.setUint16(6, height, true);
  out[8] = COLOUR;
  view.setUint32(12, width * height * 3, true);
  for (let i = 0, o = HEAD; i < width * height; i++, o += 3) {
    const [r, g, b, a] = rgba.subarray(4 * i, 4 * i + 4);
    view.setUint16(o, ((r >> 3) << 11) | ((g >> 2) << 5) | (b >> 3), true);
    out[o + 2] = a;
  }
  return out;
}

// {width, height, isMask, rgba} of a file; a mask is white with its coverage as alpha. null: it is none.
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEAD || view.getUint32(0) !== 0x49434e31) return null;
  const [width, height, form] = [view.getUint16(4, true), view.getUint16(6, true), bytes[8]];
  const each = { [COLOUR]: 3, [MASK]: 1 }[form];
  if (!each || !width || !height || bytes.length !== HEAD + width * height * each) return null;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const at = HEAD + i * each;
    if (each === 1) {
      rgba.set([255, 255, 255, bytes[at]], 4 * i);
      continue;
    }
    const v = view.getUint16(at, true);
    const [r, g, b] = [v >> 11, (v >> 5) & 63, v & 31];
    rgba.set([(r << 3) | (r >> 2), (g << 2) | (g >> 4), (b << 3) | (b >> 2), bytes[at + 2]], 4 * i);
  }
  return { width, height, isMask: each === 1, rgba };
}

// FNV-1a of 32 bits over numbers, as 8 hex digits.
export function fnv(units) {
  let h = 0x811c9dc5;
  for (const u of units) h = Math.imul(h ^ u, 0x01000193) >>> 0;
  return h.toString(16).padStart(8, '0');
}

// The id that clients of the firmware give an emoji.
export function emojiId(text) {
  const points = [...text].filter((c) => c !== '\ufe0f');
  if (points.length === 1) return 'emoji_u' + points[0].codePointAt(0).toString(16);
  return 'emoji_' + fnv(Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));
}

// An id of 31 characters at most; another picture under the same name gets another one.
export function userId(name, bytes) {
  const word = name.replace(/\.[^.]*$/, '').toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 16) || 'picture';
  return `user_${word}_${fnv(bytes)}`;
}

// The first character that a person sees: an emoji of several code points is one.
export function firstCharacter(text) {
  const t = text.trim();
  if (!t) return '';
  if (typeof Intl !== 'undefined' && Intl.Segmenter) return [...new Intl.Segmenter().segment(t)][0].segment;
  return [...t][0];
}
