// memory.jsx - the Memory page: figures, tiers over time, snapshots, owners, requests, map, stacks.

import { useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { age, count, fixed, kib, sizeText, tierUnit, utf8Bytes, wholeSize } from '../../lib/format.js';
import { I_FRAG, I_FREE, I_MIN, P_FREE, T, TAG } from '../../lib/columns.js';
import { mergeRows, rowFromTiers } from '../../lib/history.js';
import { loadMemory, useFeed } from '../../lib/hub.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { hubNow, isOnline, set, state, useKeys } from '../../lib/store.js';
import { when } from '../../lib/format.js';
import { Badge, Button, Failed, Gauge, Head, Legend, Loaded, Loading, Segments, Stat, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';
import { useWindow } from '../../ui/window.js';
import { HarnessTile } from './harness.jsx';
import { MapTile } from './map.jsx';
import { OwnersWhole } from './owners.jsx';
import { Recorded } from './recorded.jsx';
import { FragPlot, TierPlot, useColumns } from './tiers.jsx';

const TAG_MAX_BYTES = 31;
const VIEWS = [['live', 'Live'], ['recorded', 'Recorded']];

export default function Memory({ params }) {
  const { info, memory, memoryError, rows, owners } = useKeys('info', 'memory', 'memoryError', 'rows', 'owners');
  useFeed('mem', 'snap');
  const win = useWindow(['5m', '30m', '6h', 'boot'], rows);
  if (!memory) {
    return (
      <>
        <Head title="Memory" />
        {memoryError ? <Failed error={memoryError} retry={loadMemory} /> : <Loading big lines={12} />}
      </>
    );
  }
  const sizes = memory.tiers.filter((t) => t.size_bytes).map((t, i) => `${wholeSize(t.size_bytes)} ${i ? 'PSRAM' : 'internal'}`);
  const facts = [`profile ${memory.board}`, sizes.join(', '), `snapshot ${age(hubNow() - memory.unix_ms)} ago`];
  const view = params.view === 'recorded' ? 'recorded' : 'live';
  const views = <Segments label="What is shown" options={VIEWS} value={view} onChange={(v) => setParam('view', v === 'live' ? null : v)} />;
  if (view === 'recorded') {
    return (
      <>
        <Head title="Memory" facts={['recorded runs of the harness']}>{views}</Head>
        <Recorded memory={memory} />
      </>
    );
  }
  return (
    <>
      <Head title="Memory" facts={facts}>
        <Segments label="Span of the plots" options={win.options} value={win.span} onChange={win.choose} />
        {views}
        <TakeSnapshot />
      </Head>
      <div class="grid">
        <article class="tile c12"><Strip memory={memory} /></article>
        <PlotTile memory={memory} rows={rows} win={win} />
        <Tile title="Snapshots" span={3} end="newest first"><Snapshots rows={rows} min={memory.tiers[0].min_free_bytes} /></Tile>
        <div class="col c8">
          <OwnersTile memory={memory} owners={owners} chosen={params.owner} />
          <HarnessTile memory={memory} />
          <RoutesTile />
        </div>
        <div class="col c4">
          <MapTile memory={memory} />
          <TasksTile memory={memory} />
          {info && <HostTile host={memory.host} />}
        </div>
      </div>
    </>
  );
}

function Strip({ memory }) {
  const [internal, psram] = memory.tiers;
  const tw = memory.tripwire;
  const ps = tierUnit(psram.size_bytes);
  return (
    <dl class="stats wide">
      <Stat big tone="rust" label="Internal low water" value={kib(internal.min_free_bytes)} unit="KiB" />
      <Stat big label="Internal free" value={kib(internal.free_bytes)} unit="KiB" />
      <Stat big label="Largest block" value={kib(internal.largest_free_bytes)} unit="KiB" />
      <Stat big label="Fragmentation" value={fixed(internal.frag_pct)} unit={`% of ${memory.limits.frag_max_pct}`} tone={internal.frag_pct > memory.limits.frag_max_pct ? 'wn' : ''} />
      {psram.size_bytes > 0 && <Stat big label="PSRAM free" value={fixed(psram.free_bytes / ps.div, 1)} unit={ps.unit} />}
      <Stat big label="Failed" value={count(memory.failed_count)} tone={memory.failed_count ? 'wn' : ''} />
      <div class="stat">
        <dt>{tw && tw.bytes ? `Tripwire at ${wholeSize(tw.bytes)}` : 'Tripwire'}</dt>
        <dd>{!tw || !tw.bytes ? <Badge>off</Badge> : tw.fired
          ? <Badge kind="bad">{tw.tag ? `fired at ${tw.tag}` : 'fired'}</Badge> : <Badge kind="ok">armed</Badge>}</dd>
      </div>
    </dl>
  );
}

function PlotTile({ memory, rows, win }) {
  const { trial } = useKeys('trial');
  const [table, setTable] = useState(false);
  const { internal_min_bytes: limit, frag_max_pct: frag } = memory.limits;
  const refs = [{ v: limit, text: `limit ${wholeSize(limit)}`, k: 'bad' }];
  if (memory.tripwire && memory.tripwire.bytes) {
    refs.push({ v: memory.tripwire.bytes, text: `tripwire ${wholeSize(memory.tripwire.bytes)}`, k: 'field', dash: [1, 3] });
  }
  const end = (
    <>
      {trial && <Badge kind="run">{trial.id.toUpperCase()} runs</Badge>}
      <Legend items={[['s1', 'free'], ['s2', 'largest block', true], ['rust', 'low water, tags'], ['bad', 'limit', true]]} />
      {win.zoomed && <Button kind="sm" onClick={() => win.onZoom(null)}>Whole span</Button>}
      <Button kind="sm" aria-pressed={table} onClick={() => setTable(!table)}>{table ? 'Plot' : 'Table'}</Button>
    </>
  );
  return (
    <Tile title="Tiers over time" span={9} end={end}>
      {table ? <PlotTable rows={rows} win={win} psram={memory.tiers[1].size_bytes > 0} /> : (
        <>
          <div class="pm"><TierPlot at={0} rows={rows} win={win} height={268} sync="memory" flags largest refs={refs} /></div>
          {memory.tiers[1].size_bytes > 0 && <div class="pm"><TierPlot at={1} rows={rows} win={win} height={100} sync="memory" /></div>}
          <div class="pm"><FragPlot rows={rows} win={win} height={112} sync="memory" limit={frag} /></div>
        </>
      )}
    </Tile>
  );
}

const TABLE_ROWS = 200;

// The same data as the plots, newest first.
function PlotTable({ rows, win, psram }) {
  const data = useColumns(rows, [I_FREE, I_MIN, I_FRAG, P_FREE], win.from, win.to);
  const list = [];
  for (let i = data[0].length - 1; i >= 0 && list.length < TABLE_ROWS; i--) {
    if (data[1][i] != null) list.push(data.map((c) => c[i]));
  }
  const tags = new Map(rows.filter((r) => r[TAG]).map((r) => [r[T], r[TAG]]));
  const at = (i) => (r) => r[i];
  const columns = [
    { label: 'Time', cell: (r) => when(r[0], hubNow()), sort: (r) => r[0] },
    { label: 'Tag', cell: (r) => <code class="rust">{tags.get(r[0]) || ''}</code> },
    num('Free, KiB', at(1), kib), num('Low water, KiB', at(2), kib), num('Fragmentation, %', at(3), (v) => fixed(v)),
    ...(psram ? [num('PSRAM free, KiB', at(4), kib)] : []),
  ];
  return (
    <div class="plot-table">
      <Table label="Tiers over time" columns={columns} rows={list} rowKey={(r) => r[0]} empty="Nothing was recorded in this span." />
    </div>
  );
}

function Snapshots({ rows, min }) {
  const tagged = rows.filter((r) => r[TAG] != null).slice(-200).reverse();
  if (!tagged.length) return <p class="sub">No snapshot yet. The first heartbeat brings one.</p>;
  return (
    <ul class="snap" tabIndex={0} aria-label="Snapshots">
      <li class="h"><span>Tag, time</span><span>Free</span><span>Low</span><span>Frag</span></li>
      {tagged.map((r) => (
        <li key={r[T] + r[TAG]}>
          <code class={r[TAG] === 'hb' ? 'sub' : 'rust'} title={r[TAG]}>{r[TAG]}</code>
          <time>{when(r[T], hubNow())}</time>
          <span>{kib(r[I_FREE])}</span>
          <span class={r[I_MIN] === min && r[TAG] !== 'hb' ? 'rust' : 'sub'}>{kib(r[I_MIN])}</span>
          <span class="sub">{fixed(r[I_FRAG])} %</span>
        </li>
      ))}
    </ul>
  );
}

function TakeSnapshot() {
  useKeys('link');
  const [tag, setTag] = useState('');
  const [finding, setFinding] = useState(null);
  const submit = async (e) => {
    e.preventDefault();
    const name = tag.trim() || 'portal'; // the hub makes blanks "_" and answers with what it took
    const bytes = utf8Bytes(name);
    if (bytes > TAG_MAX_BYTES) return setFinding(`Tag has ${bytes} bytes, limit ${TAG_MAX_BYTES}. No snapshot was taken.`);
    try {
      const row = await post('/api/memory/snapshot', { tag: name });
      setFinding(null);
      if (row && row.tiers) set('rows', mergeRows(state.rows, [rowFromTiers(row.unix_ms, row.tiers, row.tag)]));
    } catch (error) {
      setFinding(error.message);
    }
  };
  return (
    <form class="tagger" onSubmit={submit}>
      <input class="in mono" aria-label="Tag of the snapshot" placeholder="portal" maxLength={TAG_MAX_BYTES + 9} value={tag}
        onInput={(e) => setTag(e.target.value)} aria-invalid={finding ? 'true' : undefined} aria-describedby={finding ? 'tag-find' : undefined} />
      <button type="submit" class="btn" disabled={!isOnline()}>Take snapshot</button>
      {finding && <div class="find" id="tag-find" role="alert"><span>{finding}</span></div>}
    </form>
  );
}

function OwnersTile({ memory, owners, chosen }) {
  const given = memory.owners.reduce((sum, o) => sum + o.tiers[0].budget_bytes, 0);
  return (
    <Tile title="Owners" end={`budgets ${fixed(given / 1024)} of ${wholeSize(memory.tiers[0].size_bytes)} given`}>
      <OwnersWhole memory={memory} log={owners} chosen={chosen} choose={(name) => setParam('owner', name)} />
    </Tile>
  );
}

function RoutesTile() {
  const { routesChanged } = useKeys('routesChanged');
  useFeed('routes');
  const list = useResource('/api/routes', [routesChanged]);
  return (
    <Tile title="Requests, internal peak" href="#/api" end={list.value && `limit ${wholeSize(list.value.limit_bytes)} each`}>
      <Loaded of={list}>{(v) => <RoutesTable routes={v.routes} limit={v.limit_bytes} />}</Loaded>
    </Tile>
  );
}

function RoutesTable({ routes, limit }) {
  const called = routes.filter((r) => r.calls > 0).sort((a, b) => b.peak_internal_bytes - a.peak_internal_bytes).slice(0, 8);
  const columns = [
    { label: 'Route', cell: (r) => <code>{r.method} {r.path}</code> },
    { label: 'Peak', width: '34%', cell: (r) => <Gauge label={r.path} value={r.peak_internal_bytes} max={limit} colour="k6" text={sizeText(r.peak_internal_bytes)} /> },
    num('KiB', (r) => r.peak_internal_bytes, kib),
    num('Calls', (r) => r.calls, count, { class: 'sub' }),
  ];
  return <Table label="Requests" columns={columns} rows={called} rowKey={(r) => r.method + r.path} empty="No request was counted yet." />;
}

function TasksTile({ memory }) {
  const tasks = [...memory.tasks].sort((a, b) => a.margin_bytes - b.margin_bytes);
  const used = (t) => t.stack_bytes - t.margin_bytes;
  const columns = [
    { label: 'Task', class: 'name', cell: (t) => t.name, sort: (t) => t.name },
    { label: 'High water', width: '40%', cell: (t) => (
      <Gauge label={t.name} value={used(t)} max={t.stack_bytes} colour={used(t) > 0.84 * t.stack_bytes ? 'k3' : 'k6'} text={`${sizeText(used(t))} of ${sizeText(t.stack_bytes)}`} />) },
    num('Margin', (t) => t.margin_bytes, (v) => (v < 10240 ? `${count(v)} B` : `${kib(v)} KiB`)),
    num('Stack', (t) => t.stack_bytes, wholeSize, { class: 'sub' }),
    num('On chip', (t) => t.chip_stack_bytes, wholeSize, { class: 'sub opt2' }),
  ];
  return (
    <Tile title="Task stacks" end="least margin first">
      <Table label="Task stacks" columns={columns} rows={tasks} rowKey={(t) => t.name} empty="No task is registered." />
    </Tile>
  );
}

// What only the host has: shown apart, so that the tiers do not flatter.
function HostTile({ host }) {
  if (!host) return null;
  return (
    <Tile title="Process on this host" end="not on the chip">
      <dl class="kv">
        <dt>Resident</dt><dd>{sizeText(host.rss_bytes)}</dd>
        <dt>Private</dt><dd>{sizeText(host.private_bytes)}</dd>
        <dt>C library heap</dt><dd>{sizeText(host.host_libc_bytes)}</dd>
        <dt>of it TLS</dt><dd>{sizeText(host.host_tls_bytes)}</dd>
      </dl>
    </Tile>
  );
}
