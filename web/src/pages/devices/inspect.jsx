// inspect.jsx - the form of what is selected: a step, trigger, condition or branch, with what can be done to it.

import { Button } from '../../ui/parts.jsx';
import { askType, copy, cut, duplicate, paste, removeRun, shift, toggle } from './acts.js';
import { blocksOf, listOf, refOfList } from './blocks.js';
import { draft, edit, editor, findingsAt, insert } from './editor.js';
import { Findings, Form, TypeField } from './fields.jsx';
import { getAt, pointer } from './path.js';
import { blank, isBlock, objectNamed, rowsFor } from './schema.js';
import { placeAfter, selectedRun } from './tree.jsx';
import { fieldName, placeOf, typeName } from './words.js';

export function Inspect({ path }) {
  const { schema } = editor();
  const doc = draft();
  const scenario = path.slice(0, 4);
  const isPlace = typeof path[path.length - 1] === 'number';
  const [list, index] = isPlace ? listOf(path) : [path, 0];
  const ref = refOfList(schema, objectNamed(schema, 'scenario'), scenario, doc, list);
  const value = getAt(doc, path);
  if (ref == null || value === undefined) return null;
  if (!isPlace) return <BlockPanel path={path} of={ref} list={value} />;
  const { name: kind, isNode } = schema.objects[ref];
  const run = selectedRun(path);
  const isOff = value.enabled === false;
  const canBeOff = rowsFor(schema, ref, value).some((r) => r.name === 'enabled');
  const act = (way) => shift(way, run, { ref });
  return (
    <section class="inspect" aria-label={`Selected ${kind}`}>
      <div class="thead"><h2>{isNode ? `${typeName(kind, value.type)}` : `branch ${index + 1}`}</h2><div class="end"><code>{pointer(path.slice(4))}</code></div></div>
      <Findings of={findingsAt(path)} />
      {isNode && <TypeField of={ref} path={path} label={`${kind[0].toUpperCase()}${kind.slice(1)} ${index + 1}`} />}
      <Form key={pointer(path) + value.type} of={ref} path={path} skip={['type', 'enabled']} />
      <AddBlocks of={ref} path={path} value={value} />
      <div class="acts">
        <Button kind="sm" aria-label="Move up" onClick={() => act('up')}>↑</Button>
        <Button kind="sm" aria-label="Move down" onClick={() => act('down')}>↓</Button>
        {isNode && kind !== 'trigger' && <><Button kind="sm" aria-label="Move out" onClick={() => act('out')}>←</Button><Button kind="sm" aria-label="Move in" onClick={() => act('in')}>→</Button></>}
        {canBeOff && <Button kind="sm" onClick={() => toggle(path)}>{isOff ? 'Enable' : 'Disable'}</Button>}
        <Button kind="sm" onClick={() => duplicate(run, kind)}>Duplicate</Button>
        <Button kind="sm" onClick={() => copy(run, ref)}>Copy</Button>
        <Button kind="sm" onClick={() => cut(run, ref)}>Cut</Button>
        <Button kind="sm" onClick={() => paste(placeAfter({ kind: 'node', path }), ref)}>Paste</Button>
        <Button kind="sm bad" onClick={() => removeRun(run, kind)}>{run.count > 1 ? `Remove ${run.count}` : 'Remove'}</Button>
      </div>
    </section>
  );
}

// Nested lists that are not there yet: a branch more, an "until" for a "repeat".
function AddBlocks({ of: ref, path, value }) {
  const { schema } = editor();
  const shown = new Set(blocksOf(schema, ref, value).map((b) => b.row.name));
  const rows = rowsFor(schema, ref, value).filter((r) => isBlock(schema, r));
  if (!rows.length) return null;
  const add = (row) => {
    const list = [...path, row.name];
    const there = value[row.name] || [];
    if (schema.objects[row.ref].isBranch) insert(list, there.length, [blank(schema, row.ref)], 'add branch');
    else askType(row.ref, { list, index: there.length });
  };
  const label = (row) => {
    const { name: kind, isBranch } = schema.objects[row.ref];
    if (isBranch || row.name === kind + 's') return kind;
    return shown.has(row.name) ? `${kind} to ${fieldName(row.name).toLowerCase()}` : fieldName(row.name).toLowerCase();
  };
  return <div class="acts">{rows.map((row) => <Button kind="sm" icon="plus" title={row.text} onClick={() => add(row)}>Add {label(row)}</Button>)}</div>;
}

function BlockPanel({ path, of: ref, list }) {
  const { schema } = editor();
  const { name: kind, isBranch } = schema.objects[ref];
  const place = { list: path, index: list.length };
  return (
    <section class="inspect" aria-label="Selected block">
      <div class="thead"><h2>{placeOf(draft(), path).slice(-1)[0]}</h2><div class="end"><code>{pointer(path.slice(4))}</code></div></div>
      <Findings of={findingsAt(path)} />
      <div class="acts">
        <Button kind="sm" icon="plus" onClick={() => (isBranch ? insert(path, list.length, [blank(schema, ref)], 'add branch') : askType(ref, place))}>Add {kind}</Button>
        <Button kind="sm" onClick={() => paste(place, ref)}>Paste</Button>
        {list.length > 0 && <Button kind="sm bad" onClick={() => edit(path, [], `empty ${path[path.length - 1]}`)}>Remove all</Button>}
      </div>
    </section>
  );
}
