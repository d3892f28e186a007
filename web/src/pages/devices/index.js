import { plural } from '../../lib/format.js';

export const PACKED_MAX_BYTES = 40960;

export default {
  id: 'devices',
  title: 'Devices',
  icon: 'devices',
  group: 2,
  order: 0,
  key: 'd',
  parts: ['devices'],
  navFigure({ devices, deviceEdits }) {
    if (deviceEdits) return { text: plural(deviceEdits, 'edit'), tone: 'run' };
    if (!devices) return '';
    const isWrong = devices.degraded || devices.conflict || !devices.card;
    return { text: String(devices.devices), tone: isWrong ? 'warn' : '' };
  },
  available: ({ devices }) => devices !== false,
  load: () => import('./devices.jsx'),
};
