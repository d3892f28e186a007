// cells.jsx - the cells as bars: mV above or below their mean, a mark on those that are balanced.

import { useRef } from 'preact/hooks';
import { fixed, signed } from '../../lib/format.js';
import { useWidth } from '../../ui/parts.jsx';
import { cellsText, reachOf } from './words.js';

const GAP = 5;
const LEFT = 34;
const BELOW = 20; // for the numbers
const ABOVE = 16; // for the marks

// `figures`: each bar bears its own voltage where there is room. `old`: the values are not of now. `bare`: bars alone.
export function Cells({ cells, height, figures, old, bare }) {
  const box = useRef();
  const width = useWidth(box);
  const mv = cells.mv || [];
  return (
    <div ref={box} class={'cells ' + (old ? 'stale' : '')} style={{ height: height + 'px' }}>
      {width > 0 && mv.length > 0 && <Bars {...{ cells, mv, width, height, figures, old, bare }} />}
      {!mv.length && !bare && <p class="sub">No cell was heard yet.</p>}
    </div>
  );
}

function Bars({ cells, mv, width, height, figures, old, bare }) {
  const { avg_mv: mean, balancing = [], wanted = [] } = cells;
  const gap = width < 300 ? 3 : GAP;
  const left = bare ? 0 : LEFT;
  const w = (width - left - gap * (mv.length - 1)) / mv.length;
  const reach = reachOf(mv, mean);
  const room = (height - (bare ? 0 : BELOW) - 2 * ABOVE) / 2;
  const zero = ABOVE + room;
  const y = (d) => zero - (d / reach) * room;
  const isWide = figures && w >= 36;
  return (
    <svg width={width} height={height} role="img" aria-label={cellsText(cells) + (old ? ', stale' : '')}>
      {[reach, 0, -reach].map((d) => (
        <>
          <path class={d ? 'grid' : 'mean'} d={`M${Math.max(0, left - 4)} ${Math.round(y(d)) + 0.5}H${width}`} />
          {!bare && <text x={LEFT - 8} y={y(d) + 4} text-anchor="end">{d ? signed(d, reach < 1 ? 1 : 0) : '0'}</text>}
        </>
      ))}
      {mv.map((v, i) => {
        const d = v - mean;
        const x = left + i * (w + gap);
        const tall = Math.max(1.5, Math.abs(y(d) - zero));
        const top = d > 0 ? zero - tall : zero;
        const mid = x + w / 2;
        const isEdge = i + 1 === cells.min_at ? 'low' : i + 1 === cells.max_at ? 'high' : '';
        return (
          <g class={`${balancing[i] ? 'bal' : ''} ${isEdge}`}>
            <title>{`Cell ${i + 1}: ${fixed(v, 1)} mV, ${signed(d, 1)} from the mean${balancing[i] ? ', balancing' : wanted[i] ? ', waits for balancing' : ''}`}</title>
            <rect x={x} y={top} width={w} height={tall} rx="1.5" />
            {balancing[i] ? <path class="mark" d={`M${mid - 4} ${top - 9}h8l-4 5z`} /> : wanted[i] && <path class="mark open" d={`M${mid - 3.5} ${top - 8.5}h7l-3.5 4.5z`} />}
            {isWide && <text class="fig" x={mid} y={d > 0 ? zero + 13 : zero - (balancing[i] || wanted[i] ? 13 : 5)} text-anchor="middle">{fixed(v)}</text>}
            {!bare && (mv.length < 17 || i % 2 === 0) && <text class="no" x={mid} y={height - 4} text-anchor="middle">{i + 1}</text>}
          </g>
        );
      })}
    </svg>
  );
}
