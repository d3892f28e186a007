import { plural } from '../../lib/format.js';

export const PACKED_MAX_BYTES = 5632;

export default {
  id: 'settings',
  title: 'Settings',
  icon: 'settings',
  group: 9,
  order: 1,
  key: 's',
  navFigure({ edits }) {
    const n = Object.keys(edits || {}).length;
    return n ? { text: plural(n, 'edit'), tone: 'run' } : '';
  },
  find: ({ settings }, has) => (settings ? settings.fields : []).filter((f) => has(f.pointer) || has(f.text))
    .map((f) => ({ label: f.pointer, detail: 'setting', page: 'settings', params: { find: f.pointer }, mono: true })),
  load: () => import('./settings.jsx'),
};
