export default {
  id: 'api',
  title: 'API',
  icon: 'api',
  group: 9,
  order: 2,
  key: 'a',
  load: () => import('./api.jsx'),
};
