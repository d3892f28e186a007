// fields.jsx - forms made from the hub's schema: every field of the format, by its kind.

import { useRef, useState } from 'preact/hooks';
import { count, utf8Bytes } from '../../lib/format.js';
import { Button, Field, Segments, Switch, findingOf } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { commit, draft, edit, editor, findingsAt, findingsUnder, select } from './editor.js';
import { getAt, insertAt, moveItems, pointer, removeAt, setAt } from './path.js';
import { PickTrack } from './picker.jsx';
import { deviceMeant, freeId, idFrom, namesIn, renameRefs, suggestions } from './refs.js';
import { blank, choicesOf, isBlock, isRequired, refKind, retyped, rowOf, rowsFor, standardOf, typesOf } from './schema.js';
import { fieldName, lineOf, readNumber, templateName, timeText, typeName, unitOf } from './words.js';

export const idOf = (path) => 'f' + pointer(path).replace(/\W/g, '-');

let namesOf = { doc: null, names: null };
function names() {
  if (namesOf.doc !== draft()) namesOf = { doc: draft(), names: namesIn(editor().schema, draft()) };
  return namesOf.names;
}

// The fields of the object at `path`; `skip` names those shown elsewhere. Steps, conditions and triggers are not
// here but in the tree. What is seldom needed is folded away, and stays where it is while the form is open.
export function Form({ of: ref, path, skip = [] }) {
  const { schema } = editor();
  const value = getAt(draft(), path) || {};
  const rows = rowsFor(schema, ref, value).filter((r) => !skip.includes(r.name) && !isBlock(schema, r));
  const { typed } = schema.objects[ref];
  const seldom = useRef(null);
  if (!seldom.current) {
    const isSeldom = (r) => value[r.name] === undefined && !isRequired(r, value.type) && (typed ? !r.types : rows.length > 8) && !findingsAt([...path, r.name]).length;
    seldom.current = new Set(rows.filter(isSeldom).map((r) => r.name));
  }
  const show = (row) => <OneField key={row.name} row={row} of={ref} path={[...path, row.name]} owner={value} type={value.type} />;
  const more = rows.filter((r) => seldom.current.has(r.name));
  return (
    <div class="form">
      {rows.filter((r) => !seldom.current.has(r.name)).sort((a, b) => isRequired(b, value.type) - isRequired(a, value.type)).map(show)}
      {more.length > 0 && (
        <details class="wide more">
          <summary>{count(more.length)} more {more.length === 1 ? 'field' : 'fields'} <FindingBadge of={more.flatMap((r) => findingsUnder([...path, r.name]))} /></summary>
          <div class="form">{more.map(show)}</div>
        </details>
      )}
    </div>
  );
}

const worst = (findings) => findings.find((f) => f.severity === 'error') || findings[0];
export const Findings = ({ of }) => of.map((f) => <div class={'find wide ' + (f.severity === 'error' ? '' : 'warn')}><span>{f.message}</span></div>);

function OneField({ row, of, path, owner, type }) {
  const { schema } = editor();
  const id = idOf(path);
  const value = owner[row.name];
  const finding = worst(findingsAt(path));
  const label = fieldName(row.name);
  const isMissing = value === undefined && isRequired(row, type);
  const common = { row, id, path, value, owner, finding: finding && finding.message, object: schema.objects[of].name, label };
  if (row.kind === 'object') return <ObjectField {...common} isRequired={isRequired(row, type)} />;
  if (row.kind === 'list') return <ListField {...common} />;
  if (row.kind === 'bool' && standardOf(row) !== undefined) return <BoolField {...common} />;
  const isWide = row.kind === 'texts' || row.kind === 'scalar' || (row.kind === 'text' && !['id', 'time'].includes(row.class));
  const Control = { bool: ThreeWay, int: IntIn, enum: EnumIn, scalar: ScalarIn, texts: TextsIn, text: row.class === 'id' && row.name === 'id' ? IdIn : TextIn }[row.kind];
  return (
    <div class={isWide ? 'wide' : ''}>
      <Field id={id} label={label} limit={limitText(row, value, isMissing)} finding={finding && finding.message} warning={finding && finding.severity !== 'error'}>
        <Control {...common} />
        <p class="hint" id={id + '-hint'}>{row.text}</p>
      </Field>
    </div>
  );
}

