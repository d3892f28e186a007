export const PACKED_MAX_BYTES = 1536;

export default {
  id: 'api',
  title: 'API',
  icon: 'api',
  group: 9,
  order: 2,
  key: 'a',
  load: () => import('./api.jsx'),
};
