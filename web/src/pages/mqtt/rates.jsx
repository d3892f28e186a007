// rates.jsx - what Home and MQTT share: messages a second, in above and out below the line.

import { useMemo } from 'preact/hooks';
import { decimate } from '../../lib/decimate.js';
import { count, rate, sizeText } from '../../lib/format.js';
import { Stat } from '../../ui/parts.jsx';
import { Plot } from '../../ui/plot.jsx';

const GAP_MS = 10000;

function columns(log, from, to) {
  const out = [[], [], []];
  let before = 0;
  for (const [t, inward, outward] of log) {
    if (t < from - GAP_MS || t > to) continue;
    if (before && t - before > GAP_MS) [before + 1, null, null].forEach((v, i) => out[i].push(v));
    [t, inward, -outward].forEach((v, i) => out[i].push(v));
    before = t;
  }
  return decimate(out, 400);
}

export function RatePlot({ mqtt, from, to, height, onZoom }) {
  const data = useMemo(() => columns(mqtt.log, from, to), [mqtt.log, from, to]);
  const text = (v) => `${rate(Math.abs(v))} /s`;
  const series = [
    { label: 'in', k: 's2', fill: true, dot: true, width: 1.4, text },
    { label: 'out', k: 's1', fill: true, dot: true, width: 1.4, text },
  ];
  return <Plot label="Messages a second" unit="/s" height={height} zero mirror xAxis data={data} series={series} from={from} to={to} onZoom={onZoom} />;
}

export const RateStats = ({ mqtt: { rates } }) => (
  <>
    <Stat big label="In" value={rates ? rate(rates.in) : '\u00a0'} unit="/s" width={6} />
    <Stat big label="Out" value={rates ? rate(rates.out) : '\u00a0'} unit="/s" width={6} />
  </>
);

export const dropped = (c) => c.dropped_queue_full + c.dropped_no_memory;

// Shares of QoS 0, 1 and 2 in what came in.
export function qosShares([a, b, c]) {
  const all = a + b + c || 1;
  return [a, b, c].map((n) => Math.round((100 * n) / all)).join(', ') + ' %';
}

export const retainedText = (c) => `${count(c.retained)}, ${sizeText(c.retained_bytes)}`;
