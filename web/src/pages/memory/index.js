import { fixed } from '../../lib/format.js';

export const PACKED_MAX_BYTES = 11776;

export default {
  id: 'memory',
  title: 'Memory',
  icon: 'memory',
  group: 0,
  order: 1,
  key: 'm',
  parts: ['mem'],
  navFigure({ memory }) {
    if (!memory) return '';
    const { free_bytes: free, min_free_bytes: min } = memory.tiers[0];
    const tone = min < memory.limits.internal_min_bytes || memory.failed_count ? 'warn' : '';
    return { text: `${fixed(free / 1024)} KiB`, tone };
  },
  find: ({ memory }, has) => (memory ? memory.owners : []).filter((o) => has(o.name))
    .map((o) => ({ label: o.name, detail: 'owner', page: 'memory', params: { owner: o.name } })),
  load: () => import('./memory.jsx'),
};
