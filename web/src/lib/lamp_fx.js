// lamp_fx.js - the lamp's effects, drawn in the browser by the same C code as in the hub (WebAssembly, 31 KB).
// A frame is a function of (effect, size, seed, time, inputs): what stands here is what the lamp shows.
//
//   const fx = await loadLampFx();                 // null: this build, or this browser, has none
//   const lamp = await fx.open(16, 48);            // one lamp; open as many as there are pictures
//   lamp.effect(fx.effects[3].id, 7);              // with its own palette
//   context.putImageData(new ImageData(lamp.draw(1200), 16), 0, 0);

/* global __LAMP_FX_URL__ */
export const LAMP_FX_URL = typeof __LAMP_FX_URL__ === 'undefined' ? null : __LAMP_FX_URL__;

export const USES = { PALETTE: 1, COLORS: 2, INTENSITY: 4, AUDIO: 8, TEXT: 16, CLOCK: 32 };
export const KINDS = ['noise', 'particles', 'geometry', 'sound', 'text'];
export const TEXT_MAX_BYTES = 63;

let loaded; // a promise: the module is fetched and compiled once

export function loadLampFx(url = LAMP_FX_URL) {
  if (!url || typeof WebAssembly === 'undefined') return Promise.resolve(null);
  loaded ??= WebAssembly.compileStreaming(fetch(url))
    .then(lampFxOf)
    .catch(() => {
      loaded = undefined; // the next one may ask again
      return null;
    });
  return loaded;
}

// `module`: a WebAssembly.Module.
export async function lampFxOf(module) {
  const { exports: c } = await WebAssembly.instantiate(module);
  const range = (n) => Array.from({ length: n }, (_, i) => i);
  const name = (at) => text(new Uint8Array(c.memory.buffer, at));
  return {
    effects: range(c.lamp_effect_count()).map((i) => ({
      id: c.lamp_effect_id(i),
      name: name(c.lamp_effect_name(i)),
      kind: KINDS[c.lamp_effect_kind(i)],
      uses: c.lamp_effect_uses(i),
      palette: c.lamp_effect_palette(i),
    })),
    palettes: range(c.lamp_palette_count()).map((i) => name(c.lamp_palette_name(i))),
    // 256 colours of a built-in palette as RGBA: one row of a picture.
    swatch: (i) => new Uint8ClampedArray(c.memory.buffer, c.lamp_palette_rgba(i), 1024).slice(),
    open: async (width, height) => lampOf((await WebAssembly.instantiate(module)).exports, width, height),
  };
}

function text(bytes) {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function lampOf(c, width, height) {
  if (!c.lamp_open(width, height)) throw new RangeError(`A lamp of ${width} x ${height} pixels is not possible: 1 to 128 each.`);
  const bytes = (at, length) => new Uint8Array(c.memory.buffer, at, length);
  const lamp = {
    width,
    height,
    // Begins an effect at time 0, with its own palette. False: there is none with this id.
    effect: (id, seed = 1) => !!c.lamp_effect(id, seed),
    // A built-in palette by its number, or 256 colours of one's own as 0xRRGGBB.
    palette(p) {
      if (typeof p === 'number') return !!c.lamp_palette(p);
      new Uint32Array(c.memory.buffer, c.lamp_palette_buffer(), 256).set(p.slice(0, 256));
      return true;
    },
    intensity: (v) => c.lamp_intensity(v),
    colors: (list) => list.forEach((rgb, i) => c.lamp_color(i, rgb)), // up to three, 0xRRGGBB
    text(s) {
      const buffer = bytes(c.lamp_text_buffer(), TEXT_MAX_BYTES + 1).fill(0);
      new TextEncoder().encodeInto(s, buffer.subarray(0, TEXT_MAX_BYTES));
    },
    // 0 to 255 each; `bands` 16 of them, from low to high.
    audio(level, bands = []) {
      c.lamp_audio(level);
      bytes(c.lamp_band_buffer(), 16).fill(0).set(bands.slice(0, 16));
    },
    clock: (daySeconds) => c.lamp_clock(daySeconds),
    // The frame at a time of the animation, which goes forward only: RGBA, rows from the top. A view that the next
    // draw() writes to.
    draw: (timeMs) => new Uint8ClampedArray(c.memory.buffer, c.lamp_draw(timeMs), width * height * 4),
  };
  lamp.text('nuthatch');
  return lamp;
}
