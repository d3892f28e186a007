import { plural } from '../../lib/format.js';

export const PACKED_MAX_BYTES = 4608;

export default {
  id: 'device',
  title: 'Device settings',
  icon: 'device',
  group: 9,
  order: 0.5,
  key: 'n',
  navFigure({ deviceSettings }) {
    const n = Object.keys(deviceSettings || {}).length;
    return n ? { text: plural(n, 'edit'), tone: 'run' } : '';
  },
  load: () => import('./device.jsx'),
};