function limitText(row, value, isMissing) {
  if (isMissing) return 'required';
  if (row.kind === 'text' && typeof value === 'string') {
    const bytes = utf8Bytes(value);
    return bytes > row.max * 0.6 ? `${count(bytes)} of ${count(row.max)} bytes` : null;
  }
  if (row.kind === 'int' && row.max < 4294967295 && row.max - row.min > 3) return `${count(row.min)} to ${count(row.max)}`;
  return row.kind === 'texts' && row.max_count ? `at most ${row.max_count}` : null;
}

const described = (id, finding) => ({ ...findingOf(id, finding), 'aria-describedby': finding ? `${id}-find ${id}-hint` : id + '-hint' });

// ---- one value --------------------------------------------------------------------------------------------

// What is typed is shown as it was typed until the field is left.
function useTyped(shown) {
  const [typed, setTyped] = useState(null);
  return { text: typed ?? shown, set: setTyped, leave: () => setTyped(null) };
}

function IntIn({ row, id, path, value, finding }) {
  const unit = unitOf(row.name);
  const t = useTyped(value === undefined ? '' : String(value));
  const standard = standardOf(row);
  if (row.max - row.min <= 3) {
    const options = Array.from({ length: row.max - row.min + 1 }, (_, i) => [row.min + i, String(row.min + i)]);
    return <Segments label={fieldName(row.name)} options={options} value={value ?? standard ?? row.min} onChange={(v) => edit(path, v)} />;
  }
  const input = (text) => {
    t.set(text);
    const n = readNumber(text, unit);
    edit(path, text.trim() === '' ? undefined : n === null ? text : n);
  };
  return (
    <span class="with">
      <input id={id} class="in figure" inputMode={unit ? 'text' : 'numeric'} autocomplete="off" placeholder={standard ?? ''} value={t.text}
        onInput={(e) => input(e.target.value)} onBlur={t.leave} {...described(id, finding)} />
      {unit && <span class="sub">{unit}{typeof value === 'number' && value >= 1000 ? ` = ${timeText(value)}` : ''}</span>}
    </span>
  );
}

function EnumIn({ row, id, path, value, finding, owner, object }) {
  const standard = standardOf(row);
  const isType = row.name === 'type';
  const name = (w) => (isType && object === 'template' ? templateName(w) : isType ? typeName(object, w) : w.replace(/_/g, ' '));
  return (
    <select id={id} class="in" value={value ?? ''} onChange={(e) => edit(path, e.target.value || undefined)} {...described(id, finding)}>
      {(value === undefined || !isRequired(row, owner.type)) && <option value="">{standard ? `${standard} (standard)` : 'none'}</option>}
      {value !== undefined && !row.words.includes(value) && <option value={value}>{value}</option>}
      {row.words.filter((w) => w !== standard || w === value).map((w) => <option value={w}>{name(w)}</option>)}
    </select>
  );
}

// A flag whose standard depends on something else.
function ThreeWay({ id, path, value, finding }) {
  const read = { yes: true, no: false };
  return (
    <select id={id} class="in" value={value === undefined ? '' : value ? 'yes' : 'no'} onChange={(e) => edit(path, read[e.target.value])} {...described(id, finding)}>
      <option value="">standard</option><option value="yes">yes</option><option value="no">no</option>
    </select>
  );
}

function BoolField({ row, id, path, value, label, finding }) {
  const standard = standardOf(row);
  const on = typeof value === 'boolean' ? value : standard;
  return (
    <div class="wide flag">
      <label for={id}>{label}<small>{row.text}</small></label>
      <Switch id={id} label={label} on={on} onChange={(v) => edit(path, v === standard ? undefined : v, `set ${row.name} to ${v}`)} />
      {finding && <div class="find"><span>{finding}</span></div>}
    </div>
  );
}

