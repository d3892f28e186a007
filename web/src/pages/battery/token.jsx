// token.jsx - what cannot be undone: the hub gives a token that is good for a minute, the person types a word.

import { useEffect, useState } from 'preact/hooks';
import { useTick } from '../../lib/store.js';
import { Dialog } from '../../ui/dialog.jsx';
import { Button, Failed, Loading, Note } from '../../ui/parts.jsx';

// The answer without a token: {token, expires_s, changes}; null when it was something else.
export const tokenOf = ({ status, body }) => (status === 409 && body && body.token ? body : null);

// Asks for `word`, while the token is good. `again()` asks the hub for a new one.
export function TypeWord({ offer, word, verb, busy, onGo, onCancel, again }) {
  const [typed, setTyped] = useState('');
  const [until] = useState(() => Date.now() + offer.expires_s * 1000);
  useTick(1000);
  const left = Math.ceil((until - Date.now()) / 1000);
  const ok = typed.trim().toLowerCase() === String(word) && left > 0;
  const go = (e) => {
    e.preventDefault();
    if (ok && !busy) onGo(offer.token);
  };
  return (
    <form class="ask" onSubmit={go}>
      <div class="f">
        <label for="word"><span>Type <b>{word}</b> to confirm</span><span class="sub">{left > 0 ? `${left} s left` : 'time is over'}</span></label>
        <input id="word" class="in mono word" autocomplete="off" spellcheck={false} value={typed} disabled={left <= 0} ref={(e) => e && !e.dataset.seen && ((e.dataset.seen = 1), e.focus())} onInput={(e) => setTyped(e.target.value)} />
      </div>
      <div class="row end">
        <button type="button" class="btn" onClick={onCancel}>Cancel</button>
        {left > 0 ? <button type="submit" class="btn pri" disabled={!ok || busy}>{verb}</button> : <Button kind="pri" onClick={again}>Ask again</Button>}
      </div>
    </form>
  );
}

// `send(token)` does it; without a token the hub answers with one.
export function TokenDialog({ title, text, verb, word, send, onDone, onClose }) {
  const [offer, setOffer] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const ask = (token) => {
    setBusy(!!token);
    setError(null);
    send(token).then(onDone, (e) => {
      setBusy(false);
      const next = tokenOf(e);
      if (next) setOffer(next);
      else setError(e);
    });
  };
  useEffect(() => ask(), []);
  return (
    <Dialog label={title} onClose={onClose}>
      <h2>{title}</h2>
      <p>{text}</p>
      {error && <Failed error={error} retry={() => ask()} />}
      {!offer && !error && <Loading lines={2} />}
      {offer && <TypeWord key={offer.token} offer={offer} word={word} verb={verb} busy={busy} onGo={ask} onCancel={onClose} again={() => ask()} />}
      {!offer && <div class="row end"><button type="button" class="btn" onClick={onClose}>Cancel</button></div>}
      {busy && <Note kind="stale" role="status">The board is asked.</Note>}
    </Dialog>
  );
}
