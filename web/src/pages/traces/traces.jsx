// traces.jsx - what scenarios did: scenarios, runs of one, the timeline of a run; and what one would do.

import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { clock, count, plural, when } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { href, setParam } from '../../lib/route.js';
import { hubNow, useKeys, useTick } from '../../lib/store.js';
import { Badge, Button, Empty, Failed, Head, Loading, Note, Segments, Tile } from '../../ui/parts.jsx';
import { usePoll } from '../actions/live.js';
import { fromReply, leftNow, namesOf } from '../actions/model.js';
import { originWord, shortTime } from '../actions/words.js';
import { Result, Timeline } from './timeline.jsx';
import { editorParams, rowsOf, runHas, runsOf, scenariosOf, settle } from './runs.js';

const LIVE_MS = 1000; // of a run that is shown while it runs
const IGNORED = { busy: 'it ran already', conditions: 'its conditions did not hold', limit: 'too many runs', denied: 'disabled' };

export default function Traces({ params }) {
  useFeed('automation');
  const { automation: fed } = useKeys('automation', 'link');
  const { device, scenario } = params;
  const version = fed && `${fed.at}`;
  const list = usePoll('/api/automation/traces', 0, [version]);
  const state = usePoll('/api/automation', fed && fed.suspended_count ? LIVE_MS : 0, [version]);
  const actions = usePoll('/api/automation/actions', 0, [fed && fed.plan]);
  const config = usePoll('/api/devices/config', 0, [fed && fed.plan]).value;
  const error = list.error || state.error || actions.error;
  if (!list.value || !state.value || !actions.value) return <><Head title="Traces" />{error ? <Failed error={error} retry={() => location.reload()} /> : <Loading big lines={10} />}</>;
  const auto = fromReply(state.value);
  const names = namesOf(actions.value);
  const shared = { auto, names, config, version, at: state.at };
  const chosen = list.value.find((s) => s.device === device && s.scenario === scenario);
  return (
    <div class={'traces ' + (scenario ? (params.run || params.dry ? 'run' : 'runs') : 'scenarios')}>
      <Head title="Traces" facts={[`${count(auto.started)} started`, `${count(auto.failed)} failed`, `${count(auto.cancelled)} cancelled`, auto.ignored > 0 && `${count(auto.ignored)} ignored`, auto.traces_missing > 0 && `${count(auto.traces_missing)} without a trace, for want of room`]} />
      <Notes {...shared} />
      <div class="grid">
        <Scenarios list={list.value} params={params} {...shared} />
        {scenario ? <Runs key={device + '/' + scenario} device={device} scenario={scenario} summary={chosen} params={params} {...shared} />
          : <Tile title="Runs" span={8} class="wide-only"><Empty>Choose a scenario: its last runs are kept, and the last one that failed longest.</Empty></Tile>}
      </div>
    </div>
  );
}

function Notes({ auto, names, at }) {
  useTick(500);
  const label = (s) => (names.get(`${s.device}/${s.scenario}`) || { name: s.scenario }).name;
  const cut = auto.cut.filter((c) => c.state === 'cut_short');
  return (
    <div class="notes">
      {!auto.enabled && (
        <Note kind="warn" action={<Button kind="pri" online onClick={() => post('/api/automation/enable', { enabled: true })}>Enable</Button>}>
          Automation is disabled: an admin did it, or three starts of the hub in a row ended within a minute. Nothing starts by itself.
        </Note>
      )}
      {auto.suspended.map((s) => (
        <Note kind="warn" role="status"><b>{label(s)}</b> is suspended: {s.max_count ? `over ${count(s.max_count)} triggerings in ${shortTime(s.window_ms)}` : 'it was triggered too often'}. It may start again in {shortTime(leftNow(s, at, Date.now(), false))}.</Note>
      ))}
      {cut.length > 0 && <Note kind="stale" role="status">The last restart of the hub cut short: {cut.map(label).join(', ')}.</Note>}
    </div>
  );
}

