// power.jsx - what the LEDs draw: estimate, peak and limit, and the last half hour of this portal.

import { hubNow, useKeys } from '../../lib/store.js';
import { Badge, Gauge, Stat, Tile } from '../../ui/parts.jsx';
import { Plot } from '../../ui/plot.jsx';
import { ampere } from './words.js';

const SPAN_MS = 30 * 60000;
const SERIES = [{ label: 'current', k: 's3', fill: true, dot: true, text: (v) => `${ampere(v)} A` }];

export function Current({ info }) {
  const { lampCurrent } = useKeys('lampCurrent');
  const now = Math.ceil(hubNow() / 1000) * 1000;
  const { estimate_ma: is, peak_ma: peak, limit_ma: limit } = info;
  const began = lampCurrent.length ? lampCurrent[0][0] : now;
  const from = now - Math.max(2 * 60000, Math.min(SPAN_MS, now - began));
  const data = [lampCurrent.map((e) => e[0]), lampCurrent.map((e) => e[1])];
  const badge = info.limiting ? <Badge kind="warn">limiting</Badge> : limit ? <Badge kind="ok">not limiting</Badge> : <Badge>no limit set</Badge>;
  return (
    <Tile title="Current" class="cur" end={badge}>
      <dl class="stats">
        <Stat label="Estimate" value={ampere(is)} unit="A" big width={4} />
        <Stat label="Peak, 30 min" value={ampere(peak)} unit="A" />
        <Stat label="Limit" value={limit ? ampere(limit) : 'none'} unit={limit ? 'A' : ''} />
      </dl>
      <Gauge label="Current" value={is} max={limit || Math.max(peak, is, 1)} peak={peak} text={`${ampere(is)} A${limit ? ` of ${ampere(limit)} A` : ''}`} />
      <Plot label="Current, estimate" unit="A" div={1000} zero height={128} xAxis data={data} series={SERIES} from={from} to={now}
        refs={limit ? [{ v: limit, text: `limit ${ampere(limit)}`, k: 'bad' }] : []} />
    </Tile>
  );
}
