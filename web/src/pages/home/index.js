export default {
  id: 'home',
  title: 'Home',
  icon: 'home',
  group: 0,
  order: 0,
  key: 'h',
  operator: true,
  load: () => import('./home.jsx'),
};
