import { count } from '../../lib/format.js';

export const PACKED_MAX_BYTES = 9216;

export default {
  id: 'mqtt',
  title: 'MQTT',
  icon: 'mqtt',
  group: 0,
  order: 2,
  key: 'q',
  parts: ['mqtt'],
  navFigure: ({ mqtt }) => (mqtt.counters ? count(mqtt.counters.clients) : ''),
  load: () => import('./mqtt.jsx'),
};
