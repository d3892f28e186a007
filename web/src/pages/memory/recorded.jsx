// recorded.jsx - runs of the harness that were written to files: their plot, snapshots, stacks, and two compared.

import { useState } from 'preact/hooks';
import { I_FRAG, I_FREE, I_MIN, T, TAG } from '../../lib/columns.js';
import { clock, count, date, fixed, kib, plural, signed, wholeSize } from '../../lib/format.js';
import { set, useKeys } from '../../lib/store.js';
import { Badge, Button, Empty, Legend, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';
import { toast } from '../../ui/toast.jsx';
import { compare, findingsOf, groupFiles, readRun } from './run_file.js';
import { FragPlot, TierPlot } from './tiers.jsx';

async function take(files) {
  const found = [];
  for (const { name, files: of } of groupFiles(files)) {
    const texts = Object.fromEntries(await Promise.all(Object.entries(of).map(async ([base, f]) => [base, await f.text()])));
    found.push(readRun(name, texts));
  }
  const good = found.filter((r) => !r.finding);
  const bad = found.find((r) => r.finding);
  if (!good.length) toast(bad ? bad.finding : 'No mem.jsonl is among these files.');
  return good;
}

export function Recorded({ memory }) {
  const { runs } = useKeys('runs');
  const list = runs || [];
  const [chosen, setChosen] = useState(0);
  const [other, setOther] = useState(-1);
  const add = async (files) => {
    const good = await take(files);
    if (!good.length) return;
    set('runs', [...good, ...list].sort((a, b) => b.at - a.at));
    setChosen(0);
    setOther(good.length + list.length > 1 ? 1 : -1);
  };
  const run = list[chosen];
  return (
    <div class="grid">
      <Tile title="Runs" span={12} end={<><span>read here, sent nowhere</span><Pick onFiles={add} folder>Open folder</Pick><Pick onFiles={add}>Open files</Pick></>}>
        {!list.length && <Empty>A run of the harness is a folder with mem.jsonl and summary.json. Open one, or a folder of many, to see and compare them.</Empty>}
        {list.length > 0 && <RunTable list={list} chosen={chosen} other={other} limits={memory.limits} onChoose={setChosen} onOther={setOther} />}
      </Tile>
      {run && <RunPlot run={run} memory={memory} key={chosen} />}
      {run && <Tile title="Snapshots" span={3} end="newest first"><RunSnapshots run={run} /></Tile>}
      {run && list[other] && other !== chosen && <Comparison a={list[other]} b={run} />}
      {run && run.stacks.length > 0 && <Stacks run={run} />}
    </div>
  );
}

function Pick({ children, folder, onFiles }) {
  const change = (e) => {
    onFiles([...e.target.files]);
    e.target.value = '';
  };
  const more = folder ? { webkitdirectory: true } : { accept: '.json,.jsonl' };
  return <label class="btn sm pick-f">{children}<input type="file" multiple aria-label={folder ? 'Folder of a run' : 'Files of a run'} onChange={change} {...more} /></label>;
}

function RunTable({ list, chosen, other, limits, onChoose, onOther }) {
  const rows = list.map((r, i) => ({ ...r, i }));
  const columns = [
    { label: 'Run', class: 'name', cell: (r) => <button type="button" class="sort" aria-pressed={r.i === chosen} onClick={() => onChoose(r.i)}>{r.title}<small class="when">{date(r.at)} {clock(r.at)}</small></button>, sort: (r) => r.at },
    { label: 'Firmware', class: 'opt', cell: (r) => r.firmware },
    num('Low water, KiB', (r) => r.hinMin, kib),
    num('Frag, %', (r) => r.fragMax, (v) => fixed(v), { class: 'opt' }),
    num('PSRAM least, KiB', (r) => r.pmMin, kib, { class: 'opt' }),
    num('Snapshots', (r) => r.rows.length, count, { class: 'sub opt' }),
    { label: 'Verdict', class: 'pad', cell: (r) => { const f = findingsOf(r, limits); return <Badge kind={f.length ? 'bad' : 'ok'} title={f.join('; ')}>{f.length ? 'failed' : 'pass'}</Badge>; } },
    { label: '', r: true, cell: (r) => (r.i === chosen ? <span class="sub">shown</span> : <Button kind="sm" aria-pressed={r.i === other} onClick={() => onOther(r.i === other ? -1 : r.i)}>{r.i === other ? 'Compared' : 'Compare'}</Button>) },
  ];
  return <Table label="Runs" columns={columns} rows={rows} rowKey={(r) => r.i} rowClass={(r) => (r.i === chosen ? 'on' : undefined)} />;
}

function RunPlot({ run, memory }) {
  const first = run.rows[0][T];
  const last = run.rows[run.rows.length - 1][T];
  const pad = Math.max(500, (last - first) / 50);
  const [zoom, setZoom] = useState(null);
  const [from, to] = zoom || [first - pad, last + pad];
  const win = { from, to, onZoom: (a, b) => setZoom(a == null || b - a < 200 ? null : [Math.max(first - pad, a), Math.min(last + pad, b)]) };
  const { internal_min_bytes: limit, frag_max_pct: frag } = memory.limits;
  const bad = findingsOf(run, memory.limits);
  const legend = [['s1', 'free'], ['s2', 'largest block', true], ['rust', 'low water, tags'], ['bad', 'limit', true]];
  return (
    <Tile title={run.title} span={9} end={<><Legend items={legend} />{zoom && <Button kind="sm" onClick={() => setZoom(null)}>Whole run</Button>}</>}>
      {bad.map((f) => <p class="find"><span>{f[0].toUpperCase() + f.slice(1)}.</span></p>)}
      <div class="pm"><TierPlot at={0} rows={run.rows} win={win} height={268} sync="recorded" flags largest refs={[{ v: limit, text: `limit ${wholeSize(limit)}`, k: 'bad' }]} /></div>
      {run.rows.some((r) => r[5] > 0) && <div class="pm"><TierPlot at={1} rows={run.rows} win={win} height={100} sync="recorded" /></div>}
      <div class="pm"><FragPlot rows={run.rows} win={win} height={112} sync="recorded" limit={frag} /></div>
    </Tile>
  );
}

function RunSnapshots({ run }) {
  return (
    <ul class="snap" tabIndex={0} aria-label="Snapshots of the run">
      <li class="h"><span>Tag, time</span><span>Free</span><span>Low</span><span>Frag</span></li>
      {[...run.rows].reverse().slice(0, 400).map((r, i) => (
        <li key={i}>
          <code class={r[TAG] === 'hb' ? 'sub' : 'rust'} title={r[TAG]}>{r[TAG]}</code>
          <time>{clock(r[T])}</time><span>{kib(r[I_FREE])}</span><span class={r[I_MIN] === run.hinMin ? 'rust' : 'sub'}>{kib(r[I_MIN])}</span><span class="sub">{fixed(r[I_FRAG])} %</span>
        </li>
      ))}
    </ul>
  );
}

function Comparison({ a, b }) {
  const change = (v, div = 1024, decimals = 1) => (v == null ? '' : signed(v / div, decimals));
  const none = (v) => v ?? -Infinity;
  const columns = [
    { label: 'Tag', cell: (r) => <code class="rust">{r.tag}</code>, sort: (r) => r.tag },
    { label: 'Low water, KiB', r: true, cell: (r) => (r.hin == null ? <span class="sub">in one of them</span> : <b class={r.hin < 0 ? 'wn' : ''}>{change(r.hin)}</b>), sort: (r) => none(r.hin) },
    { label: 'Heap least, KiB', r: true, class: 'opt', cell: (r) => change(r.hm), sort: (r) => none(r.hm) },
    { label: 'Frag, %', r: true, cell: (r) => change(r.frag, 1, 0), sort: (r) => none(r.frag) },
    { label: 'PSRAM free, KiB', r: true, class: 'opt', cell: (r) => change(r.pf), sort: (r) => none(r.pf) },
  ];
  return (
    <Tile title="Compared" span={7} end={<span>{a.title}, {date(a.at)} {clock(a.at)}, to {date(b.at)} {clock(b.at)}: low water {kib(a.hinMin)} to {kib(b.hinMin)} KiB, {signed((b.hinMin - a.hinMin) / 1024, 1)}</span>}>
      <div class="long"><Table label="What changed, by tag" columns={columns} rows={compare(a, b)} rowKey={(r) => r.tag} /></div>
    </Tile>
  );
}

function Stacks({ run }) {
  const columns = [{ label: 'Task', class: 'name', cell: (r) => r.task, sort: (r) => r.task }, num('Least margin, B', (r) => r.bytes, count)];
  return <Tile title="Task stacks" span={5} end={plural(run.stacks.length, 'task')}><Table label="Task stacks of the run" columns={columns} rows={run.stacks} rowKey={(r) => r.task} /></Tile>;
}
