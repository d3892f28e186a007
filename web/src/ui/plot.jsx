// plot.jsx - a time plot: uPlot draws the lines, this draws what the portal adds: round ticks, unit,
// limits with their names, the lane of tags, the tooltip, keys and zoom.

import uPlot from 'uplot';
import { useEffect, useRef } from 'preact/hooks';
import { age, clock, date, fixed, hourMinute } from '../lib/format.js';
import { axis, layoutTags, nearestTag, timeTicks } from '../lib/timeline.js';
import { useKeys } from '../lib/store.js';
import { useWidth } from './parts.jsx';

const LEFT = 40;
const RIGHT = 6;
const DAY_MS = 86400000;

// Props:
//   label, unit, div     what it shows; values are divided by `div` for the axis
//   height, xAxis, flags with the times below; with the lane of tags above
//   data                 [x in unix ms, ...one column a series]
//   series               [{label, k: 's1', dash, step, fill, dot, text(value)}]
//   refs                 [{v, text, k, dash, right}] lines of reference, in the values' unit
//   least                the axis spans so much at least: noise is no cliff
//   zero, mirror         y from zero; y on both sides of it, without signs
//   from, to, tags       the window, and [{t, tag}] in it
//   onZoom(from, to)     a range was dragged; (null) restores
//   sync                 plots with the same name share the cursor
//   more(t)              more tooltip rows: [[label, text]]
export function Plot(props) {
  const host = useRef();
  const tip = useRef();
  const plot = useRef();
  const now = useRef();
  const width = useWidth(host);
  const { theme } = useKeys('theme');
  const y = yAxis(props);
  now.current = { ...props, y, plot, tip: tip.current };
  const shape = props.series.map((s) => s.k + s.label).join() + props.height;

  useEffect(() => {
    if (!width) return undefined;
    const u = make(host.current, width, now);
    plot.current = u;
    return () => {
      plot.current = null;
      u.destroy();
    };
  }, [width, theme, shape]);

  useEffect(() => {
    if (plot.current) plot.current.setData(props.data);
  }, [props.data, props.from, props.to, props.tags, y.min, y.max]);

  const height = { height: props.height + 'px' };
  return (
    <div class="plot" ref={host} style={height} tabIndex={0} role="group" aria-roledescription="plot"
      aria-label={summary(props)} onKeyDown={(e) => key(e, plot.current, now.current)}
      onBlur={() => plot.current && hide(plot.current)}>
      <div class="tip" ref={tip} hidden aria-live="polite" />
    </div>
  );
}

function summary({ label, series, data }) {
  const n = data[0].length - 1;
  const parts = series.map((s, i) => (n >= 0 && data[i + 1][n] != null ? `${s.label} ${s.text(data[i + 1][n])}` : ''));
  return `${label}. ${parts.filter(Boolean).join(', ')}`;
}

function yAxis({ data, refs = [], zero, mirror, least = 0, div = 1, height }) {
  let lo = Infinity;
  let hi = -Infinity;
  for (let c = 1; c < data.length; c++) {
    for (const v of data[c]) {
      if (v == null) continue;
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
  }
  if (lo > hi) [lo, hi] = [0, zero ? div : 0];
  if (zero) {
    lo = mirror ? Math.min(lo, 0) : 0;
    for (const r of refs) hi = Math.max(hi, r.v * 1.1);
    if (hi === lo) hi = lo + div;
  } else {
    const pad = Math.max((hi - lo) * 0.15, div * 0.02, (least - hi + lo) / 2);
    lo = lo < 0 ? lo - pad : Math.max(0, lo - pad);
    hi += pad;
  }
  return axis(lo / div, hi / div, height < 130 ? 2 : 4);
}

// ---- uPlot ------------------------------------------------------------------------------------------

function make(host, width, now) {
  const p = now.current;
  const css = getComputedStyle(host);
  const colour = (k) => css.getPropertyValue('--' + k).trim();
  const top = p.flags ? 38 : p.unit ? 22 : 8;
  const view = { css, colour, font: css.fontFamily, mono: css.getPropertyValue('--mono') };
  const u = new uPlot({
    width,
    height: p.height,
    padding: [top, RIGHT, p.xAxis ? 20 : 6, LEFT],
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: () => [now.current.from, now.current.to] },
      y: { range: () => [now.current.y.min * (p.div || 1), now.current.y.max * (p.div || 1)] },
    },
    series: [{}, ...p.series.map((s) => line(s, colour))],
    cursor: {
      y: false,
      sync: { key: p.sync || null },
      drag: { x: true, y: false, setScale: false },
      points: { size: 8, width: 1.6, fill: colour('surface'), stroke: (v, i) => colour(p.series[i - 1].k) },
      bind: { dblclick: () => () => now.current.onZoom && now.current.onZoom(null) },
    },
    hooks: {
      drawClear: [(v) => grid(v, now.current, view)],
      draw: [(v) => over(v, now.current, view)],
      setCursor: [(v) => moved(v, now.current)],
      setSelect: [(v) => zoomed(v, now.current)],
    },
  }, p.data, host);
  return u;
}

