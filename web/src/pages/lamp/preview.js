// preview.js - the frames of the live picture, and what a brightness makes of their colours. Pure.
//
// A message of the part lamp_preview behind its channel byte (docs/lamp.md): version 1, flags, brightness,
// width and height (16 bit), frame number (32 bit), first row and how many follow (16 bit), all low byte first,
// then R, G, B of each pixel, rows from the bottom: the composed canvas before brightness.

export const CHANNEL = 2;
const HEAD = 15;
const SIDE_MAX = 128;
const IS_LAST = 128;

// {isLast, isOn, brightness, width, height, number, row, rows, rgb}, `rgb` a view of `bytes`; null: no such message.
export function readMessage(bytes) {
  if (bytes.length < HEAD || bytes[0] !== 1) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height, row, rows] = [3, 5, 11, 13].map((at) => view.getUint16(at, true));
  const fits = width > 0 && height > 0 && width <= SIDE_MAX && height <= SIDE_MAX && row + rows <= height;
  if (!fits || bytes.length !== HEAD + rows * width * 3) return null;
  return { isLast: bytes[1] >= IS_LAST, flags: bytes[1] % IS_LAST, brightness: bytes[2], width, height, number: view.getUint32(7, true), row, rows, rgb: bytes.subarray(HEAD) };
}

// Gives a function that takes messages and gives a frame, {flags, brightness, width, height, number, rgb}, with
// the last message of one whose rows all came; else null. The pixels are its own until the next frame.
export function createAssembler() {
  let frame = null;
  let next = 0; // the row that is awaited
  return (bytes) => {
    const m = readMessage(bytes);
    if (!m) return null;
    if (!frame || frame.width !== m.width || frame.height !== m.height) frame = { rgb: new Uint8Array(m.width * m.height * 3) };
    if (m.row === 0) next = 0;
    else if (m.number !== frame.number) next = -1;
    if (m.row !== next) {
      next = -1;
      return null;
    }
    const { flags, brightness, width, height, number } = m;
    Object.assign(frame, { flags, brightness, width, height, number });
    frame.rgb.set(m.rgb, m.row * width * 3);
    next += m.rows;
    return m.isLast && next === height ? frame : null;
  };
}

// What each of 256 values is on a screen: a lamp at a quarter of its light looks half as bright.
export function lightTable(brightness) {
  const share = (Math.max(0, Math.min(255, brightness)) / 255) ** 0.45;
  return Uint8ClampedArray.from({ length: 256 }, (_, v) => 255 * (v / 255) ** 0.8 * share);
}

// `rgb`, rows from the bottom, as the RGBA of an ImageData, rows from the top.
export function toRgba(rgb, width, height, light, out = new Uint8ClampedArray(width * height * 4)) {
  for (let y = 0; y < height; y++) {
    let from = (height - 1 - y) * width * 3;
    for (let o = y * width * 4, end = o + width * 4; o < end; o += 4) {
      out[o] = light[rgb[from++]];
      out[o + 1] = light[rgb[from++]];
      out[o + 2] = light[rgb[from++]];
      out[o + 3] = 255;
    }
  }
  return out;
}

// [width, height] of a picture of `width` x `height` lights in a box.
export function fitTo(width, height, boxWidth, boxHeight) {
  const cell = Math.max(1, Math.min(boxWidth / width, boxHeight / height));
  return [cell * width, cell * height];
}
