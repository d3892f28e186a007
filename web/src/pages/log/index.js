const newErrors = (log) => log.lines.filter((l) => l.level === 'E').length;

export const PACKED_MAX_BYTES = 1280;

export default {
  id: 'log',
  title: 'Log',
  icon: 'log',
  group: 0,
  order: 3,
  key: 'l',
  navFigure({ log }) {
    const n = newErrors(log);
    return n ? { text: `${n} ${n === 1 ? 'error' : 'errors'}`, tone: 'warn' } : '';
  },
  load: () => import('./log.jsx'),
};
