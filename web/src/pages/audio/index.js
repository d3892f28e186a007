export const PACKED_MAX_BYTES = 4096;

export default {
  id: 'audio',
  title: 'Audio',
  icon: 'audio',
  group: 2,
  order: 3,
  key: 'u',
  parts: ['audio'],
  navFigure({ audio }) {
    if (!audio) return '';
    if (audio.output.state === 'failed') return { text: 'no output', tone: 'warn' };
    const is = (state) => audio.channels.some((c) => c.state === state);
    return is('playing') ? { text: 'playing', tone: 'run' } : is('paused') ? 'paused' : '';
  },
  available: ({ audio }) => audio !== false,
  load: () => import('./audio.jsx'),
};
