// layout.js - where the buttons of a template lie on a panel, as the display paints them. Pure.
//
// A cell is {path, rounding, content, x, y}: `path` is drawn with a round stroke of twice `rounding`, which makes
// its corners; `content` is the box of icon and label; x, y its middle.

const EDGE = 0.972; // how near the buttons come to the rim, of the radius
const GAP = 0.034; // between two of them
const RING = 8;
const INNER = 0.4; // of the pie

const STACK = [[-0.45, -EDGE, 0.45, -0.35], [-0.45, -0.315, 0.45, 0.315], [-0.45, 0.35, 0.45, EDGE], [-EDGE, -0.6, -0.485, 0.6], [0.485, -0.6, EDGE, 0.6]];
const WIDE = [[-0.5, -EDGE, 0.5, EDGE], [0.535, -0.66, EDGE, 0.66], [-EDGE, -0.66, -0.535, 0.66]];
const SPLIT = [[-0.5, -EDGE, 0.5, -0.0175], [-0.5, 0.0175, 0.5, EDGE], [-EDGE, -0.66, -0.535, 0.66], [0.535, -0.66, EDGE, 0.66]];
const BARS = { round_stack_sides_5: STACK, round_wide_sides_3: WIDE, round_split_sides_4: SPLIT };

const n = (v) => +v.toFixed(2);
const around = (x, y, w, h) => ({ x: x - w, y: y - h, w: 2 * w, h: 2 * h });

// The cells of a template on a panel of that size, by slot.
export function cellsOf(template, width, height) {
  const a = { x: width / 2, y: height / 2, r: Math.min(width, height) / 2 };
  if (BARS[template]) return BARS[template].map((b) => slice(a, b));
  const slots = Array.from({ length: RING }, (_, i) => i);
  if (template === 'round_pie_8') return [...slots.map((i) => wedge(a, i)), disc(a, 0, 0, INNER - GAP)];
  const half = Math.sin(Math.PI / RING);
  const r = (EDGE * half - GAP / 2) / (1 + half);
  const way = EDGE - r;
  return [...slots.map((i) => disc(a, way * Math.sin((i * 2 * Math.PI) / RING), -way * Math.cos((i * 2 * Math.PI) / RING), r)), disc(a, 0, 0, way - r - GAP)];
}

function disc(a, ux, uy, ur) {
  const rounding = 4;
  const [x, y, r] = [a.x + ux * a.r, a.y + uy * a.r, ur * a.r];
  const inner = n(r - rounding);
  return {
    x, y, rounding,
    path: `M${n(x - inner)} ${n(y)}a${inner} ${inner} 0 1 1 ${2 * inner} 0a${inner} ${inner} 0 1 1 ${-2 * inner} 0z`,
    content: around(x, y, r * 0.8, r * 0.66),
  };
}

// Its sides run beside the rays, half a gap away.
function wedge(a, slot) {
  const rounding = 0.07 * a.r;
  const turn = (2 * Math.PI) / RING;
  const [outer, inner] = [EDGE * a.r - rounding, INNER * a.r + rounding];
  const point = (radius, side) => {
    const angle = slot * turn + side * (turn / 2 - Math.asin(((GAP / 2) * a.r + rounding) / radius));
    return `${n(a.x + radius * Math.sin(angle))} ${n(a.y - radius * Math.cos(angle))}`;
  };
  const middle = [a.x + 0.71 * a.r * Math.sin(slot * turn), a.y - 0.71 * a.r * Math.cos(slot * turn)];
  return {
    x: middle[0], y: middle[1], rounding,
    path: `M${point(outer, -1)}A${n(outer)} ${n(outer)} 0 0 1 ${point(outer, 1)}L${point(inner, 1)}A${n(inner)} ${n(inner)} 0 0 0 ${point(inner, -1)}z`,
    content: around(...middle, 0.21 * a.r, 0.2 * a.r),
  };
}

// A box cut by the panel's disc: seen from its middle the rim is where the nearer of the two is.
function slice(a, [left, top, right, bottom]) {
  const rounding = 0.09 * a.r;
  const [mx, my] = [a.x + ((left + right) / 2) * a.r, a.y + ((top + bottom) / 2) * a.r];
  const [w, h] = [((right - left) / 2) * a.r - rounding, ((bottom - top) / 2) * a.r - rounding];
  const radius = EDGE * a.r - rounding;
  const [dx, dy] = [mx - a.x, my - a.y];
  const points = [];
  for (let i = 0; i < 180; i++) {
    const [cos, sin] = [Math.cos((i * Math.PI) / 90), Math.sin((i * Math.PI) / 90)];
    const box = Math.min(w / Math.abs(cos || 1e-9), h / Math.abs(sin || 1e-9));
    const along = dx * cos + dy * sin;
    const rim = -along + Math.sqrt(along * along - dx * dx - dy * dy + radius * radius);
    const way = Math.min(box, rim);
    points.push(`${n(mx + way * cos)} ${n(my + way * sin)}`);
  }
  const [l, r] = [Math.max(left, -0.93), Math.min(right, 0.93)];
  const [t, b] = [Math.max(top, -0.9), Math.min(bottom, 0.9)];
  return {
    x: mx, y: my, rounding,
    path: `M${points.join('L')}z`,
    content: around(a.x + ((l + r) / 2) * a.r, a.y + ((t + b) / 2) * a.r, ((r - l) / 2) * a.r * 0.84, ((b - t) / 2) * a.r * 0.8),
  };
}

// Where icon and label of a button go: {icon: {x, y, size}, label: {x, y, w, h}}, each or null.
export function contentOf({ content: c }, hasPicture, hasLabel) {
  const clamp = (v, min, max) => Math.min(max, Math.max(min, v));
  const side = Math.min(c.w, c.h);
  if (!hasPicture) return { icon: null, label: c };
  if (!hasLabel) {
    const size = clamp(side * 0.95, 32, 128);
    return { icon: { x: c.x + (c.w - size) / 2, y: c.y + (c.h - size) / 2, size }, label: null };
  }
  const line = clamp(side * 0.3, 14, 30);
  const size = clamp((side - line) * 1.1, 28, 128);
  const top = c.y + (c.h - size - line - 2) / 2;
  return { icon: { x: c.x + (c.w - size) / 2, y: top, size }, label: { x: c.x, y: top + size + 2, w: c.w, h: line } };
}

// The largest size in which a label has room, in one line or else in two: {size, lines: [text]}.
// `width(text, size)` measures.
export function fit(text, box, width) {
  const blank = text.indexOf(' ');
  const two = blank > 0 ? [text.slice(0, blank), text.slice(blank + 1)] : null;
  for (const size of [30, 27, 24, 22, 20, 18, 17, 16, 15, 14, 13, 12]) {
    if (size > box.h) continue;
    if (width(text, size) <= box.w) return { size, lines: [text] };
    if (two && size * 2.5 <= box.h && two.every((t) => width(t, size) <= box.w)) return { size, lines: two };
  }
  return { size: 12, lines: two && box.h >= 30 ? two : [text] };
}

// The slot that lies nearest from `slot` in the direction of an arrow key, or none (-1).
export function neighbour(cells, slot, key) {
  const [ux, uy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best = -1;
  let least = Infinity;
  cells.forEach((c, i) => {
    const [dx, dy] = [c.x - cells[slot].x, c.y - cells[slot].y];
    const along = dx * ux + dy * uy;
    const aside = Math.abs(dx * uy - dy * ux);
    if (i === slot || along < 1 || aside > along * 2.5) return;
    if (along + aside * 1.6 < least) [best, least] = [i, along + aside * 1.6];
  });
  return best;
}