function Scenarios({ list, auto, names, params }) {
  const [find, setFind] = useState(params.find || '');
  const [of, setOf] = useState('all');
  const [only, setOnly] = useState('');
  const rows = scenariosOf(list, names, auto.instances, auto.suspended, { find, device: only, result: of });
  const devices = [...new Map(list.map((s) => [s.device, (names.get(`${s.device}/${s.scenario}`) || { device_name: s.device }).device_name]))];
  return (
    <Tile title="Scenarios" span={4} class="scens" end={`${rows.length} of ${list.length}`}>
      <div class="seek">
        <input class="in" type="search" aria-label="Scenario contains" placeholder="Find" value={find} onInput={(e) => setFind(e.target.value)} />
        <select class="in" aria-label="Device" value={only} onChange={(e) => setOnly(e.target.value)}>
          <option value="">all devices</option>
          {devices.map(([id, name]) => <option value={id}>{name}</option>)}
        </select>
        <Segments label="Which" value={of} onChange={setOf} options={[['all', 'All'], ['failed', 'Failed'], ['running', 'Running'], ['suspended', 'Suspended']]} />
      </div>
      <ul>
        {rows.map((s) => (
          <li key={s.device + '/' + s.scenario} class={s.device === params.device && s.scenario === params.scenario ? 'on' : ''}>
            <a href={href('traces', { device: s.device, scenario: s.scenario })} aria-current={s.device === params.device && s.scenario === params.scenario ? 'true' : undefined}>
              <b>{s.name}</b><span class="sub">{s.deviceName}</span>
              <span class="marks">
                {s.suspended && <Badge kind="warn">suspended</Badge>}
                {s.running > 0 && <Badge kind="run">{s.running > 1 ? `${s.running} run` : 'runs'}</Badge>}
                {s.failed > 0 && <Badge kind="bad">{count(s.failed)} failed</Badge>}
                <span class="sub small">{count(s.done)} done{s.cancelled > 0 && `, ${count(s.cancelled)} cancelled`}{s.ignored > 0 && `, ${count(s.ignored)} ignored`}</span>
              </span>
            </a>
          </li>
        ))}
        {!rows.length && <li class="sub">{list.length ? 'No scenario is like that.' : 'No scenario has run since the hub started.'}</li>}
      </ul>
    </Tile>
  );
}

function Runs({ device, scenario, summary, params, auto, names, config, version }) {
  const query = `?device=${encodeURIComponent(device)}&scenario=${encodeURIComponent(scenario)}`;
  const isAlive = (run) => auto.instances.some((r) => r.id === run);
  const alive = auto.instances.some((r) => r.device === device && r.scenario === scenario);
  const trace = usePoll('/api/automation/traces' + query, alive ? LIVE_MS : 0, [version]);
  const failedRun = summary ? summary.failed_run : 0;
  const kept = usePoll(failedRun ? `/api/automation/traces${query}&failed=true` : null, 0, [failedRun]);
  const [find, setFind] = useState('');
  const [of, setOf] = useState('all');
  const [dry, setDry] = useState(null);
  const name = (names.get(`${device}/${scenario}`) || { name: scenario }).name;
  const ask = () => {
    setParam('run', null);
    setParam('dry', (+params.dry || 0) + 1);
  };
  useEffect(() => {
    let gone = !params.dry;
    setDry(null);
    if (!gone) post('/api/automation/dry_run', { device, scenario }).then((value) => gone || setDry({ value, at: hubNow() }), (error) => gone || setDry({ error }));
    return () => { gone = true; };
  }, [params.dry]);
  if (!trace.value) return <Tile title={name} span={8}>{trace.error ? <Failed error={trace.error} /> : <Loading lines={6} />}</Tile>;
  const runs = runsOf(trace.value, kept.value || [], failedRun).map((r) => settle(r, isAlive));
  const shown = runs.filter((r) => (of === 'all' || r.result === of) && runHas(r, find));
  const run = params.dry ? null : runs.find((r) => r.run > 0 && String(r.run) === params.run) || (params.run ? null : runs.find((r) => r.run > 0));
  const common = { config, device, scenario, names };
  const to = (r) => ({ device, scenario, run: r.run });
  return (
    <>
      <Tile title={name} span={8} class="runs-of" end={<>
        <a class="btn sm" href={href('devices', editorParams(config, device, scenario))}>Edit</a>
        <Button kind="sm" online onClick={ask}>Dry run</Button>
        <a class="btn sm back" href={href('traces')}>All scenarios</a>
      </>}>
        <div class="seek">
          <input class="in" type="search" aria-label="Run contains" placeholder="Run contains" value={find} onInput={(e) => setFind(e.target.value)} />
          <Segments label="Result" value={of} onChange={setOf} options={[['all', 'All'], ['done', 'Done'], ['failed', 'Failed'], ['cancelled', 'Cancelled'], ['ignored', 'Ignored']]} />
        </div>
        <ul class="runlist">
          {shown.map((r) => (
            <li class={run && r.run === run.run ? 'on' : ''}>
              {r.run > 0 ? <a href={href('traces', to(r))} aria-current={run && r.run === run.run ? 'true' : undefined}>run {r.run}</a> : <span class="sub">ignored</span>}
              <time>{when(r.from, hubNow())}</time>
              <span class="took">{r.run > 0 && shortTime((r.to ?? hubNow()) - r.from)}</span>
              <Result of={r.result} />
              {r.isKept && <Badge kind="warn" title="It stays when the trace is full">last failure, kept</Badge>}
              <span class="txt">{r.result === 'ignored' ? IGNORED[r.why] || r.why : r.why || (r.origin && `by ${originWord(r.origin)}${r.trigger ? `: ${r.trigger}` : ''}`)}</span>
            </li>
          ))}
          {!shown.length && <li class="sub">{runs.length ? 'No run is like that.' : 'It has not run since the hub started.'}</li>}
        </ul>
      </Tile>
      {params.dry ? <Dry dry={dry} name={name} {...common} /> : run ? <Run run={run} {...common} /> : params.run && <Tile title={`Run ${params.run}`} span={8}><p class="sub">It is not in the trace any more: newer runs took its room.</p></Tile>}
    </>
  );
}

