export const PACKED_MAX_BYTES = 3328;

export default {
  id: 'updates',
  title: 'Updates',
  icon: 'updates',
  group: 9,
  order: 0,
  key: 'o',
  navFigure: ({ info }) => (info ? info.version : ''),
  load: () => import('./updates.jsx'),
};
