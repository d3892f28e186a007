// tree.jsx - steps, triggers or conditions as a tree: keys, drag, clipboard. What it does to the draft is in acts.js.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Badge, Button } from '../../ui/parts.jsx';
import { addAfter, addTo, copy, cut, duplicate, paste, removeRun, shift, toggle } from './acts.js';
import { dropPlaces, inRun, listOf, rowsOf, runOf, timesOf } from './blocks.js';
import { draft, editor, findingsAt, findingsUnder, move, select } from './editor.js';
import { FindingBadge, Line } from './fields.jsx';
import { getAt, isUnder, pointer, samePath } from './path.js';
import { fieldName, timeText, typeName } from './words.js';

const INDENT_PX = 20;
const trees = new Map(); // pointer of the list -> {rows, ref, path}, for a drag from one to another
let anchor = null; // where a selection of several began

// The selected run of elements: from the anchor to what is selected, in one list.
export function selectedRun(at) {
  if (typeof at[at.length - 1] !== 'number') return null;
  return (anchor && getAt(draft(), anchor) && runOf(anchor, at)) || runOf(at, at);
}

// `at`: what is selected. `inspect(path)`: what stands below a selected row in a narrow window; null: nothing.
export function Tree({ label, of: ref, path, at, inspect, onAdd }) {
  const { schema } = editor();
  const box = useRef();
  const [folded, setFolded] = useState(new Set());
  const [drag, setDrag] = useState(null); // {gap, depth, list, index}
  const wantsFocus = useRef(false);
  const list = getAt(draft(), path) || [];
  const rows = rowsOf(schema, ref, list, path, folded);
  const key = pointer(path);
  trees.set(key, { rows, ref, path });
  const kind = schema.objects[ref].name;
  const here = rows.findIndex((r) => samePath(r.path, at));
  const run = here >= 0 && rows[here].kind !== 'block' ? selectedRun(at) : null;

  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    const row = box.current.querySelector('[aria-selected=true][tabindex="0"]');
    if (row) row.focus();
  });
  const go = (row, extend) => {
    if (!row) return;
    anchor = extend && anchor ? anchor : extend ? at : null;
    wantsFocus.current = true;
    select(row.path);
  };
  const fold = (row, is) => {
    const next = new Set(folded);
    if (is) next.add(row.path.join('/'));
    else next.delete(row.path.join('/'));
    setFolded(next);
  };

  const press = (e) => {
    if (e.target.getAttribute('role') !== 'treeitem' || !rows[here]) return;
    const row = rows[here];
    const isNode = row.kind !== 'block';
    const act = (fn) => {
      wantsFocus.current = true;
      fn();
    };
    const plain = {
      ArrowDown: () => go(rows[here + 1], e.shiftKey),
      ArrowUp: () => go(rows[here - 1], e.shiftKey),
      Home: () => go(rows[0]),
      End: () => go(rows[rows.length - 1]),
      ArrowRight: () => (row.isFolded ? fold(row, false) : row.canFold && go(rows[here + 1])),
      ArrowLeft: () => (row.canFold && !row.isFolded ? fold(row, true) : go(rows.slice(0, here).reverse().find((r) => isUnder(row.path, r.path)))),
      Enter: () => document.querySelector('.inspect :is(input, select, textarea)')?.focus(),
      Delete: () => isNode && act(() => removeRun(run, kind)),
      Backspace: () => isNode && act(() => removeRun(run, kind)),
      ' ': () => row.kind === 'node' && act(() => toggle(row.path)),
      Insert: () => onAdd(),
    };
    const alt = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'out', ArrowRight: 'in' }[e.key];
    if (e.altKey && alt && isNode) act(() => shift(alt, run, row));
    else if ((e.ctrlKey || e.metaKey) && e.key === 'd' && isNode) act(() => duplicate(run, kind));
    else if (e.ctrlKey || e.metaKey || e.altKey || !plain[e.key]) return;
    else plain[e.key]();
    e.preventDefault();
  };
  // The browser's own clipboard: it needs no permission, and other programs can read what was copied.
  const clip = (how) => (e) => {
    if (!e.target.closest('[role=treeitem]') || !rows[here]) return;
    e.preventDefault();
    wantsFocus.current = true;
    if (how === 'paste') return paste(placeAfter(rows[here]), rows[here].kind === 'block' ? rows[here].ref : rows[here].ref, e.clipboardData.getData('text/plain'));
    if (run) e.clipboardData.setData('text/plain', how === 'cut' ? cut(run, rows[here].ref) : copy(run, rows[here].ref));
  };
  const beginDrag = (row) => (e) => {
    if (e.button) return;
    e.preventDefault();
    const moved = inRun(selectedRun(at), row.path) && run ? run : { list: listOf(row.path)[0], index: listOf(row.path)[1], count: 1 };
    followDrag(e, moved, row.ref, setDrag, key);
  };

  return (
    <ul class={'tree ' + (kind === 'step' ? 'timed' : '')} role="tree" aria-label={label} aria-multiselectable="true" ref={box} data-tree={key} onKeyDown={press} onCopy={clip('copy')} onCut={clip('cut')} onPaste={clip('paste')}>
      {drag && drag.gap < 0 && drag.tree === key && <li class="drop-first" role="presentation" />}
      {rows.map((row, i) => (
        <Row key={pointer(row.path)} row={row} isSelected={i === here} isInRun={inRun(run, row.path) && row.path.length === run.list.length + 1}
          canFocus={here >= 0 ? i === here : i === 0} drop={drag && drag.tree === key && drag.gap === i ? drag : null} time={kind === 'step' && row.depth === 0 && timeOf(row)}
          onSelect={(e) => { anchor = e.shiftKey ? anchor || at : null; select(row.path); }} onFold={() => fold(row, !row.isFolded)} onDrag={beginDrag(row)} inspect={i === here && inspect} />
      ))}
    </ul>
  );
}