function ScalarIn({ id, path, value, finding, label }) {
  const kind = value === undefined ? '' : typeof value === 'boolean' ? String(value) : typeof value === 'number' ? 'number' : 'text';
  const t = useTyped(value === undefined || typeof value === 'boolean' ? '' : String(value));
  const turn = (to) => {
    t.leave();
    const as = { '': undefined, true: true, false: false, text: typeof value === 'boolean' || value === undefined ? '' : String(value), number: Number(value) || 0 };
    edit(path, as[to], `make ${label.toLowerCase()} a ${to}`);
  };
  const input = (text) => {
    t.set(text);
    const n = Number(text);
    edit(path, kind === 'number' && text.trim() !== '' && Number.isFinite(n) ? n : text);
  };
  return (
    <span class="with">
      <select class="in kind" aria-label={`Kind of ${label.toLowerCase()}`} value={kind} onChange={(e) => turn(e.target.value)}>
        <option value="">none</option><option value="text">text</option><option value="number">number</option><option value="true">true</option><option value="false">false</option>
      </select>
      {(kind === 'text' || kind === 'number') && (
        <input id={id} class={'in ' + (kind === 'text' ? 'mono' : 'figure')} autocomplete="off" value={t.text} onInput={(e) => input(e.target.value)} onBlur={t.leave} {...described(id, finding)} />
      )}
    </span>
  );
}

function TextsIn({ row, id, path, value, label }) {
  const list = Array.isArray(value) ? value : [];
  const choices = choicesOf(row);
  const put = (next) => edit(path, next.length ? next : undefined);
  if (choices) {
    return (
      <div class="chips" role="group" aria-label={label}>
        {choices.map((c) => (
          <button type="button" class="chip" aria-pressed={list.includes(c)} onClick={() => put(choices.filter((x) => (x === c) !== list.includes(x)))}>{c}</button>
        ))}
      </div>
    );
  }
  return (
    <div class="texts">
      {list.map((text, i) => (
        <span class="with">
          <input id={i ? undefined : id} class="in mono" aria-label={`${label} ${i + 1}`} value={text} autocomplete="off" onInput={(e) => edit([...path, i], e.target.value)} />
          <Button kind="ic sm" aria-label={`Remove ${label.toLowerCase()} ${i + 1}`} onClick={() => put(list.filter((_, n) => n !== i))}>×</Button>
        </span>
      ))}
      <Button kind="sm" icon="plus" onClick={() => edit(path, [...list, ''])}>{label}</Button>
    </div>
  );
}

// ---- texts and references ------------------------------------------------------------------------------------

function TextIn(props) {
  const { row, id, path, value, object, finding } = props;
  const kind = refKind(row, object);
  if (object === 'variable' && row.name === 'name') return <IdIn {...props} />;
  if (kind) return <RefIn {...props} kind={kind} />;
  const text = value ?? '';
  const common = { id, value: text, spellcheck: row.class === 'name', autocomplete: 'off', onInput: (e) => edit(path, e.target.value || undefined), ...described(id, finding) };
  if (row.class === 'payload') return <textarea class="in mono" rows={Math.min(8, 1 + String(text).split('\n').length)} {...common} />;
  return <input class={'in ' + (row.class === 'name' ? '' : 'mono')} placeholder={row.class === 'time' ? '18:30' : ''} {...common} />;
}

const deviceOf = (path) => (path[0] === 'devices' ? path[1] : -1);

// A name of something: what there is, is offered. A scenario that there is not can be made from here.
function RefIn({ row, id, path, value, finding, kind, owner }) {
  const doc = draft();
  const device = deviceOf(path);
  const [isNear, setNear] = useState(false);
  const [picks, setPicks] = useState(false);
  const options = isNear ? suggestions(names(), doc, kind, owner, device) : [];
  const target = kind === 'scenario' || kind === 'binding' ? (kind === 'binding' ? doc.devices[device] : deviceMeant(doc, owner, device)) : null;
  const found = target ? (target.scenarios || []).findIndex((s) => s.id === value) : -1;
  const open = () => select(['devices', doc.devices.indexOf(target), 'scenarios', found], { tab: '' });
  return (
    <span class="with">
      <input id={id} class="in mono" list={id + '-list'} spellcheck={false} autocomplete="off" value={value ?? ''} onFocus={() => setNear(true)}
        onInput={(e) => edit(path, e.target.value || undefined)} {...described(id, finding)} />
      <datalist id={id + '-list'}>{options.map((o) => <option value={o} />)}</datalist>
      {kind === 'track' && <Button kind="sm" onClick={() => setPicks(true)}>Choose</Button>}
      {target && found >= 0 && <Button kind="sm" onClick={open}>Open</Button>}
      {target && found < 0 && <Button kind="sm" onClick={() => newScenario(path, value, doc.devices.indexOf(target))}>New scenario</Button>}
      {picks && <PickTrack value={value} onClose={() => setPicks(false)} onPick={(p) => edit(path, p, `choose ${row.name}`)} />}
    </span>
  );
}

