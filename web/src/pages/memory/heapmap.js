// heapmap.js - blocks of a tier as squares: who holds most of each, and where the largest hole lies.
// Pure.

const SQUARES_MAX = 8192;

// Bytes of one square: 1 KiB, or the next power of two that keeps the map drawable.
export function squareBytes(sizeBytes) {
  let bytes = 1024;
  while (sizeBytes / bytes > SQUARES_MAX) bytes *= 2;
  return bytes;
}

// {square, cells: owner name or null for free, largest: {first, end, bytes} | null}.
export function squares(map) {
  const square = squareBytes(map.size_bytes);
  const n = Math.ceil(map.size_bytes / square);
  const most = new Array(n).fill(0);
  const cells = new Array(n).fill(null);
  let largest = null;
  const held = new Map(); // cell -> bytes by owner, for cells that several share
  for (const [offset, bytes, owner] of map.blocks) {
    if (owner < 0) {
      if (!largest || bytes > largest.bytes) largest = { offset, bytes };
      continue;
    }
    for (let at = offset; at < offset + bytes; ) {
      const cell = Math.floor(at / square);
      const end = Math.min(offset + bytes, (cell + 1) * square);
      const key = cell * 64 + owner;
      const sum = (held.get(key) || 0) + end - at;
      held.set(key, sum);
      if (sum > most[cell]) {
        most[cell] = sum;
        cells[cell] = map.owners[owner];
      }
      at = end;
    }
  }
  if (largest) {
    const first = Math.ceil(largest.offset / square);
    const end = Math.floor((largest.offset + largest.bytes) / square);
    largest = { first, end: Math.max(first, end), bytes: largest.bytes };
  }
  return { square, cells, largest };
}

// Path data of unit squares for the cells where `is(i)`, `columns` a row, `gap` between them.
export function cellsPath(n, columns, is, gap) {
  let d = '';
  const side = 1 - gap;
  for (let i = 0; i < n; i++) {
    if (is(i)) d += `M${i % columns} ${Math.floor(i / columns)}h${side}v${side}h-${side}z`;
  }
  return d;
}

// Outline of the run of cells [first, end).
export function runOutline(first, end, columns) {
  const y0 = Math.floor(first / columns);
  const x0 = first % columns;
  const y1 = Math.floor(end / columns);
  const x1 = end % columns;
  if (y0 === y1) return `M${x0} ${y0}H${x1}V${y0 + 1}H${x0}z`;
  const bottom = x1 ? `V${y1}H${x1}V${y1 + 1}H0` : `V${y1}H0`;
  return x0
    ? `M${x0} ${y0}H${columns}${bottom}V${y0 + 1}H${x0}z`
    : `M0 ${y0}H${columns}${bottom}z`;
}
