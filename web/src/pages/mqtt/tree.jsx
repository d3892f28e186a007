// tree.jsx - retained topics as a tree: a level is asked for when it is opened.

import { useState } from 'preact/hooks';
import { useResource } from '../../lib/resource.js';
import { Button, Loaded } from '../../ui/parts.jsx';

const STEP = 50;
const MOST = 200; // the hub tells no more at once

// The levels below `parent` (null: the first ones). `row(m, label)` draws a message; `version` is
// what a change of makes them asked for again.
export function Levels({ parent, row, version, empty }) {
  const [n, setN] = useState(STEP);
  const top = parent == null;
  const list = useResource(`/api/mqtt/topics?count=${n}${top ? '' : `&parent=${encodeURIComponent(parent)}`}`, version);
  return (
    <Loaded of={list} lines={top ? 8 : 1}>
      {(v) => (
        <ul class={top ? 'topics' : 'below'} aria-label={top ? 'Retained topics' : `Below ${parent}`}>
          {v.topics.map((t) => <Node key={t.level} t={t} path={top ? t.level : `${parent}/${t.level}`} row={row} version={version} />)}
          {v.next && <li class="sub">{n < MOST ? <Button kind="sm" onClick={() => setN(n + STEP)}>More</Button> : 'There are more; the list shows them.'}</li>}
          {!v.topics.length && <li class="sub">{empty}</li>}
        </ul>
      )}
    </Loaded>
  );
}

function Node({ t, path, row, version }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      {t.bytes != null && row({ ...t, topic: path }, t.level)}
      {t.has_children && !t.is_cut && (
        <li>
          <button type="button" class="topic" aria-expanded={open} onClick={() => setOpen(!open)}><code>{open ? '\u25be' : '\u25b8'} {t.level}/</code></button>
          {open && <Levels parent={path} row={row} version={version} empty="Nothing is retained here any more." />}
        </li>
      )}
    </>
  );
}
