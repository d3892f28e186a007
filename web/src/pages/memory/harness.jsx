// harness.jsx - the scenarios of the harness, played by this browser against its own hub, marked in the plot.

import { useEffect, useRef, useState } from 'preact/hooks';
import { age, fixed, kib, plural, signed, wholeSize } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { hubNow, keep, kept, set, useKeys } from '../../lib/store.js';
import { Badge, Button, Tile } from '../../ui/parts.jsx';
import { SCENARIOS, addResult } from './scenarios.js';
import { run } from './trial.js';

const KINDS = { pass: 'ok', failed: 'bad', stopped: 'warn' };

export function HarnessTile({ memory }) {
  const { trial: running } = useKeys('link', 'trial');
  const setRunning = (trial) => set('trial', trial);
  const [results, setResults] = useState(() => kept('harness', {}));
  const routes = useResource('/api/routes');
  const stop = useRef();
  useEffect(() => () => {
    if (stop.current) stop.current.abort();
    set('trial', null);
  }, []);
  const paths = routes.value ? new Set(routes.value.routes.map((r) => r.path)) : null;
  const has = (path) => !path.startsWith('/api/') || !paths || paths.has(path);
  const lacks = (s) => s.needs.find((p) => !has(p));
  const limits = memory.limits;

  const play = async (list) => {
    const control = new AbortController();
    stop.current = control;
    let now = kept('harness', {});
    for (const s of list) {
      if (control.signal.aborted) break;
      setRunning({ id: s.id, step: '' });
      const result = await run(s, { has, signal: control.signal, onStep: (step) => control.signal.aborted || setRunning({ id: s.id, step }) });
      if (result.verdict !== 'stopped') {
        now = addResult(now, s.id, result);
        keep('harness', now);
        setResults(now);
      }
    }
    stop.current = null;
    setRunning(null);
  };
  const able = SCENARIOS.filter((s) => !lacks(s));
  const failed = SCENARIOS.flatMap((s) => (results[s.id] ? results[s.id][0].findings.map((f) => [s.id, f]) : []));
  return (
    <Tile title="Harness" class="harness" end={<><span>limits {wholeSize(limits.internal_min_bytes)}, {limits.frag_max_pct} %</span>{running ? <Button kind="sm" onClick={() => stop.current && stop.current.abort()}>Stop</Button> : <Button kind="sm" online onClick={() => play(able)}>Run S1 to S6</Button>}</>}>
      <div class="scroll">
        <table aria-label="Scenarios of the harness">
          <thead><tr><th scope="col">Scenario</th><th scope="col" class="r">Low water</th><th scope="col" class="r opt">Before</th><th scope="col" class="r">Frag</th><th scope="col" class="r opt">Ran</th><th scope="col" class="pad">Verdict</th><th scope="col"><span class="off-s">Run</span></th></tr></thead>
          <tbody>{SCENARIOS.map((s) => <Row key={s.id} s={s} of={results[s.id] || []} limits={limits} lacks={lacks(s)} running={running} onRun={() => play([s])} />)}</tbody>
        </table>
      </div>
      <p class="small sub step" role="status">{running ? <>{running.id.toUpperCase()}: <code>{running.step}</code></> : ''}</p>
      {!running && failed.map(([id, f]) => <p class="find"><span>{id.toUpperCase()}: {f}.</span></p>)}
      <p class="small sub">This browser asks what the harness asks, of this hub, with what it shows meanwhile. Low water is the least free internal memory from up to two heartbeats before the run to its end. S4 and S6 save macros and settings as they are. Nothing is rebooted; a whole run with a serial line is <code>nuthatch harness</code>.</p>
    </Tile>
  );
}

function Row({ s, of: [last, before], limits, lacks, running, onRun }) {
  const isOn = running && running.id === s.id;
  const delta = last && before && last.low != null && before.low != null ? (last.low - before.low) / 1024 : null;
  return (
    <tr class={isOn ? 'on' : undefined}>
      <td class="name" title={s.text}>{s.id.toUpperCase()} {s.name}</td>
      <td class="r"><b class={last && last.low < limits.internal_min_bytes ? 'wn' : ''}>{last ? kib(last.low) : ''}</b></td>
      <td class="r opt sub" title={before && `${kib(before.low)} KiB, ${age(hubNow() - before.at)} ago`}>{delta == null ? '' : signed(delta, 1)}</td>
      <td class="r">{last && last.frag != null ? `${fixed(last.frag)} %` : ''}</td>
      <td class="r opt sub" title={last && plural(last.requests, 'request')}>{last ? `${fixed(last.ms / 1000)} s` : ''}</td>
      <td class="pad">{isOn ? <Badge kind="run">running</Badge> : lacks ? <Badge title={`This hub has no ${lacks}.`}>no route</Badge> : last ? <Badge kind={KINDS[last.verdict]} title={`${age(hubNow() - last.at)} ago`}>{last.verdict}</Badge> : <span class="sub">not run</span>}</td>
      <td class="r"><Button kind="sm ic" icon="play" online disabled={!!running || !!lacks} aria-label={`Run ${s.id.toUpperCase()} ${s.name}`} onClick={onRun} /></td>
    </tr>
  );
}