// Makes the scenario that the field at `path` names, or one with a free name, and names it there.
function newScenario(path, wish, device) {
  const doc = draft();
  const list = ['devices', device, 'scenarios'];
  const there = getAt(doc, list) || [];
  const id = freeId(there.map((s) => s.id), idFrom(wish || '') || 'scenario');
  commit(setAt(insertAt(doc, list, there.length, [{ id, name: wish && wish !== id ? wish : undefined, steps: [] }]), path, id), `new scenario ${id}`);
  toast(`Scenario ${id} is new, and empty.`);
}

// An id: what refers to it goes along, once the field is left, so that no half-typed name meets another's.
function IdIn({ row, id, path, value, finding, object }) {
  const t = useTyped(value ?? '');
  const done = () => {
    const next = t.text.trim();
    t.leave();
    if (next !== (value ?? '')) rename(object, path, value, next);
  };
  return (
    <input id={id} class="in mono" spellcheck={false} autocomplete="off" value={t.text} onInput={(e) => t.set(e.target.value)} onBlur={done}
      onKeyDown={(e) => e.key === 'Enter' && done()} maxLength={row.max} {...described(id, finding)} />
  );
}

function rename(object, path, from, to) {
  const { schema } = editor();
  const kinds = ['device', 'scenario', 'command', 'variable'];
  const { doc, count: n } = from && to && kinds.includes(object) ? renameRefs(schema, draft(), object, from, to, deviceOf(path)) : { doc: draft(), count: 0 };
  commit(setAt(doc, path, to || undefined), `rename ${from || object} to ${to}`);
  if (n) toast(`${from} is ${to} now, in ${n === 1 ? 'one reference' : `${n} references`} too.`);
}

// ---- objects and lists -----------------------------------------------------------------------------------------

function ObjectField({ row, id, path, value, label, finding, isRequired: needed }) {
  const { schema } = editor();
  if (value === undefined) {
    return (
      <div class="wide">
        <Button kind="sm" icon="plus" id={id} title={row.text} onClick={() => edit(path, blank(schema, row.ref), `add ${row.name}`)}>{label}</Button>
        {needed && <span class="sub small"> required</span>}
        {finding && <div class="find"><span>{finding}</span></div>}
      </div>
    );
  }
  return (
    <fieldset class="wide box">
      <legend>{label}{!needed && <Button kind="sm" aria-label={`Remove ${label.toLowerCase()}`} onClick={() => edit(path, undefined, `remove ${row.name}`)}>Remove</Button>}</legend>
      <p class="hint">{row.text}</p>
      <Findings of={findingsAt(path)} />
      <Form of={row.ref} path={path} />
    </fieldset>
  );
}

const nameOfItem = (item) => item.display_name || item.name || item.id || item.label || item.text || item.topic || item.flag || item.source_id || '';

