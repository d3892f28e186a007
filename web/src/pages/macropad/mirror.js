// mirror.js - the messages of the live picture: tiles in, touches out. Pure.

const TILES = 1;
const HEAD = 5;
const TILE_HEAD = 8;
const PHASES = { down: 0, move: 1, up: 2 };

// Gives `tile(x, y, w, h, rgba)` each tile of a message, after `size(width, height)` of the panel.
// False: it is no such message, or was cut; the tiles before that were given.
export function readTiles(bytes, tile, size) {
  if (bytes.length < HEAD || bytes[0] !== TILES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  size(view.getUint16(1, true), view.getUint16(3, true));
  let at = HEAD;
  while (at + TILE_HEAD <= bytes.length) {
    const [x, y, w, h, length] = [view.getUint16(at, true), view.getUint16(at + 2, true), bytes[at + 4], bytes[at + 5], view.getUint16(at + 6, true)];
    at += TILE_HEAD;
    const rgba = at + length <= bytes.length ? unpack(view, at, at + length, w * h) : null;
    if (!rgba) return false;
    tile(x, y, w, h, rgba);
    at += length;
  }
  return at === bytes.length;
}

// Runs of RGB565: a byte n under 128 has n + 1 pixels behind it; else one pixel stands n - 126 times.
function unpack(view, from, to, count) {
  const out = new Uint8ClampedArray(count * 4);
  let o = 0;
  const put = (v) => {
    const [r, g, b] = [v >> 11, (v >> 5) & 63, v & 31];
    out[o++] = (r << 3) | (r >> 2);
    out[o++] = (g << 2) | (g >> 4);
    out[o++] = (b << 3) | (b >> 2);
    out[o++] = 255;
  };
  for (let i = from; i < to;) {
    const n = view.getUint8(i++);
    const pixels = n < 128 ? n + 1 : 1;
    const times = n < 128 ? 1 : n - 126;
    if (i + 2 * pixels > to || o + pixels * times * 4 > out.length) return null;
    for (let k = 0; k < pixels; k++, i += 2) for (let t = 0; t < times; t++) put(view.getUint16(i, true));
  }
  return o === out.length ? out : null;
}

export function touchMessage(channel, phase, x, y) {
  return new Uint8Array([channel, PHASES[phase], x & 255, x >> 8, y & 255, y >> 8]);
}
