// sign_in.jsx - stands instead of everything while the hub asks for a password, or for a new one.

import { useEffect, useRef, useState } from 'preact/hooks';
import { enter } from '../lib/access.js';
import { post } from '../lib/api.js';
import { keep, kept, set, state } from '../lib/store.js';
import { Dialog } from '../ui/dialog.jsx';
import { Field, Mark, findingOf } from '../ui/parts.jsx';
import { AccountForm } from '../ui/password.jsx';
import { toast } from '../ui/toast.jsx';

export function SignIn() {
  const [username, setUsername] = useState(() => kept('user', ''));
  const [password, setPassword] = useState('');
  const [finding, setFinding] = useState(null);
  const [busy, setBusy] = useState(false);
  const form = useRef();
  useEffect(() => form.current.querySelector(username ? '#password' : '#user').focus(), []);
  const submit = async (e) => {
    e.preventDefault();
    setBusy(true);
    setFinding(null);
    try {
      await post('/api/auth/login', { username, password });
      keep('user', username);
      // What the page knows is somebody else's.
      if (state.session && state.session.username !== username) {
        await enter(); // the address is all that outlives it
        return location.reload();
      }
      return await enter();
    } catch (error) {
      setBusy(false);
      setFinding(error.message);
      return form.current.querySelector('#password').select();
    }
  };
  return (
    <main class="signin">
      <form class="tile" ref={form} onSubmit={submit}>
        <Mark size={40} />
        <h1 tabIndex={-1}>Sign in to nuthatch</h1>
        <Field id="user" label="User">
          <input id="user" class="in" autocomplete="username" value={username} onInput={(e) => setUsername(e.target.value)} />
        </Field>
        <Field id="password" label="Password" finding={finding}>
          <input id="password" class="in" type="password" autocomplete="current-password" value={password}
            onInput={(e) => setPassword(e.target.value)} {...findingOf('password', finding)} />
        </Field>
        <button type="submit" class="btn pri" disabled={busy || !password || !username}>{busy ? 'Signing in' : 'Sign in'}</button>
      </form>
    </main>
  );
}

export async function signOut() {
  try {
    await post('/api/auth/logout');
    set('auth', 'needed');
  } catch (e) {
    toast(e.message); // still signed in: the page stays
  }
}

const OWN = ['current', 'password', 'again'];
const changeOwn = ({ current, password }) => post('/api/auth/password', { current_password: current, new_password: password });

// Somebody else chose the password: nothing goes on before there is a new one.
export function MustChange() {
  return (
    <main class="signin">
      <div class="tile">
        <Mark size={40} />
        <AccountForm title="Choose a password" level="h1" text="Yours was set by an admin." verb="Change password" ask={OWN}
          send={(v) => changeOwn(v).then(enter)}>
          <button type="button" class="btn" onClick={signOut}>Sign out</button>
        </AccountForm>
      </div>
    </main>
  );
}

export function OwnPassword({ onClose }) {
  const send = (v) => changeOwn(v).then(() => {
    onClose();
    toast('Password changed. Your other sessions have ended.');
  });
  return (
    <Dialog label="Change password" onClose={onClose}>
      <AccountForm title="Change password" verb="Change password" ask={OWN} send={send}>
        <button type="button" class="btn" onClick={onClose}>Cancel</button>
      </AccountForm>
    </Dialog>
  );
}