// Where what is pasted at a row goes: behind it, or to the end of a block.
export function placeAfter(row) {
  if (row.kind === 'block') return { list: row.path, index: row.count };
  const [list, index] = listOf(row.path);
  return { list, index: index + 1 };
}

const timesKept = new WeakMap();
function timeOf(row) {
  if (row.kind !== 'node') return null;
  const [path, index] = listOf(row.path);
  const list = getAt(draft(), path);
  if (!timesKept.has(list)) timesKept.set(list, timesOf(list));
  return timesKept.get(list)[index];
}

function Row({ row, isSelected, isInRun, canFocus, drop, time, onSelect, onFold, onDrag, inspect }) {
  const { schema } = editor();
  const kind = schema.objects[row.ref].name;
  const isOff = row.kind === 'node' && row.value.enabled === false;
  const findings = row.kind === 'block' ? findingsAt(row.path) : row.isFolded ? findingsUnder(row.path) : ownFindings(schema, row);
  const classes = ['trow', row.kind, isInRun || isSelected ? 'on' : '', isOff ? 'off' : '', drop ? 'drop' : ''].join(' ');
  return (
    <>
      <li role="treeitem" aria-level={row.depth + 1} aria-selected={isInRun || isSelected} aria-expanded={row.canFold ? !row.isFolded : undefined} tabIndex={canFocus ? 0 : -1}
        data-path={pointer(row.path)} class={classes} style={{ '--d': row.depth, '--drop': drop ? drop.depth : 0 }} onClick={onSelect}>
        {time && <span class="at" title="Seconds after the start">{(time.atLeast ? '≥ ' : '') + (time.ms / 1000).toFixed(1)}</span>}
        <span class="lead">
          {row.kind !== 'block' && <span class="grip" aria-hidden="true" title="Drag to move; Alt and arrow keys do too" onPointerDown={onDrag}>⠿</span>}
          {row.canFold && <button type="button" class="fold" tabIndex={-1} aria-label={row.isFolded ? 'Unfold' : 'Fold'} onClick={(e) => { e.stopPropagation(); onFold(); }}>{row.isFolded ? '▸' : '▾'}</button>}
        </span>
        {row.kind === 'node' && <><b>{typeName(kind, row.value.type)}</b><span class="what">{row.value.name && kind === 'step' && <em>{row.value.name}: </em>}<Line kind={kind} value={row.value} /></span></>}
        {row.kind === 'branch' && <span class="head">branch {row.index + 1}</span>}
        {row.kind === 'block' && <span class="head">{fieldName(row.label).toLowerCase()}{!row.count && ': none'}</span>}
        {isOff && <Badge>off</Badge>}
        <FindingBadge of={findings} />
        {row.kind === 'block' && <Button kind="ic sm" tabIndex={-1} aria-label={`Add to ${row.label}`} onClick={(e) => { e.stopPropagation(); addTo(row); }}>+</Button>}
      </li>
      {inspect && <li role="presentation" class="under">{inspect(row.path)}</li>}
    </>
  );
}

