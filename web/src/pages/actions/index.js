import { count } from '../../lib/format.js';

export const PACKED_MAX_BYTES = 13312;

export default {
  id: 'actions',
  title: 'Actions',
  icon: 'actions',
  group: 2,
  order: 1,
  key: 'c',
  operator: true,
  parts: ['automation', 'game'],
  navFigure({ automation, game }) {
    if (game && game.paused) return { text: 'paused', tone: 'warn' };
    if (!automation) return '';
    if (automation.instances.some((r) => r.wait === 'operator')) return { text: 'asks you', tone: 'warn' };
    const n = automation.instance_count;
    return n ? { text: `${count(n)} running`, tone: 'run' } : '';
  },
  load: () => import('./actions.jsx'),
};
