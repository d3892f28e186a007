export const PACKED_MAX_BYTES = 16384;

export default {
  id: 'lamp',
  title: 'Lamp',
  icon: 'lamp',
  group: 3,
  order: 0,
  key: 'e',
  operator: true,
  parts: ['lamp'],
  navFigure({ lamp }) {
    if (!lamp) return '';
    if (lamp.power_state === 'failed') return { text: 'failed', tone: 'warn' };
    if (lamp.power_state === 'off') return 'off';
    const { live } = lamp.info;
    return live ? { text: live.protocol, tone: 'run' } : lamp.effect;
  },
  available: ({ lamp }) => !!lamp,
  load: () => import('./lamp.jsx'),
};