// Findings of the row itself, without those of rows below it.
function ownFindings(schema, row) {
  const inner = schema.objects[row.ref].fields.filter((f) => f.kind === 'list' && (schema.objects[f.ref].isNode || schema.objects[f.ref].isBranch)).map((f) => pointer([...row.path, f.name]) + '/');
  return findingsUnder(row.path).filter((f) => !inner.some((p) => f.path.startsWith(p)));
}

// ---- drag -----------------------------------------------------------------------------------------------------

const EDGE_PX = 60; // near the edge of the window the page scrolls along

function followDrag(e, run, ref, setDrag) {
  const grip = e.currentTarget;
  let place = null;
  grip.setPointerCapture(e.pointerId);
  const over = (ev) => {
    if (ev.clientY < EDGE_PX) scrollBy(0, -12);
    else if (ev.clientY > innerHeight - EDGE_PX) scrollBy(0, 12);
    place = placeUnder(ev.clientX, ev.clientY, ref, run);
    setDrag(place);
  };
  const end = (ev) => {
    for (const [type, fn] of handlers) grip.removeEventListener(type, fn);
    removeEventListener('keydown', escape, true);
    setDrag(null);
    if (ev && ev.type === 'pointerup' && place) move(run.list, run.index, run.count, place.list, place.index, 'move');
  };
  const escape = (ev) => {
    if (ev.key !== 'Escape') return;
    ev.stopPropagation();
    end();
  };
  const handlers = [['pointermove', over], ['pointerup', end], ['pointercancel', end]];
  for (const [type, fn] of handlers) grip.addEventListener(type, fn);
  addEventListener('keydown', escape, true);
}

// Where a drop at this point of the window goes: {tree, gap, depth, list, index}; null: nowhere.
function placeUnder(x, y, ref, run) {
  const element = document.elementFromPoint(x, y);
  const box = element && element.closest('[data-tree]');
  const tree = box && trees.get(box.dataset.tree);
  if (!tree) return null;
  const li = element.closest('[data-path]');
  const i = li ? tree.rows.findIndex((r) => pointer(r.path) === li.dataset.path) : tree.rows.length - 1;
  const rect = (li || box).getBoundingClientRect();
  const gap = li && y < rect.top + rect.height / 2 ? i - 1 : i;
  const depth = Math.round((x - box.getBoundingClientRect().left - 60) / INDENT_PX);
  const isInside = (p) => inRun(run, p.list) && p.list.length > run.list.length;
  const places = dropPlaces(tree.rows, gap, ref, tree.path, tree.ref).filter((p) => !isInside(p));
  if (!places.length) return null;
  const near = places.reduce((a, b) => (Math.abs(b.depth - depth) < Math.abs(a.depth - depth) ? b : a));
  return { ...near, gap, tree: box.dataset.tree };
}

export { addAfter };
