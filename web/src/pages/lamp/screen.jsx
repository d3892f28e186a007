// screen.jsx - the lamp's picture: at its rate while it is seen, one frame a second while it is not.

import { useEffect, useRef, useState } from 'preact/hooks';
import { feed, onChannel } from '../../lib/hub.js';
import { useKeys } from '../../lib/store.js';
import { useWidth } from '../../ui/parts.jsx';
import { createLeds } from './leds.js';
import { CHANNEL, createAssembler, fitTo, lightTable } from './preview.js';

const PART = 'lamp_preview';
const UNSEEN_MS = 1000;

// Holds the part while `canvas` is seen; else takes one frame a second. `onFrame(frame)` gets each.
function useFrames(canvas, onFrame) {
  const take = useRef();
  take.current = onFrame;
  useEffect(() => {
    const assemble = createAssembler();
    let isInView = true;
    let release = null;
    const stop = () => {
      if (release) release();
      release = null;
    };
    const isSeen = () => isInView && !document.hidden;
    const sync = () => {
      stop();
      if (isSeen()) release = feed.want(PART);
    };
    const unlisten = onChannel(CHANNEL, (bytes) => {
      const frame = assemble(bytes);
      if (!frame) return;
      if (!isSeen()) stop();
      take.current(frame);
    });
    const timer = setInterval(() => {
      if (isSeen()) return;
      stop();
      release = feed.want(PART, true);
    }, UNSEEN_MS);
    const view = new IntersectionObserver(([e]) => {
      if (e.isIntersecting !== isInView) {
        isInView = e.isIntersecting;
        sync();
      }
    });
    view.observe(canvas.current);
    document.addEventListener('visibilitychange', sync);
    sync();
    return () => {
      clearInterval(timer);
      view.disconnect();
      document.removeEventListener('visibilitychange', sync);
      unlisten();
      stop();
    };
  }, []);
}

// `lamp`: for its size before the first frame, its brightness and for who cannot see. `maxHeight` in px.
// `canvasRef` gets the canvas, for who wants its picture; `onSeen(number)` the number of each frame.
export function Screen({ lamp, maxHeight, canvasRef, label }) {
  const { link } = useKeys('link');
  const box = useRef();
  const own = useRef();
  const canvas = canvasRef || own;
  const leds = useRef();
  const last = useRef(null);
  const asked = useRef(false);
  const width = useWidth(box);
  const [size, setSize] = useState(lamp.info);
  const [seen, setSeen] = useState(false);
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = fitTo(size.width, size.height, width || 600, maxHeight);
  const light = useRef();
  if (!light.current || light.current.of !== lamp.brightness) light.current = { of: lamp.brightness, table: lightTable(lamp.brightness) };

  const paint = () => {
    asked.current = false;
    const f = last.current;
    if (!f || !box.current) return;
    const [across] = fitTo(f.width, f.height, box.current.clientWidth, maxHeight);
    leds.current.paint(f, light.current.table, Math.max(2, Math.ceil((across * ratio) / f.width)));
  };
  const soon = () => {
    if (document.hidden) return paint();
    if (asked.current) return undefined;
    asked.current = true;
    return requestAnimationFrame(paint);
  };
  useEffect(() => {
    leds.current = createLeds(canvas.current);
    if (!last.current) last.current = { width: size.width, height: size.height, rgb: new Uint8Array(size.width * size.height * 3), number: 0 };
    soon();
  }, []);
  useFrames(canvas, (frame) => {
    if (frame.width !== size.width || frame.height !== size.height) setSize(frame);
    if (!seen) setSeen(true);
    last.current = frame;
    canvas.current.dataset.frame = frame.number;
    soon();
  });
  useEffect(() => { soon(); }, [width, lamp.brightness, size.width, size.height]);
  return (
    <div class="lampbox" ref={box}>
      <canvas ref={canvas} class={link.state === 'live' ? '' : 'stale'} style={{ width: `${wide}px`, height: `${high}px` }} role="img" aria-label={label} />
    </div>
  );
}