function Run({ run, device, scenario, ...common }) {
  useTick(run.result === 'running' ? 500 : 60000);
  const to = run.to ?? Math.max(run.last, hubNow());
  const rows = rowsOf(run.records);
  const steps = rows.filter((r) => r.kind === 'step').length;
  return (
    <Tile title={`Run ${run.run}`} span={8} class="one" end={<><Result of={run.result} />{run.isKept && <Badge kind="warn">last failure, kept</Badge>}<a class="btn sm back" href={href('traces', { device, scenario })}>All runs</a></>}>
      <dl class="kv">
        <dt>Started</dt><dd>{when(run.from, hubNow())}{run.origin && `, by ${originWord(run.origin)}`}{run.trigger && `: ${run.trigger}`}</dd>
        <dt>{run.to == null ? 'Runs for' : 'Took'}</dt><dd>{shortTime(to - run.from)}, {plural(steps, 'step')}</dd>
        {run.why && <><dt>Why</dt><dd class={run.result === 'failed' ? 'wn' : ''}>{run.why}</dd></>}
      </dl>
      {run.isCut && <Note kind="stale" role="status">Its beginning was pushed out of the trace.</Note>}
      <Timeline rows={rows} from={run.from} to={to} device={device} scenario={scenario} {...common} />
    </Tile>
  );
}

function Dry({ dry, name, device, scenario, ...common }) {
  const lines = dry && dry.value ? dry.value.lines : null;
  const to = lines && lines.length ? lines[lines.length - 1].at_ms : 1;
  return (
    <Tile title={`Dry run of ${name}`} span={8} class="one" end={<><Badge kind="run">nothing was done</Badge>{dry && dry.value && <span>at {clock(dry.at)}</span>}<Button kind="sm" onClick={() => setParam('dry', null)}>Close</Button></>}>
      {!dry && <Loading lines={5} />}
      {dry && dry.error && <Failed error={dry.error} />}
      {lines && <p class="sub small">With the flags and variables of this moment. What it waits for is assumed to come{to > 1 && `; it would take ${shortTime(to)}`}.</p>}
      {lines && <Timeline isDry rows={rowsOf(lines, (l) => l.at_ms)} from={0} to={to} device={device} scenario={scenario} {...common} />}
      {lines && dry.value.is_cut && <Note kind="warn" role="status">It goes on from here: the first {count(lines.length)} lines are shown.</Note>}
    </Tile>
  );
}
