// leds.js - a canvas that shows round lights on black, with their glow. The work of a frame is a handful of
// scaled copies, however many lights there are.

import { toRgba } from './preview.js';

const SOCKET = '#10151b';
const BLACK = '#07090c';

function sheet(width, height) {
  const c = document.createElement('canvas');
  Object.assign(c, { width, height });
  return c;
}

// One cell of the mask, white where light comes through, drawn to the whole sheet.
function tiled(width, height, cell, draw) {
  const one = sheet(cell, cell);
  draw(one.getContext('2d'), cell);
  const all = sheet(width * cell, height * cell);
  const pen = all.getContext('2d');
  pen.fillStyle = pen.createPattern(one, 'repeat');
  pen.fillRect(0, 0, all.width, all.height);
  return all;
}

function disc(pen, cell, radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(cell / 2, cell / 2, radius * cell, 0, 7);
  pen.fill();
}

function ball(pen, cell, inner, outer) {
  const g = pen.createRadialGradient(cell / 2, cell / 2, inner * cell, cell / 2, cell / 2, outer * cell);
  g.addColorStop(0, '#fff');
  g.addColorStop(1, '#fff0');
  pen.fillStyle = g;
  pen.fillRect(0, 0, cell, cell);
}

// Paints to `canvas`, whose size in its own pixels becomes that of the lights.
export function createLeds(canvas) {
  const pen = canvas.getContext('2d', { alpha: false });
  let at = null; // what was made for this size

  function fit(width, height, cell) {
    if (at && at.width === width && at.height === height && at.cell === cell) return;
    const dots = sheet(width * cell, height * cell);
    const small = sheet(width, height);
    const wide = sheet(Math.max(1, width >> 1), Math.max(1, height >> 1));
    at = {
      width, height, cell, dots, small, wide,
      pens: [dots, small, wide].map((c) => c.getContext('2d')),
      image: new ImageData(width, height),
      sockets: tiled(width, height, cell, (p) => { p.fillStyle = BLACK; p.fillRect(0, 0, cell, cell); disc(p, cell, 0.4, SOCKET); }),
      mask: tiled(width, height, cell, (p) => ball(p, cell, 0.34, 0.46)),
      core: tiled(width, height, cell, (p) => ball(p, cell, 0.05, 0.36)),
    };
    Object.assign(canvas, { width: width * cell, height: height * cell });
  }

  function through(mask) {
    const [dots] = at.pens;
    dots.globalCompositeOperation = 'copy';
    dots.imageSmoothingEnabled = false;
    dots.drawImage(at.small, 0, 0, at.dots.width, at.dots.height);
    dots.globalCompositeOperation = 'destination-in';
    dots.drawImage(mask, 0, 0);
    return at.dots;
  }

  function add(source, strength) {
    pen.globalAlpha = strength;
    pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  }

  return {
    // A frame as readFrame() gives it, each light `cell` pixels wide.
    paint(frame, light, cell) {
      fit(frame.width, frame.height, cell);
      toRgba(frame.rgb, frame.width, frame.height, light, at.image.data);
      at.pens[1].putImageData(at.image, 0, 0);
      at.pens[2].drawImage(at.small, 0, 0, at.wide.width, at.wide.height);
      pen.globalAlpha = 1;
      pen.globalCompositeOperation = 'source-over';
      pen.drawImage(at.sockets, 0, 0);
      pen.globalCompositeOperation = 'lighter';
      pen.imageSmoothingEnabled = true;
      pen.imageSmoothingQuality = 'high';
      add(at.wide, 0.1);
      add(at.small, 0.22);
      add(through(at.mask), 1);
      add(through(at.core), 0.22);
    },
  };
}