function ListField({ row, id, path, value, label }) {
  const { schema } = editor();
  const list = Array.isArray(value) ? value : [];
  const what = label.toLowerCase().replace(/ies$/, 'y').replace(/s$/, '');
  const [open, setOpen] = useState(null);
  const put = (doc, text) => commit(doc, text);
  const toggle = (i) => setOpen(open === i ? null : i);
  const shift = (i, by) => {
    put(moveItems(draft(), path, i, 1, path, by < 0 ? i - 1 : i + 2).value, `move ${what}`);
    if (open === i) setOpen(i + by);
  };
  const add = () => {
    put(insertAt(draft(), path, list.length, [blank(schema, row.ref)]), `add ${what}`);
    setOpen(list.length);
  };
  return (
    <div class="wide">
      <div class="lab"><span id={id + '-lab'}>{label} <b>{list.length || ''}</b></span>{row.max_count && list.length > row.max_count * 0.6 && <span class="sub">{list.length} of {row.max_count}</span>}</div>
      <Findings of={findingsAt(path)} />
      <ul class="items" aria-labelledby={id + '-lab'}>
        {list.map((item, i) => {
          const at = [...path, i];
          const bad = <FindingBadge of={findingsUnder(at)} />;
          return (
            <li class={open === i ? 'open' : ''}>
              <div class="item">
                <button type="button" class="fold" aria-expanded={open === i} onClick={() => toggle(i)}>
                  <span class="sub">{i + 1}</span> <b>{nameOfItem(item) || what}</b>{item.type && <span class="sub">{item.type}</span>}{bad}
                </button>
                <Button kind="ic sm" aria-label={`Move ${what} ${i + 1} up`} disabled={!i} onClick={() => shift(i, -1)}>↑</Button>
                <Button kind="ic sm" aria-label={`Move ${what} ${i + 1} down`} disabled={i === list.length - 1} onClick={() => shift(i, 1)}>↓</Button>
                <Button kind="ic sm" icon="copy" aria-label={`Duplicate ${what} ${i + 1}`} onClick={() => put(insertAt(draft(), path, i + 1, [item]), `duplicate ${what}`)} />
                <Button kind="ic sm" aria-label={`Remove ${what} ${i + 1}`} onClick={() => { setOpen(null); put(removeAt(draft(), path, i), `remove ${what}`); }}>×</Button>
              </div>
              {open === i && <div class="inner"><Findings of={findingsAt(at)} /><Form key={pointer(at)} of={row.ref} path={at} /></div>}
            </li>
          );
        })}
      </ul>
      <Button kind="sm" icon="plus" id={id} title={row.text} disabled={list.length >= row.max_count} onClick={add}>{`Add ${what}`}</Button>
      {list.length >= row.max_count && <span class="hint"> At most {row.max_count}.</span>}
      {!list.length && <span class="hint"> {row.text}</span>}
    </div>
  );
}

export function FindingBadge({ of }) {
  if (!of.length) return null;
  const bad = of.filter((f) => f.severity === 'error').length;
  return <span class={'b ' + (bad ? 'bad' : 'warn')} title={of[0].message}>{bad || of.length}</span>;
}

// The type of what is at `path`, to change: fields that both types have stay.
export function TypeField({ of: ref, path, label }) {
  const { schema } = editor();
  const value = getAt(draft(), path);
  const object = schema.objects[ref].name;
  const row = rowOf(schema, ref, 'type');
  const id = idOf([...path, 'type']);
  const finding = worst(findingsAt([...path, 'type']));
  const name = (w) => (object === 'template' ? templateName(w) : typeName(object, w));
  return (
    <Field id={id} label={label || 'Type'} finding={finding && finding.message}>
      <select id={id} class="in" value={value.type} onChange={(e) => commit(setAt(draft(), path, retyped(schema, ref, value, e.target.value)), `make it ${name(e.target.value)}`)} {...findingOf(id, finding)}>
        {!row.words.includes(value.type) && <option value={value.type}>{String(value.type)}</option>}
        {typesOf(schema, ref).map((w) => <option value={w}>{name(w)}</option>)}
      </select>
    </Field>
  );
}

// Buttons that a phone shows on demand.
export function Fold({ label, children }) {
  const [open, setOpen] = useState(false);
  return (
    <div class={'acts foldable ' + (open ? 'open' : '')}>
      <Button kind="sm open-s" aria-expanded={open} onClick={() => setOpen(!open)}>{label}</Button>
      {children}
    </div>
  );
}

export const Line = ({ kind, value }) => lineOf(kind, value).map((p) => <>{p.code ? <code>{p.code}</code> : p} </>);
