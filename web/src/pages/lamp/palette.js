// palette.js - palettes as they are edited: {name, stepped, stops: [{at: 0 to 255, color: '#rrggbb'}]}, and
// colours. Pure: each edit gives a new palette.

export const STOPS_MAX = 16;
export const NAME_MAX = 15; // characters of ASCII
export const AUTO = 255; // the effect's own

const rgbOf = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const hexOf = (rgb) => '#' + rgb.map((v) => Math.round(Math.max(0, Math.min(255, v))).toString(16).padStart(2, '0')).join('');

// Text as a person types it, as #rrggbb: "ff6a00", "#F60"; null: no colour.
export function parseHex(text) {
  const t = text.trim().replace(/^#/, '').toLowerCase();
  if (/^[0-9a-f]{3}$/.test(t)) return '#' + [...t].map((c) => c + c).join('');
  return /^[0-9a-f]{6}$/.test(t) ? '#' + t : null;
}

const ordered = (stops) => stops.map((s, i) => [s, i]).sort((a, b) => a[0].at - b[0].at || a[1] - b[1]).map(([s]) => s);

// The colour at `at`: between two stops the mix of both, or the one before it where it is stepped.
export function colorAt({ stops, stepped }, at) {
  if (at <= stops[0].at) return stops[0].color;
  const next = stops.findIndex((s) => s.at > at);
  if (next < 0) return stops[stops.length - 1].color;
  const [a, b] = [stops[next - 1], stops[next]];
  if (stepped) return a.color;
  const k = (at - a.at) / (b.at - a.at);
  const to = rgbOf(b.color);
  return hexOf(rgbOf(a.color).map((v, i) => v + (to[i] - v) * k));
}

// 256 colours, as 0xRRGGBB.
export const expand = (palette) => Uint32Array.from({ length: 256 }, (_, i) => parseInt(colorAt(palette, i).slice(1), 16));

// For background-image.
export function gradient({ stops, stepped }) {
  const pct = (at) => `${+((at * 100) / 255).toFixed(1)}%`;
  const parts = stops.map((s, i) => {
    if (!stepped) return `${s.color} ${pct(s.at)}`;
    const from = i ? s.at : 0;
    const to = i + 1 < stops.length ? stops[i + 1].at : 255;
    return `${s.color} ${pct(from)} ${pct(to)}`;
  });
  return `linear-gradient(90deg, ${stops.length === 1 && !stepped ? [parts[0], parts[0]].join(', ') : parts.join(', ')})`;
}

// Each gives [palette, index of the stop that is chosen then].
export function moveStop(palette, index, at) {
  const stop = { ...palette.stops[index], at: Math.max(0, Math.min(255, Math.round(at))) };
  const stops = ordered(palette.stops.map((s, i) => (i === index ? stop : s)));
  return [{ ...palette, stops }, stops.indexOf(stop)];
}
export function addStop(palette, at) {
  if (palette.stops.length >= STOPS_MAX) return [palette, -1];
  const stop = { at: Math.max(0, Math.min(255, Math.round(at))), color: colorAt(palette, at) };
  const stops = ordered([...palette.stops, stop]);
  return [{ ...palette, stops }, stops.indexOf(stop)];
}
export function removeStop(palette, index) {
  if (palette.stops.length < 2) return [palette, index];
  return [{ ...palette, stops: palette.stops.filter((_, i) => i !== index) }, Math.min(index, palette.stops.length - 2)];
}
export const colourStop = (palette, index, color) => ({ ...palette, stops: palette.stops.map((s, i) => (i === index ? { ...s, color } : s)) });

// In the middle of the widest gap: where a stop is added that was not pointed at.
export function widestGap({ stops }) {
  const edges = [0, ...stops.map((s) => s.at), 255];
  let best = 0;
  for (let i = 1; i < edges.length; i++) if (edges[i] - edges[i - 1] > edges[best + 1] - edges[best]) best = i - 1;
  return Math.round((edges[best] + edges[best + 1]) / 2);
}

// A name for a copy that none of `taken` has, within the length.
export function copyName(name, taken) {
  for (let n = 1; ; n++) {
    const tail = n === 1 ? ' 2' : ` ${n + 1}`;
    const made = name.replace(/ \d+$/, '').slice(0, NAME_MAX - tail.length) + tail;
    if (!taken.includes(made)) return made;
  }
}

// What is wrong with a name, in words; '' when nothing is.
export function nameFinding(name, taken = []) {
  if (!name.trim()) return 'Name is empty.';
  if (name.length > NAME_MAX) return `Name has ${name.length} characters, limit ${NAME_MAX}.`;
  if (/[^\x20-\x7e]/.test(name)) return 'Name has a character that is not ASCII.';
  return taken.includes(name) ? 'Another palette has this name.' : '';
}
