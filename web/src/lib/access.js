// access.js - who is signed in, and what that lets them see.

import pages from 'nuthatch:pages';
import { get } from './api.js';
import { current, go } from './route.js';
import { keep, kept, set, state } from './store.js';

// Until the hub has said it, the role of the last visit: the navigation does not jump.
export const isAdmin = () => (state.session ? state.session.role_name : kept('role', 'admin')) === 'admin';

export const mayOpen = (page) => isAdmin() || !!page.operator;
export const mayOpenHref = (href) => pages.some((p) => href.startsWith('#/' + p.id) && mayOpen(p));
export const openPages = () => pages.filter((p) => mayOpen(p) && (!p.available || p.available(state)));

// Who has signed in where no page was asked for: an operator comes to run a room.
export async function enter() {
  await loadSession();
  if (state.auth === 'ok' && !isAdmin() && current().page === 'home') go('actions');
}

export async function loadSession() {
  const session = await get('/api/session/info').catch(() => null);
  if (!session) return;
  keep('role', session.role_name);
  set('session', session);
  set('auth', session.must_change ? 'change' : 'ok');
}
