// history.jsx - what was measured over an hour, a day, a week: six plots with one cursor, or a table; as a file too.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { decimate } from '../../lib/decimate.js';
import { date, fixed, hourMinute, signed, when } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { hubNow, useTick } from '../../lib/store.js';
import { Button, Failed, Legend, Loaded, Loading, Segments, Tile } from '../../ui/parts.jsx';
import { num, Table } from '../../ui/table.jsx';
import { Plot } from '../../ui/plot.jsx';
import { AGAIN, columnsOf, joined, POINTS, RANGES, sampleOf } from './model.js';

const HOW = [['plots', 'Plots'], ['table', 'Table'], ['hours', 'Hours'], ['days', 'Days']];
const PERIODS = { hours: 'The last 24 hours', days: 'The last 7 days' };
const PERIODS_AGAIN_MS = 60000;
const TAIL_MAX = 4000;
const TABLE_ROWS = 300;
const ZOOM_MIN_MS = 10000;
const SPAN_MIN_MS = 120000;

const [X, V, A, SOC, C, LO, HI, SPREAD] = [0, 1, 2, 3, 4, 5, 6, 7];
const text = (decimals, unit) => (v) => `${fixed(v, decimals)} ${unit}`;
const PLOTS = [
  { label: 'Voltage', unit: 'V', least: 0.4, of: [[V, { label: 'pack', k: 's1', dot: true, text: text(2, 'V') }]] },
  { label: 'Current', unit: 'A', least: 2, of: [[A, { label: 'current', k: 's2', dot: true, text: (v) => `${signed(v, 1)} A` }]], note: 'above zero: charging' },
  { label: 'Charge', unit: '%', zero: true, of: [[SOC, { label: 'charge', k: 's4', fill: true, dot: true, text: text(1, '%') }]], refs: [{ v: 100, text: '', k: 'line' }] },
  { label: 'Cells', unit: 'mV', least: 20, of: [[HI, { label: 'highest', k: 's3', text: text(1, 'mV') }], [LO, { label: 'lowest', k: 's1', dash: true, text: text(1, 'mV') }]], legend: [['s3', 'highest'], ['s1', 'lowest', true]] },
  { label: 'Spread', unit: 'mV', zero: true, of: [[SPREAD, { label: 'spread', k: 's3', fill: true, dot: true, text: text(1, 'mV') }]] },
  { label: 'Temperature', unit: '°C', least: 4, of: [[C, { label: 'pack', k: 's4', dot: true, text: text(1, '°C') }]] },
];

export function History({ battery, range: asked }) {
  const range = RANGES[asked] ? asked : '1h';
  const [zoom, setZoom] = useState(null);
  const [view, setView] = useState('plots');
  const { samples, error, reload } = useSamples(battery, range);
  useTick(range === '1h' ? 1000 : 10000);
  const now = Math.ceil(hubNow() / 1000) * 1000;
  // A hub that has just begun would show an almost empty plot.
  const began = samples && samples.length ? samples[0].timestamp_ms : now;
  const [from, to] = zoom || [Math.max(now - RANGES[range][1], Math.min(began, now - SPAN_MIN_MS)), now];
  const choose = (id) => {
    setZoom(null);
    setParam('range', id === '1h' ? null : id);
  };
  const onZoom = (a, b) => setZoom(a == null || b - a < ZOOM_MIN_MS ? null : [a, Math.min(b, now)]);
  const data = useMemo(() => samples && columnsOf(samples, from, to), [samples, from, to]);
  const end = (
    <>
      {zoom && <Button kind="sm" onClick={() => setZoom(null)}>Whole span</Button>}
      <Segments kind="sm" label="How the history is shown" options={HOW} value={view} onChange={setView} />
      <a class="btn sm" href={PERIODS[view] ? `/api/battery/history/${view}?format=csv` : `/api/battery/history?range=${range}&format=csv`} download={`battery-${PERIODS[view] ? view : range}.csv`}>CSV</a>
      {!PERIODS[view] && <Segments kind="sm" label="Span of the history" options={Object.entries(RANGES).map(([id, [name]]) => [id, name])} value={range} onChange={choose} />}
    </>
  );
  const limit = battery.limits && battery.limits.spread_mv;
  return (
    <Tile title="History" class="hist" end={end}>
      {PERIODS[view] ? <Periods view={view} /> : error && <Failed error={error} retry={reload} />}
      {!PERIODS[view] && !data && !error && <Loading big lines={9} />}
      {!PERIODS[view] && data && (view === 'table' ? <SampleTable data={data} /> : (
        <div class="plots">{PLOTS.map((p, i) => (
          <OnePlot key={p.label} p={p} data={data} from={from} to={to} onZoom={onZoom} xAxis={i % 3 === 2} limit={p.label === 'Spread' ? limit : null} />))}</div>
      ))}
    </Tile>
  );
}

