export const PACKED_MAX_BYTES = 20480;

export default {
  id: 'macropad',
  title: 'Macro pad',
  icon: 'macropad',
  group: 3,
  order: 3,
  key: 'p',
  parts: ['display'],
  navFigure: ({ display }) => (display && display.screen) || '',
  available: ({ macropad }) => !!macropad,
  load: () => import('./macropad.jsx'),
};
