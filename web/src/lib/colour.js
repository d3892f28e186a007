// colour.js - owners keep one colour everywhere: s1 to s6 in table order.

import { state } from './store.js';

export function ownerClass(name) {
  const owners = state.memory ? state.memory.owners : [];
  const i = owners.findIndex((o) => o.name === name);
  return i < 0 ? 'k6' : 'k' + ((i % 6) + 1);
}
