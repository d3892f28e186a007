// accounts.jsx - who may sign in to the portal: add, disable, set a password, remove; the first password.

import { useState } from 'preact/hooks';
import { loadSession } from '../../lib/access.js';
import { post, put, remove } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { set, useKeys } from '../../lib/store.js';
import { Confirm, Dialog } from '../../ui/dialog.jsx';
import { Badge, Button, Loaded, Tile } from '../../ui/parts.jsx';
import { AccountForm } from '../../ui/password.jsx';
import { Table } from '../../ui/table.jsx';
import { toast } from '../../ui/toast.jsx';

const State = ({ user }) => (
  <span class="row">
    <Badge>{user.role}</Badge>
    {user.enabled ? <Badge kind="ok">may sign in</Badge> : <Badge>disabled</Badge>}
    {user.must_change && <Badge kind="warn">has to change the password</Badge>}
    {user.in_file && <Badge>in hub.yaml</Badge>}
  </span>
);

export function Accounts() {
  const { session } = useKeys('session');
  const required = !!(session && session.required);
  const users = useResource(required ? '/api/users' : null);
  const [open, setOpen] = useState(null); // {what: 'add' | 'setup' | 'password' | 'remove', user}
  const close = () => setOpen(null);
  const done = (text) => {
    close();
    users.reload();
    if (text) toast(text);
  };
  const enable = (user, enabled, isUndo) => put('/api/users', { username: user.username, enabled }).then(() => {
    users.reload();
    toast(`${user.username} ${enabled ? 'may sign in again' : 'is disabled, and its sessions have ended'}.`, isUndo ? null : () => enable(user, !enabled, true));
  }, (e) => toast(e.message));
  const drop = (user) => remove('/api/users?username=' + encodeURIComponent(user.username)).then(() => done(`${user.username} is removed.`), (e) => toast(e.message));

  // The own one is changed with the present one, as from the menu.
  const setPassword = (user) => (user.username === session.username ? set('overlay', 'password') : setOpen({ what: 'password', user }));

  const columns = [
    { label: 'Account', class: 'name', cell: (u) => u.username, sort: (u) => u.username },
    { label: 'Role and state', class: 'wrap', cell: (u) => <State user={u} />, sort: (u) => u.role },
    { label: 'Sessions', r: true, class: 'opt', cell: (u) => u.sessions, sort: (u) => u.sessions },
    { label: '', r: true, cell: (u) => !u.in_file && (
      <span class="row end">
        <Button kind="sm" online aria-label={`Set password of ${u.username}`} onClick={() => setPassword(u)}>Set password</Button>
        <Button kind="sm" online aria-label={`${u.enabled ? 'Disable' : 'Enable'} ${u.username}`} onClick={() => enable(u, !u.enabled)}>{u.enabled ? 'Disable' : 'Enable'}</Button>
        <Button kind="sm" online aria-label={`Remove ${u.username}`} onClick={() => setOpen({ what: 'remove', user: u })}>Remove</Button>
      </span>
    ) },
  ];
  const facts = users.value && [plural(users.value.sessions, 'session'), users.value.counters.wrong && `${users.value.counters.wrong} wrong passwords`];
  return (
    <Tile title="Accounts" end={required && <>{facts && facts.filter(Boolean).map((f) => <span>{f}</span>)}<Button kind="sm" online onClick={() => setOpen({ what: 'add' })}>Add account</Button></>}>
      {required ? (
        <Loaded of={users} lines={2}>{(v) => <Table label="Accounts" columns={columns} rows={v.users} rowKey={(u) => u.username} />}</Loaded>
      ) : (
        <div class="row between">
          <span>No password is set: everybody on this machine may do everything here.</span>
          <Button kind="pri" online onClick={() => setOpen({ what: 'setup' })}>Set a password</Button>
        </div>
      )}
      {open && open.what === 'remove' && (
        <Confirm title={`Remove ${open.user.username}?`} verb="Remove" onDo={() => drop(open.user)} onClose={close}>Its sessions end. To keep it for later, disable it.</Confirm>
      )}
      {open && FORMS[open.what] && <Ask {...FORMS[open.what](open.user)} close={close} done={done} />}
    </Tile>
  );
}

const FORMS = {
  setup: () => ({
    title: 'Set a password',
    text: 'The first account is an admin. From then on everybody has to sign in.',
    verb: 'Set password',
    ask: ['username', 'password', 'again'],
    send: ({ username, password }) => post('/api/auth/setup', { username, password }).then(loadSession),
    said: () => 'A password is set. You are signed in.',
  }),
  add: () => ({
    title: 'Add account',
    verb: 'Add account',
    ask: ['username', 'password', 'again', 'role', 'must'],
    send: ({ username, password, role, must }) => post('/api/users', { username, password, role, must_change: must }),
    said: ({ username }) => `${username} may sign in.`,
  }),
  password: (user) => ({
    title: `Set password of ${user.username}`,
    text: 'Its sessions end.',
    verb: 'Set password',
    ask: ['password', 'again', 'must'],
    send: ({ password, must }) => post('/api/auth/password', { username: user.username, new_password: password, must_change: must }),
    said: () => `${user.username} has another password.`,
  }),
};

function Ask({ send, said, close, done, ...form }) {
  return (
    <Dialog label={form.title} onClose={close}>
      <AccountForm {...form} send={(v) => send(v).then(() => done(said(v)))}>
        <button type="button" class="btn" onClick={close}>Cancel</button>
      </AccountForm>
    </Dialog>
  );
}
