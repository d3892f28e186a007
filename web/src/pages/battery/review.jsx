// review.jsx - before registers are written: what changes; for dangerous ones a token and a typed word; then what
// the board reads back, register by register.

import { useState } from 'preact/hooks';
import { put } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { isOnline, useKeys } from '../../lib/store.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Badge, Note } from '../../ui/parts.jsx';
import { named, outcomeOf, shown } from './model.js';
import { tokenOf, TypeWord } from './token.jsx';

// `changes`: {key: value}. `onRefused({key: finding})`, `onWritten(results)`.
export function Review({ changes, settings, onRefused, onWritten, onClose }) {
  useKeys('link');
  const [offer, setOffer] = useState(null);
  const [results, setResults] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const rows = settings.filter((s) => s.key in changes);
  const dangerous = rows.filter((s) => s.dangerous);
  const what = plural(rows.length, 'register');
  const send = async (token) => {
    setBusy(true);
    setError(null);
    try {
      const reply = await put('/api/battery/settings', token ? { changes, token } : { changes });
      setResults(reply.results);
      onWritten(reply.results);
    } catch (e) {
      const next = tokenOf(e);
      setOffer(next);
      if (!next) {
        setError(e);
        onRefused(Object.fromEntries(e.details.map((d) => [String(d.field || '').replace(/^.*\//, ''), named(d.text || e.message, settings)])));
      }
    }
    setBusy(false);
  };
  const title = results ? 'What the board reads now' : `Write ${what} to the battery board?`;
  return (
    <Dialog label={title} class="review" onClose={onClose}>
      <h2>{title}</h2>
      {results ? <Results results={results} settings={settings} /> : <Changes rows={rows} settings={settings} changes={changes} offer={offer} />}
      {error && <Note>{named(error.message, settings)}</Note>}
      {results ? <div class="row end"><button type="button" class="btn pri" onClick={onClose}>Close</button></div>
        : offer ? (
          <>
            <p>{dangerous.length ? `${dangerous.map((s) => s.address).join(', ')} ${dangerous.length > 1 ? 'change' : 'changes'} what protects the cells.` : 'The hub asks for a confirmation.'} A backup of all registers is kept first.</p>
            <TypeWord key={offer.token} offer={offer} word={(dangerous[0] || rows[0]).address} verb={`Write ${what}`} busy={busy} onGo={send} onCancel={onClose} again={() => send()} />
          </>
        ) : (
          <>
            <p class="sub">A backup of all registers is kept first. Each one is read back.</p>
            <div class="row end">
              <button type="button" class="btn" onClick={onClose}>Cancel</button>
              <button type="button" class="btn pri" disabled={busy || !isOnline()} onClick={() => send()}>{dangerous.length ? 'Go on to confirm' : `Write ${what}`}</button>
            </div>
          </>
        )}
      {busy && <Note kind="stale" role="status">The board is written and read back.</Note>}
    </Dialog>
  );
}

function Changes({ rows, settings, changes, offer }) {
  const why = new Map(((offer && offer.changes) || []).map((c) => [c.key, c.why]));
  return (
    <div class="scroll"><table aria-label="Changes">
      <thead><tr><th>Register</th><th class="r">Now</th><th class="r">New</th></tr></thead>
      <tbody>{rows.map((s) => (
        <tr key={s.key}>
          <td class="wrap"><b>{s.label || s.key}</b> <code class="sub">{s.address}</code>{s.dangerous && <> <Badge kind="warn">protects</Badge></>}{why.get(s.key) && <p class="sub small">{named(why.get(s.key), settings)}</p>}</td>
          <td class="r">{shown(s, s.value)}</td>
          <td class="r"><b>{shown(s, changes[s.key])}</b></td>
        </tr>))}</tbody>
    </table></div>
  );
}

function Results({ results, settings }) {
  return (
    <div class="scroll"><table aria-label="Results">
      <thead><tr><th>Register</th><th>Result</th></tr></thead>
      <tbody>{results.map((r) => {
        const s = settings.find((x) => x.key === r.key) || { label: r.key, decimals: 0 };
        const [kind, word, says] = outcomeOf(r, s);
        return <tr key={r.key}><td class="wrap"><b>{s.label}</b> <code class="sub">{s.address}</code></td><td class="wrap"><Badge kind={kind}>{word}</Badge> <span class="sub small">{says}</span></td></tr>;
      })}</tbody>
    </table></div>
  );
}
