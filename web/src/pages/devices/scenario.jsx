// scenario.jsx - one scenario: what starts it, whether it may, what it does; and its own settings.

import { useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { count, fixed, plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Badge, Button } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { addAfter, copy, paste } from './acts.js';
import { commit, draft, editor, findingsAt, insert, isDirty, isInForce, move, remove, select } from './editor.js';
import { Findings, Fold, Form } from './fields.jsx';
import { getAt, insertAt, isUnder, parsePointer, pointer } from './path.js';
import { freeId, usedByTemplate } from './refs.js';
import { objectNamed, rowOf } from './schema.js';
import { Tree } from './tree.jsx';
import { typeName } from './words.js';

const SECTIONS = [['triggers', 'Triggers', 'trigger'], ['conditions', 'Conditions', 'condition'], ['steps', 'Steps', 'step'], ['on_stop', 'When stopped', 'step']];

// The scenarios of the device at `path`; `at` is what is selected.
export function Scenarios({ path, device, at, inspect }) {
  const list = device.scenarios || [];
  const place = [...path, 'scenarios'];
  const index = at[2] === 'scenarios' && list[at[3]] ? at[3] : 0;
  const ref = objectNamed(editor().schema, 'scenario');
  const add = () => {
    const id = freeId(list.map((s) => s.id), 'scenario');
    insert(place, list.length, [{ id, name: 'New scenario', steps: [] }], 'add scenario');
  };
  if (!list.length) {
    return (
      <div class="row"><span class="sub">This device has no scenarios.</span>
        <Button kind="sm" icon="plus" onClick={add}>Add scenario</Button>
        <Button kind="sm" onClick={() => paste({ list: place, index: 0 }, ref)}>Paste</Button>
      </div>
    );
  }
  const scenario = list[index];
  const base = [...place, index];
  const used = usedByTemplate(editor().schema, device);
  const shift = (by) => move(place, index, 1, place, by < 0 ? index - 1 : index + 2, 'move scenario');
  const clone = () => insert(place, index + 1, [{ ...structuredClone(scenario), id: freeId(list.map((s) => s.id), scenario.id || 'scenario') }], 'clone scenario');
  const group = (is) => list.map((s, i) => [s, i]).filter(([s]) => used.has(s.id) === is);
  const options = (rows) => rows.map(([s, i]) => <option value={i}>{s.name || s.id || `scenario ${i + 1}`}</option>);
  return (
    <>
      <div class="row bar-s">
        <select class="in pick-s" aria-label="Scenario" value={index} onChange={(e) => select([...place, +e.target.value])}>
          {used.size ? <><optgroup label="Used by the template">{options(group(true))}</optgroup><optgroup label="Own">{options(group(false))}</optgroup></> : options(group(false))}
        </select>
        <Badge>mode {scenario.mode || 'single'}</Badge>
        {used.has(scenario.id) && <Badge kind="run">template</Badge>}
        {scenario.enabled === false && <Badge>off</Badge>}
        <span class="end"><Runs device={device} scenario={scenario} /></span>
      </div>
      <Fold label="Change scenarios">
        <Button kind="sm" icon="plus" onClick={add}>Add scenario</Button>
        <Button kind="sm" onClick={clone}>Clone</Button>
        <Button kind="sm" onClick={() => copy({ list: place, index, count: 1 }, ref)}>Copy</Button>
        <Button kind="sm" onClick={() => paste({ list: place, index: index + 1 }, ref)}>Paste</Button>
        <Button kind="sm" aria-label="Move scenario up" disabled={!index} onClick={() => shift(-1)}>↑</Button>
        <Button kind="sm" aria-label="Move scenario down" disabled={index === list.length - 1} onClick={() => shift(1)}>↓</Button>
        <Button kind="sm bad" onClick={() => remove(place, index, 1, 'remove scenario')}>Remove scenario</Button>
      </Fold>
      <Findings of={[...findingsAt(place), ...findingsAt(base)]} />
      <details class="more" key={pointer(base)} open={!scenario.id || findingsAt([...base, 'id']).length > 0 || scenario.name === 'New scenario'}>
        <summary>Settings of the scenario: <code>{scenario.id || 'no id'}</code></summary>
        <Form key={pointer(base)} of={ref} path={base} />
      </details>
      {SECTIONS.map(([name, title, kind]) => <Section key={pointer(base) + name} title={title} kind={kind} of={rowOf(editor().schema, ref, name)} path={[...base, name]} list={scenario[name] || []} at={at} inspect={inspect} />)}
    </>
  );
}

function Section({ title, kind, of: row, path, list, at, inspect }) {
  const add = () => addAfter(row.ref, path);
  const findings = findingsAt(path);
  return (
    <section class="sec" aria-label={title}>
      <div class="row between"><h3>{title} <span class="sub">{list.length ? count(list.length) : ''}</span></h3><span class="sub small hide-s">{row.text}</span></div>
      <Findings of={findings} />
      {list.length > 0 && <Tree label={title} of={row.ref} path={path} at={isUnder(at, path) ? at : []} inspect={inspect} onAdd={add} />}
      <div class="row"><Button kind="sm" icon="plus" onClick={add}>Add {kind}</Button>
        {!list.length && <Button kind="sm" onClick={() => paste({ list: path, index: 0 }, row.ref)}>Paste</Button>}</div>
    </section>
  );
}

// Run and dry run, where the hub has them.
function Runs({ device, scenario }) {
  const routes = useResource('/api/routes');
  const [told, setTold] = useState(null);
  const has = (path) => routes.value && routes.value.routes.some((r) => r.method === 'POST' && r.path === path);
  const why = !isInForce() ? 'this profile is not in force' : isDirty() ? 'it runs as applied: apply the changes first' : '';
  const body = { device: device.id, scenario: scenario.id };
  const run = () => post('/api/devices/run', body).then(() => toast(`${scenario.name || scenario.id} is started.`), (e) => toast(e.message));
  const dry = () => post('/api/automation/dry_run', body).then(setTold, (e) => toast(e.message));
  return (
    <>
      {has('/api/automation/dry_run') && <Button online disabled={!!why} title={why || 'What it would do'} onClick={dry}>Dry run</Button>}
      {has('/api/devices/run') && <Button online icon="play" disabled={!!why} title={why || undefined} onClick={run}>Run</Button>}
      {told && <DryRun told={told} device={device} scenario={scenario} onClose={() => setTold(null)} />}
    </>
  );
}

// What the scenario would do, line by line; a line of this scenario leads to its step.
function DryRun({ told, device, scenario, onClose }) {
  const base = ['devices', draft().devices.indexOf(device), 'scenarios', device.scenarios.indexOf(scenario)];
  const isHere = (l) => l.path && l.device === device.id && l.scenario === scenario.id;
  const go = (l) => {
    onClose();
    select([...base, ...parsePointer(l.path)]);
  };
  const what = (l) => <>{typeName('step', l.step || l.kind)} {l.path && <code>{l.path}</code>}</>;
  return (
    <Dialog label="Dry run" class="broad" onClose={onClose}>
      <h2>Dry run of {scenario.name || scenario.id}</h2>
      <p class="sub">Nothing was sent or played. Times are seconds after the start.</p>
      <ol class="dry" aria-label="What it would do">
        {told.lines.map((l) => (
          <li><span class="sub">{fixed(l.at_ms / 1000, 1)}</span><span>{isHere(l) ? <button type="button" class="go" onClick={() => go(l)}>{what(l)}</button> : <>{l.scenario !== scenario.id && `${l.scenario}: `}{what(l)}</>} {l.text}</span><span class="sub">{l.result}</span></li>
        ))}
        {!told.lines.length && <li class="sub">It would do nothing.</li>}
      </ol>
      {told.is_cut && <p class="sub">It would go on: the list ends here.</p>}
      <div class="row end"><Button onClick={onClose}>Close</Button></div>
    </Dialog>
  );
}

// A new device at the end of the list.
export function addDevice() {
  const doc = draft();
  const there = doc.devices || [];
  const id = freeId(there.map((d) => d.id), 'device');
  commit(insertAt(doc, ['devices'], there.length, [{ id, display_name: 'New device', scenarios: [] }]), 'add device');
  select(['devices', there.length], { tab: 'device' });
}

export const scenariosText = (device) => plural((device.scenarios || []).length, 'scenario');
