// theme.js - system, light or dark; the choice is kept in the browser, the result stands on <html>.

import { keep, kept, set, state } from './store.js';

const system = matchMedia('(prefers-color-scheme: dark)');

function apply() {
  const dark = state.themeChoice === 'dark' || (state.themeChoice !== 'light' && system.matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  set('theme', dark ? 'dark' : 'light');
}

export function startTheme() {
  state.themeChoice = kept('theme', 'system');
  system.addEventListener('change', apply);
  apply();
}

export function nextTheme() {
  const order = ['system', 'light', 'dark'];
  set('themeChoice', order[(order.indexOf(state.themeChoice) + 1) % 3]);
  keep('theme', state.themeChoice);
  apply();
}
