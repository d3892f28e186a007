// tiers.jsx - what Home and Memory share: the figures of a tier and its plot.

import { useMemo } from 'preact/hooks';
import { decimate } from '../../lib/decimate.js';
import { fixed, kib, signed, sizeText, tierUnit } from '../../lib/format.js';
import { I_FRAG, I_FREE, I_LARGEST, I_MIN, P_FRAG, P_FREE, P_LARGEST, P_MIN } from '../../lib/columns.js';
import { columns, mostChanged, tagsIn } from '../../lib/timeline.js';
import { useKeys } from '../../lib/store.js';
import { Stat } from '../../ui/parts.jsx';
import { Plot } from '../../ui/plot.jsx';

export const TIERS = [
  { name: 'Internal', columns: [I_FREE, I_LARGEST, I_MIN] },
  { name: 'PSRAM', columns: [P_FREE, P_LARGEST, P_MIN] },
];
const POINTS = 500;
const OWNER_MS = 10000;

const kibText = (bytes) => kib(bytes) + ' KiB';
const unitText = (bytes) => (bytes >= 2 * 1024 * 1024 ? sizeText(bytes) : kibText(bytes));

export function TierStats({ tier, name }) {
  const { unit, div } = tierUnit(tier.size_bytes);
  const show = (bytes) => fixed(bytes / div, 1);
  const room = show(tier.size_bytes).length + 1;
  return (
    <dl class="stats">
      <Stat big label={`${name} free`} value={show(tier.free_bytes)} unit={unit} width={room} />
      <Stat label="Low water" value={show(tier.min_free_bytes)} unit={unit} tone="rust" />
      <Stat label="Largest block" value={show(tier.largest_free_bytes)} unit={unit} />
      <Stat label="Fragmentation" value={fixed(tier.frag_pct)} unit="%" />
    </dl>
  );
}

// The columns of the window, few enough to draw.
export function useColumns(rows, wanted, from, to) {
  return useMemo(() => decimate(columns(rows, wanted, from, to), POINTS), [rows, from, to]);
}
export const useTags = (rows, from, to) => useMemo(() => tagsIn(rows, from, to), [rows, from, to]);

// `at` 0: internal, from zero, with its limits; 1: PSRAM.
export function TierPlot({ at, rows, win, height, sync, xAxis, flags, largest, refs }) {
  const { memory, owners } = useKeys('memory', 'owners');
  const { from, to } = win;
  const [free, big, min] = TIERS[at].columns;
  const wanted = largest ? [free, big, min] : [free, min];
  const data = useColumns(rows, wanted, from, to);
  const tags = useTags(rows, from, to);
  const { unit, div } = tierUnit(memory.tiers[at].size_bytes);
  const series = [
    { label: 'free', k: 's1', fill: at === 0, dot: true, width: 1.7, text: unitText },
    ...(largest ? [{ label: 'largest block', k: 's2', dash: true, width: 1.4, text: unitText }] : []),
    { label: 'low water', k: 'rust', step: true, width: 1.5, text: unitText },
  ];
  const more = (t) => {
    const m = at === 0 && mostChanged(owners, t - OWNER_MS, t);
    return m ? [[`${m.name}, last 10 s`, `${signed(m.bytes / 1024, 1)} KiB`]] : [];
  };
  return (
    <Plot label={`${TIERS[at].name} tier`} unit={unit} div={div} height={height} zero={at === 0} xAxis={xAxis}
      flags={flags} data={data} tags={tags} from={from} to={to} series={series} sync={sync} refs={refs}
      onZoom={win.onZoom} more={more} />
  );
}

export function FragPlot({ rows, win, height, sync, limit }) {
  const { from, to } = win;
  const data = useColumns(rows, [I_FRAG, P_FRAG], from, to);
  const tags = useTags(rows, from, to);
  const text = (v) => `${fixed(v)} %`;
  const series = [
    { label: 'internal', k: 's4', width: 1.5, text },
    { label: 'PSRAM', k: 's5', dash: true, width: 1.4, text },
  ];
  return (
    <Plot label="Fragmentation" unit="%" height={height} zero xAxis data={data} tags={tags} from={from} to={to}
      series={series} sync={sync} onZoom={win.onZoom}
      refs={[{ v: limit, text: `limit ${limit} %`, k: 'bad', right: true }]} />
  );
}
