// keys.jsx - keys of the whole portal, the list of them, and "Go to".

import { useEffect, useState } from 'preact/hooks';
import { isAdmin, openPages } from '../lib/access.js';
import { get } from '../lib/api.js';
import { go } from '../lib/route.js';
import { justBefore } from '../lib/topic.js';
import { keep, kept, set, state, useKeys } from '../lib/store.js';
import { Dialog } from '../ui/dialog.jsx';
import { Switch } from '../ui/parts.jsx';
import { undoLast } from '../ui/toast.jsx';
import { OwnPassword } from './sign_in.jsx';

export const open = (name) => set('overlay', name);

const typing = (e) => {
  const t = e.target;
  return t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName);
};

let waitsForPage = 0; // until when a letter after `g` counts

export function startKeys() {
  state.letters = kept('letters', true);
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || state.auth === 'needed' || state.auth === 'change') return;
    if ((e.ctrlKey || e.metaKey) && e.key === 'z' && !typing(e)) return void (undoLast() && e.preventDefault());
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e) || state.overlay || !state.letters) return;
    if (letter(e.key)) e.preventDefault();
  });
}

function letter(key) {
  if (waitsForPage > Date.now()) {
    waitsForPage = 0;
    const page = openPages().find((p) => p.key === key);
    if (page) go(page.id);
    return !!page;
  }
  if (key === 'g') waitsForPage = Date.now() + 1500;
  else if (key === '/') open('goto');
  else if (key === '?') open('keys');
  else return false;
  return true;
}

export function Overlays() {
  const { overlay } = useKeys('overlay');
  const close = () => open(null);
  if (overlay === 'goto') return <GoTo onClose={close} />;
  if (overlay === 'keys') return <KeyList onClose={close} />;
  if (overlay === 'password') return <OwnPassword onClose={close} />;
  return null;
}

function KeyList({ onClose }) {
  const { letters } = useKeys('letters');
  const toggle = (on) => {
    set('letters', on);
    keep('letters', on);
  };
  const rows = [['/', 'go to a page, topic, owner or setting'], ['?', 'this list'], ['Esc', 'close'], ['Ctrl S', 'apply settings'], ['Ctrl Z', 'undo'],
    ['\u2190 \u2192', 'on a plot: move the cursor'], ['+ \u2212 0', 'on a plot: zoom'], ...openPages().map((p) => ['g ' + p.key, p.title])];
  return (
    <Dialog label="Keys" onClose={onClose}>
      <h2>Keys</h2>
      <dl class="keys">{rows.map(([k, t]) => <><dt>{k.split(' ').map((x) => <kbd>{x}</kbd>)}</dt><dd>{t}</dd></>)}</dl>
      <div class="row between"><label for="letters">Single-letter keys</label><Switch id="letters" label="Single-letter keys" on={letters} onChange={toggle} /></div>
      <div class="row end"><button type="button" class="btn" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}

// ---- go to -----------------------------------------------------------------------------------------

// Pages offer their own finds: {label, detail, page, params}.
function finds(query) {
  const q = query.trim().toLowerCase();
  const has = (t) => t.toLowerCase().includes(q);
  const begins = (p) => p.title.toLowerCase().startsWith(q);
  const pages = openPages();
  const found = pages.filter((p) => has(p.title)).sort((a, b) => begins(b) - begins(a)).map((p) => ({ label: p.title, detail: 'page', page: p.id }));
  for (const p of pages) if (q && p.find) found.push(...p.find(state, has));
  return found.slice(0, 12);
}

async function topics(query) {
  const q = query.trim();
  if (!q || !isAdmin()) return [];
  const list = await get('/api/mqtt/retained?count=8&after=' + encodeURIComponent(justBefore(q))).catch(() => null);
  return list ? list.messages.filter((m) => m.topic.startsWith(q)).slice(0, 5)
    .map((m) => ({ label: m.topic, detail: 'topic', page: 'mqtt', params: { topic: m.topic }, mono: true })) : [];
}

function GoTo({ onClose }) {
  const [query, setQuery] = useState('');
  const [more, setMore] = useState([]);
  const [at, setAt] = useState(0);
  useEffect(() => {
    setAt(0);
    setMore([]);
    const timer = setTimeout(() => topics(query).then(setMore), 150);
    return () => clearTimeout(timer);
  }, [query]);
  const found = [...finds(query), ...more];
  const pick = (f) => {
    onClose();
    go(f.page, f.params);
  };
  const key = (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step && found.length) setAt((at + step + found.length) % found.length);
    else if (e.key === 'Enter' && found[at]) pick(found[at]);
    else return;
    e.preventDefault();
  };
  return (
    <Dialog label="Go to" class="goto" onClose={onClose}>
      <input class="in" placeholder="Page, topic, owner or setting" aria-label="Go to" role="combobox"
        aria-expanded="true" aria-controls="found" aria-activedescendant={found[at] ? 'found-' + at : undefined}
        value={query} onInput={(e) => setQuery(e.target.value)} onKeyDown={key} />
      <ul id="found" role="listbox" aria-label="Found">
        {found.map((f, i) => (
          <li id={'found-' + i} role="option" aria-selected={i === at} onClick={() => pick(f)} onMouseMove={() => i !== at && setAt(i)}>
            <span class={f.mono ? 'mono' : ''}>{f.label}</span><small>{f.detail}</small>
          </li>
        ))}
        {!found.length && <li class="sub">Nothing found for "{query}".</li>}
      </ul>
    </Dialog>
  );
}
