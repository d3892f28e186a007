// device.jsx - one device: its scenarios, its template, itself, and all of it as text.

import { useRef } from 'preact/hooks';
import { Badge, Button } from '../../ui/parts.jsx';
import { copy, paste } from './acts.js';
import { draft, edit, editor, findingsAt, findingsUnder, insert, move, remove, select } from './editor.js';
import { FindingBadge, Findings, Fold, Form, TypeField } from './fields.jsx';
import { getAt, pointer } from './path.js';
import { RawText } from './raw.jsx';
import { freeId } from './refs.js';
import { blank, objectNamed, typesOf } from './schema.js';
import { Scenarios } from './scenario.jsx';
import { templateName } from './words.js';

export function Device({ index, at, tab, inspect }) {
  const { schema } = editor();
  const path = ['devices', index];
  const list = draft().devices;
  const device = list[index];
  const ref = objectNamed(schema, 'device');
  const clone = () => {
    const id = freeId(list.map((d) => d.id), device.id || 'device');
    insert(['devices'], index + 1, [{ ...structuredClone(device), id }], `clone ${device.id}`);
  };
  const shift = (by) => move(['devices'], index, 1, ['devices'], by < 0 ? index - 1 : index + 2, 'move device');
  const tabs = [['', 'Scenarios', (device.scenarios || []).length], ['template', 'Template', device.template ? '●' : ''], ['device', 'Device', ''], ['raw', 'Raw', '']];
  const under = { '': [...path, 'scenarios'], template: [...path, 'template'] };
  const findings = (id) => (under[id] ? findingsUnder(under[id]) : id === 'device' ? findingsUnder(path).filter((f) => !f.path.startsWith(pointer(under['']) + '/') && !f.path.startsWith(pointer(under.template))) : []);
  return (
    <>
      <div class="thead">
        <h2>{device.display_name || device.id || 'Device without id'}</h2><code>{device.id}</code>
        {device.template && <Badge>{templateName(device.template.type)}</Badge>}
        <div class="end"><Fold label="Change device">
          <Button kind="sm" onClick={clone}>Clone</Button>
          <Button kind="sm" onClick={() => copy({ list: ['devices'], index, count: 1 }, ref)}>Copy</Button>
          <Button kind="sm" onClick={() => paste({ list: ['devices'], index: index + 1 }, ref)}>Paste</Button>
          <Button kind="sm" aria-label="Move device up" disabled={!index} onClick={() => shift(-1)}>↑</Button>
          <Button kind="sm" aria-label="Move device down" disabled={index === list.length - 1} onClick={() => shift(1)}>↓</Button>
          <Button kind="sm bad" onClick={() => remove(['devices'], index, 1, `remove ${device.id}`)}>Remove device</Button>
        </Fold></div>
      </div>
      <Findings of={findingsAt(path)} />
      <Tabs label="Parts of the device" tabs={tabs} value={tab} badge={(id) => <FindingBadge of={findings(id)} />} onChange={(id) => select(id ? path : at.length > 2 ? at : path, { tab: id })} />
      <div role="tabpanel" aria-label={tabs.find((t) => t[0] === tab)[1]}>
        {tab === '' && <Scenarios path={path} device={device} at={at} inspect={inspect} />}
        {tab === 'template' && <Template path={[...path, 'template']} />}
        {tab === 'device' && <Form key={index} of={ref} path={path} skip={['template', 'scenarios']} />}
        {tab === 'raw' && <RawText key={index} path={path} />}
      </div>
    </>
  );
}

// Arrow keys move, one tab stop.
export function Tabs({ label, tabs, value, badge, onChange }) {
  const box = useRef();
  const key = (e) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!by) return;
    e.preventDefault();
    const next = (tabs.findIndex((t) => t[0] === value) + by + tabs.length) % tabs.length;
    onChange(tabs[next][0]);
    box.current.children[next].focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={box} onKeyDown={key}>
      {tabs.map(([id, text, n]) => (
        <button type="button" role="tab" aria-selected={id === value} tabIndex={id === value ? 0 : -1} onClick={() => onChange(id)}>{text}{n !== '' && <small>{n}</small>}{badge(id)}</button>
      ))}
    </div>
  );
}

function Template({ path }) {
  const { schema } = editor();
  const ref = objectNamed(schema, 'template', true);
  const value = getAt(draft(), path);
  if (!value) {
    return (
      <>
        <p class="sub">A template makes the device one of a known kind, which watches messages and flags by itself.</p>
        <ul class="kinds">
          {typesOf(schema, ref).map((t) => <li><Button icon="plus" onClick={() => edit(path, blank(schema, ref, t), `add template ${t}`)}>{templateName(t)}</Button></li>)}
        </ul>
      </>
    );
  }
  return (
    <>
      <TypeField of={ref} path={path} label="Template" />
      <Findings of={findingsAt(path)} />
      <Form key={value.type} of={ref} path={path} skip={['type']} />
      <div class="acts"><Button kind="sm bad" onClick={() => edit(path, undefined, 'remove template')}>Remove template</Button></div>
    </>
  );
}