function line(s, colour) {
  return {
    label: s.label,
    stroke: colour(s.k),
    width: s.width || 1.6,
    dash: s.dash && [5, 3],
    fill: s.fill ? colour(s.k) + '1a' : undefined,
    paths: s.step ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(),
    points: { show: false },
  };
}

// Draws in CSS pixels on uPlot's canvas.
function pen(u, view, fn) {
  const { ctx } = u;
  ctx.save();
  ctx.scale(devicePixelRatio, devicePixelRatio);
  ctx.font = `11px ${view.font}`;
  ctx.lineWidth = 1;
  const r = devicePixelRatio;
  const box = { l: u.bbox.left / r, t: u.bbox.top / r, w: u.bbox.width / r, h: u.bbox.height / r };
  fn(ctx, { ...box, r: box.l + box.w, b: box.t + box.h });
  ctx.restore();
}

const crisp = (v) => Math.round(v) + 0.5;

function rule(ctx, x0, y0, x1, y1, stroke, dash = []) {
  ctx.strokeStyle = stroke;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function text(ctx, s, x, y, fill, align = 'left') {
  ctx.fillStyle = fill;
  ctx.textAlign = align;
  ctx.fillText(s, x, y);
}

function grid(u, p, view) {
  const div = p.div || 1;
  const { ticks } = p.y;
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  const isWhole = (v) => Math.abs(v - Math.round(v)) < 1e-6;
  const decimals = [0, 1, 2].find((d) => isWhole(step * 10 ** d)) ?? 3;
  pen(u, view, (ctx, b) => {
    const ink = view.colour('ink-3');
    for (const t of ticks) {
      const y = crisp(b.t + u.valToPos(t * div, 'y'));
      rule(ctx, b.l, y, b.r, y, view.colour(t === 0 && ticks[0] < 0 ? 'field' : 'line'));
      text(ctx, fixed(p.mirror ? Math.abs(t) : t, decimals), b.l - 6, y + 4, ink, 'right');
    }
    if (p.unit) text(ctx, p.unit, b.l - 6, b.t - 10, ink, 'right');
    if (p.xAxis) times(ctx, u, p, b, ink);
  });
}

function times(ctx, u, p, b, ink) {
  const { step, ticks } = timeTicks(p.from, p.to, b.w < 420 ? 3 : 6);
  const show = step < 60000 ? clock : step < DAY_MS ? hourMinute : (t) => date(t).slice(5);
  for (const t of ticks) {
    const label = show(t);
    const half = ctx.measureText(label).width / 2;
    const x = Math.min(b.r - half, Math.max(b.l + half, b.l + u.valToPos(t, 'x')));
    text(ctx, label, x, b.b + 15, ink, 'center');
  }
}

function over(u, p, view) {
  pen(u, view, (ctx, b) => {
    for (const r of p.refs || []) {
      const y = crisp(b.t + u.valToPos(r.v, 'y'));
      if (y < b.t || y > b.b) continue;
      rule(ctx, b.l, y, b.r, y, view.colour(r.k), r.dash || [4, 3]);
      const ink = view.colour(r.k === 'field' ? 'ink-3' : r.k);
      if (r.right) text(ctx, r.text, b.r, y - 5, ink, 'right');
      else text(ctx, r.text, b.l + 4, y + 12, ink);
    }
    if (p.flags) lane(ctx, u, p, b, view);
    p.series.forEach((s, i) => s.dot && endDot(ctx, u, p, b, view.colour(s.k), u.data[i + 1]));
  });
}

function lane(ctx, u, p, b, view) {
  const x = (t) => b.l + u.valToPos(t, 'x');
  let tick = -9;
  for (const { t, tag } of p.tags) {
    if (tag !== 'hb' || x(t) < tick + 5) continue;
    tick = x(t);
    rule(ctx, crisp(tick), b.t - 8, crisp(tick), b.t - 5, view.colour('field'));
  }
  ctx.font = `10.5px ${view.mono}`;
  const rust = view.colour('rust');
  const named = p.tags.filter((g) => g.tag !== 'hb');
  const laid = layoutTags(named, x, (tag) => ctx.measureText(tag).width, b.l - 30, b.r);
  for (const { px, tag, side } of laid) {
    const at = crisp(px);
    ctx.globalAlpha = side ? 0.55 : 0.35;
    rule(ctx, at, side ? b.t - 31 : b.t - 12, at, b.b, rust);
    ctx.globalAlpha = 1;
    ctx.fillStyle = rust;
    ctx.beginPath();
    if (side) {
      const top = b.t - 31;
      ctx.moveTo(at, top);
      ctx.lineTo(at + 6 * side, top);
      ctx.lineTo(at + 4 * side, top + 3.5);
      ctx.lineTo(at + 6 * side, top + 7);
      ctx.lineTo(at, top + 7);
    } else {
      ctx.arc(at, b.t - 12, 2, 0, 7);
    }
    ctx.fill();
    if (side) text(ctx, tag, at + 9 * side, b.t - 23, rust, side > 0 ? 'left' : 'right');
  }
}

function endDot(ctx, u, p, b, colour, column) {
  const n = column.length - 1;
  if (n < 0 || column[n] == null || p.to - u.data[0][n] > (p.to - p.from) / 50) return;
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(b.l + u.valToPos(u.data[0][n], 'x'), b.t + u.valToPos(column[n], 'y'), 3, 0, 7);
  ctx.fill();
}

// ---- cursor, tooltip, keys, zoom -------------------------------------------------------------------

function moved(u, p) {
  const own = u.cursor.event || document.activeElement === u.root.parentElement;
  const { idx, left } = u.cursor;
  if (!own || idx == null || left < 0 || !p.tip) {
    if (p.tip) p.tip.hidden = true;
    return;
  }
  const t = u.data[0][idx];
  p.tip.replaceChildren(...tipRows(u, p, t, idx));
  p.tip.hidden = false;
  const x = LEFT + left;
  const flip = x + p.tip.offsetWidth + 16 > u.width;
  p.tip.style.left = `${Math.max(0, flip ? x - p.tip.offsetWidth - 10 : x + 10)}px`;
  p.tip.style.top = `${Math.round(u.bbox.top / devicePixelRatio + 12)}px`;
}

function tipRows(u, p, t, idx) {
  const near = p.tags && nearestTag(p.tags.filter((g) => g.tag !== 'hb'), t, (p.to - p.from) / 12);
  const head = el('b', p.to - p.from > DAY_MS ? `${date(t)} ${hourMinute(t)}` : clock(t));
  if (near) {
    const sign = near.ms < 0 ? '\u2212' : '+';
    head.append(el('em', ` ${near.tag} ${sign}${age(Math.abs(near.ms))}`));
  }
  const rows = [head];
  p.series.forEach((s, i) => {
    const v = u.data[i + 1][idx];
    if (v != null) rows.push(tipRow(s.label, s.text(v), s.k));
  });
  const more = p.more ? p.more(t) : [];
  for (const [label, value] of more) rows.push(tipRow(label, value));
  return rows;
}

function tipRow(label, value, k) {
  const row = el('div', '');
  const mark = el('i', '');
  mark.className = k ? 'key ' + k : 'key';
  row.append(mark, label, el('span', value));
  if (!k) row.className = 'more';
  return row;
}

function el(name, content) {
  const e = document.createElement(name);
  if (content) e.textContent = content;
  return e;
}

const hide = (u) => u.setCursor({ left: -10, top: -10 }, true, true);

function zoomed(u, p) {
  const { left, width } = u.select;
  if (width < 1) return;
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (width > 5 && p.onZoom) p.onZoom(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
}

function key(e, u, p) {
  if (!u || e.ctrlKey || e.metaKey || e.altKey) return;
  const n = u.data[0].length;
  const at = u.cursor.left >= 0 && u.cursor.idx != null ? u.cursor.idx : n - 1;
  const to = { ArrowLeft: at - (e.shiftKey ? 10 : 1), ArrowRight: at + (e.shiftKey ? 10 : 1), Home: 0, End: n - 1 }[e.key];
  if (to != null && n) {
    const idx = Math.max(0, Math.min(n - 1, to));
    u.setCursor({ left: u.valToPos(u.data[0][idx], 'x'), top: 10 }, true, true);
  } else if (e.key === 'Escape' && !p.tip.hidden) {
    hide(u);
  } else if ('+-='.includes(e.key) && p.onZoom) {
    const mid = u.data[0][at] ?? p.to;
    const half = ((p.to - p.from) / 2) * (e.key === '-' ? 2 : 0.5);
    p.onZoom(mid - half, mid + half);
  } else if (e.key === '0' && p.onZoom) {
    p.onZoom(null);
  } else {
    return;
  }
  e.preventDefault();
  e.stopPropagation();
}
