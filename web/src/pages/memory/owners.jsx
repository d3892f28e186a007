// owners.jsx - who holds what: the short table of Home and the whole one of Memory.

import { ownerClass } from '../../lib/colour.js';
import { count, fixed, kib, wholeSize } from '../../lib/format.js';
import { Gauge, Spark } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';

const budgetKib = (bytes) => fixed(bytes / 1024, bytes % 1024 ? 1 : 0);
const budget = (t) => (t.budget_bytes ? budgetKib(t.budget_bytes) : t.current_bytes ? <span title="No budget: the tier's own size is the limit">tier</span> : '');

// Measured against the budget; without one against the tier, which is then the only limit.
const Bar = ({ owner, at, size }) => {
  const t = owner.tiers[at];
  if (!t.current_bytes && !t.peak_bytes && !t.budget_bytes) return null;
  const of = t.budget_bytes ? `of ${wholeSize(t.budget_bytes)}` : 'no budget';
  return (
    <Gauge label={owner.name} value={t.current_bytes} max={t.budget_bytes || size} peak={t.peak_bytes}
      colour={ownerClass(owner.name)} text={`${kib(t.current_bytes)} KiB, ${of}`} />
  );
};

const name = {
  label: 'Owner', class: 'name',
  cell: (o) => <><span class={'dot ' + ownerClass(o.name)} />{o.name}</>, sort: (o) => o.name,
};
const near = (t) => t.budget_bytes > 0 && t.peak_bytes / t.budget_bytes > 0.86;

export function OwnersShort({ memory, rows = 10 }) {
  const { owners } = memory;
  const size = memory.tiers[0].size_bytes;
  const most = [...owners].sort((a, b) => b.tiers[0].current_bytes - a.tiers[0].current_bytes);
  const shown = owners.filter((o) => most.indexOf(o) < rows);
  const rest = owners.filter((o) => most.indexOf(o) >= rows);
  const sum = (f) => rest.reduce((total, o) => total + f(o.tiers[0]), 0);
  const columns = [
    name,
    { label: <>Used, <span class="rust">peak</span></>, width: '44%', cell: (o) => <Bar owner={o} at={0} size={size} /> },
    { label: 'KiB', r: true, cell: (o) => kib(o.tiers[0].current_bytes) },
    { label: 'Budget', r: true, class: 'sub', cell: (o) => budget(o.tiers[0]) },
  ];
  const foot = rest.length > 0 && (
    <tr><td class="sub">{rest.length} more</td><td /><td class="r sub">{kib(sum((t) => t.current_bytes))}</td><td class="r sub">{budgetKib(sum((t) => t.budget_bytes))}</td></tr>
  );
  return <Table label="Owners" columns={columns} rows={shown} rowKey={(o) => o.name} foot={foot} />;
}

const SPARK_MS = 600000;
const SPARK_POINTS = 40;

function history(log, owner, now) {
  const values = Array(SPARK_POINTS).fill(null);
  for (const e of log) {
    const i = Math.floor(((e.t - now + SPARK_MS) / SPARK_MS) * SPARK_POINTS);
    if (i >= 0 && i < SPARK_POINTS) values[i] = e.bytes[owner] ?? null;
  }
  const first = values.findIndex((v) => v != null);
  return first < 0 ? [] : values.slice(first);
}

export function OwnersWhole({ memory, log, chosen, choose }) {
  const now = memory.unix_ms;
  const columns = [
    name,
    { label: <>Internal, <span class="rust">peak</span></>, width: '21%', cell: (o) => <Bar owner={o} at={0} size={memory.tiers[0].size_bytes} /> },
    num('KiB', (o) => o.tiers[0].current_bytes, (v) => <b>{kib(v)}</b>),
    { label: 'Peak', r: true, sort: (o) => o.tiers[0].peak_bytes,
      cell: (o) => <span class={near(o.tiers[0]) ? 'wn' : 'sub'}>{kib(o.tiers[0].peak_bytes)}</span> },
    { label: 'Budget', r: true, class: 'sub', cell: (o) => budget(o.tiers[0]), sort: (o) => o.tiers[0].budget_bytes },
    { label: 'PSRAM', width: '15%', class: 'pad', cell: (o) => <Bar owner={o} at={1} size={memory.tiers[1].size_bytes} /> },
    num('KiB', (o) => o.tiers[1].current_bytes, (v) => (v ? kib(v) : <span class="sub">0</span>)),
    { label: 'Budget', r: true, class: 'sub', cell: (o) => budget(o.tiers[1]), sort: (o) => o.tiers[1].budget_bytes },
    num('Blocks', (o) => o.tiers[0].current_blocks + o.tiers[1].current_blocks, count),
    num('Failed', (o) => o.tiers[0].failed_count + o.tiers[1].failed_count, (v) => <span class={v ? 'wn' : 'sub'}>{count(v)}</span>),
    { label: '10 min', r: true, class: 'flat', cell: (o) => <span class="tail"><Spark values={history(log, o.name, now)} /></span> },
  ];
  return (
    <Table label="Owners" columns={columns} rows={memory.owners} rowKey={(o) => o.name} foot={<All memory={memory} />}
      rowClass={(o) => (o.name === chosen ? 'on' : '')} onRow={(o) => choose(o.name === chosen ? null : o.name)} />
  );
}

function All({ memory }) {
  const sum = (f) => memory.owners.reduce((total, o) => total + f(o.tiers), 0);
  const used = memory.tiers.map((t) => t.size_bytes - t.free_bytes);
  const [internal, psram] = memory.tiers;
  return (
    <tr class="all">
      <td class="name">all</td>
      <td><Gauge label="all" value={used[0]} max={internal.size_bytes} peak={internal.size_bytes - internal.min_free_bytes} colour="k6" /></td>
      <td class="r"><b>{kib(used[0])}</b></td>
      <td class="r sub">{kib(internal.size_bytes - internal.min_free_bytes)}</td>
      <td class="r sub">{budgetKib(internal.size_bytes)}</td>
      <td class="pad">{psram.size_bytes > 0 && <Gauge label="all" value={used[1]} max={psram.size_bytes} peak={psram.size_bytes - psram.min_free_bytes} colour="k6" />}</td>
      <td class="r">{kib(used[1])}</td>
      <td class="r sub">{budgetKib(psram.size_bytes)}</td>
      <td class="r">{count(sum((t) => t[0].current_blocks + t[1].current_blocks))}</td>
      <td class="r sub">{count(sum((t) => t[0].failed_count + t[1].failed_count))}</td>
      <td />
    </tr>
  );
}
