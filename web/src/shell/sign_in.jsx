// sign_in.jsx - stands instead of everything while the hub asks for a password.

import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../lib/api.js';
import { set } from '../lib/store.js';
import { Field, Mark, findingOf } from '../ui/parts.jsx';

export function SignIn() {
  const [user, setUser] = useState('admin');
  const [password, setPassword] = useState('');
  const [finding, setFinding] = useState(null);
  const [busy, setBusy] = useState(false);
  const field = useRef();
  useEffect(() => field.current.focus(), []);
  const submit = async (e) => {
    e.preventDefault();
    setBusy(true);
    setFinding(null);
    try {
      await post('/api/sign-in', { user, password });
      set('auth', 'ok');
    } catch (error) {
      setFinding(error.message);
      setBusy(false);
      field.current.select();
    }
  };
  return (
    <main class="signin">
      <form class="tile" onSubmit={submit}>
        <Mark size={40} />
        <h1 tabIndex={-1}>Sign in to nuthatch</h1>
        <Field id="user" label="User">
          <input id="user" class="in" autocomplete="username" value={user} onInput={(e) => setUser(e.target.value)} />
        </Field>
        <Field id="password" label="Password" finding={finding}>
          <input id="password" ref={field} class="in" type="password" autocomplete="current-password" value={password}
            onInput={(e) => setPassword(e.target.value)} {...findingOf('password', finding)} />
        </Field>
        <button type="submit" class="btn pri" disabled={busy || !password}>{busy ? 'Signing in' : 'Sign in'}</button>
      </form>
    </main>
  );
}
