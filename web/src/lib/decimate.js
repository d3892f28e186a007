// decimate.js - fewer points, no cliff lost: of each bucket of points the least and the greatest of
// every column stay, in the order in which they came.

// `cols` is [x, y1, y2, ...] with equal lengths and null for a gap; gives the same shape with about
// 2 * `buckets` points. A bucket with nothing but gaps stays a gap. Short data comes back as it is.
export function decimate(cols, buckets) {
  const n = cols[0].length;
  if (buckets < 1 || n <= buckets * 2) return cols;
  const out = cols.map(() => []);
  const from = cols[0][0];
  const width = (cols[0][n - 1] - from) / buckets || 1;
  let i = 0;
  while (i < n) {
    const bucket = Math.floor((cols[0][i] - from) / width);
    let end = i + 1;
    while (end < n && Math.floor((cols[0][end] - from) / width) === bucket) end++;
    pushBucket(cols, out, i, end);
    i = end;
  }
  return out;
}

// The points of cols[*][begin..end): two, or one when there is but one; a gap at the edge of the
// bucket is a point of its own, so that it still cuts the line.
function pushBucket(cols, out, begin, end) {
  const last = end - 1;
  const found = cols.slice(1).map((col) => extremes(col, begin, end));
  const gapAt = (i) => found.some((f, c) => f[0] != null && cols[c + 1][i] == null);
  const push = (x, pick) => {
    out[0].push(x);
    found.forEach((f, c) => out[c + 1].push(pick(f, c)));
  };
  const edge = (i) => push(cols[0][i], (f, c) => cols[c + 1][i]);
  if (gapAt(begin)) edge(begin);
  push(cols[0][begin], (f) => f[0]);
  if (last > begin) push(cols[0][last], (f) => f[1]);
  if (last > begin && gapAt(last)) edge(last);
}

// The least and the greatest of col[begin..end), in the order in which they came.
function extremes(col, begin, end) {
  let lo = -1;
  let hi = -1;
  for (let i = begin; i < end; i++) {
    if (col[i] == null) continue;
    if (lo < 0 || col[i] < col[lo]) lo = i;
    if (hi < 0 || col[i] > col[hi]) hi = i;
  }
  if (lo < 0) return [null, null];
  return lo <= hi ? [col[lo], col[hi]] : [col[hi], col[lo]];
}
