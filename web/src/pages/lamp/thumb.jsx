// thumb.jsx - the small picture of an effect, in the palette it looks best with.

import { useEffect, useRef } from 'preact/hooks';
import { showThumb } from './thumbs.js';

const GREY = { stops: [{ at: 0, color: '#26303a' }, { at: 255, color: '#667686' }], stepped: false };

export function Thumb({ effect, palettes }) {
  const canvas = useRef();
  const palette = palettes.find((p) => p.name === effect.palette) || GREY;
  useEffect(() => showThumb(canvas.current, effect, palette), [effect.id, palette]);
  return <canvas ref={canvas} aria-hidden="true" />;
}