function OnePlot({ p, data, from, to, onZoom, xAxis, limit }) {
  const cols = useMemo(() => decimate([data[X], ...p.of.map(([c]) => data[c])], POINTS), [data]);
  const refs = limit ? [{ v: limit, text: `the board’s ${fixed(limit)} mV`, k: 'bad', right: true }] : [];
  return (
    <section>
      <div class="row between"><h3>{p.label}</h3>{p.legend ? <Legend items={p.legend} /> : <span class="sub small">{p.note}</span>}</div>
      <Plot label={p.label} unit={p.unit} zero={p.zero} least={p.least} height={xAxis ? 128 : 112} xAxis={xAxis} data={cols} series={p.of.map((o) => o[1])} refs={refs} from={from} to={to} sync="battery" onZoom={onZoom} />
    </section>
  );
}

// The samples of the range as the hub has them, and what came since.
function useSamples(battery, range) {
  const again = useTick(AGAIN[range]);
  const reply = useResource(`/api/battery/history?range=${range}&points=${POINTS}`, [again]);
  const tail = useRef([]);
  const [n, setN] = useState(0);
  useEffect(() => {
    const t = hubNow();
    const list = tail.current;
    if (list.length && t - list[list.length - 1].timestamp_ms < 1000) return;
    const sample = sampleOf(battery, t);
    if (!sample) return;
    tail.current = list.concat(sample).slice(-TAIL_MAX);
    setN((k) => k + 1);
  }, [battery.seq, battery.at]);
  const samples = useMemo(() => reply.value && reply.value.range === range && joined(reply.value.samples, tail.current), [reply.value, range, n]);
  return { samples: samples || null, error: reply.error && reply.error.code !== 'offline' ? reply.error : null, reload: reply.reload };
}

// The same data, newest first.
function SampleTable({ data }) {
  const rows = [];
  for (let i = data[X].length - 1; i >= 0 && rows.length < TABLE_ROWS; i--) if (data[V][i] != null) rows.push(data.map((c) => c[i]));
  const col = (label, i, decimals) => num(label, (r) => r[i], (v) => fixed(v, decimals));
  const columns = [
    { label: 'Time', cell: (r) => when(r[X], hubNow()), sort: (r) => r[X] },
    col('Voltage, V', V, 2), num('Current, A', (r) => r[A], (v) => (v == null ? '' : signed(v, 1))), col('Charge, %', SOC, 1), col('Lowest cell, mV', LO, 1), col('Highest cell, mV', HI, 1), col('Spread, mV', SPREAD, 1), col('Temperature, °C', C, 1),
  ];
  return <div class="long"><Table label="History" columns={columns} rows={rows} rowKey={(r) => r[X]} empty="Nothing was recorded in this span." /></div>;
}

// Least, mean and greatest of each hour or day, newest first.
function Periods({ view }) {
  const again = useTick(PERIODS_AGAIN_MS);
  const list = useResource(`/api/battery/history/${view}`, [again]);
  const range = (label, key, decimals, show = fixed) => ({ label, r: true, cell: (p) => (p[key].avg == null ? '' : <span title={`mean ${show(p[key].avg, decimals)}`}>{show(p[key].min, decimals)} to {show(p[key].max, decimals)}</span>), sort: (p) => p[key].avg ?? 0 });
  const columns = [
    { label: view === 'days' ? 'Day' : 'Hour', cell: (p) => (view === 'days' ? date(p.start_ms) : `${date(p.start_ms).slice(5)} ${hourMinute(p.start_ms)}`), sort: (p) => p.start_ms },
    range('Voltage, V', 'voltage_v', 2), range('Current, A', 'current_a', 1), range('Charge, %', 'soc_pct', 1), range('Temperature, °C', 'temperature_c', 1),
    num('Lowest cell, mV', (p) => p.cell_min_mv.min, (v) => fixed(v)), num('Highest cell, mV', (p) => p.cell_max_mv.max, (v) => fixed(v)), num('Worst spread, mV', (p) => p.cell_delta_mv.max, (v) => fixed(v, 1)),
    num('Cycles', (p) => p.cycles, (v) => fixed(v, 2)), num('Balancing', (p) => p.balancing_events, (v) => fixed(v)), num('Silences', (p) => p.comm_errors, (v) => fixed(v)),
  ];
  return <Loaded of={list}>{(v) => <div class="long"><Table label={PERIODS[view]} columns={columns} rows={[...v.periods].sort((a, b) => b.start_ms - a.start_ms)} rowKey={(p) => p.start_ms} empty="No period has ended or begun yet." /></div>}</Loaded>;
}
