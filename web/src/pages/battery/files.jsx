// files.jsx - the registers as a file: taken out, compared, and the backups that the hub keeps.

import { useState } from 'preact/hooks';
import { isAdmin } from '../../lib/access.js';
import { get, post } from '../../lib/api.js';
import { clock, date } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { state, useKeys } from '../../lib/store.js';
import { Button, Loaded, Note, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { changedText, comparedText, plain, shown, stillEdited } from './model.js';
import { setEdits } from './registers.jsx';

const FILE_MAX_BYTES = 8192; // as the hub

export function Files({ settings, again }) {
  const { batteryBackups } = useKeys('batteryBackups', 'link');
  const backups = useResource('/api/battery/settings/backups', [batteryBackups, settings]);
  const [found, setFound] = useState(null); // {name, list} | {name, error}
  const compare = async (name, text) => {
    try {
      const reply = await post('/api/battery/settings/compare', text, 'application/json');
      setFound({ name, ...reply, list: reply.differences || [] });
    } catch (e) {
      setFound({ name, error: e });
    }
  };
  const picked = async (e) => {
    const file = e.target.files[0];
    e.target.value = '';
    if (!file) return;
    if (file.size > FILE_MAX_BYTES) setFound({ name: file.name, error: new Error(`${file.name} has ${file.size} bytes, limit ${FILE_MAX_BYTES}. Nothing was compared.`) });
    else compare(file.name, await file.text());
  };
  const fromBackup = (b) => get(`/api/battery/settings/export?generation=${b.generation}`).then((v) => compare(`backup ${b.generation}`, JSON.stringify(v)), (e) => toast(e.message));
  const take = () => {
    const edits = { ...state.batteryEdits };
    for (const d of found.list) {
      const s = settings.find((x) => x.key === d.key);
      if (s && s.writable && d.file != null) edits[s.key] = plain(s, d.file);
    }
    setEdits(stillEdited(settings, edits));
    setFound(null);
    toast('The differences are edits now. Nothing was written.');
    again();
  };
  return (
    <Tile title="File and backups">
      <div class="row">
        <a class="btn sm" href="/api/battery/settings/export" download="battery-settings.json">Export</a>
        <label class="btn sm pick-f">Compare with a file<input type="file" accept=".json,application/json" aria-label="Compare with a file" onChange={picked} /></label>
      </div>
      {found && found.error && <div class="apart-t"><Note>{found.error.message}</Note></div>}
      {found && found.list && settings && <Differences found={found} settings={settings} onTake={take} onClose={() => setFound(null)} />}
      <h3 class="apart-t">Backups</h3>
      <Loaded of={backups} lines={2}>{(v) => (v.backups.length ? (
        <ul class="al past" aria-label="Backups">{v.backups.map((b) => (
          <li key={b.generation} class="bk"><span>{b.unix_ms ? `${date(b.unix_ms)} ${clock(b.unix_ms)}` : 'At a time not known'}{b.changed && <div class="sub">{changedText(b, settings || [])}</div>}</span><span class="sub">generation {b.generation}</span><Button kind="sm" online aria-label={`Compare with backup ${b.generation}`} onClick={() => fromBackup(b)}>Compare</Button></li>))}</ul>
      ) : <p class="sub">None yet: one is kept before each write.</p>)}</Loaded>
    </Tile>
  );
}

function Differences({ found, settings, onTake, onClose }) {
  const { name, list, unknown = [], wrong = [] } = found;
  const labelOf = (key) => (settings.find((x) => x.key === key) || {}).label || key;
  return (
    <div class="diffs" role="status">
      <div class="row between"><b>{comparedText(found)}</b><Button kind="sm" onClick={onClose}>Close</Button></div>
      {list.length > 0 && (
        <>
          <div class="scroll"><table aria-label="Differences"><thead><tr><th>Register</th><th class="r">Board</th><th class="r">File</th></tr></thead>
            <tbody>{list.map((d) => {
              const s = settings.find((x) => x.key === d.key) || { label: d.key };
              return <tr key={d.key}><td class="wrap">{s.label || d.key}</td><td class="r">{shown(s, d.board)}</td><td class="r"><b>{shown(s, d.file)}</b></td></tr>;
            })}</tbody></table></div>
          {isAdmin() && <div class="row end"><Button kind="sm" onClick={onTake}>Take over as edits</Button></div>}
        </>
      )}
      {wrong.length > 0 && <ul class="al" aria-label="Wrong in the file">{wrong.map((w) => <li key={w.key}><span><b>{labelOf(w.key)}</b> is <code>{String(w.value)}</code>, it takes {w.limit}.</span></li>)}</ul>}
      {unknown.length > 0 && <p class="sub">No settings of this board: {unknown.map((key, i) => <>{i > 0 && ', '}<code>{key}</code></>)}.</p>}
    </div>
  );
}
