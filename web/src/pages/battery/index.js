import { fixed } from '../../lib/format.js';
import { isOld } from './words.js';

export const PACKED_MAX_BYTES = 20480;

export default {
  id: 'battery',
  title: 'Battery',
  icon: 'battery',
  group: 3,
  order: 1,
  key: 'b',
  operator: true,
  parts: ['battery'],
  navFigure({ battery }) {
    if (!battery) return '';
    const { pack, alarms } = battery;
    if (alarms && alarms.unacknowledged) return { text: 'alarm', tone: 'warn' };
    if (pack.soc_pct == null) return { text: 'no value', tone: 'warn' };
    return { text: `${fixed(pack.soc_pct)} %`, tone: isOld(battery, 'soc') ? 'warn' : pack.current_a > 0 ? 'run' : '' };
  },
  available: ({ battery }) => !!battery,
  load: () => import('./battery.jsx'),
};
