// picker.jsx - choosing: one of many by a few letters, and a track of the card.

import { useState } from 'preact/hooks';
import { age, sizeText } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Button, Loaded } from '../../ui/parts.jsx';

// `options`: [{id, label, detail}]. Arrow keys and Enter, or a press.
export function Picker({ label, options, onPick, onClose }) {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const q = query.trim().toLowerCase();
  const begins = (o) => o.label.toLowerCase().startsWith(q);
  const found = options.filter((o) => `${o.label} ${o.id} ${o.detail}`.toLowerCase().includes(q)).sort((a, b) => begins(b) - begins(a));
  const pick = (o) => {
    onClose();
    onPick(o.id);
  };
  const key = (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step && found.length) setAt((at + step + found.length) % found.length);
    else if (e.key === 'Enter' && found[at]) pick(found[at]);
    else return;
    e.preventDefault();
  };
  return (
    <Dialog label={label} class="goto pick" onClose={onClose}>
      <input class="in" placeholder={label} aria-label={label} role="combobox" aria-expanded="true" aria-controls="picks" aria-activedescendant={found[at] ? 'pick-' + at : undefined}
        value={query} onInput={(e) => { setQuery(e.target.value); setAt(0); }} onKeyDown={key} />
      <ul id="picks" role="listbox" aria-label={label}>
        {found.map((o, i) => (
          <li id={'pick-' + i} role="option" aria-selected={i === at} onClick={() => pick(o)} onMouseMove={() => i !== at && setAt(i)}>
            <span>{o.label}</span><small>{o.detail}</small>
          </li>
        ))}
        {!found.length && <li class="sub">Nothing found for "{query}".</li>}
      </ul>
    </Dialog>
  );
}

const ROOT = '/sdcard';
const above = (path) => path.slice(0, path.lastIndexOf('/')) || ROOT;
const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);

// A folder of the card with its tracks; begins where the present track is.
export function PickTrack({ value, onPick, onClose }) {
  const begin = value && value.includes('/') ? above(value.startsWith('/') ? value : `${ROOT}/${value}`) : ROOT;
  const [folder, setFolder] = useState(begin.startsWith(ROOT) ? begin : ROOT);
  const list = useResource(`/api/files?meta=1&limit=200&path=${encodeURIComponent(folder)}`);
  const byName = (a, b) => b.dir - a.dir || a.path.localeCompare(b.path);
  return (
    <Dialog label="Choose a track" class="goto pick" onClose={onClose}>
      <div class="row between"><h2>{folder}</h2>{folder !== ROOT && <Button kind="sm" onClick={() => setFolder(above(folder))}>Up</Button>}</div>
      <Loaded of={list} lines={4}>
        {(files) => (
          <ul class="tracks">
            {[...files].sort(byName).map((f) => (
              <li>
                <button type="button" onClick={() => (f.dir ? setFolder(f.path) : (onPick(f.path), onClose()))}>
                  <span>{nameOf(f.path)}{f.dir ? '/' : ''}</span><small>{f.dir ? 'folder' : `${f.dur ? age(f.dur * 1000) + ', ' : ''}${sizeText(f.size)}`}</small>
                </button>
              </li>
            ))}
            {!files.length && <li class="sub">This folder has no tracks.</li>}
          </ul>
        )}
      </Loaded>
      <div class="row end"><Button onClick={onClose}>Close</Button></div>
    </Dialog>
  );
}
