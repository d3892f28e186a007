export const PACKED_MAX_BYTES = 10240;

export default {
  id: 'traces',
  title: 'Traces',
  icon: 'traces',
  group: 2,
  order: 2,
  key: 't',
  parts: ['automation'],
  navFigure({ automation }) {
    if (!automation) return '';
    if (!automation.enabled) return { text: 'disabled', tone: 'warn' };
    return automation.suspended_count ? { text: `${automation.suspended_count} suspended`, tone: 'warn' } : '';
  },
  load: () => import('./traces.jsx'),
};
